//! When something fails: its true cause on one screen, with what it means, what the container said, and what became of the rest.
//! In the order of the deploy, since what stands is not made again.

use std::process::Output;
use std::time::{Duration, Instant};

use aws_sdk_ecr::types::ImageIdentifier;
use serde_json::{Value as Json, json};

use crate::deploy::{DEPLOY, spawn};
use crate::emulator::Emulator;
use crate::fixture::Workspace;

/// With the hint at its end.
const SCREEN_LINES: usize = 24;
const REMOVED: &str = "DELETE_COMPLETE: everything that it had made was removed again";
const AS_BEFORE: &str = "UPDATE_ROLLBACK_COMPLETE: the stack is as it was before";

/// What went wrong, how the screen has to begin, and what else has to stand there.
struct Screen {
    what: &'static str,
    first: &'static str,
    words: &'static [&'static str],
}

impl Screen {
    #[track_caller]
    fn assert(&self, said: &str) {
        let what = self.what;
        let screen = said.find("error: ").map_or("", |start| &said[start + 7..]);
        assert!(
            screen.starts_with(self.first),
            "{what}: not `{}` but\n{said}",
            self.first
        );
        for word in self.words {
            assert!(screen.contains(word), "{what}: no `{word}` in\n{screen}");
        }
        assert!(!screen.contains("cancelled"), "{what}:\n{screen}");
        assert!(
            screen.lines().count() <= SCREEN_LINES,
            "{what}: more than a screen\n{screen}"
        );
    }
}

/// What can only be said by rule, in AWS's words as far as they are documented.
fn rules() -> Vec<(Json, Screen)> {
    vec![
        (
            json!({"resource": "AWS::EC2::VPC", "reason": "The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)"}),
            Screen {
                what: "a quota",
                first: "small-dev-network failed: Vpc (AWS::EC2::VPC): The maximum number of VPCs has been reached.",
                words: &[
                    "the region's limit of VPCs is reached",
                    "aws service-quotas request-service-quota-increase",
                    REMOVED,
                    "not begun: ",
                ],
            },
        ),
        (
            json!({"resource": "AWS::IAM::Role", "stack": "small-dev-x402-backend",
                "reason": "API: iam:CreateRole User: arn:aws:iam::000000000000:user/dev is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::000000000000:role/small"}),
            Screen {
                what: "a missing permission",
                first: "small-dev-x402-backend failed: ExecutionRole (AWS::IAM::Role): API: iam:CreateRole User:",
                words: &[
                    "meaning: arn:aws:iam::000000000000:user/dev may not do iam:CreateRole",
                    "fix: allow iam:CreateRole on arn:aws:iam::000000000000:role/small for arn:aws:iam::000000000000:user/dev",
                    REMOVED,
                ],
            },
        ),
    ]
}

/// The stacks after the first service.
fn later_rules() -> Vec<(Json, Screen)> {
    vec![
        (
            json!({"resource": "AWS::BedrockAgentCore::Runtime",
                "reason": "Resource handler returned message: \"Exceeded attempts to wait\" (RequestToken: 1, HandlerErrorCode: NotStabilized)"}),
            Screen {
                what: "a timeout",
                first: "small-dev-agent failed: Runtime (AWS::BedrockAgentCore::Runtime): Exceeded attempts to wait (NotStabilized)",
                words: &[
                    "AWS waited for it to get ready, and gave up",
                    REMOVED,
                    "deployed: ",
                    "not begun: frontend",
                ],
            },
        ),
        (
            json!({"resource": "AWS::BedrockAgentCore::RuntimeEndpoint",
                "reason": "Resource handler returned message: \"Endpoint live is in FAILED state\" (RequestToken: 1, HandlerErrorCode: NotStabilized)"}),
            Screen {
                what: "an endpoint that fails",
                first: "small-dev-agent failed: Endpoint (AWS::BedrockAgentCore::RuntimeEndpoint): Endpoint live is in FAILED state (NotStabilized)",
                words: &[
                    "AWS waited for it to get ready, and gave up",
                    "AgentCore says: ready, version 1",
                    REMOVED,
                ],
            },
        ),
        (
            json!({"resource": "TargetGroup", "stack": "small-dev-frontend",
                "reason": "Properties validation failed for resource TargetGroup with message: #/Protocol: #: only 1 subschema matches out of 2"}),
            Screen {
                what: "a bad property",
                first: "small-dev-frontend failed: TargetGroup (AWS::ElasticLoadBalancingV2::TargetGroup): Properties validation failed",
                words: &[
                    "a property is not as the resource wants it",
                    "cargo xtask check",
                    REMOVED,
                ],
            },
        ),
        (
            json!({"resource": "LoadBalancer", "stack": "small-dev-frontend",
                "reason": "The maximum number of load balancers has been reached (Service: ElasticLoadBalancingV2, Status Code: 400)",
                "cancels": {"Cluster": "AWS::ECS::Cluster", "LogGroup": "AWS::Logs::LogGroup"}}),
            Screen {
                what: "siblings that are cancelled",
                first: "small-dev-frontend failed: LoadBalancer (AWS::ElasticLoadBalancingV2::LoadBalancer): The maximum number of load balancers",
                words: &["--quota-code L-53DA6B97", REMOVED],
            },
        ),
    ]
}

