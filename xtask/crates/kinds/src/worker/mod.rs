//! `kind = "worker"`: a container on ECS Fargate that nobody calls. It runs, is watched by its health check, is started again
//! when it ends, and may call others.

use crate::fargate::{INPUTS, PROGRAM_BYTES_MAX, STOP, problems};
use crate::program::TASK;
use crate::{Artifact, Callers, Kind, Port};

pub static KIND: Kind = Kind {
    name: "worker",
    platform: "Fargate",
    artifact: Artifact::Image,
    program_bytes_max: PROGRAM_BYTES_MAX,
    size_problems: problems,
    environment: None,
    port: Port::None,
    // What it has begun when it is told to stop may take as long as an answer.
    answer_limit: STOP,
    in_network: true,
    callers: Callers::Nobody,
    has_table: true,
    inputs: INPUTS,
    outputs: &["serviceName", "clusterName", "logGroupName"],
    resources: &["AWS::ECS::TaskDefinition", "AWS::ECS::Service"],
    program: &TASK,
    regions: None,
};
