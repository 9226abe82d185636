//! One question to the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

use tokio::sync::oneshot;

/// The answer without its line's end; none where there is no terminal to ask at.
pub(crate) async fn ask(question: String) -> anyhow::Result<Option<String>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    let (sender, answer) = oneshot::channel();
    // Not a thread of the runtime, which waits for its own at the end: Ctrl-C must not wait for a line.
    std::thread::spawn(move || sender.send(answer_to(&question)).ok());
    Ok(Some(answer.await??.trim().to_owned()))
}

fn answer_to(question: &str) -> std::io::Result<String> {
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    drop(stderr);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
