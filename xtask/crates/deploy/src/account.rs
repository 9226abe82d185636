//! Nobody is asked with `--yes`, so the stage has to say which account it belongs to.

use cloud::Account;
use facts::Stage;
use words::error::UserError;

/// Refuses to go on without a question in whatever account the credentials happen to be of.
///
/// # Errors
/// `--yes`, on a stage on AWS that names no account.
pub(crate) fn is_named(stage: &Stage, account: &Account, yes: bool) -> Result<(), UserError> {
    if !yes || stage.account.is_some() || account.identity.is_none() {
        return Ok(());
    }
    let problem = format!(
        "the stage {} names no account, and with --yes nobody is asked whether {} is the right one",
        stage.name, account.id
    );
    let hint = format!(
        "add account = \"{}\" below [workspace.metadata.stages.{}] in Cargo.toml",
        account.id, stage.name
    );
    Err(UserError::new(problem).hint(hint))
}
