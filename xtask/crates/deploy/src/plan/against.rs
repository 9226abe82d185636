//! What becomes of every stack when one rendering of a stage takes the place of another. No cloud is asked, so a value that
//! comes from one is said to change only when what makes it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use template::Node;

use super::diff::{Desired, diff, moved_outputs};
use cloud::Change;
use stacks::ArgValue;
use stacks::DescribedStack;
use stacks::Source;
use stacks::names::pascal_case;
use template::same_at;

/// One stack as it was rendered.
#[derive(Debug, Clone)]
pub struct Rendering {
    pub stack: DescribedStack,
    pub template: String,
}

/// An output of another stack that may change, and what that changes here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The parameter or the ARG.
    pub name: String,
    pub owner: String,
    pub key: String,
    /// True for an ARG: the image is built again.
    pub image: bool,
}

/// A parameter or an ARG that comes from elsewhere than before, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputChange {
    pub name: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// True for an ARG: the image is built again.
    pub image: bool,
}

/// What becomes of a stack as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Same,
    Created,
    Updated,
    Deleted,
}

/// What becomes of one stack.
#[derive(Debug, Clone)]
pub struct Compared {
    pub name: String,
    pub owner: String,
    pub fate: Fate,
    pub changes: Vec<Change>,
    pub causes: Vec<Cause>,
    pub input_changes: Vec<InputChange>,
    /// What the changes do not say: `Outputs differ`.
    pub remarks: Vec<String>,
}

/// By owner, the outputs that may have another value afterwards; `None` when that is all of them.
type Moving<'a> = BTreeMap<&'a str, Option<BTreeSet<String>>>;

/// Every stack in the order of a deploy (`only`: those of these owners), then those that go, the last one first.
pub fn compare(
    before: &[Rendering],
    after: &[Rendering],
    only: &[String],
) -> template::Result<Vec<Compared>> {
    let named = |name: &str| before.iter().find(|was| was.stack.name == name);
    let mut moving = Moving::new();
    for is in after.iter().filter(|is| named(&is.stack.name).is_none()) {
        moving.insert(&is.stack.owner, None);
    }
    let mut all = Vec::new();
    let chosen = |is: &&Rendering| only.is_empty() || only.contains(&is.stack.owner);
    for is in after.iter().filter(chosen) {
        let compared = match named(&is.stack.name) {
            Some(was) => updated(was, is, &moving)?,
            None => created(is, &moving)?,
        };
        let moved = match compared.fate {
            Fate::Created => None,
            _ if compared.changes.is_empty() => Some(BTreeSet::new()),
            _ => Some(moved_outputs(&is.template, &compared.changes)?),
        };
        moving.insert(&is.stack.owner, moved);
        all.push(compared);
    }
    if only.is_empty() {
        let stays = |was: &&Rendering| after.iter().any(|is| is.stack.name == was.stack.name);
        for was in before.iter().rev().filter(|was| !stays(was)) {
            all.push(deleted(was)?);
        }
    }
    Ok(all)
}

fn nothing(is: &Rendering, fate: Fate) -> Compared {
    Compared {
        name: is.stack.name.clone(),
        owner: is.stack.owner.clone(),
        fate,
        changes: Vec::new(),
        causes: Vec::new(),
        input_changes: Vec::new(),
        remarks: Vec::new(),
    }
}

fn created(is: &Rendering, moving: &Moving<'_>) -> template::Result<Compared> {
    Ok(Compared {
        changes: diff(None, desired(&is.template, &BTreeSet::new()))?,
        causes: causes(&is.stack, moving),
        ..nothing(is, Fate::Created)
    })
}

fn deleted(was: &Rendering) -> template::Result<Compared> {
    Ok(Compared {
        changes: diff(
            Some(&was.template),
            desired("Resources: {}", &BTreeSet::new()),
        )?,
        ..nothing(was, Fate::Deleted)
    })
}

