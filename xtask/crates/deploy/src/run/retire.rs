//! Stacks that the repository does not have any more: what goes with them is shown and agreed to, and deleted.

use super::carry::{DeployOutcome, DeployRun, FailedStack};
use super::session::Session;
use crate::preview::{StackAction, StackPreview};
use cloud::progress::Event;

/// Adds to each stack that goes what goes with it.
pub(super) async fn look(session: &Session, stacks: &mut [StackPreview]) -> anyhow::Result<()> {
    let goes = |stack: &&mut StackPreview| stack.action == StackAction::Delete;
    for stack in stacks.iter_mut().filter(goes) {
        if let Some(deployed) = session.deployed.get(&stack.owner) {
            let removal = session.cloud.removal(deployed).await?;
            stack.takes = removal.lines();
        }
    }
    Ok(())
}

pub(super) async fn remove(
    run: &DeployRun,
    preview: &StackPreview,
    outcome: &mut DeployOutcome,
) -> anyhow::Result<()> {
    let Some(deployed) = run.deployed.get(&preview.owner) else {
        return Ok(());
    };
    let removal = run.cloud.removal(deployed).await?;
    let ended = run.cloud.retire(&removal, &run.reporter).await?;
    if let Some(failure) = ended.failure {
        outcome.failed.push(FailedStack {
            name: preview.name.clone(),
            status: failure.status,
            text: failure.reason,
            diagnosis: failure.diagnosis,
        });
        return Ok(());
    }
    outcome.outputs.remove(&preview.owner);
    let name = &preview.name;
    run.reporter.report(&Event::Removed { name });
    Ok(())
}
