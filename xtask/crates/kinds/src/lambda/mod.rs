//! `kind = "lambda"`: a function with a URL that takes signed requests.

use crate::{
    AnswerLimit, Artifact, Callers, EnvironmentLimits, Grant, Kind, Port, Program, RoleProperty,
    SecretsIn, Size, SizeProblem, StackInput, Use,
};

pub static KIND: Kind = Kind {
    name: "lambda",
    platform: "Lambda",
    artifact: Artifact::Zip,
    // It is loaded from a zip of half its size.
    program_bytes_max: 14_000_000,
    size_problems: problems,
    environment: Some(EnvironmentLimits {
        bytes_max: 4_096,
        each: None,
    }),
    port: Port::None,
    answer_limit: AnswerLimit::Timeout,
    in_network: false,
    callers: Callers::Permitted {
        output: "functionArn",
        grants: &[
            // A Function URL asks for both actions.
            Grant {
                action: "lambda:InvokeFunctionUrl",
                and_below: false,
            },
            Grant {
                action: "lambda:InvokeFunction",
                and_below: false,
            },
        ],
    },
    has_table: true,
    inputs: &[StackInput::CodeBucket, StackInput::CodeKey],
    outputs: &["url", "functionArn", "functionName", "logGroupName"],
    resources: &["AWS::Lambda::Function", "AWS::Lambda::Url"],
    program: &FUNCTION,
    regions: None,
};

const FUNCTION: Program = Program {
    resource_type: "AWS::Lambda::Function",
    roles: &[RoleProperty {
        property: "Role",
        purpose: Use::Function,
    }],
    secrets: SecretsIn::Arns("Environment.Variables"),
};

fn problems(size: &Size) -> Vec<SizeProblem> {
    let mut problems = Vec::new();
    if !(128..=10_240).contains(&size.memory_mib) {
        problems.push(SizeProblem {
            key: "memory_mib",
            text: format!("memory_mib is {}", size.memory_mib),
            fix: "Lambda takes 128 to 10240".to_owned(),
        });
    }
    if !(1..=900).contains(&size.timeout_seconds) {
        problems.push(SizeProblem {
            key: "timeout_seconds",
            text: format!("timeout_seconds is {}", size.timeout_seconds),
            fix: "Lambda takes 1 to 900".to_owned(),
        });
    }
    problems
}
