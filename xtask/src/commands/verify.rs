use std::process::ExitCode;

use clap::Args;

use super::arguments::Values;
use build::packing::Builder;
use facts::Context;
use words::error::{Failure, UserError};

/// Build a service again from the current commit and compare its digest
#[derive(Debug, Args)]
#[command(after_help = concat!("Exit code 1 when the digests differ.\nSource: ", file!()))]
pub(crate) struct Verify {
    /// What was deployed: SERVICE@sha256:...
    reference: String,
    #[command(flatten)]
    values: Values,
    /// Who makes the image [default: embedded, and docker for a Dockerfile with a base image, RUN or several stages]
    #[arg(long)]
    builder: Option<Builder>,
}

impl Verify {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let (service, digest) = self
            .reference
            .split_once('@')
            .filter(|(_, digest)| {
                digest
                    .strip_prefix("sha256:")
                    .is_some_and(|hex| hex.len() == 64)
            })
            .ok_or_else(|| {
                UserError::new(format!(
                    "{} is not SERVICE@sha256:<64 hex digits>",
                    self.reference
                ))
            })?;
        let packed =
            super::packing::pack(context, &self.values, &[service.to_owned()], self.builder)
                .await?;
        let built = packed
            .first()
            .map(|packed| packed.artifact.digest())
            .unwrap_or_default();
        if built == digest {
            context
                .out
                .data(&format!("{service}@{digest} is what this commit builds"));
            return Ok(ExitCode::SUCCESS);
        }
        let hint = "another commit, other ARGs (--stage, --set), or another Rust compiler; all of them change the program or the image";
        Err(Failure::new(
            format!("this commit builds {service}@{built}, which is not {digest}"),
            hint,
        )
        .into())
    }
}
