//! One value against what its property takes.

use template::{Kind, Node};

use super::super::model::{is_literal, reference, shown};
use super::{Place, check_map, meant};
use resource_types::{Form, Property};

pub(super) fn check(place: &mut Place<'_, '_, '_>, node: &Node, line: usize, property: &Property) {
    if let Kind::Call(name, argument) = &node.kind
        && (*name == "If" || (*name == "Ref" && argument.as_str() == Some("AWS::NoValue")))
    {
        return;
    }
    if !property.list {
        return one(place, node, line, property);
    }
    match &node.kind {
        Kind::List(items) => {
            if let Some((low, high)) = property.range.filter(|_| {
                property.form == Form::Map
                    || !property.words.is_empty()
                    || property.form == Form::Text
            }) && !(low..=high).contains(&count(items.len()))
            {
                place.problem(
                    line,
                    &format!("has {} items", items.len()),
                    format!("give {low} to {high}"),
                );
            }
            for (index, item) in items.iter().enumerate() {
                let step = item
                    .get("Name")
                    .and_then(Node::as_str)
                    .map_or_else(|| index.to_string(), str::to_owned);
                place.within(&step, |place| one(place, item, item.line, property));
            }
        }
        Kind::Call("Ref", argument) => {
            let name = argument.as_str().unwrap_or("");
            let declared = place
                .stack
                .section("Parameters")
                .iter()
                .find(|entry| entry.key == name);
            let kind = declared.and_then(|entry| entry.value.get("Type")?.as_str());
            if kind.is_some_and(|kind| !kind.contains("List<") && kind != "CommaDelimitedList") {
                place.problem(
                    line,
                    &format!("is a list, and the parameter {name} is one text"),
                    format!("write [!Ref {name}], or make the parameter a list"),
                );
            }
        }
        Kind::Call("Split" | "GetAZs" | "Cidr" | "FindInMap" | "GetAtt" | "Select", _) => {}
        _ => place.problem(
            line,
            "is a list, and this is one value",
            "put it into brackets: [value]",
        ),
    }
}

fn one(place: &mut Place<'_, '_, '_>, node: &Node, line: usize, property: &Property) {
    match (property.form, &node.kind) {
        (Form::Any, _) => {}
        (Form::Map, Kind::Map(_)) => check_map(place, node, line, &property.inner),
        (Form::Map, _) => place.problem(
            line,
            "is a map of its own properties, and this is something else",
            names(property),
        ),
        (Form::Table | Form::TagTable | Form::Policy, Kind::Map(_) | Kind::Call(..)) => {}
        (Form::TagTable, _) => place.problem(
            line,
            "is a map here: {name: value}",
            "AgentCore takes a map where other types take a list of Key and Value",
        ),
        (Form::Table | Form::Policy, _) => place.problem(
            line,
            "is a map, and this is something else",
            "write key: value",
        ),
        (Form::Tags, Kind::List(items)) => tags(place, items),
        (Form::Tags, _) => place.problem(
            line,
            "is a list of Key and Value",
            "write [{Key: project, Value: ...}]",
        ),
        (Form::Text | Form::Number | Form::Flag, Kind::Map(_) | Kind::List(_)) => {
            place.problem(
                line,
                "is one value, and this is a list or a map",
                "write one value",
            );
        }
        (Form::Text | Form::Number | Form::Flag, Kind::Scalar(_) | Kind::Call(..)) => {
            scalar(place, node, line, property)
        }
    }
}

fn names(property: &Property) -> String {
    let names: Vec<&str> = property.inner.iter().map(|inner| inner.name).collect();
    format!("it has {}", names.join(", "))
}

fn tags(place: &mut Place<'_, '_, '_>, items: &[Node]) {
    for item in items {
        let key = item.get("Key").map(shown).unwrap_or_default();
        let fits = !key.is_empty() && key.len() <= 128 && !key.starts_with("aws:");
        if !fits || item.get("Value").is_none() {
            place.problem(item.line, "has a tag without a Key or a Value", "write {Key: project, Value: ...}; a key has 1 to 128 characters, not beginning with aws:");
        }
    }
}

