//! `plan --offline`: what the repository alone says, and how that differs from another rendering of the stage.

use std::path::Path;

use crate::plan::{Compared, Fate, Rendering};
use crate::preview::{self, Preview, StackAction, StackPreview};
use facts::Context;
use facts::Stage;
use stacks::RenderedStack;
use stacks::{DescribedStack, DescribedStage};
use words::error::UserError;

/// What `render` writes beside the templates: the stage as [`show`] prints it for programs.
pub const DESCRIPTION: &str = "plan.json";

/// The stacks in their order, and where each value comes from.
pub fn show(context: &Context, stage: &Stage, only: &[String], json: bool) -> anyhow::Result<()> {
    let stacks = rendered(context, stage, only)?;
    let stacks = stacks::chosen(&stacks, only);
    let out = &context.out;
    if json {
        out.json(&DescribedStage::of(stage, stacks.map(|stack| &stack.plan)));
        return Ok(());
    }
    for (index, stack) in stacks.enumerate() {
        let kind = stack.plan.kind.map_or("shared", |kind| kind.name);
        out.data(&format!("{}. {} ({kind})", index + 1, stack.plan.name));
        for (name, value) in &stack.plan.args {
            out.data(&format!("     ARG {name} = {}", value.words()));
        }
        for input in &stack.plan.inputs {
            out.data(&format!(
                "     {} = {}",
                input.parameter,
                input.source.words()
            ));
        }
    }
    Ok(())
}

/// What a deploy would change where everything stands as it was rendered in this folder.
pub fn against(
    context: &Context,
    stage: &Stage,
    only: &[String],
    folder: &Path,
    json: bool,
) -> anyhow::Result<()> {
    let before = renderings(stage, folder)?;
    let after: Vec<Rendering> = rendered(context, stage, only)?
        .into_iter()
        .map(|stack| Rendering {
            stack: DescribedStack::of(&stack.plan),
            template: stack.template,
        })
        .collect();
    let preview = Preview {
        stage: stage.name.clone(),
        account: stage.account.clone().unwrap_or_default(),
        region: stage.region.clone(),
        against: Some(folder.display().to_string()),
        stacks: crate::plan::compare(&before, &after, only)?
            .into_iter()
            .map(as_preview)
            .collect(),
    };
    if json {
        context.out.json(&preview);
    } else {
        preview::show(&context.out, &preview);
    }
    Ok(())
}

fn rendered(
    context: &Context,
    stage: &Stage,
    only: &[String],
) -> anyhow::Result<Vec<RenderedStack>> {
    let stacks = crate::desired(&context.repo, stage)?;
    stacks::check_part_of_stage(stage, &stacks, only)?;
    Ok(stacks)
}

/// Reads what `render` has written.
///
/// # Errors
/// It was not `render` that wrote this, it was for another stage, or something is missing.
fn renderings(stage: &Stage, folder: &Path) -> anyhow::Result<Vec<Rendering>> {
    let shown = folder.display();
    let refused = |problem: String| {
        let name = &stage.name;
        let hint =
            format!("in the checkout to compare with: cargo xtask render --stage {name} --out DIR");
        UserError::new(problem).hint(hint)
    };
    let path = folder.join(DESCRIPTION);
    if !path.is_file() {
        let problem =
            format!("{shown} was not written by `render`: there is no {DESCRIPTION} in it");
        return Err(refused(problem).into());
    }
    let described: DescribedStage = serde_json::from_slice(&files::read_bytes(&path)?)
        .map_err(|error| refused(format!("{} cannot be read: {error}", path.display())))?;
    if described.stage != stage.name {
        let problem = format!(
            "{shown} has the stage {}, and this is a plan of {}",
            described.stage, stage.name
        );
        return Err(refused(problem).into());
    }
    let read = |stack: DescribedStack| {
        let file = folder.join(format!("{}.yaml", stack.owner));
        let template = files::read(&file).map_err(|error| refused(format!("{error:#}")))?;
        template::Node::parse(&template)
            .map_err(|error| refused(format!("{}: {error}", file.display())))?;
        Ok(Rendering { stack, template })
    };
    described.stacks.into_iter().map(read).collect()
}

fn as_preview(compared: Compared) -> StackPreview {
    let remarks = compared.remarks;
    let action = match compared.fate {
        Fate::Same => StackAction::Nothing,
        Fate::Created => StackAction::Create,
        Fate::Updated => StackAction::Update,
        Fate::Deleted => StackAction::Delete,
    };
    StackPreview {
        changes: compared.changes,
        causes: compared.causes,
        input_changes: compared.input_changes,
        note: (!remarks.is_empty()).then(|| remarks.join("; ")),
        ..StackPreview::new(compared.name, compared.owner, action)
    }
}
