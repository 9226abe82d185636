//! `kind = "fargate"`: a container on ECS Fargate behind a load balancer.

mod sizes;

use crate::program::TASK;
use crate::{AnswerLimit, Artifact, Callers, Kind, Port, StackInput};

pub(crate) use sizes::problems;
pub use sizes::{memory, sells};

pub static KIND: Kind = Kind {
    name: "fargate",
    platform: "Fargate",
    artifact: Artifact::Image,
    program_bytes_max: PROGRAM_BYTES_MAX,
    size_problems: problems,
    // A task definition as a whole may have 64 KB: no variables of ours come near that.
    environment: None,
    port: Port::Exposed,
    answer_limit: STOP,
    in_network: true,
    callers: Callers::Network,
    has_table: true,
    inputs: INPUTS,
    outputs: &["url", "serviceName", "clusterName", "logGroupName"],
    resources: &[
        "AWS::ECS::TaskDefinition",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::ElasticLoadBalancingV2::Listener",
    ],
    program: &TASK,
    regions: None,
};

/// The largest program of an image.
pub(crate) const PROGRAM_BYTES_MAX: u64 = 12_000_000;

/// A request that came in last has to be answered by the time that ECS kills the container: `stopTimeout` of its task
/// definitions, "max value is 120 seconds". The template adds the margin.
pub(crate) const STOP: AnswerLimit = AnswerLimit::Stop {
    seconds_max: 120,
    margin_seconds: 10,
};

pub(crate) const INPUTS: &[StackInput] = &[
    StackInput::Image,
    StackInput::Network("VpcId"),
    StackInput::Network("SubnetIds"),
];
