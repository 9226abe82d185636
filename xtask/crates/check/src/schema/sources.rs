//! A reference has to lead to what its property takes.

use super::values::Walk;
use resource_types::{Addition, Schema};

impl Walk<'_, '_> {
    /// A reference to something of this template has to be to the right thing.
    pub(super) fn source(
        &mut self,
        line: usize,
        name: &str,
        attribute: Option<&str>,
        schema: &Schema,
        addition: Option<&Addition>,
    ) {
        let Some(resource) = self.stack.resource(name) else {
            return;
        };
        let of = addition.map_or(&[][..], |addition| &addition.of[..]);
        let fits = match of.is_empty() {
            true => is_of_the_format(resource.kind, attribute, schema),
            false => of.iter().any(|wanted| {
                let (kind, wanted) = wanted
                    .rsplit_once('.')
                    .map_or((*wanted, None), |(kind, wanted)| (kind, Some(wanted)));
                kind == resource.kind && wanted == attribute
            }),
        };
        if fits {
            return;
        }
        let stands = match attribute {
            Some(attribute) => format!("{attribute} of {name} ({})", resource.kind),
            None => format!("a Ref to {name} ({})", resource.kind),
        };
        let fix = match (of.is_empty(), &schema.format) {
            (true, Some(format)) => format!("it has to be {format}"),
            _ => {
                let wanted: Vec<String> = of
                    .iter()
                    .map(|wanted| match wanted.rsplit_once('.') {
                        Some((kind, attribute)) => format!("!GetAtt <{kind}>.{attribute}"),
                        None => format!("!Ref <{wanted}>"),
                    })
                    .collect();
                format!("write {}", wanted.join(" or "))
            }
        };
        self.problem(line, &format!("is {stands}"), fix);
    }
}

/// False when what a resource answers is known to be something else than the format asks for: an ARN of another type.
fn is_of_the_format(kind: &str, attribute: Option<&str>, schema: &Schema) -> bool {
    let type_of = |format: &str| format.rsplit_once('.').map(|(name, _)| name.to_owned());
    let Some(wanted) = schema
        .format
        .as_deref()
        .filter(|format| format.starts_with("AWS::"))
        .and_then(type_of)
    else {
        return true;
    };
    let Some(attribute) = attribute else {
        return true;
    };
    let Some(known) = resource_types::find(kind) else {
        return true;
    };
    let answered = known
        .schema
        .root
        .properties
        .get(attribute)
        .map(|schema| known.schema.resolve(schema));
    let answered = answered
        .and_then(|schema| schema.format.as_deref())
        .filter(|format| format.starts_with("AWS::"));
    answered
        .and_then(type_of)
        .is_none_or(|answered| answered == wanted)
}
