//! A deploy to the local cloud: build, then every stack in its order, each with the outputs of those before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use super::rendering::{self, RenderedStack};
use crate::cloud::{Applied, Change, StackRequest};
use crate::context::Context;
use crate::error::UserError;
use crate::local::{self, ImageStore, LocalCloud, Source as FileSource, StoredFile};
use crate::output::Output;
use crate::plan::{ArgValue, Source};
use crate::repo::{Service, Stage};
use crate::tools::build_context::{self, BuildContext};
use crate::tools::{cargo, files};

/// What happened, for a person or as one line of JSON.
#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event<'a> {
    Build {
        services: &'a [&'a str],
    },
    Built {
        seconds: f64,
    },
    Stack {
        name: &'a str,
        result: &'static str,
        changes: &'a [Change],
        seconds: f64,
    },
    Removed {
        name: &'a str,
    },
    Done {
        changed: bool,
        seconds: f64,
        outputs: &'a Outputs,
    },
}

/// The outputs of every stack, by owner.
pub(crate) type Outputs = BTreeMap<String, BTreeMap<String, String>>;

/// How a deploy tells what it does.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    pub(crate) out: Output,
    pub(crate) json: bool,
}

impl Reporter {
    pub(crate) fn report(&self, event: &Event<'_>) {
        if self.json {
            return self.out.json(event);
        }
        match event {
            Event::Build { services } => self.out.step("build", &services.join(", ")),
            Event::Built { seconds } => self.out.note(&format!("built in {seconds:.1} s")),
            Event::Stack {
                name,
                result,
                changes,
                seconds,
            } => {
                self.out.step(
                    result,
                    &format!(
                        "{name} {}",
                        self.out.paint("2", &format!("({seconds:.1} s)"))
                    ),
                );
                if *result == "updated" {
                    for change in *changes {
                        let properties = change.properties.join(", ");
                        let action = format!("{:?}", change.action).to_lowercase();
                        self.out
                            .note(&format!("{action} {} {properties}", change.logical_id));
                    }
                }
            }
            Event::Removed { name } => self.out.step("removed", name),
            Event::Done { changed: false, .. } => self
                .out
                .step("done", "nothing to do: everything is as it should be"),
            Event::Done { seconds, .. } => self.out.step(
                "done",
                &format!("every service is healthy ({seconds:.1} s)"),
            ),
        }
    }
}

/// Where the local cloud of a stage keeps everything.
pub(crate) fn folder(context: &Context, stage: &Stage) -> PathBuf {
    match std::env::var_os("TURNPIKE_LOCAL_DIR") {
        Some(folder) => PathBuf::from(folder).join(&stage.name),
        None => context.repo.target.join("local").join(&stage.name),
    }
}

/// Deploys the named services (none: all) to the local cloud and returns when they are healthy.
pub(crate) async fn deploy(
    context: &Context,
    stage: &Stage,
    only: &[String],
    reporter: &Reporter,
) -> anyhow::Result<Outputs> {
    let started = Instant::now();
    let stacks = rendering::rendered(&context.repo, stage)?;
    let chosen = |owner: &str| only.is_empty() || only.iter().any(|name| name == owner);
    if let Some(name) = only
        .iter()
        .find(|name| !stacks.iter().any(|stack| stack.plan.owner == **name))
    {
        let hint = format!(
            "no service of the stage links to it; `cargo xtask plan --stage {}` lists what there is",
            stage.name
        );
        return Err(
            UserError::new(format!("{name} is not part of the stage {}", stage.name))
                .hint(hint)
                .into(),
        );
    }
    let programs = build(context, &stacks, &chosen, reporter)?;
    let folder = folder(context, stage);
    let executable = std::env::current_exe().context("cannot find this program")?;
    let cloud = LocalCloud::start(&folder, &executable, &files::build_id(&executable)?).await?;
    let mut rollout = Rollout {
        context,
        stage,
        store: ImageStore::new(&folder)?,
        programs,
        outputs: Outputs::new(),
        keep: BTreeSet::new(),
    };
    let standing = cloud.describe().await?;
    for state in &standing {
        rollout
            .outputs
            .insert(state.owner.clone(), state.outputs.clone());
    }
    let mut changed = false;
    for stack in &stacks {
        if !chosen(&stack.plan.owner) {
            continue;
        }
        let begun = Instant::now();
        let existed = standing.iter().any(|state| state.name == stack.plan.name);
        let request = rollout.request(stack)?;
        let Applied {
            changed: this,
            changes,
            outputs,
        } = cloud.apply(&request).await?;
        changed |= this;
        let result = match (this, existed) {
            (false, _) => "unchanged",
            (true, false) => "created",
            (true, true) => "updated",
        };
        reporter.report(&Event::Stack {
            name: &stack.plan.name,
            result,
            changes: &changes,
            seconds: begun.elapsed().as_secs_f64(),
        });
        rollout.outputs.insert(stack.plan.owner.clone(), outputs);
    }
    if only.is_empty() {
        for state in standing
            .iter()
            .rev()
            .filter(|state| !stacks.iter().any(|stack| stack.plan.name == state.name))
        {
            cloud.delete(&state.name).await?;
            rollout.outputs.remove(&state.owner);
            changed = true;
            reporter.report(&Event::Removed { name: &state.name });
        }
        rollout.store.prune(&rollout.keep)?;
    }
    reporter.report(&Event::Done {
        changed,
        seconds: started.elapsed().as_secs_f64(),
        outputs: &rollout.outputs,
    });
    Ok(rollout.outputs)
}

/// Compiles the chosen services in one cargo call.
fn build(
    context: &Context,
    stacks: &[RenderedStack],
    chosen: &dyn Fn(&str) -> bool,
    reporter: &Reporter,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let begun = Instant::now();
    let owners = stacks
        .iter()
        .filter(|stack| stack.plan.kind.is_some())
        .map(|stack| stack.plan.owner.as_str());
    let services: Vec<&str> = owners.filter(|owner| chosen(owner)).collect();
    reporter.report(&Event::Build {
        services: &services,
    });
    let programs = cargo::build(&context.repo.root, &services)?;
    reporter.report(&Event::Built {
        seconds: begun.elapsed().as_secs_f64(),
    });
    Ok(programs)
}

struct Rollout<'a> {
    context: &'a Context,
    stage: &'a Stage,
    store: ImageStore,
    programs: BTreeMap<String, PathBuf>,
    outputs: Outputs,
    /// Digests and code keys that the stacks of this deploy use.
    keep: BTreeSet<String>,
}

impl Rollout<'_> {
    /// The stack with a value for every parameter; what it runs is in the store by then.
    fn request(&mut self, stack: &RenderedStack) -> anyhow::Result<StackRequest> {
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