#[track_caller]
fn fail_by_rules(emulator: &Emulator, workspace: &Workspace, rules: Vec<(Json, Screen)>) {
    for (rule, screen) in rules {
        // A rollback that is over at once leaves nobody to ask.
        let rollback = json!({"resource": "AWS::BedrockAgentCore::Runtime", "on": "delete", "delay_seconds": 3.0});
        emulator.fault(&json!([rule, rollback]));
        screen.assert(&workspace.fail(emulator, &DEPLOY));
    }
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn the_first_cause_is_named_on_one_screen() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    take_a_name(&emulator, &workspace).await;
    fail_by_rules(&emulator, &workspace, rules());
    refuse_a_value(&emulator, &workspace);
    lose_an_image(&emulator, &workspace).await;
    fail_by_rules(&emulator, &workspace, later_rules());
    lose_a_secret(&emulator, &workspace).await;
    drop(workspace.succeed(&emulator, &DEPLOY));
}

/// Somebody else has a repository of a name that the stage wants.
async fn take_a_name(emulator: &Emulator, workspace: &Workspace) {
    let ecr = aws_sdk_ecr::Client::new(&emulator.config().await);
    let name = "small/dev/agent";
    let made = ecr.create_repository().repository_name(name).send().await;
    drop(made.unwrap());
    Screen {
        what: "a name that is taken",
        first: "small-dev-artifacts failed: AgentRepository (AWS::ECR::Repository): Resource of type 'AWS::ECR::Repository' with identifier 'small/dev/agent' already exists.",
        words: &[
            "meaning: a repository small/dev/agent is there and does not belong to this stack",
            "aws ecr delete-repository --force --repository-name small/dev/agent",
            REMOVED,
        ],
    }
    .assert(&workspace.fail(emulator, &DEPLOY));
    let gone = ecr.delete_repository().repository_name(name).send().await;
    drop(gone.unwrap());
    // The network was made beside it, and the next case wants to see it fail.
    drop(workspace.succeed(emulator, &["destroy", "--stage", "dev", "--yes"]));
}

/// A parameter takes no value of this account: CloudFormation refuses the change set, and nothing is touched.
fn refuse_a_value(emulator: &Emulator, workspace: &Workspace) {
    let (template, digits) = ("templates/macros.tera", r"'^\d{12}\.dkr");
    workspace.replace(template, digits, r"'^[1-9]\d{11}\.dkr");
    Screen {
        what: "a validation error",
        first: "cannot make a change set for small-dev-x402-backend: Parameter 'ImageUri' must be an image in ECR",
        words: &[
            "a value is not of the form that the parameter asks for",
            "hint: is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched",
        ],
    }
    .assert(&workspace.fail(emulator, &DEPLOY));
    workspace.replace(template, r"'^[1-9]\d{11}\.dkr", digits);
}

/// The image goes after it was pushed and before the task wants it. The next deploy pushes it again, as the screen says.
async fn lose_an_image(emulator: &Emulator, workspace: &Workspace) {
    let ecr = aws_sdk_ecr::Client::new(&emulator.config().await);
    let name = "small/dev/x402-backend";
    let said = meanwhile(emulator, workspace, "x402-backend", async || {
        let images = ecr.list_images().repository_name(name).send().await;
        let images: Vec<ImageIdentifier> = images.unwrap().image_ids.unwrap_or_default();
        let found = !images.is_empty();
        if found {
            let deletion = ecr.batch_delete_image().repository_name(name);
            drop(deletion.set_image_ids(Some(images)).send().await.unwrap());
        }
        found
    });
    Screen {
        what: "an image that is missing",
        first: "small-dev-x402-backend failed: Service (AWS::ECS::Service): Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
        words: &[
            "stopped: CannotPullContainerError: ",
            "the image is not in the repository",
            "fix: deploy again: what is missing is pushed anew",
            REMOVED,
        ],
    }
    .assert(&said.await);
}

