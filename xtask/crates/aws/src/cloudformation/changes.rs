//! From CloudFormation's words for changes to ours.

use aws_sdk_cloudformation::types::{
    ChangeAction, Replacement, ResourceAttribute, ResourceChange, ResourceChangeDetail,
};

use cloud::{Action, Change};

pub(super) fn change(from: &ResourceChange) -> Option<Change> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let action = match from.action()? {
        ChangeAction::Add => Action::Create,
        ChangeAction::Import => Action::Adopt,
        ChangeAction::Remove => Action::Delete,
        // `Dynamic` is a nested stack whose own changes are not known: it is not replaced.
        _ => match from.replacement() {
            Some(Replacement::True) => Action::Replace,
            Some(Replacement::Conditional) => Action::MayReplace,
            _ => Action::Update,
        },
    };
    let mut properties: Vec<String> = match action {
        Action::Create | Action::Adopt | Action::Delete => Vec::new(),
        _ => from.details().iter().filter_map(property).collect(),
    };
    properties.sort();
    properties.dedup();
    Some(Change {
        action,
        logical_id: text(from.logical_resource_id()),
        resource_type: text(from.resource_type()),
        properties,
    })
}

fn property(detail: &ResourceChangeDetail) -> Option<String> {
    let target = detail.target()?;
    match (target.attribute()?, target.name()) {
        (ResourceAttribute::Properties, Some(name)) => Some(name.to_owned()),
        (attribute, _) => Some(attribute.as_str().to_owned()),
    }
}