fn updated(was: &Rendering, is: &Rendering, moving: &Moving<'_>) -> template::Result<Compared> {
    let causes = causes(&is.stack, moving);
    let input_changes = input_changes(&was.stack, &is.stack);
    let rebuilt =
        causes.iter().any(|cause| cause.image) || input_changes.iter().any(|change| change.image);
    let parameters = is.stack.parameters.iter();
    let changed: BTreeSet<String> = parameters
        .filter(|input| {
            let name = &input.parameter;
            (rebuilt && input.source == Source::Image)
                || causes.iter().any(|cause| cause.name == *name)
                || input_changes.iter().any(|change| change.name == *name)
        })
        .map(|input| input.parameter.clone())
        .collect();
    let mut compared = Compared {
        causes,
        input_changes,
        ..nothing(is, Fate::Same)
    };
    let differs = was.template != is.template;
    if differs || !changed.is_empty() {
        compared.changes = diff(Some(&was.template), desired(&is.template, &changed))?;
    }
    if differs {
        compared.remarks = sections(&was.template, &is.template)?;
    }
    let quiet = compared.changes.is_empty()
        && compared.remarks.is_empty()
        && compared.causes.is_empty()
        && compared.input_changes.is_empty();
    if !quiet {
        compared.fate = Fate::Updated;
    }
    for (source, what) in [(Source::Image, "image"), (Source::CodeKey, "zip")] {
        let mut inputs = is.stack.parameters.iter();
        if inputs.any(|input| input.source == source && !changed.contains(&input.parameter)) {
            compared.remarks.push(format!("its {what} is not compared"));
        }
    }
    Ok(compared)
}

fn desired<'a>(template: &'a str, changed_parameters: &'a BTreeSet<String>) -> Desired<'a> {
    Desired {
        template,
        changed_parameters,
    }
}

/// What the stack takes from outputs that may move.
fn causes(stack: &DescribedStack, moving: &Moving<'_>) -> Vec<Cause> {
    let moves = |owner: &str, key: &str| match moving.get(owner) {
        Some(None) => true,
        Some(Some(keys)) => keys.contains(key),
        None => false,
    };
    let args = stack.args.iter().filter_map(|arg| match &arg.value {
        ArgValue::Text(_) => None,
        ArgValue::Output { owner, key } => Some((&arg.name, owner.clone(), key.clone(), true)),
    });
    let artifact = |key: String| Some(("artifacts".to_owned(), key));
    let parameters = stack.parameters.iter().filter_map(|input| {
        let (owner, key) = match &input.source {
            Source::Output { owner, key } => Some((owner.clone(), key.clone())),
            Source::CodeBucket => artifact("BucketName".to_owned()),
            Source::Image => artifact(format!("{}RepositoryUri", pascal_case(&stack.owner))),
            Source::CodeKey => None,
        }?;
        Some((&input.parameter, owner, key, false))
    });
    args.chain(parameters)
        .filter(|(_, owner, key, _)| moves(owner, key))
        .map(|(name, owner, key, image)| Cause {
            name: name.clone(),
            owner,
            key,
            image,
        })
        .collect()
}

/// ARGs and parameters with another source than before.
fn input_changes(was: &DescribedStack, is: &DescribedStack) -> Vec<InputChange> {
    let words = |stack: &DescribedStack| -> BTreeMap<(bool, String), String> {
        let args = stack.args.iter();
        let args = args.map(|arg| ((true, arg.name.clone()), arg.value.words()));
        let inputs = stack.parameters.iter();
        let inputs = inputs.map(|input| ((false, input.parameter.clone()), input.source.words()));
        args.chain(inputs).collect()
    };
    let (before, after) = (words(was), words(is));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| InputChange {
            name: name.1.clone(),
            from: before.get(name).cloned(),
            to: after.get(name).cloned(),
            image: name.0,
        })
        .collect()
}

/// The parts of a template besides its resources that say something else than before.
fn sections(was: &str, is: &str) -> template::Result<Vec<String>> {
    let (was, is) = (Node::parse(was)?, Node::parse(is)?);
    let keys: BTreeSet<&str> = was
        .entries()
        .iter()
        .chain(is.entries())
        .map(|entry| entry.key.as_str())
        .filter(|key| *key != "Resources")
        .collect();
    let differing = keys.into_iter().filter(|key| !same_at(&was, &is, key));
    let differing: Vec<&str> = differing.collect();
    Ok(match differing.is_empty() {
        true => Vec::new(),
        false => vec![format!("also differs: {}", differing.join(", "))],
    })
}

#[cfg(test)]
#[path = "against_tests.rs"]
mod tests;
