//! Decides what a deploy does: resolves every value that is known, and works out what follows from those that are not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::builder::Builder;
use crate::plan::{self, Cause, Desired};
use crate::preview::{Mark, StackAction, StackPreview};
use cloud::{
    Cloud, Condition, DeployedStack, Outputs, Recovery, StackRequest, condition, inputs_hash,
    not_deployed,
};
use facts::Stage;
use stacks::RenderedStack;
use stacks::names::pascal_case;
use stacks::{ArgValue, Source};

/// What is looked at to decide.
pub(super) struct Decider<'a> {
    pub(super) cloud: &'a dyn Cloud,
    pub(super) builder: &'a Builder,
    pub(super) stage: &'a Stage,
    /// By owner.
    pub(super) deployed: &'a BTreeMap<String, DeployedStack>,
}

/// The outputs that the stacks before have, and those of them that may still move.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) outputs: Outputs,
    /// By owner; `None` when nothing of the stack is known yet.
    pub(super) moving: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl Known {
    /// A value, or none when it is known only later.
    fn output(&self, owner: &str, key: &str) -> Option<&String> {
        match self.moving.get(owner) {
            Some(None) => None,
            Some(Some(keys)) if keys.contains(key) => None,
            _ => self
                .outputs
                .get(owner)?
                .get(key)
                .filter(|value| !value.is_empty()),
        }
    }
}

impl Decider<'_> {
    /// Every stack, in the order of the deploy; those that are not in the plan any more come last.
    pub(super) async fn decide(
        &self,
        stacks: &[RenderedStack],
        only: &[String],
    ) -> anyhow::Result<Vec<StackPreview>> {
        let mut known = Known::default();
        for (owner, deployed) in self.deployed {
            known
                .outputs
                .insert(owner.clone(), deployed.outputs.clone());
        }
        let planned: Vec<&RenderedStack> = stacks::chosen(stacks, only).collect();
        for stack in &planned {
            if !self.deployed.contains_key(&stack.plan.owner) {
                known.moving.insert(stack.plan.owner.clone(), None);
            }
        }
        let mut previews = Vec::new();
        for stack in planned {
            let preview = self.stack(stack, &known).await?;
            let moving = match preview.action {
                StackAction::Nothing => Some(BTreeSet::new()),
                StackAction::Create | StackAction::Recreate => None,
                _ => Some(plan::moved_outputs(&stack.template, &preview.changes)?),
            };
            known.moving.insert(stack.plan.owner.clone(), moving);
            previews.push(preview);
        }
        if only.is_empty() {
            let gone = self
                .deployed
                .values()
                .filter(|deployed| !stacks.iter().any(|stack| stack.plan.name == deployed.name));
            // Whoever was made last needs the others: it goes first.
            let mut gone: Vec<&DeployedStack> = gone.collect();
            gone.sort_by(|one, other| other.created_at.cmp(&one.created_at));
            previews.extend(gone.into_iter().map(removal));
        }
        Ok(previews)
    }

    async fn stack(&self, stack: &RenderedStack, known: &Known) -> anyhow::Result<StackPreview> {
        let deployed = self.deployed.get(&stack.plan.owner);
        let (parameters, causes) = self.parameters(stack, known).await?;
        let request = causes.is_empty().then(|| StackRequest {
            name: stack.plan.name.clone(),
            owner: stack.plan.owner.clone(),
            template: stack.template.clone(),
            parameters: parameters.clone(),
        });
        let inputs = request.as_ref().map(inputs_hash);
        let (action, recovery) = self.action(deployed, inputs.as_deref()).await?;
        let changes = match (action, deployed) {
            (StackAction::Nothing, _) => Vec::new(),
            (StackAction::Update | StackAction::Recover, Some(deployed)) => {
                let old = self.cloud.template(deployed).await?;
                let changed = changed_parameters(stack, deployed, &parameters);
                plan::diff(Some(&old), desired(stack, &changed))?
            }
            _ => plan::diff(None, desired(stack, &BTreeSet::new()))?,
        };
        let (name, owner) = (stack.plan.name.clone(), stack.plan.owner.clone());
        Ok(StackPreview {
            changes,
            causes,
            inputs,
            deployed: deployed.map(Mark::of),
            note: recovery
                .as_ref()
                .map(|recovery| recovery.sentence(&stack.plan.name)),
            recovery,
            request,
            ..StackPreview::new(name, owner, action)
        })
    }

    /// What is done to a stack as a whole, and what has to be recovered before.
    async fn action(
        &self,
        deployed: Option<&DeployedStack>,
        inputs: Option<&str>,
    ) -> anyhow::Result<(StackAction, Option<Recovery>)> {
        let Some(deployed) = deployed else {
            return Ok((StackAction::Create, None));
        };
        if condition(&deployed.status) == Condition::ReviewInProgress {
            return Ok((StackAction::Create, None));
        }
        let recovery = match condition(&deployed.status).is_stuck() {
            true => self.cloud.recovery(deployed).await?,
            false => None,
        };
        let action = match &recovery {
            Some(recovery) if recovery.deletes() => StackAction::Recreate,
            Some(_) => StackAction::Recover,
            None if inputs.is_some() && inputs == deployed.inputs_hash.as_deref() => {
                StackAction::Nothing
            }
            None => StackAction::Update,
        };
        Ok((action, recovery))
    }

    /// The parameters that have a value, and why the others have none yet.
    async fn parameters(
        &self,
        stack: &RenderedStack,
        known: &Known,
    ) -> anyhow::Result<(BTreeMap<String, String>, Vec<Cause>)> {
        let mut resolver = Resolver {
            known,
            stage: self.stage,
            reader: &stack.plan.owner,
            causes: Vec::new(),
        };
        let mut parameters = BTreeMap::new();
        let mut args = BTreeMap::new();
        for (name, value) in &stack.plan.args {
            let value = match value {
                ArgValue::Text(text) => Some(text.clone()),
                ArgValue::Output { owner, key } => resolver.output(name, owner, key, true)?,
            };
            args.extend(value.map(|value| (name.clone(), value)));
        }
        let complete = args.len() == stack.plan.args.len();
        for input in &stack.plan.inputs {
            let name = &input.parameter;
            let value = match &input.source {
                Source::Output { owner, key } => resolver.output(name, owner, key, false)?,
                Source::CodeBucket => resolver.output(name, "artifacts", "BucketName", false)?,
                // Without a bucket there is time: the programs compile while it is made.
                Source::CodeKey if known.output("artifacts", "BucketName").is_none() => None,
                Source::CodeKey => {
                    let artifact = self.builder.pack(&stack.plan.owner, &args).await?;
                    Some(artifact.code_key())
                }
                Source::Image => {
                    let key = format!("{}RepositoryUri", pascal_case(&stack.plan.owner));
                    match resolver.output(name, "artifacts", &key, false)? {
                        Some(repository) if complete => {
                            let artifact = self.builder.pack(&stack.plan.owner, &args).await?;
                            Some(artifact.reference(&repository))
                        }
                        _ => None,
                    }
                }
            };
            parameters.extend(value.map(|value| (name.clone(), value)));
        }
        Ok((parameters, resolver.causes))
    }
}

