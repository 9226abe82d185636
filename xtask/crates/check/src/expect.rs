//! What several checks ask: that a property is what it has to be, and that a service gets its environment.

use super::Origin;
use super::model::{Model, Resource, Stack, is_literal};
use super::report::Report;
use facts::{Resolved, Service};

/// Reports a property that is not what it has to be.
pub(crate) fn expect<'a>(
    report: &mut Report<'_>,
    stack: &Stack<'a>,
    resource: &Resource<'a>,
    path: &str,
    wanted: &str,
    why: &str,
) {
    let possible = stack.possible(resource, path);
    let fits = |value: &Option<String>| value.as_deref().is_none_or(|value| value == wanted);
    if !possible.is_empty() && possible.iter().all(fits) {
        return;
    }
    let found = resource.text(path);
    let id = resource.id;
    let text = match found {
        Some(found) => format!("{id}.{path} is `{found}`; {why}"),
        None => format!("{id} has no {path}; {why}"),
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    report.add(
        stack.index,
        resource.line_of(path),
        text,
        format!("write {name}: {}", spelt(wanted)),
    );
}

/// A value as it is written in a template.
pub(crate) fn spelt(value: &str) -> String {
    match value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(inner) if !inner.contains('$') && inner.contains('.') => format!("!GetAtt {inner}"),
        Some(inner) if !inner.contains('$') => format!("!Ref {inner}"),
        _ if value.contains("${") => format!("!Sub \"{value}\""),
        _ => value.to_owned(),
    }
}

/// The environment that a service is given has what its manifest says, each as it says.
pub(crate) fn environment(
    report: &mut Report<'_>,
    model: &Model<'_>,
    stack: &Stack<'_>,
    service: &Service,
    line: usize,
    found: &[(String, String, usize)],
) {
    for (name, value) in &service.env {
        let wanted = match model.stage.resolve(value) {
            None => continue,
            Some(Resolved::Text(text)) => text.to_owned(),
            Some(Resolved::Link(link)) => {
                let key = capitalized(&link.output);
                let wanted = Origin::Output {
                    owner: &link.service,
                    key: &key,
                };
                format!("${{{}}}", stack.parameter_of(wanted).unwrap_or_default())
            }
        };
        match found.iter().find(|(other, _, _)| other == name) {
            Some((_, value, line)) if *value != wanted => {
                let text = format!("{name} is `{value}`, and the manifest says `{wanted}`");
                report.add(
                    stack.index,
                    *line,
                    text,
                    format!("write {}", spelt(&wanted)),
                );
            }
            Some(_) => {}
            None => {
                let text = format!("the service does not get {name}, which its manifest sets");
                report.add(
                    stack.index,
                    line,
                    text,
                    format!("add {name} to its environment"),
                );
            }
        }
    }
    if let Some(table) = &service.table {
        let variable = format!("{}_TABLE", table.to_uppercase().replace('-', "_"));
        if !found.iter().any(|(name, _, _)| *name == variable) {
            report.add(
                stack.index,
                line,
                format!("the service does not get {variable}, and its manifest names the table `{table}`"),
                format!("add {variable} to its environment: !Ref <the table>"),
            );
        }
    }
    let own = found
        .iter()
        .filter(|(name, _, _)| !service.env.contains_key(name));
    for (name, value, line) in own {
        let unfinished =
            value.is_empty() || value == "TODO" || (value.starts_with('<') && value.ends_with('>'));
        let no_url = name.ends_with("_URL") && is_literal(value) && !is_url(value);
        if unfinished || no_url {
            let text = format!("{name} is `{value}`, which nothing can be done with");
            report.add(stack.index, *line, text, "give it a value, or remove it");
        }
    }
}

/// `http` or `https`, and somewhere to go.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !rest.contains([' ', '$', '{'])
    })
}

/// `runtimeArn` as a template has it: `RuntimeArn`.
pub(crate) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