fn scalar(place: &mut Place<'_, '_, '_>, node: &Node, line: usize, property: &Property) {
    if let Some((name, attribute)) = reference(node) {
        return source(place, line, &name, attribute.as_deref(), property);
    }
    let text = shown(node);
    if text.starts_with('!') && matches!(node.kind, Kind::Call(..)) {
        return;
    }
    let literal = is_literal(&text);
    match property.form {
        Form::Number if literal => match text.parse::<i64>() {
            Err(_) => place.problem(
                line,
                &format!("is a number, and `{text}` is here"),
                "write a whole number",
            ),
            Ok(number) => {
                if let Some((low, high)) = property.range
                    && !(low..=high).contains(&number)
                {
                    place.problem(
                        line,
                        &format!("is {number}"),
                        format!("AWS takes {low} to {high}"),
                    );
                }
            }
        },
        Form::Flag if literal && text != "true" && text != "false" => {
            place.problem(
                line,
                &format!("is true or false, and `{text}` is here"),
                "write true or false",
            );
        }
        Form::Text => self::text(place, line, &text, literal, property),
        _ => {}
    }
}

fn text(
    place: &mut Place<'_, '_, '_>,
    line: usize,
    text: &str,
    literal: bool,
    property: &Property,
) {
    if literal && text.is_empty() && property.range.is_none_or(|(low, _)| low > 0) {
        return place.problem(line, "is empty", "give it a value, or remove the line");
    }
    if literal && !property.words.is_empty() && !property.words.contains(&text) {
        return place.problem(line, &format!("is `{text}`"), meant(text, &property.words));
    }
    let written = without_references(text);
    if let Some(characters) = property.characters
        && let Some(wrong) = written
            .chars()
            .find(|letter| !is_among(*letter, characters))
    {
        let fix = format!("AWS takes these characters: {characters}");
        return place.problem(
            line,
            &format!("is `{text}`, with the character `{wrong}`"),
            fix,
        );
    }
    if let (Some((low, high)), false) = (property.range, property.list) {
        let length = count(written.chars().count());
        if length > high || (literal && length < low) {
            place.problem(
                line,
                &format!("has {length} characters: `{text}`"),
                format!("AWS takes {low} to {high}"),
            );
        }
    }
}

/// What stands in a text apart from `${...}`.
fn without_references(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        written.push_str(&rest[..start]);
        let end = rest[start..]
            .find('}')
            .map_or(rest.len(), |end| start + end + 1);
        rest = &rest[end..];
    }
    written.push_str(rest);
    written
}

/// `a-z0-9_.-`: single characters and ranges of them.
fn is_among(letter: char, characters: &str) -> bool {
    let known: Vec<char> = characters.chars().collect();
    let mut at = 0;
    while at < known.len() {
        if known.get(at + 1) == Some(&'-') && at + 2 < known.len() {
            if (known[at]..=known[at + 2]).contains(&letter) {
                return true;
            }
            at += 3;
        } else if known[at] == letter {
            return true;
        } else {
            at += 1;
        }
    }
    false
}

/// A reference to something of this template has to be to the right thing.
fn source(
    place: &mut Place<'_, '_, '_>,
    line: usize,
    name: &str,
    attribute: Option<&str>,
    property: &Property,
) {
    let Some(resource) = place.stack.resource(name) else {
        return;
    };
    if property.of.is_empty() {
        return;
    }
    let fits = property.of.iter().any(|wanted| {
        let (kind, wanted) = match wanted.rsplit_once('.') {
            Some((kind, wanted)) => (kind, Some(wanted)),
            None => (*wanted, None),
        };
        kind == resource.kind && wanted == attribute
    });
    if !fits {
        let stands = match attribute {
            Some(attribute) => format!("{attribute} of {name} ({})", resource.kind),
            None => format!("a Ref to {name} ({})", resource.kind),
        };
        let wanted: Vec<String> = property
            .of
            .iter()
            .map(|wanted| match wanted.rsplit_once('.') {
                Some((kind, attribute)) => format!("!GetAtt <{kind}>.{attribute}"),
                None => format!("!Ref <{wanted}>"),
            })
            .collect();
        place.problem(
            line,
            &format!("is {stands}"),
            format!("write {}", wanted.join(" or ")),
        );
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_ranges_and_single_ones() {
        for (text, characters, fits) in [
            ("turnpike-dev", "a-z0-9-", true),
            ("Turnpike", "a-z0-9-", false),
            ("a_b", "a-z_-", true),
            ("a/b.c", "a-z/._-", true),
            ("a+b", "a-z/._-", false),
        ] {
            assert_eq!(
                text.chars().all(|letter| is_among(letter, characters)),
                fits,
                "{text}"
            );
        }
        assert_eq!(without_references("a-${AWS::AccountId}-b"), "a--b");
    }
}
