//! One question to the person at the terminal.

use std::io::{BufRead, IsTerminal};

use tokio::sync::oneshot;

use crate::output::Output;

/// The answer without its line's end; none where there is no terminal to ask at. Nothing else is written until then.
pub async fn ask(out: &Output, question: &str) -> anyhow::Result<Option<String>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    let (sender, answer) = oneshot::channel();
    // Not a thread of the runtime, which waits for its own at the end: Ctrl-C must not wait for a line.
    let mut held = out.hold(question);
    std::thread::spawn(move || sender.send(typed_line()).ok());
    let line = answer.await??;
    held.answered(line.ends_with('\n'));
    Ok(Some(line.trim().to_owned()))
}

fn typed_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
