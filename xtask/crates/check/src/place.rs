//! From a line of a rendered template back to the line of `templates/` that wrote it.
//!
//! Rendering leaves no trace, so the line is found by what it looks like, what it stands under and what is around it.

use template::{Kind, Node};

use super::{Stack, System};

/// `templates/fargate.yaml.tera:12`, or the thing's path in its stack when no line looks like it.
pub(crate) fn of(
    system: &System<'_>,
    stack: &Stack<'_>,
    tree: Option<&Node>,
    line: usize,
) -> String {
    let rendered: Vec<&str> = stack.text.lines().collect();
    let mut best: Option<(usize, String)> = None;
    if line > 0 && line <= rendered.len() {
        for (name, source) in writers(&system.sources, stack.file) {
            let lines: Vec<&str> = source.lines().collect();
            for index in 0..lines.len() {
                let Some(score) = score(&rendered, line - 1, &lines, index) else {
                    continue;
                };
                if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                    best = Some((score, format!("templates/{name}:{}", index + 1)));
                }
            }
        }
    }
    match best {
        Some((_, place)) => place,
        None => format!(
            "{}: {}",
            stack.name,
            tree.map_or_else(String::new, |tree| path(tree, line))
        ),
    }
}

/// The template of a stack, and the files whose components it uses, or they use.
fn writers<'a>(sources: &'a [(&'a str, &'a str)], file: &str) -> Vec<(&'a str, &'a str)> {
    let (mut writers, mut others): (Vec<_>, Vec<_>) =
        sources.iter().copied().partition(|(name, _)| *name == file);
    others.retain(|(name, _)| !name.ends_with(".yaml.tera"));
    let mut next = 0;
    while let Some((_, source)) = writers.get(next).copied() {
        let (used, left) = others.into_iter().partition(|(_, other)| {
            components(other).any(|name| source.contains(&format!("<{name}")))
        });
        writers.extend::<Vec<_>>(used);
        others = left;
        next += 1;
    }
    writers
}

/// The components that a file defines: `{% component tags(...) -%}`.
fn components(source: &str) -> impl Iterator<Item = &str> {
    let definitions = source.split("{% component ").skip(1);
    definitions.filter_map(|rest| rest.split('(').next())
}

/// How well a line of a template explains a rendered one; none when it cannot have written it.
fn score(rendered: &[&str], at: usize, source: &[&str], index: usize) -> Option<usize> {
    let literal = written_by(rendered[at], source[index]).filter(|literal| *literal > 0)?;
    // What a component writes stands deeper in the template that calls it.
    let mut score = literal + usize::from(indentation(rendered[at]) == indentation(source[index]));
    let mut parents = parents(source, index);
    for parent in self::parents(rendered, at) {
        match parents
            .next()
            .map(|line| written_by(line_at(rendered, parent), line_at(source, line)))
        {
            Some(Some(literal)) if literal > 0 => score += 20,
            Some(Some(_)) => score += 1,
            _ => break,
        }
    }
    let near = |lines: &[&str], at: usize, forward: bool| -> Vec<String> {
        let wanted = |line: &&&str| !is_only_tags(line);
        let found: Vec<&&str> = if forward {
            lines[at + 1..].iter().filter(wanted).take(4).collect()
        } else {
            lines[..at].iter().rev().filter(wanted).take(4).collect()
        };
        found.into_iter().map(|line| (*line).to_owned()).collect()
    };
    // What is around a line tells more than what it stands under: a component has no idea where it will be written.
    for forward in [false, true] {
        let (here, there) = (near(rendered, at, forward), near(source, index, forward));
        let same = here
            .iter()
            .zip(&there)
            .take_while(|(left, right)| written_by(left, right).is_some_and(|literal| literal > 0));
        score += 30 * same.count();
    }
    Some(score)
}

fn line_at<'a>(lines: &[&'a str], at: usize) -> &'a str {
    lines.get(at).copied().unwrap_or("")
}

