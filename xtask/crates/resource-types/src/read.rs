//! Reads `types.txt`.

use crate::{Addition, Local, Row};

/// Every row of the text.
pub(crate) fn rows(text: &'static str) -> Vec<Row> {
    let lines: Vec<&'static str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let heads = (0..lines.len()).filter(|index| !lines[*index].starts_with(' '));
    heads
        .map(|index| one(lines[index], &lines[index + 1..]))
        .collect()
}

fn one(head: &'static str, below: &[&'static str]) -> Row {
    let mut words = head.split_whitespace();
    let mut read = Row {
        name: words.next().unwrap_or_default(),
        attributes: words.collect(),
        ..Row::default()
    };
    let below = below.iter().take_while(|line| line.starts_with(' '));
    let (marks, lines): (Vec<&'static str>, Vec<&'static str>) =
        below.partition(|line| line.trim_start().starts_with('@'));
    for mark in marks {
        let (mark, rest) = mark.trim().split_once(' ').unwrap_or((mark.trim(), ""));
        match mark {
            "@replaced" => read.replaced = rest.split_whitespace().collect(),
            "@versioned" => read.is_versioned = true,
            "@holds" => read.holds = Some(rest),
            "@kept" => read.is_kept = true,
            "@emptied" => read.is_emptied = true,
            "@local" => read.local = local(rest),
            // The test knows all of them.
            _ => {}
        }
    }
    read.properties = properties(&lines, &mut 0, 2);
    read
}

fn local(text: &'static str) -> Local {
    let words: Vec<&'static str> = text.split(' ').collect();
    match words[..] {
        ["numbered", prefix, ref attributes @ ..] => Local::Numbered {
            prefix,
            attributes: attributes.to_vec(),
        },
        ["named", property, service, prefix] => Local::Named {
            property,
            service,
            prefix,
        },
        _ => Local::Made(text),
    }
}

/// The properties at one depth; those below become the inner ones of the one before.
fn properties(lines: &[&'static str], at: &mut usize, depth: usize) -> Vec<Addition> {
    let mut found: Vec<Addition> = Vec::new();
    while let Some(line) = lines.get(*at) {
        let here = line.len() - line.trim_start().len();
        if here < depth {
            break;
        }
        if here > depth {
            let inner = properties(lines, at, here);
            if let Some(last) = found.last_mut() {
                last.inner = inner;
            }
            continue;
        }
        *at += 1;
        found.push(property(line.trim()));
    }
    found
}

fn property(line: &'static str) -> Addition {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or("");
    let mut property = Addition {
        name: name.trim_end_matches('!'),
        is_required: name.ends_with('!'),
        ..Addition::default()
    };
    for word in words {
        limit(&mut property, word);
    }
    property
}

/// `1..64`, `[a-z0-9-]`, `<AWS::IAM::Role.Arn`, `ARM64|X86_64`, `-Other`.
fn limit(property: &mut Addition, word: &'static str) {
    if let Some(of) = word.strip_prefix('<') {
        property.of.push(of);
    } else if let Some(characters) = word.strip_prefix('[') {
        property.characters = Some(characters.trim_end_matches(']'));
    } else if let Some((low, high)) = word.split_once("..") {
        property.range = low.parse().ok().zip(high.parse().ok());
    } else if let Some(name) = word.strip_prefix('-') {
        property.unless = Some(name);
    } else {
        property.is_open = word.starts_with('~');
        property.words = word.trim_start_matches('~').split('|').collect();
    }
}
