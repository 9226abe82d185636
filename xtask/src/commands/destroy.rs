use std::process::ExitCode;

use clap::Args;

use super::funds;
use crate::clouds;
use deploy::DestroyRequest;
use facts::{CloudKind, Context, Stage, typed};
use words::error::UserError;

/// Remove a stage, in the reverse order of its deploy
///
/// Shows first what goes and what stays. Run it again after an interruption: it goes on with what is left.
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Destroy {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Do not ask; needed where there is no terminal to ask at
    #[arg(long)]
    yes: bool,
    /// Print one JSON event per line
    #[arg(long)]
    json: bool,
    /// Also when there is money in this wallet, which nobody can spend afterwards; `unseen` when the wallet cannot be asked
    #[arg(long, value_name = "ADDRESS")]
    forget_wallet: Option<String>,
}

impl Destroy {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        if stage.protect {
            return Err(protected(stage).into());
        }
        let request = DestroyRequest {
            yes: self.yes,
            json: self.json,
            forget: true,
        };
        let work = async {
            let cloud = clouds::connect(context, stage).await?;
            let forgotten = self.forget_wallet.as_deref();
            funds::may_go(context, stage, &*cloud, forgotten).await?;
            deploy::destroy(context, stage, &cloud, request).await
        };
        tokio::select! {
            result = work => result?,
            _ = tokio::signal::ctrl_c() => {
                context.out.warning("stopped waiting; deletions that have begun go on");
                context.out.hint(&format!("what is left: {}", typed(stage, "status")));
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Protection is not a question that one says yes to by habit: it is taken off where it was put on.
fn protected(stage: &Stage) -> UserError {
    let name = &stage.name;
    let way_out = match stage.cloud {
        CloudKind::Local => format!("take `protect` off the stage {name} in Cargo.toml"),
        // Its stacks keep their data until a deploy has told them not to.
        CloudKind::Cloudformation => format!(
            "if it really is to go: take `protect` off the stage {name} in Cargo.toml, run {}, then {}",
            typed(stage, "deploy"),
            typed(stage, "destroy")
        ),
    };
    UserError::new(format!(
        "the stage {name} is protected, and nothing was deleted"
    ))
    .hint(way_out)
}
