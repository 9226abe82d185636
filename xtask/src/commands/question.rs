//! One question to the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

/// The answer without its line's end; none where there is no terminal to ask at.
pub(crate) async fn ask(question: String) -> anyhow::Result<Option<String>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut stderr = std::io::stderr().lock();
        stderr.write_all(question.as_bytes())?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line)
    })
    .await??;
    Ok(Some(answer.trim().to_owned()))
}
