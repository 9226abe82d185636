//! Nothing is replaced or deleted that a person has not seen and agreed to.

use tokio::sync::Mutex;

use super::interrupt::Interrupt;
use crate::preview::loss;
use cloud::Change;
use facts::Stage;
use facts::typed;
use words::error::UserError;
use words::output::Output;
use words::question;

/// How consent is given: once for all by `--yes` or by a cloud that needs none, or by typing.
#[derive(Debug)]
pub(super) struct Consent {
    yes: bool,
    stage: Stage,
    out: Output,
    pub(super) interrupt: Interrupt,
    /// Two stacks must not ask at the same time.
    asking: Mutex<()>,
}

impl Consent {
    pub(super) fn new(yes: bool, stage: &Stage, out: &Output) -> Self {
        Self {
            yes,
            stage: stage.clone(),
            out: out.clone(),
            interrupt: Interrupt::default(),
            asking: Mutex::new(()),
        }
    }

    /// Asks about what the whole deploy replaces and deletes.
    pub(super) async fn ask_all(&self, losses: &[String]) -> anyhow::Result<()> {
        self.question(losses, "replaces or deletes").await
    }

    /// Asks about what turned up only now in one stack.
    pub(super) async fn ask(&self, stack: &str, unshown: &[Change]) -> anyhow::Result<()> {
        let losses: Vec<String> = unshown.iter().map(|change| loss(stack, change)).collect();
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
        let question = format!("{text}\nGo on? [y/N] ");
        let asked = question::ask(&self.out, &question);
        let Some(answer) = self.interrupt.means_no(asked).await else {
            return Err(refused().into());
        };
        match answer? {
            None => {
                let hint = format!(
                    "look at it with `{}`, and agree with --yes",
                    typed(&self.stage, "plan")
                );
                Err(UserError::new(text).hint(hint).into())
            }
            Some(answer) if matches!(answer.as_str(), "y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(refused().into()),
        }
    }
}

fn refused() -> UserError {
    UserError::new("not confirmed; it was left as it is")
}
