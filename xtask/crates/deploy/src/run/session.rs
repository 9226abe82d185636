//! One look at a stage, and what is needed to change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};

use super::builder::Builder;
use super::decide::Decider;
use super::retire;
use crate::preview::{Mark, Preview, StackAction, StackPreview};
use cloud::progress::Reporter;
use cloud::{Cloud, Condition, DeployedStack, Needs, Outputs, Prepared, StackRequest, condition};
use facts::{Context, Stage};
use stacks::RenderedStack;

pub(super) struct Session {
    pub(super) stage: Stage,
    /// What the repository says, rendered and checked once.
    pub(super) rendered: Vec<RenderedStack>,
    pub(super) cloud: Arc<dyn Cloud>,
    pub(super) builder: Builder,
    /// By owner.
    pub(super) deployed: BTreeMap<String, DeployedStack>,
}

impl Session {
    /// Checks the repository and the account, and looks. Nothing is built before that.
    pub(super) async fn open(
        context: &Context,
        stage: &Stage,
        cloud: &Arc<dyn Cloud>,
        only: &[String],
        reporter: &Reporter,
    ) -> anyhow::Result<Self> {
        let rendered = crate::desired(&context.repo, stage)?;
        stacks::check_part_of_stage(stage, &rendered, only)?;
        let account = cloud.account();
        if let Some(identity) = &account.identity {
            let text = format!("account {} in {} as {identity}", account.id, account.region);
            reporter.tell("stage", &format!("{}: {text}", stage.name));
        }
        let chosen: Vec<&RenderedStack> = stacks::chosen(&rendered, only).collect();
        cloud.check(&needs(&chosen), reporter).await?;
        let services = chosen.iter().filter(|stack| stack.plan.kind.is_some());
        let services = services.map(|stack| stack.plan.owner.clone()).collect();
        let mut session = Self {
            stage: stage.clone(),
            builder: Builder::new(cloud, services, reporter),
            rendered,
            cloud: cloud.clone(),
            deployed: BTreeMap::new(),
        };
        session.look().await?;
        Ok(session)
    }

    /// Looks at the stacks again.
    pub(super) async fn look(&mut self) -> anyhow::Result<()> {
        let deployed = self.cloud.deployed().await?;
        let present = deployed
            .into_iter()
            .filter(|stack| condition(&stack.status) != Condition::Gone);
        self.deployed = present.map(|stack| (stack.owner.clone(), stack)).collect();
        Ok(())
    }

    pub(super) fn outputs(&self) -> Outputs {
        self.deployed
            .iter()
            .map(|(owner, deployed)| (owner.clone(), deployed.outputs.clone()))
            .collect()
    }

    /// True while an earlier deploy goes on in the cloud.
    pub(super) fn anything_runs(&self) -> bool {
        self.deployed.values().any(is_running)
    }

    /// What a deploy would do, without asking the cloud what exactly changes.
    pub(super) async fn decide(&mut self, only: &[String]) -> anyhow::Result<Preview> {
        let decider = Decider {
            cloud: &*self.cloud,
            builder: &self.builder,
            stage: &self.stage,
            deployed: &self.deployed,
        };
        let mut stacks = decider.decide(&self.rendered, only).await?;
        retire::look(self, &mut stacks).await?;
        let account = self.cloud.account();
        Ok(Preview {
            stage: self.stage.name.clone(),
            account: account.id,
            region: account.region,
            against: None,
            stacks,
        })
    }

    /// True when something that changes runs a program.
    pub(super) fn builds(&self, preview: &Preview) -> bool {
        let changes = |owner: &str| {
            let mut stacks = preview.stacks.iter();
            stacks.any(|stack| stack.owner == owner && stack.action != StackAction::Nothing)
        };
        let mut services = self
            .rendered
            .iter()
            .filter(|stack| stack.plan.kind.is_some());
        services.any(|stack| changes(&stack.plan.owner))
    }

