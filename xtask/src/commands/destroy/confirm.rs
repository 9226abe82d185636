//! A stage goes only when somebody says so: by its name at a terminal, or by `--yes`.

use std::io::{BufRead, IsTerminal, Write};

use crate::commands::running::typed;
use crate::error::UserError;
use crate::repo::Stage;

/// # Errors
/// Nobody said so.
pub(super) fn confirm(stage: &Stage, yes: bool) -> Result<(), UserError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(UserError::new(
            "nothing was deleted: this is no terminal, so nobody can be asked",
        )
        .hint(format!(
            "if all of it is to go: {}",
            typed(stage, "destroy --yes")
        )));
    }
    let question = format!("type `{}` to delete all of this: ", stage.name);
    // A closed stderr cannot show the question, and an empty answer is a no.
    drop(std::io::stderr().write_all(question.as_bytes()));
    let mut answer = String::new();
    drop(std::io::stdin().lock().read_line(&mut answer));
    match answer.trim() == stage.name {
        true => Ok(()),
        false => Err(UserError::new("nothing was deleted")),
    }
}
