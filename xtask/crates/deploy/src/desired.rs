//! What the repository says a stage should be.

use facts::{Repo, Stage};
use stacks::RenderedStack;

/// Renders every stack of the stage, in the order of the deploy, and refuses what `check` refuses.
///
/// # Errors
/// A template or Dockerfile that cannot be read or rendered; every problem that `check` finds.
pub fn desired(repo: &Repo, stage: &Stage) -> anyhow::Result<Vec<RenderedStack>> {
    let sources = facts::sources(repo)?;
    let stacks = stacks::render(repo, stage, &sources)?;
    check::refuse(check::findings(repo, stage, &sources, &stacks))?;
    Ok(stacks)
}
