//! Nothing is replaced or deleted that a person has not seen and agreed to.

use std::io::{BufRead, IsTerminal, Write};

use tokio::sync::Mutex;

use crate::cloud::{Action, Change};
use crate::error::UserError;

/// How consent is given: once for all by `--yes`, or by typing.
#[derive(Debug)]
pub(super) struct Consent {
    yes: bool,
    stage: String,
    /// Two stacks must not ask at the same time.
    asking: Mutex<()>,
}

impl Consent {
    pub(super) fn new(yes: bool, stage: &str) -> Self {
        Self {
            yes,
            stage: stage.to_owned(),
            asking: Mutex::new(()),
        }
    }

    /// Asks about what the whole deploy replaces and deletes.
    pub(super) async fn ask_all(&self, losses: &[String]) -> anyhow::Result<()> {
        self.question(losses, "replaces or deletes").await
    }

    /// Asks about what turned up only now in one stack.
    pub(super) async fn ask(&self, stack: &str, unshown: &[Change]) -> anyhow::Result<()> {
        let losses: Vec<String> = unshown
            .iter()
            .map(|change| {
                let what = match change.action {
                    Action::Delete => "is deleted",
                    Action::MayReplace => "may be replaced",
                    _ => "is replaced",
                };
                format!(
                    "{stack}: {} ({}) {what}",
                    change.logical_id, change.resource_type
                )
            })
            .collect();
        self.question(&losses, "also replaces or deletes").await
    }

    async fn question(&self, losses: &[String], verb: &str) -> anyhow::Result<()> {
        if losses.is_empty() || self.yes {
            return Ok(());
        }
        let _turn = self.asking.lock().await;
        let mut text = format!("this deploy {verb}:");
        for loss in losses {
            text.push_str(&format!("\n  {loss}"));
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            let hint = format!(
                "look at it with `cargo xtask plan --stage {}`, and agree with --yes",
                self.stage
            );
            return Err(UserError::new(text).hint(hint).into());
        }
        let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
            let mut stderr = std::io::stderr().lock();
            write!(stderr, "{text}\nGo on? [y/N] ")?;
            stderr.flush()?;
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            Ok(line)
        })
        .await??;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(UserError::new("not confirmed; it was left as it is").into())
    }
}
