//! One look at a stage on AWS, and what is needed to change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::SdkConfig;
use futures_util::future::{join_all, try_join_all};

use super::carry;
use super::decide::Decider;
use super::preview::{Mark, Preview, StackAction, StackPreview};
use super::retire;
use super::workshop::{Depot, Workshop};
use crate::commands::running::AwsStage;
use aws::cloudformation::{Condition, Since, StackEvent, Standing, condition};
use aws::ecr::EcrLogin;
use aws::s3::S3;
use aws::secrets::{self, Looked};
use cloud::Outputs;
use cloud::progress::{Event, Reporter};
use facts::Context;
use facts::Stage;
use stacks::RenderedStack;

/// The secrets that the stage names are there and can be read, before anything needs them.
async fn look_at_secrets(
    stacks: &[RenderedStack],
    config: &SdkConfig,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let services = stacks
        .iter()
        .filter_map(|stack| stack.plan.values.service.as_ref());
    for secret in services.flat_map(|service| &service.existing_secrets) {
        if secrets::look(config, &secret.arn).await? == Looked::NotAllowed {
            reporter.out.warning(&format!(
                "cannot look at the secret {}: secretsmanager:DescribeSecret is not allowed; whether it is there will show when \
                 its service starts",
                secret.arn
            ));
        }
    }
    Ok(())
}

pub(super) struct Session {
    pub(super) stage: Stage,
    /// What the repository says, rendered and checked once.
    pub(super) rendered: Vec<RenderedStack>,
    pub(super) aws: AwsStage,
    pub(super) workshop: Workshop,
    pub(super) depot: Depot,
    /// By owner.
    pub(super) standing: BTreeMap<String, Standing>,
}

impl Session {
    /// Checks the repository, signs in, checks the account, and looks. Nothing is built before that.
    pub(super) async fn open(
        context: &Context,
        stage: &Stage,
        reporter: &Reporter,
    ) -> anyhow::Result<Self> {
        let rendered = deploy::desired(&context.repo, stage)?;
        let aws = AwsStage::connect(context, stage).await?;
        let account = &aws.aws;
        let text = format!(
            "account {} in {} as {}",
            account.account, account.region, account.identity
        );
        reporter.tell("stage", &format!("{}: {text}", stage.name));
        look_at_secrets(&rendered, account.config(), reporter).await?;
        let mut session = Self {
            stage: stage.clone(),
            rendered,
            workshop: Workshop::new(context, reporter),
            depot: Depot {
                login: Arc::new(EcrLogin::new(account)),
                s3: S3::new(account),
            },
            aws,
            standing: BTreeMap::new(),
        };
        session.look().await?;
        Ok(session)
    }

    /// Looks at the stacks again.
    pub(super) async fn look(&mut self) -> anyhow::Result<()> {
        let standing = self.aws.cloudformation.standing().await?;
        let present = standing
            .into_iter()
            .filter(|stack| condition(&stack.status) != Condition::Gone);
        self.standing = present.map(|stack| (stack.owner.clone(), stack)).collect();
        Ok(())
    }

    /// The bucket of artifacts, once there is one.
    pub(super) fn bucket(&self) -> Option<String> {
        self.standing
            .get("artifacts")?
            .outputs
            .get("BucketName")
            .cloned()
    }

    pub(super) fn outputs(&self) -> Outputs {
        self.standing
            .iter()
            .map(|(owner, standing)| (owner.clone(), standing.outputs.clone()))
            .collect()
    }

    /// True while an earlier deploy goes on in the cloud.
    pub(super) fn anything_runs(&self) -> bool {
        self.standing
            .values()
            .any(|stack| matches!(condition(&stack.status), Condition::InProgress(_)))
    }

    /// What a deploy would do, without asking CloudFormation for change sets.
    pub(super) async fn decide(&mut self, only: &[String]) -> anyhow::Result<Preview> {
        stacks::check_part_of_stage(&self.stage, &self.rendered, only)?;
        self.workshop.choose(stacks::chosen(&self.rendered, only));
        let decider = Decider {
            cloud: &self.aws.cloudformation,
            workshop: &self.workshop,
            stage: &self.stage,
            standing: &self.standing,
        };
        let mut stacks = decider.decide(&self.rendered, only).await?;
        retire::look(self, &mut stacks).await?;
        Ok(Preview {
            stage: self.stage.name.clone(),
            account: self.aws.aws.account.clone(),
            region: self.aws.aws.region.clone(),
            against: None,
            stacks,
        })
    }

    /// True when a stack is not as it was when this was decided.
    pub(super) fn has_moved_since(&self, preview: &Preview) -> bool {
        let known = |owner: &String| preview.stacks.iter().any(|stack| stack.owner == *owner);
        let moved =
            |stack: &StackPreview| stack.standing != self.standing.get(&stack.owner).map(Mark::of);
        preview.stacks.iter().any(moved) || !self.standing.keys().all(known)
    }

    /// Makes a change set for every stack whose values are all known, and puts CloudFormation's word in the place of ours.
    pub(super) async fn ask_cloudformation(
        &self,
        preview: &mut Preview,
        reporter: &Reporter,
    ) -> anyhow::Result<()> {
        let bucket = self.bucket();
        let wanted = preview
            .stacks
            .iter_mut()
            .filter(|stack| matches!(stack.action, StackAction::Create | StackAction::Update));
        let asked = wanted.filter_map(|stack| {
            let request = stack.request.clone()?;
            let bucket = bucket.as_ref();
            Some(async move {
                reporter.work(&stack.owner, Some("change set"));
                match carry::prepare(&self.aws.cloudformation, &self.depot, bucket, &request)
                    .await?
                {
                    Some(set) => {
                        stack.changes.clone_from(&set.changes);
                        stack.change_set = Some(set);
                    }
                    None => {
                        stack.action = StackAction::Nothing;
                        stack.changes.clear();
                    }
                }
                stack.exact = true;
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
        try_join_all(sets.map(|set| self.aws.cloudformation.discard(set))).await?;
        Ok(())
    }

    /// Waits for what an earlier deploy began.
    pub(super) async fn attach(&mut self, reporter: &Reporter) -> anyhow::Result<()> {
        if !self.anything_runs() {
            return Ok(());
        }
        let running = self
            .standing
            .values()
            .filter(|stack| matches!(condition(&stack.status), Condition::InProgress(_)));
        let cloud = &self.aws.cloudformation;
        let watches = running.map(|stack| async move {
            reporter.report(&Event::Attached {
                name: &stack.name,
                status: &stack.status,
            });
            let each = |event: StackEvent| carry::report(reporter, &stack.name, &event);
            cloud.watch(&stack.stack_id, Since::Running, each).await
        });
        try_join_all(watches).await?;
        self.look().await
    }
}
