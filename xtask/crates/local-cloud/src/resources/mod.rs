//! What each resource type becomes on this machine. `TABLE` is the whole list: a type that is not in it is an error.

mod compute;
mod diff;
mod ecs;
mod elb;
mod image;
mod inert;
mod plan;
mod properties;
mod role;
mod secret;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::store::ImageStore;
use super::template::{Physical, Resource, Result, Scope, Template, TemplateError};
use cloud::StackRequest;

pub(crate) use diff::changes;
#[cfg(test)]
pub(crate) use plan::Listener;
pub(crate) use plan::{
    Action, Balancer, FunctionPlan, Health, Made, Plan, ProcessPlan, Rule, SecretPlan,
    SecretReference, SecretValue, ServicePlan,
};
pub(crate) use properties::Input;
pub(crate) use secret::draw;

type Make = fn(&mut Builder<'_>, Input<'_>) -> Result<Physical>;

/// Every resource type that the local cloud knows. The first group becomes something; the second needs no process here
/// and only answers `Ref` and `GetAtt`.
const TABLE: [(&str, Make); 48] = [
    ("AWS::BedrockAgentCore::Runtime", compute::runtime),
    (
        "AWS::BedrockAgentCore::RuntimeEndpoint",
        compute::runtime_endpoint,
    ),
    ("AWS::ECS::Service", ecs::service),
    ("AWS::ECS::TaskDefinition", ecs::task_definition),
    ("AWS::ElasticLoadBalancingV2::Listener", elb::listener),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        elb::listener_rule,
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        elb::load_balancer,
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        elb::target_group,
    ),
    ("AWS::IAM::ManagedPolicy", role::managed_policy),
    ("AWS::IAM::Policy", role::policy),
    ("AWS::IAM::Role", role::make),
    ("AWS::Lambda::Function", compute::function),
    ("AWS::Lambda::Permission", compute::permission),
    ("AWS::Lambda::Url", compute::function_url),
    ("AWS::Logs::LogGroup", inert::log_group),
    ("AWS::SecretsManager::Secret", secret::make),
    // No process from here on.
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        inert::network,
    ),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", inert::network),
    ("AWS::CloudWatch::Alarm", inert::named),
    ("AWS::CloudWatch::CompositeAlarm", inert::named),
    ("AWS::CloudWatch::Dashboard", inert::named),
    ("AWS::DynamoDB::Table", inert::table),
    ("AWS::EC2::EIP", inert::network),
    ("AWS::EC2::FlowLog", inert::network),
    ("AWS::EC2::InternetGateway", inert::network),
    ("AWS::EC2::NatGateway", inert::network),
    ("AWS::EC2::NetworkAcl", inert::network),
    ("AWS::EC2::NetworkAclEntry", inert::network),
    ("AWS::EC2::Route", inert::network),
    ("AWS::EC2::RouteTable", inert::network),
    ("AWS::EC2::SecurityGroup", inert::network),
    ("AWS::EC2::SecurityGroupEgress", inert::network),
    ("AWS::EC2::SecurityGroupIngress", inert::network),
    ("AWS::EC2::Subnet", inert::network),
    ("AWS::EC2::SubnetRouteTableAssociation", inert::network),
    ("AWS::EC2::VPC", inert::network),
    ("AWS::EC2::VPCEndpoint", inert::network),
    ("AWS::EC2::VPCGatewayAttachment", inert::network),
    ("AWS::ECR::Repository", inert::repository),
    ("AWS::ECS::Cluster", inert::named),
    (
        "AWS::ECS::ClusterCapacityProviderAssociations",
        inert::network,
    ),
    ("AWS::Logs::MetricFilter", inert::network),
    ("AWS::Logs::ResourcePolicy", inert::network),
    ("AWS::S3::Bucket", inert::bucket),
    ("AWS::S3::BucketPolicy", inert::network),
    ("AWS::SNS::Subscription", inert::network),
    ("AWS::SNS::Topic", inert::named),
    ("AWS::SNS::TopicPolicy", inert::network),
];

