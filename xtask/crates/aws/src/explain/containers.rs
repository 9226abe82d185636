//! Containers that do not start or do not stay: ECS and AgentCore.

use super::{Known, known};

const SECRET_GONE: &str =
    "the secret that the task wants is not there, or may not be read by its execution role";
const SECRET_BACK: &str = "was it deleted by hand? aws secretsmanager restore-secret --secret-id NAME brings it back within its days; if it is gone, delete the stack that owned it and deploy again";

pub(super) const KNOWN: &[Known] = &[
    known(
        &["exec format error"],
        "the program in the image is for another processor",
        "build it for 64-bit Arm: `cargo xtask build` does, and its check of the program says what it found",
    ),
    known(
        &["cannotpullcontainererror", "platform"],
        "the image has no variant for the task's processor",
        "build it for 64-bit Arm (`cargo xtask build`) and deploy again",
    ),
    known(
        &["cannotpullcontainererror", "timeout"],
        "the task cannot reach the registry: its subnet has no way out",
        "the service needs a public address or a NAT gateway; compare the network stack's routes with `cargo xtask check`",
    ),
    known(
        &["cannotpullcontainererror", "not found"],
        "the image is not in the repository: it was never pushed, or a lifecycle rule has removed it",
        "deploy again: what is missing is pushed anew",
    ),
    known(
        &["cannotpullcontainererror", "not authorized"],
        "the task's execution role may not read the repository",
        "allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on it, and ecr:GetAuthorizationToken on *",
    ),
    known(
        &["cannotpullcontainererror"],
        "the task could not fetch its image",
        "is the digest in the repository, may the execution role read it, and has the subnet a way out?",
    ),
    known(
        &["resourceinitializationerror", "secret", "accessdenied"],
        "the task's execution role may not read the secret",
        "allow secretsmanager:GetSecretValue on that secret for the execution role",
    ),
    known(
        &["resourceinitializationerror", "secret", "resourcenotfound"],
        SECRET_GONE,
        SECRET_BACK,
    ),
    known(
        &["resourceinitializationerror", "unable to retrieve secret "],
        SECRET_GONE,
        SECRET_BACK,
    ),
    known(
        &["resourceinitializationerror", "network interface"],
        "the task got no network interface: the subnet has no free address, or the account no interface left",
        "look at both: aws ec2 describe-subnets (AvailableIpAddressCount), and Service Quotas (VPC, network interfaces)",
    ),
    known(
        &["resourceinitializationerror", "log"],
        "the task's log group is not there, or its execution role may not write to it",
        "deploy again; if it stays, allow logs:CreateLogStream and logs:PutLogEvents for the execution role",
    ),
    known(
        &["resourceinitializationerror"],
        "the task could not be set up: it cannot reach the registry, Secrets Manager or the logs",
        "the service needs a public address or a NAT gateway, and its execution role the permissions",
    ),
    known(
        &["outofmemoryerror"],
        "the container used more memory than it has",
        "raise `memory_mib` in the service's Cargo.toml",
    ),
    known(
        &["exit code: 137"],
        "the container was killed, most often for using more memory than it has",
        "raise `memory_mib` in the service's Cargo.toml",
    ),
    known(
        &["failed elb health checks"],
        "the container runs, and does not answer its load balancer's health check with 200",
        "does it listen on its port on 0.0.0.0, is it quick enough to start, and does its health page say 200? Its last lines may tell",
    ),
    known(
        &["failed container health checks"],
        "the container runs, and its own health check fails",
        "run the HEALTHCHECK of its Dockerfile against it; its last lines may tell",
    ),
    known(
        &["essential container in task exited"],
        "the program ended by itself",
        "its last lines say why: fix that and deploy again",
    ),
    known(
        &["circuit breaker was triggered"],
        "tasks of the service kept ending or failing their health checks, so ECS gave up",
        "the reason is what the tasks said (below, or `cargo xtask status`): fix that and deploy again",
    ),
    known(
        &["limit on the number of vcpus"],
        "the account's limit of Fargate processors in this region is reached; a new account has few",
        "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 32",
    ),
    known(
        &["capacity is unavailable"],
        "Fargate has no room of this kind in these zones at the moment",
        "run the same command again in a few minutes",
    ),
    known(
        &["unable to assume the service linked role"],
        "the account has never used ECS, and its own role is only now being made",
        "run the same command again in a minute; if it stays: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    ),
    known(
        &["validating ecr uri"],
        "AgentCore cannot read the agent's repository as the agent's role",
        "allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on it, and ecr:GetAuthorizationToken on *, in the role itself; a new role may take seconds to work: run the same command again",
    ),
    known(
        &["image identifier does not exist"],
        "the image is not in the repository: it was never pushed, or a lifecycle rule has removed it",
        "deploy again: what is missing is pushed anew",
    ),
    known(
        &["architecture incompatible"],
        "AgentCore runs 64-bit Arm only",
        "build the image for it: `cargo xtask build` does",
    ),
    known(
        &["subnet", "availability zone", "not support"],
        "the service is not offered in every availability zone, and a subnet is in one without it",
        "choose subnets in supported zones by their ids (use1-az1, not us-east-1a): the user guide of AgentCore lists them by region",
    ),
    known(
        &["failed creating service linked role", "rate limit exceeded"],
        "the account's first agent makes a role for AgentCore, and IAM was too busy; it is not a quota",
        "run the same command again in a minute; if it stays: aws iam create-service-linked-role --aws-service-name runtime-identity.bedrock-agentcore.amazonaws.com",
    ),
    known(
        &["failed creating service linked role"],
        "the account's first agent makes a role for AgentCore, in a VPC another one, and whoever deploys may not make them",
        "allow iam:CreateServiceLinkedRole on arn:aws:iam::*:role/aws-service-role/*.bedrock-agentcore.amazonaws.com/*, and run the same command again",
    ),
    known(
        &["access to the model with the specified model id"],
        "a policy of the account or its organization denies this model, or it is another company's and was never subscribed to",
        "look for a service control policy; a first use of another company's model needs aws-marketplace:Subscribe, and one of Anthropic's a form, which its page in the Bedrock console's model catalog shows",
    ),
];
