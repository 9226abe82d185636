//! What a stack is given: the outputs of others, the reference of its image, the key of its code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Outputs;
use crate::cloud::StackRequest;
use crate::commands::rendering::{self, RenderedStack};
use crate::context::Context;
use crate::error::UserError;
use crate::local::{self, ImageStore, Source as FileSource, StoredFile};
use crate::plan::{ArgValue, Source};
use crate::repo::{Service, Stage};
use crate::tools::build_context::{self, BuildContext};

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
                    local::ACCOUNT
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
        value.cloned().ok_or_else(|| {
            let hint = format!(
                "deploy it first: cargo xtask deploy --stage {} {owner}",
                self.stage.name
            );
            UserError::new(format!(
                "{reader} needs {key} of {owner}, which is not deployed"
            ))
            .hint(hint)
            .into()
        })
    }

    fn put_code(&mut self, service: &Service) -> anyhow::Result<String> {
        let program = self.program(service)?;
        let key = format!(
            "code/{}-{}.zip",
            service.name,
            build_context::digest_of_program(program)?
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
        let image = rendering::interpret(&self.context.repo, service, &values)?;
        let program = self.program(service)?;
        let folder = service.folder();
        let context = BuildContext {
            folder: &folder,
            program_name: &service.name,
            program,
        };
        let mut copied = Vec::new();
        for copy in &image.copies {
            copied.extend(context.files(&copy.sources, &copy.destination, copy.mode)?);
        }
        let config = serde_json::to_vec(&image.config.to_json(std::env::consts::ARCH))?;
        let digest = build_context::digest(&config, &copied)?;
        let stored: Vec<StoredFile> = copied
            .into_iter()
            .map(|file| StoredFile {
                path: file.path,
                source: FileSource::File(file.source),
                mode: file.mode,
            })
            .collect();
        self.store.put_image(&config, &stored, &digest)?;
        self.keep.insert(digest.clone());
        let (account, region, project) =
            (local::ACCOUNT, local::REGION, &self.context.repo.project);
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
