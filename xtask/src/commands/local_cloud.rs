use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Be the local cloud: `deploy` starts this in the background
#[derive(Debug, Args)]
#[command(hide = true, after_help = concat!("Source: ", file!()))]
pub(crate) struct LocalCloud {
    /// Where it keeps everything
    #[arg(long)]
    folder: PathBuf,
}

impl LocalCloud {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        crate::local::supervise(self.folder.clone()).await?;
        Ok(ExitCode::SUCCESS)
    }
}
