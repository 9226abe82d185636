//! Errors that every cloud and every verb says in the same words.

use facts::{Stage, typed};
use words::error::{Failure, UserError};

/// There is no stack on the stage.
pub fn nothing_runs(stage: &Stage) -> UserError {
    UserError::new(format!("nothing runs on the stage {}", stage.name))
        .hint(format!("start it: {}", typed(stage, "deploy")))
}

/// Somebody else has the stage's lock now: whoever changes the stage must not go on.
pub fn lock_lost(stage: &Stage) -> anyhow::Error {
    let problem = "the lock of this stage was lost, so this stopped; what had been started goes on in CloudFormation";
    let hint = format!(
        "see who has it: {}; then run the same command again",
        typed(stage, "status")
    );
    Failure::new(problem, hint).into()
}

/// What `reader` needs is an output that no stack has.
pub fn not_deployed(stage: &Stage, reader: &str, owner: &str, key: &str) -> UserError {
    UserError::new(format!(
        "{reader} needs {key} of {owner}, which is not deployed"
    ))
    .hint(format!(
        "deploy the whole stage first: {}",
        typed(stage, "deploy")
    ))
}
