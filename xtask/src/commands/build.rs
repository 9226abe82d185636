use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::arguments::Values;
use build::packing::{self, Artifact, Builder, Packed};
use build::registry::{Anonymous, Credentials, Limits, Login, Registry};
use facts::Context;
use image::{self, BuiltImage};
use words::error::UserError;

/// Cross-compile the services and pack them: images as OCI layouts, functions as zips
///
/// Everything is for 64-bit Arm. The same commit gives the same digests in any folder and on any day; an image depends on
/// the program, the Dockerfile and the ARGs that it uses. Beside each lies the list of what is in it (CycloneDX).
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "An ARG that is a link takes its value from what runs on the stage, or from --set.\nSource: ", file!()
))]
pub(crate) struct Build {
    /// Only these services [default: all of the stage]
    services: Vec<String>,
    #[command(flatten)]
    values: Values,
    /// Where to write [default: target/artifacts/STAGE]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Push the images to a registry: HOST or HOST/PREFIX
    ///
    /// HTTPS, except on loopback. A name and a password come from TURNPIKE_REGISTRY_USER and TURNPIKE_REGISTRY_PASSWORD.
    #[arg(long, value_name = "REGISTRY")]
    push: Option<String>,
    /// Who makes the images [default: embedded, and docker for a Dockerfile with a base image, RUN or several stages]
    #[arg(long)]
    builder: Option<Builder>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One line of the result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    service: String,
    kind: &'static str,
    digest: String,
    /// The OCI layout's folder, or the zip.
    path: PathBuf,
    sbom: PathBuf,
    /// Compressed, as it is uploaded.
    bytes: u64,
    program_bytes: u64,
    /// Packing alone; compiling is one call for all.
    seconds: f64,
    /// What was pushed, by digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed: Option<String>,
}

impl Build {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let folder = match &self.out {
            Some(folder) => folder.clone(),
            None => context
                .repo
                .target
                .join("artifacts")
                .join(&self.values.stage),
        };
        let target = self.push.as_deref().map(PushTarget::new).transpose()?;
        let mut rows = Vec::new();
        for packed in
            super::packing::pack(context, &self.values, &self.services, self.builder).await?
        {
            let mut row = write(context, &folder, &packed)?;
            if let (Some(target), Artifact::Image(built)) = (&target, &packed.artifact) {
                row.pushed = Some(target.push(context, &packed.service.name, built).await?);
            }
            rows.push(row);
        }
        if self.json {
            context.out.json(&rows);
            return Ok(ExitCode::SUCCESS);
        }
        for row in &rows {
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            context.out.data(&format!(
                "{:<14} {:<6} {}",
                row.service, row.kind, row.digest
            ));
            context.out.note(&format!(
                "{:.1} MB to upload, program {:.1} MB, packed in {:.0} ms: {}",
                megabytes(row.bytes),
                megabytes(row.program_bytes),
                row.seconds * 1000.0,
                row.path.display()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(context: &Context, folder: &Path, packed: &Packed<'_>) -> anyhow::Result<Row> {
    let name = &packed.service.name;
    let (kind, path) = match &packed.artifact {
        Artifact::Image(built) => {
            let path = folder.join(name);
            let repository = format!("{}/{name}", context.repo.project);
            let tag = image::short_digest(&built.manifest.digest);
            files::remove_folder(&path)?;
            for file in image::layout(built, "arm64", &repository, tag).map_err(UserError::new)? {
                files::write(&path.join(&file.path), &file.bytes)?;
            }
            ("image", path)
        }
        Artifact::Code(code) => {
            let path = folder.join(format!("{name}.zip"));
            files::write(&path, &code.bytes)?;
            ("zip", path)
        }
    };
    let sbom = folder.join(format!("{name}.cdx.json"));
    files::write(&sbom, &packing::sbom(context, packed)?)?;
    Ok(Row {
        service: name.clone(),
        kind,
        digest: packed.artifact.digest().to_owned(),
        path,
        sbom,
        bytes: packed.artifact.bytes(),
        program_bytes: packed.program_bytes,
        seconds: packed.seconds,
        pushed: None,
    })
}

/// A registry, and what its repositories' names begin with.
struct PushTarget {
    registry: Arc<Registry>,
    host: String,
    prefix: String,
}

impl PushTarget {
    fn new(address: &str) -> anyhow::Result<Self> {
        let (host, prefix) = address.split_once('/').unwrap_or((address, ""));
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let login: Arc<dyn Login> = match (
            variable("TURNPIKE_REGISTRY_USER"),
            variable("TURNPIKE_REGISTRY_PASSWORD"),
        ) {
            (Some(name), Some(password)) => Arc::new(Credentials { name, password }),
            _ => Arc::new(Anonymous),
        };
        let registry = Registry::new(host, login, Limits::default())?;
        Ok(Self {
            registry,
            host: host.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }

    /// Pushes an image and returns its name by digest.
    async fn push(
        &self,
        context: &Context,
        name: &str,
        built: &BuiltImage,
    ) -> anyhow::Result<String> {
        let repository = match self.prefix.as_str() {
            "" => format!("{}/{name}", context.repo.project),
            prefix => format!("{prefix}/{name}"),
        };
        let image = packing::for_registry(built);
        let tag = image::short_digest(&built.manifest.digest);
        let pushed = self.registry.push(&repository, tag, &image).await?;
        let text = format!(
            "{name}: {} of {} blobs sent, {} bytes",
            pushed.blobs_sent,
            image.blobs.len(),
            pushed.bytes_sent
        );
        context.out.step("pushed", &text);
        Ok(format!("{}/{repository}@{}", self.host, pushed.digest))
    }
}
