//! A plan in a file: what was shown is what is done, or nothing is.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::preview::{Preview, StackPreview};
use words::error::UserError;

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedPlan {
    version: u32,
    #[serde(flatten)]
    preview: Preview,
}

/// Writes the plan, with the change sets that wait for it.
pub fn save(path: &Path, preview: &Preview) -> anyhow::Result<()> {
    let plan = SavedPlan {
        version: VERSION,
        preview: preview.clone(),
    };
    files::write(path, &serde_json::to_vec_pretty(&plan)?)
}

/// Reads a plan again.
///
/// # Errors
/// It is not a plan, or one of another stage.
pub(crate) fn load(path: &Path, stage: &str) -> anyhow::Result<Preview> {
    let shown = path.display();
    let bytes = files::read_bytes(path).with_context(|| format!("cannot read the plan {shown}"))?;
    let plan: SavedPlan = serde_json::from_slice(&bytes).map_err(|error| {
        UserError::new(format!("{shown} is not a plan: {error}")).hint(format!(
            "make one: cargo xtask plan --stage {stage} --save {shown}"
        ))
    })?;
    if plan.version != VERSION || plan.preview.stage != stage {
        let problem = format!(
            "{shown} is a plan of version {} for the stage {}, and this is a deploy of {stage}",
            plan.version, plan.preview.stage
        );
        return Err(UserError::new(problem).into());
    }
    Ok(plan.preview)
}

/// Puts the change sets of a saved plan into the plan of now.
///
/// # Errors
/// Names everything that has moved since; nothing is done then.
pub(crate) fn adopt(saved: Preview, now: &mut Preview, path: &Path) -> anyhow::Result<()> {
    let mut moved = Vec::new();
    if (&saved.account, &saved.region) != (&now.account, &now.region) {
        moved.push(format!(
            "it was made for {} in {}",
            saved.account, saved.region
        ));
    }
    for stack in &mut now.stacks {
        let Some(was) = saved.stacks.iter().find(|other| other.name == stack.name) else {
            moved.push(format!("{} is new", stack.name));
            continue;
        };
        match difference(was, stack) {
            Some(difference) => moved.push(format!("{}: {difference}", stack.name)),
            None => {
                stack.change_set.clone_from(&was.change_set);
                stack.changes.clone_from(&was.changes);
                stack.exact = was.exact;
            }
        }
    }
    let gone = saved
        .stacks
        .iter()
        .filter(|was| !now.stacks.iter().any(|stack| stack.name == was.name));
    moved.extend(gone.map(|was| format!("{} is not part of the stage any more", was.name)));
    if moved.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "what {} says is not true any more:\n  {}",
        path.display(),
        moved.join("\n  ")
    );
    let hint = format!(
        "nothing was done; make a new plan: cargo xtask plan --stage {} --save {}",
        now.stage,
        path.display()
    );
    Err(UserError::new(problem).hint(hint).into())
}

fn difference(was: &StackPreview, is: &StackPreview) -> Option<&'static str> {
    // A change set for a new stack leaves a stack in review behind, which is not a stack yet.
    let mark = |stack: &StackPreview| {
        let deployed = stack.deployed.as_ref()?;
        (deployed.status != "REVIEW_IN_PROGRESS").then(|| deployed.clone())
    };
    if mark(was) != mark(is) {
        Some("it was changed since")
    } else if was.inputs != is.inputs || was.causes != is.causes {
        Some("the repository says something else now")
    } else if was.action != is.action {
        Some("something else would be done to it now")
    } else {
        None
    }
}