/// The lines that a line stands under, from the inside out.
fn parents<'a>(lines: &'a [&'a str], at: usize) -> impl Iterator<Item = usize> + 'a {
    let mut depth = indentation(lines[at]);
    (0..at).rev().filter(move |index| {
        let line = lines[*index];
        let above = !is_only_tags(line) && indentation(line) < depth;
        if above {
            depth = indentation(line);
        }
        above
    })
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// True for a line that writes nothing of its own: blank, a comment, a tag of the template language.
fn is_only_tags(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with('#')
        || line.starts_with("{%")
        || line.starts_with("{#")
        || line.starts_with("{{-")
}

/// How many characters of a rendered line stand literally in a line of the template; none when it does not fit.
fn written_by(rendered: &str, source: &str) -> Option<usize> {
    let rendered = rendered.trim();
    let pieces = literals(source.trim());
    let mut rest = rendered;
    let mut literal = 0;
    let last = pieces.len() - 1;
    for (index, piece) in pieces.iter().enumerate() {
        let found = if index == 0 {
            rest.starts_with(piece.as_str()).then_some(0)
        } else if index == last && !piece.is_empty() {
            rest.ends_with(piece.as_str())
                .then(|| rest.len() - piece.len())
        } else {
            rest.find(piece.as_str())
        };
        rest = &rest[found? + piece.len()..];
        literal += piece.trim().len();
    }
    // Nothing but a hole explains everything, and therefore nothing.
    (last > 0 || rest.is_empty()).then_some(literal)
}

/// What stands between the holes of a line of a template. An `if` within a line is one hole.
fn literals(line: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = line;
    while let Some(start) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|open| rest.find(open))
        .min()
    {
        pieces
            .last_mut()
            .expect("there is one")
            .push_str(&rest[..start]);
        let close = match &rest[start..start + 2] {
            "{{" => "}}",
            "{#" => "#}",
            _ => "%}",
        };
        let tag_end = rest[start..]
            .find(close)
            .map_or(rest.len(), |end| start + end + 2);
        let tag = &rest[start..tag_end];
        let is_if = close == "%}"
            && tag
                .trim_start_matches(['{', '%', '-', ' '])
                .starts_with("if ");
        let end = match rest.rfind("endif") {
            Some(last) if is_if && last > tag_end => rest[last..]
                .find("%}")
                .map_or(rest.len(), |end| last + end + 2),
            _ => tag_end,
        };
        rest = &rest[end..];
        pieces.push(String::new());
    }
    pieces.last_mut().expect("there is one").push_str(rest);
    pieces
}

/// The keys that lead to a line: `Resources.Role.Properties.Policies`.
fn path(node: &Node, line: usize) -> String {
    let inner = match &node.kind {
        Kind::Map(entries) => {
            let entry = entries.iter().rev().find(|entry| entry.line <= line);
            entry.map(|entry| (entry.key.clone(), &entry.value))
        }
        Kind::List(items) => {
            let at = items.iter().rposition(|item| item.line <= line);
            at.map(|at| (at.to_string(), &items[at]))
        }
        Kind::Scalar(_) | Kind::Call(..) => None,
    };
    match inner {
        Some((key, value)) => match path(value, line) {
            rest if rest.is_empty() => key,
            rest => format!("{key}.{rest}"),
        },
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_does_not_use_has_not_written_it() {
        let sources = [
            ("a.yaml.tera", "x: {{ <shared/> }}"),
            ("b.yaml.tera", "x: {{ <other/> }}"),
            (
                "deep.tera",
                "{% component deep() -%}y{%- endcomponent deep %}",
            ),
            (
                "other.tera",
                "{% component other() -%}y{%- endcomponent other %}",
            ),
            (
                "shared.tera",
                "{% component shared() -%}{{ <deep/> }}{%- endcomponent shared %}",
            ),
        ];
        let names: Vec<&str> = writers(&sources, "a.yaml.tera")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["a.yaml.tera", "shared.tera", "deep.tera"]);
    }

    #[test]
    fn a_line_is_known_by_what_stands_between_its_holes() {
        for (rendered, source, expected) in [
            ("  Port: 80", "  Port: {{ port | yaml }}", Some(5)),
            ("  Port: 80", "  Port: 80", Some(8)),
            ("  Port: 80", "  Port: 81", None),
            (
                "  Scheme: internal",
                "  Scheme: {% if a %}x{% else %}internal{% endif %}",
                Some(7),
            ),
            ("  Port: 80", "  {{ anything }}", Some(0)),
            ("x: {a: 1, b: 2}", "x: {a: {{ a }}, b: {{ b }}}", Some(11)),
        ] {
            assert_eq!(
                written_by(rendered, source),
                expected,
                "{rendered} <- {source}"
            );
        }
    }
}
