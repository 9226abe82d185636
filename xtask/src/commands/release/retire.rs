//! Stacks that the repository does not have any more: what goes with them is shown and agreed to, emptied, and deleted.

use super::carry::{Crew, Outcome, Trouble, watched};
use super::preview::{StackAction, StackPreview};
use super::session::Session;
use crate::commands::destroy::{empty, removal_of};
use cloud::progress::Event;

/// Adds to each stack that goes what goes with it.
pub(super) async fn look(session: &Session, stacks: &mut [StackPreview]) -> anyhow::Result<()> {
    let goes = |stack: &&mut StackPreview| stack.action == StackAction::Delete;
    for stack in stacks.iter_mut().filter(goes) {
        if let Some(standing) = session.standing.get(&stack.owner) {
            let aws = &session.aws;
            let removal = removal_of(&aws.aws, &aws.cloudformation, standing).await?;
            stack.takes = removal.lines();
        }
    }
    Ok(())
}

pub(super) async fn remove(
    crew: &Crew,
    preview: &StackPreview,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let Some(standing) = crew.standing.get(&preview.owner) else {
        return Ok(());
    };
    let removal = removal_of(&crew.aws, &crew.cloud, standing).await?;
    let told = |name: &str, count| {
        crew.reporter
            .tell("emptied", &format!("{name}: {count} deleted"));
    };
    empty(&crew.aws, &removal, told).await?;
    let since = crew.cloud.delete(&standing.stack_id, &[]).await?;
    let (name, owner) = (&preview.name, &preview.owner);
    let (ended, diagnosis) = watched(crew, name, owner, &standing.stack_id, since).await?;
    if let Some(failure) = &ended.failure {
        outcome.trouble.push(Trouble {
            name: name.clone(),
            status: ended.status.clone(),
            text: failure.words(),
            diagnosis,
        });
        return Ok(());
    }
    outcome.outputs.remove(owner);
    crew.reporter.report(&Event::Removed { name });
    Ok(())
}