/// Looks outputs up and keeps a note of those that are not known yet.
struct Resolver<'a> {
    known: &'a Known,
    stage: &'a Stage,
    reader: &'a str,
    causes: Vec<Cause>,
}

impl Resolver<'_> {
    fn output(
        &mut self,
        name: &str,
        owner: &str,
        key: &str,
        image: bool,
    ) -> anyhow::Result<Option<String>> {
        if let Some(value) = self.known.output(owner, key) {
            return Ok(Some(value.clone()));
        }
        if !self.known.moving.contains_key(owner) {
            return Err(not_deployed(self.stage, self.reader, owner, key).into());
        }
        self.causes.push(Cause {
            name: name.to_owned(),
            owner: owner.to_owned(),
            key: key.to_owned(),
            image,
        });
        Ok(None)
    }
}

fn desired<'a>(stack: &'a RenderedStack, changed_parameters: &'a BTreeSet<String>) -> Desired<'a> {
    Desired {
        template: &stack.template,
        changed_parameters,
    }
}

/// The parameters with another value than the stack has, or with none yet.
fn changed_parameters(
    stack: &RenderedStack,
    deployed: &DeployedStack,
    parameters: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let names = stack.plan.inputs.iter().map(|input| &input.parameter);
    names
        .filter(|name| match parameters.get(*name) {
            Some(value) => deployed.parameters.get(*name) != Some(value),
            None => true,
        })
        .cloned()
        .collect()
}

fn removal(deployed: &DeployedStack) -> StackPreview {
    let (name, owner) = (deployed.name.clone(), deployed.owner.clone());
    StackPreview {
        exact: true,
        deployed: Some(Mark::of(deployed)),
        note: Some("Cargo.toml no longer has it on this stage".to_owned()),
        ..StackPreview::new(name, owner, StackAction::Delete)
    }
}

/// The values of a stack's ARGs, all of which are known by now.
pub(super) fn args(
    stack: &RenderedStack,
    outputs: &Outputs,
) -> anyhow::Result<BTreeMap<String, String>> {
    let value = |value: &ArgValue| match value {
        ArgValue::Text(text) => Some(text.clone()),
        ArgValue::Output { owner, key } => outputs.get(owner)?.get(key).cloned(),
    };
    let args = stack.plan.args.iter();
    args.map(|(name, from)| {
        let value = value(from).with_context(|| format!("the ARG {name} has no value yet"))?;
        Ok((name.clone(), value))
    })
    .collect()
}

/// The outputs of one stack as they were resolved, for a stack whose turn has come.
pub(super) async fn request(
    decider: &Decider<'_>,
    stack: &RenderedStack,
    outputs: Outputs,
) -> anyhow::Result<StackRequest> {
    let known = Known {
        outputs,
        moving: BTreeMap::new(),
    };
    let preview = decider.stack(stack, &known).await?;
    preview
        .request
        .with_context(|| format!("{} has parameters without a value", stack.plan.name))
}