/// The secret goes after the stack made it and before the task wants it.
async fn lose_a_secret(emulator: &Emulator, workspace: &Workspace) {
    let secrets = aws_sdk_secretsmanager::Client::new(&emulator.config().await);
    let said = meanwhile(emulator, workspace, "frontend", async || {
        let deletion = secrets
            .delete_secret()
            .secret_id("small/dev/frontend/access-key");
        let deletion = deletion.force_delete_without_recovery(true);
        deletion.send().await.is_ok()
    });
    Screen {
        what: "a secret that is missing",
        first: "small-dev-frontend failed: Service (AWS::ECS::Service): Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
        words: &[
            "stopped: ResourceInitializationError: ",
            "the secret that the task wants is not there",
            "aws secretsmanager restore-secret",
        ],
    }
    .assert(&said.await);
}

/// A deploy that fails because of what is done while the task definition of a stack is long in the making.
async fn meanwhile(
    emulator: &Emulator,
    workspace: &Workspace,
    owner: &str,
    act: impl AsyncFn() -> bool,
) -> String {
    let stack = format!("small-dev-{owner}");
    let slow = json!({"resource": "TaskDefinition", "stack": stack, "delay_seconds": 5.0});
    // Three tasks fail within a second here, and a rollback is over within another; on AWS either takes minutes.
    let rollback = json!({"resource": "AWS::ECS::Cluster", "on": "delete", "delay_seconds": 5.0});
    emulator.fault(&json!([slow, rollback]));
    drop(emulator.take_calls());
    let deploy = spawn(workspace.command(emulator, &DEPLOY));
    let began = Instant::now();
    let executed = || {
        let calls = emulator.calls();
        calls
            .iter()
            .any(|call| call.call.contains("ExecuteChangeSet"))
    };
    while !(executed() && act().await) {
        assert!(began.elapsed().as_secs() < 60, "{:?}", emulator.calls());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let Output { status, stderr, .. } = deploy.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success(), "it succeeded\n{said}");
    said
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn what_a_container_said_last_is_on_the_screen() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let dockerfile = "services/x402-backend/Dockerfile";
    let crashed = |rest: &'static str| Screen {
        what: "a container that crashes",
        first: "small-dev-x402-backend failed: Service (AWS::ECS::Service): Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
        words: match rest {
            REMOVED => &[
                "exit code 3",
                "meaning: the program ended by itself",
                "x402-backend cannot start: the setting CRASH is on-purpose",
                REMOVED,
            ],
            _ => &[
                "exit code 3",
                "meaning: the program ended by itself",
                "x402-backend cannot start: the setting CRASH is on-purpose",
                AS_BEFORE,
            ],
        },
    };
    workspace.replace(dockerfile, "PORT=8080", "PORT=8080 CRASH=on-purpose");
    crashed(REMOVED).assert(&workspace.fail(&emulator, &DEPLOY));

    workspace.replace(dockerfile, "CRASH=on-purpose", "SICK=yes");
    Screen {
        what: "a health check that fails",
        first: "small-dev-x402-backend failed: Service (AWS::ECS::Service): Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
        words: &[
            "tasks stopped: Task failed ELB health checks",
            "Health checks failed with these codes: [503]",
            "does not answer its load balancer's health check with 200",
            "x402-backend answers 503 Service Unavailable to /health",
            REMOVED,
        ],
    }
    .assert(&workspace.fail(&emulator, &DEPLOY));

    workspace.replace(dockerfile, " SICK=yes", "");
    drop(workspace.succeed(&emulator, &DEPLOY));
    // The agent was asked something after the deploy, so it has said something.
    workspace.replace(
        "services/agent/Dockerfile",
        "PORT=8080",
        "PORT=8080 AGAIN=yes",
    );
    emulator.fault(&json!([{"resource": "Endpoint", "on": "update",
        "reason": "Resource handler returned message: \"Endpoint live is in UPDATE_FAILED state\" (RequestToken: 1, HandlerErrorCode: NotStabilized)"}]));
    Screen {
        what: "an endpoint that does not move",
        first: "small-dev-agent failed: Endpoint (AWS::BedrockAgentCore::RuntimeEndpoint): Endpoint live is in UPDATE_FAILED state",
        words: &["AgentCore says: ready, version ", "agent answers 200 OK to /invocations", AS_BEFORE],
    }
    .assert(&workspace.fail(&emulator, &DEPLOY));

    // The old tasks go on writing to the same log, and are not what failed.
    workspace.replace(dockerfile, "PORT=8080", "PORT=8080 CRASH=on-purpose");
    let said = workspace.fail(&emulator, &DEPLOY);
    crashed(AS_BEFORE).assert(&said);
    assert!(!said.contains("x402-backend answers"), "{said}");
    workspace.replace(dockerfile, " CRASH=on-purpose", "");
    drop(workspace.succeed(&emulator, &DEPLOY));
}
