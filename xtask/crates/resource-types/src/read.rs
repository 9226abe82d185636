//! Reads `types.txt`.

use crate::{Form, Local, Property, ResourceType};

/// Every type of the text.
pub(crate) fn types(text: &'static str) -> Vec<ResourceType> {
    let lines: Vec<&'static str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let heads = (0..lines.len()).filter(|index| !lines[*index].starts_with(' '));
    heads
        .map(|index| one(lines[index], &lines[index + 1..]))
        .collect()
}

fn one(head: &'static str, below: &[&'static str]) -> ResourceType {
    let mut words = head.split_whitespace();
    let mut read = ResourceType {
        name: words.next().unwrap_or_default(),
        attributes: words.collect(),
        properties: Vec::new(),
        replaced: Vec::new(),
        is_versioned: false,
        holds: None,
        is_kept: false,
        is_emptied: false,
        local: Local::Unknown,
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
            // The test below knows all of them.
            _ => {}
        }
    }
    read.properties = properties(&lines, &mut 0, 2);
    read
}

fn local(text: &'static str) -> Local {
    let words: Vec<&'static str> = text.split(' ').collect();
    match words[..] {
        ["unknown"] => Local::Unknown,
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
fn properties(lines: &[&'static str], at: &mut usize, depth: usize) -> Vec<Property> {
    let mut found: Vec<Property> = Vec::new();
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

fn property(line: &'static str) -> Property {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or("");
    let mut property = Property {
        name: name.trim_end_matches('!'),
        required: name.ends_with('!'),
        list: false,
        form: Form::Any,
        range: None,
        characters: None,
        words: Vec::new(),
        of: Vec::new(),
        inner: Vec::new(),
    };
    for word in words {
        match word {
            "list" => property.list = true,
            "text" => property.form = Form::Text,
            "number" => property.form = Form::Number,
            "flag" => property.form = Form::Flag,
            "map" => property.form = Form::Map,
            "table" => property.form = Form::Table,
            "tags" => property.form = Form::Tags,
            "tagtable" => property.form = Form::TagTable,
            "policy" => property.form = Form::Policy,
            "any" => property.form = Form::Any,
            _ => constraint(&mut property, word),
        }
    }
    property
}

/// `1..64`, `[a-z0-9-]`, `<AWS::IAM::Role.Arn`, `ARM64|X86_64`.
fn constraint(property: &mut Property, word: &'static str) {
    if let Some(of) = word.strip_prefix('<') {
        property.of.push(of);
    } else if let Some(characters) = word.strip_prefix('[') {
        property.characters = Some(characters.trim_end_matches(']'));
    } else if let Some((low, high)) = word.split_once("..") {
        property.range = low.parse().ok().zip(high.parse().ok());
    } else {
        property.words = word.split('|').collect();
    }
}