/// What a stack's resources are worked out with.
pub(crate) struct Builder<'a> {
    pub stack: &'a str,
    pub owner: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub store: &'a ImageStore,
    /// Where the stack's volumes lie.
    pub volumes: PathBuf,
    /// The stack's resources as they were, by logical id.
    pub previous: BTreeMap<String, Made>,
    /// Gives a resource its port: the one it had when that can be, else another.
    pub take_port: &'a mut dyn FnMut(&str, Option<u16>) -> anyhow::Result<u16>,
    pub plan: Plan,
}

impl Builder<'_> {
    /// A name as CloudFormation makes them: stack, logical id and a hash.
    fn name_for(&self, logical_id: &str) -> String {
        format!(
            "{}-{logical_id}-{}",
            self.stack,
            self.digest(logical_id)[..12].to_uppercase()
        )
    }

    /// Hex digits that belong to this resource of this stack, the same ones every time.
    fn digest(&self, logical_id: &str) -> String {
        hex::encode(Sha256::digest(format!("{}/{logical_id}", self.stack)))
    }

    fn port(&mut self, input: Input<'_>) -> Result<u16> {
        let previous = self.previous.get(input.id()).and_then(|made| made.port);
        let port = (self.take_port)(input.id(), previous).map_err(|error| {
            input.error(
                "",
                format!("no port for it: {error:#}"),
                "free a port on 127.0.0.1",
            )
        })?;
        if let Some(made) = self.plan.resources.last_mut() {
            made.port = Some(port);
        }
        Ok(port)
    }
}

/// Works out a whole stack. Nothing is changed, except that ports are set aside.
pub(crate) fn plan(
    mut builder: Builder<'_>,
    request: &StackRequest,
) -> std::result::Result<Plan, Vec<TemplateError>> {
    let one = |error: TemplateError| vec![error];
    let template = Template::parse(&request.template).map_err(one)?;
    let base = Scope {
        stack_name: request.name.clone(),
        region: builder.region.to_owned(),
        account: builder.account.to_owned(),
        ..Scope::default()
    };
    let mut scope = template.scope(base, &request.parameters)?;
    let resources = template.resources(&scope).map_err(one)?;
    let unknown: Vec<TemplateError> = resources
        .iter()
        .filter(|resource| maker(resource).is_none())
        .map(unknown_type)
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    for resource in &resources {
        let physical = make(&mut builder, resource, &scope).map_err(one)?;
        scope
            .resources
            .insert(resource.logical_id.clone(), physical);
    }
    builder.plan.outputs = template.outputs(&scope).map_err(one)?;
    Ok(builder.plan)
}

fn maker(resource: &Resource<'_>) -> Option<Make> {
    TABLE
        .iter()
        .find(|(name, _)| *name == resource.resource_type)
        .map(|(_, make)| *make)
}

fn unknown_type(resource: &Resource<'_>) -> TemplateError {
    TemplateError::new(resource.line, format!("the local cloud does not know the type {}", resource.resource_type), "add it to the table in xtask/crates/local-cloud/src/resources/mod.rs: what it becomes on this machine, or that it needs no process")
        .about(&format!("resource {}", resource.logical_id))
}

fn make(builder: &mut Builder<'_>, resource: &Resource<'_>, scope: &Scope) -> Result<Physical> {
    let properties = resource.evaluate(scope)?;
    let previous = builder
        .previous
        .get(&resource.logical_id)
        .filter(|made| made.resource_type == resource.resource_type);
    let version = previous.map_or(1, |made| {
        made.version + u32::from(made.properties != properties)
    });
    // It is put down before it is made, so that its maker can note its port there.
    builder.plan.resources.push(Made {
        logical_id: resource.logical_id.clone(),
        resource_type: resource.resource_type.clone(),
        properties: Value::Null,
        physical: Physical::default(),
        version,
        port: None,
        retained: resource.retained,
    });
    let made = match maker(resource) {
        Some(make) => make(
            builder,
            Input {
                resource,
                properties: &properties,
                version,
            },
        )?,
        None => return Err(unknown_type(resource)),
    };
    if let Some(last) = builder.plan.resources.last_mut() {
        last.properties = properties;
        last.physical = made.clone();
    }
    Ok(made)
}

/// What a resource answers: its reference and its attributes.
fn physical<'a>(
    reference: &str,
    attributes: impl IntoIterator<Item = (&'a str, Value)>,
) -> Physical {
    Physical {
        reference: reference.to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(crate) mod tests;