    /// True when a stack is not as it was when this was decided.
    pub(super) fn has_moved_since(&self, preview: &Preview) -> bool {
        let known = |owner: &String| preview.stacks.iter().any(|stack| stack.owner == *owner);
        let moved =
            |stack: &StackPreview| stack.deployed != self.deployed.get(&stack.owner).map(Mark::of);
        preview.stacks.iter().any(moved) || !self.deployed.keys().all(known)
    }

    /// Asks the cloud about every stack whose values are all known, and puts its word in the place of ours.
    pub(super) async fn prepare(
        &self,
        preview: &mut Preview,
        reporter: &Reporter,
    ) -> anyhow::Result<()> {
        let outputs = &self.outputs();
        let wanted = preview
            .stacks
            .iter_mut()
            .filter(|stack| matches!(stack.action, StackAction::Create | StackAction::Update));
        let asked = wanted.filter_map(|stack| {
            let request = stack.request.clone()?;
            Some(async move {
                reporter.work(&stack.owner, Some("change set"));
                match self.cloud.prepare(&request, outputs).await? {
                    Prepared::Ready(set) => {
                        stack.changes.clone_from(&set.changes);
                        stack.change_set = Some(set);
                        stack.exact = true;
                    }
                    Prepared::Nothing => {
                        stack.action = StackAction::Nothing;
                        stack.changes.clear();
                        stack.exact = true;
                    }
                    Prepared::Later => {}
                }
                reporter.work(&stack.owner, None);
                anyhow::Ok(())
            })
        });
        // One that fails must not leave the others' change sets behind unseen.
        let results = join_all(asked).await;
        if let Some(error) = results.into_iter().find_map(Result::err) {
            self.discard(preview).await?;
            return Err(error);
        }
        Ok(())
    }

    /// Removes the change sets that a preview made.
    pub(super) async fn discard(&self, preview: &Preview) -> anyhow::Result<()> {
        let sets = preview
            .stacks
            .iter()
            .filter_map(|stack| stack.change_set.as_ref());
        try_join_all(sets.map(|set| self.cloud.discard(set))).await?;
        Ok(())
    }

    /// Waits until stacks that stay as they are are healthy. What they call may only just have been repaired, so this comes last.
    pub(super) async fn settle(&self, requests: &[StackRequest]) -> anyhow::Result<()> {
        let settling = requests.iter().map(|request| self.cloud.settle(request));
        try_join_all(settling).await?;
        Ok(())
    }

    /// Brings the stacks' protection against deletion to what the stage says. Not that of a stack which has to be deleted before it
    /// can be deployed.
    pub(super) async fn protect(&self) -> anyhow::Result<()> {
        let on = self.stage.protect;
        let wanting = self.deployed.values().filter(|stack| {
            stack.protected != on && (!on || condition(&stack.status) == Condition::Steady)
        });
        try_join_all(wanting.map(|stack| self.cloud.protect(stack, on))).await?;
        Ok(())
    }

    /// Waits for what an earlier deploy began.
    pub(super) async fn attach(&mut self, reporter: &Reporter) -> anyhow::Result<()> {
        if !self.anything_runs() {
            return Ok(());
        }
        let running = self.deployed.values().filter(|stack| is_running(stack));
        try_join_all(running.map(|stack| self.cloud.attach(stack, reporter))).await?;
        self.look().await
    }
}

fn is_running(stack: &DeployedStack) -> bool {
    matches!(condition(&stack.status), Condition::InProgress(_))
}

fn needs(stacks: &[&RenderedStack]) -> Needs {
    let services = stacks
        .iter()
        .filter_map(|stack| stack.plan.values.service.as_ref());
    let secrets = services.flat_map(|service| &service.existing_secrets);
    Needs {
        existing_secrets: secrets.map(|secret| secret.arn.clone()).collect(),
        engine: stacks.iter().find_map(|stack| stack.needs_engine.clone()),
    }
}
