//! `kind = "agentcore"`: an agent on Bedrock AgentCore Runtime, with an endpoint that callers name.

use crate::fargate::PROGRAM_BYTES_MAX;
use crate::{
    AnswerLimit, Artifact, Callers, EnvironmentLimits, Grant, Kind, Port, Program, Regions,
    RoleProperty, SecretsIn, StackInput, Use, VariableLimits,
};

pub static KIND: Kind = Kind {
    name: "agentcore",
    platform: "AgentCore",
    artifact: Artifact::Image,
    program_bytes_max: PROGRAM_BYTES_MAX,
    // It gives each session what it needs, and sells no sizes.
    size_problems: |_| Vec::new(),
    environment: Some(EnvironmentLimits {
        bytes_max: 4_096,
        each: Some(VariableLimits {
            count_max: 50,
            name_bytes_max: 100,
            value_bytes_max: 2_048,
        }),
    }),
    port: Port::Fixed(8080),
    answer_limit: AnswerLimit::None,
    in_network: false,
    callers: Callers::Permitted {
        output: "runtimeArn",
        // It asks for the permission on the runtime and on the endpoint under it.
        grants: &[Grant {
            action: "bedrock-agentcore:InvokeAgentRuntime",
            and_below: true,
        }],
    },
    has_table: false,
    inputs: &[StackInput::Image],
    outputs: &[
        "runtimeArn",
        "runtimeId",
        "runtimeVersion",
        "endpointArn",
        "endpointName",
        "logGroupName",
    ],
    resources: &[
        "AWS::BedrockAgentCore::Runtime",
        "AWS::BedrockAgentCore::RuntimeEndpoint",
    ],
    program: &RUNTIME,
    regions: Some(Regions {
        service: "Bedrock AgentCore",
        absent: &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-3",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-6",
            "ca-west-1",
            "eu-central-2",
            "il-central-1",
            "me-central-1",
            "mx-central-1",
            "us-gov-east-1",
        ],
    }),
};

const RUNTIME: Program = Program {
    resource_type: "AWS::BedrockAgentCore::Runtime",
    roles: &[RoleProperty {
        property: "RoleArn",
        purpose: Use::Runtime,
    }],
    secrets: SecretsIn::Arns("EnvironmentVariables"),
};
