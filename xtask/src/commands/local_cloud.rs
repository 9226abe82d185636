use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use words::output::Output;

/// Be the local cloud: `deploy` starts this in the background
#[derive(Debug, Args)]
#[command(hide = true, after_help = concat!("Source: ", file!()))]
pub(crate) struct LocalCloud {
    /// Where it keeps everything
    #[arg(long, required_unless_present = "offline_model")]
    folder: Option<PathBuf>,
    /// Be its offline model and nothing else, for whom AWS_ENDPOINT_URL_BEDROCK_RUNTIME or an emulator leads here: says its URL
    /// on stdout, looks at no signature, and answers until it is ended
    #[arg(long, value_name = "ADDRESS", conflicts_with = "folder")]
    offline_model: Option<SocketAddr>,
}

impl LocalCloud {
    pub(crate) async fn run(&self, out: &Output) -> anyhow::Result<ExitCode> {
        if let Some(address) = self.offline_model {
            let listener = tokio::net::TcpListener::bind(address).await;
            let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
            out.data(&format!("http://{}", listener.local_addr()?));
            local_cloud::serve_offline_model(listener).await?;
        }
        if let Some(folder) = &self.folder {
            local_cloud::supervise(folder.clone()).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
