//! CloudFormation from inside a test: stacks made of rendered templates, without the tool.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, OnStackFailure, Output, Parameter, Stack,
    StackEvent, StackStatus,
};

use super::{ACCOUNT, Emulator, REGION};

/// The digest of an image that nobody has pushed.
pub(crate) const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A value that satisfies the pattern of every parameter of the name.
fn parameter(name: &str) -> String {
    match name {
        "ImageUri" => {
            format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/turnpike/dev/agent@sha256:{DIGEST}")
        }
        "SubnetIds" => "subnet-1,subnet-2".to_owned(),
        "CodeKey" => "code/function-1.zip".to_owned(),
        "CodeBucket" | "VpcId" => "vpc-1".to_owned(),
        url if url.ends_with("Url") => "http://127.0.0.1:1".to_owned(),
        _ => format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:some"),
    }
}

/// The names between `Parameters:` and `Resources:`.
fn parameters(template: &str) -> Vec<String> {
    let declared = template
        .split_once("\nParameters:\n")
        .and_then(|(_, rest)| rest.split_once("\nResources:"))
        .map_or("", |(declared, _)| declared);
    let name = |line: &str| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        (!name.starts_with(' ')).then(|| name.to_owned())
    };
    declared.lines().filter_map(name).collect()
}

pub(crate) struct Stacks {
    pub(crate) client: Client,
}

impl Stacks {
    pub(crate) async fn of(emulator: &Emulator) -> Self {
        Self {
            client: Client::new(&emulator.config().await),
        }
    }

    /// Makes a change set for a new stack and returns its status, with the reason when it failed.
    pub(crate) async fn prepare(
        &self,
        name: &str,
        template: &str,
        values: &[(&str, &str)],
    ) -> String {
        let mut request = self
            .client
            .create_change_set()
            .stack_name(name)
            .change_set_name("first")
            .change_set_type(ChangeSetType::Create)
            .on_stack_failure(OnStackFailure::Delete)
            .capabilities(Capability::CapabilityIam)
            .template_body(template);
        for declared in parameters(template) {
            let given = values.iter().find(|(name, _)| *name == declared);
            let value =
                given.map_or_else(|| parameter(&declared), |(_, value)| (*value).to_owned());
            let parameter = Parameter::builder()
                .parameter_key(declared)
                .parameter_value(value);
            request = request.parameters(parameter.build());
        }
        let made = request.send().await;
        made.unwrap_or_else(|error| panic!("{name}: {:?}", error.into_service_error()));
        loop {
            let set = self.client.describe_change_set();
            let set = set.stack_name(name).change_set_name("first");
            let set = set.send().await.unwrap();
            match set.status.unwrap() {
                ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                ChangeSetStatus::CreateComplete => return "ready".to_owned(),
                other => return format!("{other:?}: {:?}", set.status_reason),
            }
        }
    }

    /// Carries out what was prepared, and returns the stack as it is when nothing goes on in it any more.
    pub(crate) async fn execute(&self, name: &str) -> Stack {
        // A stack that fails is deleted, and can then be asked for by its id only.
        let id = self.describe(name).await.stack_id.unwrap();
        let execute = self.client.execute_change_set().stack_name(name);
        execute.change_set_name("first").send().await.unwrap();
        self.settled(&id).await
    }

    async fn describe(&self, name: &str) -> Stack {
        let described = self.client.describe_stacks().stack_name(name);
        described.send().await.unwrap().stacks.unwrap().remove(0)
    }

    async fn settled(&self, id: &str) -> Stack {
        loop {
            let stack = self.describe(id).await;
            let status = stack.stack_status().unwrap().as_str();
            if !status.ends_with("_IN_PROGRESS") {
                return stack;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Makes the stack and returns its outputs.
    pub(crate) async fn deploy(
        &self,
        name: &str,
        template: &str,
        values: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        assert_eq!(self.prepare(name, template, values).await, "ready");
        let stack = self.execute(name).await;
        let reasons = self.reasons(stack.stack_id().unwrap()).await;
        assert_eq!(
            stack.stack_status,
            Some(StackStatus::CreateComplete),
            "{name}: {reasons:?}"
        );
        let pair = |output: Output| (output.output_key.unwrap(), output.output_value.unwrap());
        let outputs = stack.outputs.unwrap_or_default();
        outputs.into_iter().map(pair).collect()
    }

    /// Why things happened in the stack, the newest first.
    pub(crate) async fn reasons(&self, id: &str) -> Vec<String> {
        let events = self.client.describe_stack_events().stack_name(id);
        let events = events.send().await.unwrap().stack_events;
        let reason = |event: StackEvent| event.resource_status_reason;
        events
            .unwrap_or_default()
            .into_iter()
            .filter_map(reason)
            .collect()
    }

    pub(crate) async fn delete(&self, name: &str) {
        let id = self.describe(name).await.stack_id.unwrap();
        let delete = self.client.delete_stack().stack_name(name);
        delete.send().await.unwrap();
        let status = self.settled(&id).await.stack_status.unwrap();
        assert_eq!(status, StackStatus::DeleteComplete, "{name}");
    }
}
