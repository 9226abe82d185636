//! The Docker engine, for Dockerfiles that need more than files and settings: RUN, or a base image. Always BuildKit, which
//! the engine has inside; the classic builder loses the platform (moby#46294, moby#47823) and is never asked.

mod progress;
mod saved;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptions};
use bytes::Bytes;
use futures_util::StreamExt;

use progress::Progress;
pub use saved::Saved;
use words::error::Failure;

/// What to do where there is none.
pub const FIX: &str = "start the Docker engine (Debian: apt-get install docker.io), or set DOCKER_HOST to where it listens";

/// The first one with BuildKit inside is 18.09.
const API_MINIMUM: (usize, usize) = (1, 39);

/// What the engine looks for in the context.
const DOCKERFILE: &str = "Dockerfile";

/// Where an engine listens that nobody moved.
const SOCKET: &str = "unix:///var/run/docker.sock";

/// A file or folder of the build context.
#[derive(Debug, Clone)]
pub struct ContextFile {
    /// Relative to the context.
    pub path: String,
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Permission bits; none asks for the kind of the source, a folder or a link.
    pub mode: Option<u32>,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct Build {
    /// The image's name in the engine: `turnpike/agent:build`.
    pub name: String,
    /// Where the Dockerfile comes from, for messages.
    pub place: String,
    pub dockerfile: String,
    pub files: Vec<ContextFile>,
    pub arguments: BTreeMap<String, String>,
    /// `linux/arm64`.
    pub platform: String,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    pub version: String,
}

impl Engine {
    /// Finds the engine where DOCKER_HOST says, else at its usual socket.
    ///
    /// # Errors
    /// That there is none; give the error the Dockerfile and the line that want one as its context.
    pub async fn connect() -> anyhow::Result<Self> {
        let host = std::env::var("DOCKER_HOST").ok();
        let host = host.filter(|host| !host.is_empty());
        Self::connect_to(host.as_deref().unwrap_or(SOCKET)).await
    }

    /// An engine at an address: `unix:///var/run/docker.sock`.
    pub async fn connect_to(place: &str) -> anyhow::Result<Self> {
        let failed = |error: Error| {
            let problem = format!("no Docker engine answers at {place} ({error})");
            anyhow::Error::new(Failure::new(problem, FIX))
        };
        let docker = Docker::connect_with_host(place).map_err(failed)?;
        // An engine from last year does not know the newest version of the protocol, one from next year not the oldest.
        let docker = docker
            .with_timeout(Duration::from_secs(15))
            .negotiate_version()
            .await
            .map_err(failed)?;
        let spoken = docker.client_version();
        let version = docker.version().await.map_err(failed)?.version;
        let version = version.unwrap_or_else(|| "of unknown version".to_owned());
        if (spoken.major_version, spoken.minor_version) < API_MINIMUM {
            let problem = format!("the Docker engine {version} has no BuildKit");
            return Err(Failure::new(problem, "install Docker 18.09 or later").into());
        }
        // A step may compile for a long time without a word.
        let docker = docker.with_timeout(Duration::from_secs(3600));
        Ok(Self { docker, version })
    }

    /// Builds an image and returns its id, `sha256:...`. `each` gets lines for people as the build goes on.
    ///
    /// # Errors
    /// The step that failed with the last lines that it wrote.
    pub async fn build(&self, build: &Build, mut each: impl FnMut(&str)) -> anyhow::Result<String> {
        let arguments: HashMap<String, String> = build.arguments.clone().into_iter().collect();
        let mut session = [0_u8; 16];
        getrandom::fill(&mut session).context("the system gives no random numbers")?;
        let options = BuildImageOptionsBuilder::default()
            .t(&build.name)
            .dockerfile(DOCKERFILE)
            .platform(&build.platform)
            .buildargs(&arguments)
            .version(BuilderVersion::BuilderBuildKit)
            .session(&hex::encode(session))
            .build();
        let context = context(build)?;
        let body = bollard::body_full(context);
        let mut events = self.docker.build_image(options, None, Some(body));
        let mut progress = Progress::default();
        let mut id = None;
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| progress.failure(&build.place, &error))?;
            match event.aux {
                Some(BuildInfoAux::BuildKit(status)) => progress.take(&status, &mut each),
                Some(BuildInfoAux::Default(image)) => id = image.id.or(id),
                None => {}
            }
        }
        id.with_context(|| format!("{}: the engine built no image", build.place))
    }

    /// The image as the engine keeps it: configuration and layers.
    pub async fn save(&self, id: &str) -> anyhow::Result<Saved> {
        let mut stream = std::pin::pin!(self.docker.export_image(id));
        let mut archive = Vec::new();
        while let Some(piece) = stream.next().await {
            archive.extend_from_slice(&piece.with_context(|| format!("cannot read image {id}"))?);
        }
        Saved::read(&archive)
    }

    /// Takes an image out of the engine; its cache keeps what the next build can use.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        self.docker
            .remove_image(name, None::<RemoveImageOptions>, None)
            .await
            .with_context(|| format!("cannot remove the image {name}"))?;
        Ok(())
    }
}

/// The build context as the engine takes it. Times and owners are the same everywhere: BuildKit's cache looks at them.
fn context(build: &Build) -> anyhow::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    let dockerfile = build.dockerfile.as_bytes();
    append(
        &mut archive,
        DOCKERFILE,
        tar::EntryType::Regular,
        0o644,
        dockerfile,
    )?;
    for ContextFile { path, source, mode } in &build.files {
        let found = std::fs::symlink_metadata(source)
            .with_context(|| format!("cannot read {}", source.display()))?;
        match mode {
            Some(mode) => {
                let bytes = std::fs::read(source)
                    .with_context(|| format!("cannot read {}", source.display()))?;
                append(&mut archive, path, tar::EntryType::Regular, *mode, &bytes)?;
            }
            None if found.is_dir() => {
                append(&mut archive, path, tar::EntryType::Directory, 0o755, &[])?;
            }
            None if found.is_symlink() => {
                let mut header = header(tar::EntryType::Symlink, 0o777, 0);
                archive
                    .append_link(&mut header, path, std::fs::read_link(source)?)
                    .with_context(|| format!("cannot put {path} into the build context"))?;
            }
            // A socket or a device: Docker leaves those out as well.
            None => {}
        }
    }
    Ok(archive.into_inner()?.into())
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    mode: u32,
    bytes: &[u8],
) -> anyhow::Result<()> {
    let mut header = header(kind, mode, bytes.len() as u64);
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("cannot put {path} into the build context"))
}

fn header(kind: tar::EntryType, mode: u32, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
