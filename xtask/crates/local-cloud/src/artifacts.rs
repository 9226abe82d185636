//! What local stacks run: programs of this machine and the files of their images, put into the stage's own store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::digests::Digests;
use crate::store::{ImageStore, Source, StoredFile};
use build::{cargo, packing};
use cloud::Artifact;
use facts::{Context, Service};
use image::PlacedFile;
use words::error::UserError;

/// Compiles services for this machine and keeps what their stacks run.
pub(crate) struct Artifacts {
    context: Context,
    folder: PathBuf,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// By service.
    programs: BTreeMap<String, PathBuf>,
    /// Digests and code keys that the stacks of this deploy use.
    used: BTreeSet<String>,
    digests: Option<Digests>,
}

impl Artifacts {
    pub(crate) fn new(context: &Context, folder: &Path) -> Self {
        Self {
            context: context.clone(),
            folder: folder.to_owned(),
            made: Mutex::default(),
        }
    }

    /// Compiles these services in one cargo call. Ctrl-C is heard meanwhile, by cargo too.
    pub(crate) async fn compile(&self, services: &[String]) -> anyhow::Result<()> {
        let (context, programs) = (self.context.clone(), services.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
            cargo::build(&context.repo.root, &context.repo.service_names(), &programs)
        });
        let programs = work.await??;
        self.made().programs.extend(programs);
        Ok(())
    }

    /// Puts what a service runs into the store, with these values for its ARGs.
    pub(crate) fn pack(
        &self,
        service: &str,
        args: &BTreeMap<String, String>,
    ) -> anyhow::Result<Artifact> {
        let service = self
            .context
            .repo
            .service(service)
            .with_context(|| format!("{service} is not a service"))?;
        match service.kind.has_image() {
            true => self.put_image(service, args),
            false => self.put_code(service),
        }
    }

    /// Removes from the store what no stack of this deploy uses, if it was `whole`, and remembers what was read for it.
    pub(crate) fn finish(&self, whole: bool) -> anyhow::Result<()> {
        let mut made = self.made();
        let store = ImageStore::new(&self.folder)?;
        if whole {
            store.prune(&made.used)?;
        }
        match &mut made.digests {
            Some(digests) => digests.write(&self.folder),
            None => Ok(()),
        }
    }

    fn put_code(&self, service: &Service) -> anyhow::Result<Artifact> {
        let program = self.program(service)?;
        let artifact = Artifact {
            service: service.name.clone(),
            digest: format!("sha256:{}", self.sha256(&program)?),
        };
        let key = artifact.code_key();
        ImageStore::new(&self.folder)?.put_code(&key, &program)?;
        self.made().used.insert(key);
        Ok(artifact)
    }

    fn put_image(
        &self,
        service: &Service,
        args: &BTreeMap<String, String>,
    ) -> anyhow::Result<Artifact> {
        let dockerfile = facts::dockerfile(&self.context.repo, service)?;
        let image = stacks::interpret(service, &dockerfile, args)?;
        let program = self.program(service)?;
        let folder = service.folder();
        let ignore = files::read(&folder.join(".dockerignore")).unwrap_or_default();
        let entries = packing::context_entries(&folder, &service.name)?;
        let placed =
            image::files(&dockerfile.shown, &image, &entries, &ignore).map_err(UserError::new)?;
        let config = serde_json::to_vec(&image.config.to_json(std::env::consts::ARCH))?;
        let mut hasher = Sha256::new();
        hasher.update(Sha256::digest(&config));
        let mut stored = Vec::new();
        for PlacedFile { path, source, mode } in placed {
            let source = match source.as_str() {
                name if name == service.name => program.clone(),
                other => folder.join(other),
            };
            hasher.update(format!("{path}\0{mode:o}\0"));
            hasher.update(self.sha256(&source)?);
            let source = Source::File(source);
            stored.push(StoredFile { path, source, mode });
        }
        let digest = hex::encode(hasher.finalize());
        ImageStore::new(&self.folder)?.put_image(&config, &stored, &digest)?;
        self.made().used.insert(digest.clone());
        Ok(Artifact {
            service: service.name.clone(),
            digest: format!("sha256:{digest}"),
        })
    }

    /// The digest of a file, in hex. Files that were read by an earlier deploy are not read again.
    fn sha256(&self, path: &Path) -> anyhow::Result<String> {
        let made = &mut *self.made();
        let digests = made
            .digests
            .get_or_insert_with(|| Digests::read(&self.folder));
        digests.sha256(path)
    }

    fn program(&self, service: &Service) -> anyhow::Result<PathBuf> {
        self.made()
            .programs
            .get(&service.name)
            .cloned()
            .with_context(|| format!("{} was not built", service.name))
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
