//! What a stack is given: the outputs of others, the reference of its image, the key of its code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use build::packing;
use cloud::not_deployed;
use cloud::{Outputs, StackRequest};
use facts::Context;
use facts::{Service, Stage};
use image::{self, PlacedFile};
use local_cloud::{ImageStore, Source as FileSource, StoredFile};
use stacks::RenderedStack;
use stacks::{ArgValue, Source};
use words::error::UserError;

/// Finds a value for every parameter of a stack, and puts what the stack runs into the local store.
pub(super) struct Inputs<'a> {
    context: &'a Context,
    stage: &'a Stage,
    store: ImageStore,
    programs: BTreeMap<String, PathBuf>,
    pub(super) outputs: Outputs,
    /// Digests and code keys that the stacks of this deploy use.
    keep: BTreeSet<String>,
}

impl<'a> Inputs<'a> {
    /// `outputs` are those of the stacks that stand already.
    pub(super) fn new(
        context: &'a Context,
        stage: &'a Stage,
        store: ImageStore,
        programs: BTreeMap<String, PathBuf>,
        outputs: Outputs,
    ) -> Self {
        Self {
            context,
            stage,
            store,
            programs,
            outputs,
            keep: BTreeSet::new(),
        }
    }

    /// Removes from the store what no stack of this deploy uses.
    pub(super) fn prune(&self) -> anyhow::Result<()> {
        self.store.prune(&self.keep)
    }

    /// The stack with a value for every parameter; what it runs is in the store by then.
    pub(super) fn request(&mut self, stack: &RenderedStack) -> anyhow::Result<StackRequest> {
        let plan = &stack.plan;
        let service = self.context.repo.service(&plan.owner);
        let mut parameters = BTreeMap::new();
        for input in &plan.inputs {
            let value = match (&input.source, service) {
                (Source::Output { owner, key }, _) => self.output(&plan.owner, owner, key)?,
                (Source::CodeBucket, _) => format!(
                    "{}-{}-artifacts-{}",
                    self.context.repo.project,
                    self.stage.name,
                    local_cloud::ACCOUNT
                ),
                (Source::CodeKey, Some(service)) => self.put_code(service)?,
                (Source::Image, Some(service)) => self.put_image(service, &plan.args)?,
                (source, None) => {
                    anyhow::bail!("the stack {} has no service for {source:?}", plan.name)
                }
            };
            parameters.insert(input.parameter.clone(), value);
        }
        Ok(StackRequest {
            name: plan.name.clone(),
            owner: plan.owner.clone(),
            template: stack.template.clone(),
            parameters,
        })
    }

    /// An output of a stack that stands already.
    fn output(&self, reader: &str, owner: &str, key: &str) -> anyhow::Result<String> {
        let value = self
            .outputs
            .get(owner)
            .and_then(|outputs| outputs.get(key))
            .filter(|value| !value.is_empty());
        value
            .cloned()
            .ok_or_else(|| not_deployed(self.stage, reader, owner, key).into())
    }

    fn put_code(&mut self, service: &Service) -> anyhow::Result<String> {
        let program = self.program(service)?;
        let key = format!(
            "code/{}-{}.zip",
            service.name,
            hex::encode(files::sha256(program)?)
        );
        self.store.put_code(&key, program)?;
        self.keep.insert(key.clone());
        Ok(key)
    }

    /// Puts the service's image into the local store and returns its reference.
    fn put_image(
        &mut self,
        service: &Service,
        args: &[(String, ArgValue)],
    ) -> anyhow::Result<String> {
        let mut values = BTreeMap::new();
        for (name, value) in args {
            let value = match value {
                ArgValue::Text(text) => text.clone(),
                ArgValue::Output { owner, key } => self.output(&service.name, owner, key)?,
            };
            values.insert(name.clone(), value);
        }
        let dockerfile = facts::dockerfile(&self.context.repo, service)?;
        let image = stacks::interpret(service, &dockerfile, &values)?;
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
                name if name == service.name => program.to_owned(),
                other => folder.join(other),
            };
            hasher.update(format!("{path}\0{mode:o}\0"));
            hasher.update(files::sha256(&source)?);
            let source = FileSource::File(source);
            stored.push(StoredFile { path, source, mode });
        }
        let digest = hex::encode(hasher.finalize());
        self.store.put_image(&config, &stored, &digest)?;
        self.keep.insert(digest.clone());
        let (account, region, project) = (
            local_cloud::ACCOUNT,
            local_cloud::REGION,
            &self.context.repo.project,
        );
        Ok(format!(
            "{account}.dkr.ecr.{region}.amazonaws.com/{project}/{}/{}@sha256:{digest}",
            self.stage.name, service.name
        ))
    }

    fn program(&self, service: &Service) -> anyhow::Result<&Path> {
        self.programs
            .get(&service.name)
            .map(PathBuf::as_path)
            .with_context(|| format!("{} was not built", service.name))
    }
}
