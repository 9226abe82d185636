//! What stacks on AWS run: programs for 64-bit Arm, packed as images and zips, and sent where AWS looks for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use crate::Aws;
use crate::ecr::{EcrLogin, split_uri};
use crate::s3::S3;
use build::packing::{self, Programs};
use build::registry::{self, Limits, Registry};
use cloud::Artifact;
use facts::{Context, Stage};

/// An artifact's bytes.
enum Content {
    Image(registry::Image),
    Code(Vec<u8>),
}

/// Packs services once for each set of ARGs, and puts them into ECR and S3.
pub(crate) struct ArtifactStore {
    context: Context,
    login: Arc<EcrLogin>,
    s3: S3,
    programs: OnceCell<Arc<Programs>>,
    /// By digest.
    contents: Mutex<BTreeMap<String, Arc<Content>>>,
}

impl ArtifactStore {
    pub(crate) fn new(context: &Context, aws: &Aws) -> Self {
        Self {
            context: context.clone(),
            login: Arc::new(EcrLogin::new(aws)),
            s3: S3::new(aws),
            programs: OnceCell::new(),
            contents: Mutex::default(),
        }
    }

    /// Compiles these services in one cargo call, once everything is there that building them needs.
    pub(crate) async fn compile(&self, stage: &Stage, services: &[String]) -> anyhow::Result<()> {
        let compile = || async {
            let context = self.context.clone();
            let plans = stacks::stacks(&context.repo, stage);
            let chosen = plans.iter().filter(|plan| services.contains(&plan.owner));
            let ready = chosen.filter_map(|plan| {
                let service = context.repo.service(&plan.owner)?;
                Some((service, plan.args_with_stand_ins()))
            });
            let ready: Vec<_> = ready.collect();
            let tools = packing::ready(&context, &ready, None, Vec::new()).await?;
            let names = services.to_vec();
            let work = move || {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                packing::compile(&context, tools, &names)
            };
            anyhow::Ok(Arc::new(tokio::task::spawn_blocking(work).await??))
        };
        self.programs.get_or_try_init(compile).await.map(drop)
    }

    /// The service with these values for its ARGs.
    pub(crate) async fn pack(
        &self,
        service: &str,
        args: &BTreeMap<String, String>,
    ) -> anyhow::Result<Artifact> {
        let programs = self.programs.get().cloned();
        let programs = programs.context("nothing was compiled")?;
        let (context, name, args) = (self.context.clone(), service.to_owned(), args.clone());
        let runtime = tokio::runtime::Handle::current();
        let packed = tokio::task::spawn_blocking(move || {
            runtime.block_on(pack(&context, &programs, &name, &args))
        });
        let (digest, content) = packed.await??;
        self.contents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(digest.clone(), Arc::new(content));
        Ok(Artifact {
            service: service.to_owned(),
            digest,
        })
    }

    /// Sends an image to its repository or a zip to the bucket; the answer is `None` when it was there.
    pub(crate) async fn send(
        &self,
        artifact: &Artifact,
        destination: &str,
    ) -> anyhow::Result<Option<u64>> {
        let content = self
            .contents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&artifact.digest)
            .cloned()
            .with_context(|| format!("{} was not packed", artifact.service))?;
        match &*content {
            Content::Image(image) => self.push(artifact, destination, image).await,
            Content::Code(bytes) => self.upload(artifact, destination, bytes).await,
        }
    }

    async fn push(
        &self,
        artifact: &Artifact,
        repository_uri: &str,
        image: &registry::Image,
    ) -> anyhow::Result<Option<u64>> {
        let (host, repository) = split_uri(repository_uri)?;
        let registry = Registry::new(host, self.login.clone(), Limits::default())?;
        let found = registry
            .manifest_digest(repository, &artifact.digest)
            .await?;
        if found.is_some() {
            return Ok(None);
        }
        let tag = image::short_digest(&artifact.digest);
        let pushed = registry.push(repository, tag, image).await?;
        Ok(Some(pushed.bytes_sent))
    }

    async fn upload(
        &self,
        artifact: &Artifact,
        bucket: &str,
        bytes: &[u8],
    ) -> anyhow::Result<Option<u64>> {
        let key = artifact.code_key();
        let sent = self
            .s3
            .put_if_absent(bucket, &key, bytes.to_vec().into())
            .await?;
        Ok(sent.then_some(bytes.len() as u64))
    }
}

/// Digest and bytes of one service.
async fn pack(
    context: &Context,
    programs: &Programs,
    name: &str,
    args: &BTreeMap<String, String>,
) -> anyhow::Result<(String, Content)> {
    let service = context
        .repo
        .service(name)
        .with_context(|| format!("{name} is not a service"))?;
    let packed = packing::pack_one(context, programs, service, args).await?;
    let digest = packed.artifact.digest().to_owned();
    let content = match packed.artifact {
        packing::Artifact::Code(code) => Content::Code(code.bytes),
        packing::Artifact::Image(built) => Content::Image(packing::for_registry(&built)),
    };
    Ok((digest, content))
}
