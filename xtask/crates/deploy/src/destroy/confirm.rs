//! A stage goes only when somebody says so: by its name at a terminal, or by `--yes`.

use facts::Stage;
use facts::typed;
use words::error::UserError;
use words::output::Output;
use words::question;

/// # Errors
/// Nobody said so.
pub(super) async fn confirm(out: &Output, stage: &Stage, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    let question = format!("type `{}` to delete all of this: ", stage.name);
    match question::ask(out, &question).await? {
        Some(answer) if answer == stage.name => Ok(()),
        Some(_) => Err(UserError::new("nothing was deleted").into()),
        None => {
            let problem = "nothing was deleted: this is not a terminal, so nobody can be asked";
            let hint = format!("if all of it is to go: {}", typed(stage, "destroy --yes"));
            Err(UserError::new(problem).hint(hint).into())
        }
    }
}
