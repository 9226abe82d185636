//! Texts as AWS words them, and what becomes of each.

use expect_test::expect;

use super::*;

/// One line for each text: its start, what it means, the way out.
fn table(texts: &[&str]) -> String {
    let mut lines = String::new();
    for text in texts {
        let found = explain(text);
        let (meaning, fix) = found.map_or_else(
            || ("(AWS's words only)".to_owned(), String::new()),
            |found| (found.meaning, found.fix),
        );
        let start: String = text.chars().take(70).collect();
        lines.push_str(&format!("{}\n    = {meaning}\n", start.trim_end()));
        if !fix.is_empty() {
            lines.push_str(&format!("    > {fix}\n"));
        }
    }
    lines
}

#[test]
fn who_may_not() {
    expect![[r#"
        AccessDenied User: arn:aws:iam::123456789012:user/alice is not authori
            = arn:aws:iam::123456789012:user/alice may not do iam:PassRole
            > allow iam:PassRole on arn:aws:iam::123456789012:role/turnpike-dev for arn:aws:iam::123456789012:user/alice, and run the same command again
        Resource handler returned message: "User: arn:aws:sts::123456789012:as
            = the organization forbids ecs:CreateCluster in this account
            > ask whoever runs the AWS organization to allow ecs:CreateCluster on *; nothing in this account can
        User: arn:aws:iam::123456789012:user/alice is not authorized to perfor
            = a policy denies ec2:CreateVpc to arn:aws:iam::123456789012:user/alice, and a denial beats what allows it
            > take ec2:CreateVpc on * out of the policy that denies it
        UnauthorizedOperation You are not authorized to perform this operation
            = whoever deploys lacks a permission, and AWS says which in a sealed message
            > open it: aws sts decode-authorization-message --encoded-message MESSAGE
        API: ec2:CreateVpc You are not authorized to perform this operation.
            = whoever deploys lacks a permission for this
            > add the permission that is named, and run the same command again
        ExpiredToken The security token included in the request is expired
            = the credentials have run out
            > sign in again and run the same command: it goes on where it was
        InvalidClientTokenId The security token included in the request is inv
            = AWS does not know these credentials
            > sign in again, or set AWS_PROFILE to the right profile
        SignatureDoesNotMatch Signature expired: 20261122T120000Z is now earli
            = this machine's clock is wrong: AWS takes requests from the last five minutes only
            > set the clock (`timedatectl set-ntp true`) and run the same command again
    "#]].assert_eq(&table(&[
        "AccessDenied User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/turnpike-dev because no identity-based policy allows the iam:PassRole action",
        r#"Resource handler returned message: "User: arn:aws:sts::123456789012:assumed-role/deploy/alice is not authorized to perform: ecs:CreateCluster on resource: * with an explicit deny in a service control policy" (RequestToken: 1, HandlerErrorCode: AccessDenied)"#,
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ec2:CreateVpc with an explicit deny in an identity-based policy",
        "UnauthorizedOperation You are not authorized to perform this operation. Encoded authorization failure message: Zm9v",
        "API: ec2:CreateVpc You are not authorized to perform this operation.",
        "ExpiredToken The security token included in the request is expired",
        "InvalidClientTokenId The security token included in the request is invalid.",
        "SignatureDoesNotMatch Signature expired: 20261122T120000Z is now earlier than 20261122T121500Z",
    ]));
}

#[test]
fn containers() {
    expect![[r#"
        Resource handler returned message: "Error occurred during operation 'E
            = tasks of the service kept ending or failing their health checks, so ECS gave up
            > the reason is what the tasks said (below, or `cargo xtask status`): fix that and deploy again
        CannotPullContainerError: pull image manifest has been retried 1 time(
            = the image has no variant for the task's processor
            > build it for 64-bit Arm (`cargo xtask build`) and deploy again
        CannotPullContainerError: ref pull has been retried 5 time(s): failed
            = the task cannot reach the registry: its subnet has no way out
            > the service needs a public address or a NAT gateway; compare the network stack's routes with `cargo xtask check`
        CannotPullContainerError: manifest for turnpike/dev/agent@sha256:00 no
            = the image is not in the repository: it was never pushed, or a lifecycle rule has removed it
            > deploy again: what is missing is pushed anew
        ResourceInitializationError: unable to pull secrets or registry auth:
            = the task's execution role may not read the secret
            > allow secretsmanager:GetSecretValue on that secret for the execution role
        exec /frontend: exec format error
            = the program in the image is for another processor
            > build it for 64-bit Arm: `cargo xtask build` does, and its check of the program says what it found
        Task failed ELB health checks in (target-group arn:aws:elasticloadbala
            = the container runs, and does not answer its load balancer's health check with 200
            > does it listen on its port on 0.0.0.0, is it quick enough to start, and does its health page say 200? Its last lines may tell
        OutOfMemoryError: Container killed due to memory usage
            = the container used more memory than it has
            > raise `memory_mib` in the service's Cargo.toml
        ResourceInitializationError: unable to pull secrets or registry auth:
            = the secret that the task wants is not there, or may not be read by its execution role
            > was it deleted by hand? aws secretsmanager restore-secret --secret-id NAME brings it back within its days; if it is gone, delete the stack that owned it and deploy again
        You've reached the limit on the number of vCPUs you can run concurrent
            = the account's limit of Fargate processors in this region is reached; a new account has few
            > aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 32
        ResourceInitializationError: failed to create a network interface in s
            = the task got no network interface: the subnet has no free address, or the account no interface left
            > look at both: aws ec2 describe-subnets (AvailableIpAddressCount), and Service Quotas (VPC, network interfaces)
        Capacity is unavailable at this time. Please try again later or in a d
            = Fargate has no room of this kind in these zones at the moment
            > run the same command again in a few minutes
        Resource handler returned message: "Access denied while validating ECR
            = AgentCore cannot read the agent's repository as the agent's role
            > allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on it, and ecr:GetAuthorizationToken on *, in the role itself; a new role may take seconds to work: run the same command again
        One or more subnets are in an Availability Zone that does not support
            = the service is not offered in every availability zone, and a subnet is in one without it
            > choose subnets in supported zones by their ids (use1-az1, not us-east-1a): the user guide of AgentCore lists them by region
        The specified image identifier does not exist in the repository
            = the image is not in the repository: it was never pushed, or a lifecycle rule has removed it
            > deploy again: what is missing is pushed anew
        Limit exceeded for resource of type 'AWS::BedrockAgentCore::Runtime'.
            = the account's first agent makes a role for AgentCore, and IAM was too busy; it is not a quota
            > run the same command again in a minute; if it stays: aws iam create-service-linked-role --aws-service-name runtime-identity.bedrock-agentcore.amazonaws.com
        Failed creating service linked role. Please verify that the calling ro
            = the account's first agent makes a role for AgentCore, in a VPC another one, and whoever deploys may not make them
            > allow iam:CreateServiceLinkedRole on arn:aws:iam::*:role/aws-service-role/*.bedrock-agentcore.amazonaws.com/*, and run the same command again
    "#]].assert_eq(&table(&[
        r#"Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'." (RequestToken: 1, HandlerErrorCode: GeneralServiceException)"#,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'",
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to resolve ref: dial tcp 10.0.0.1:443: i/o timeout",
        "CannotPullContainerError: manifest for turnpike/dev/agent@sha256:00 not found: manifest unknown",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: AccessDeniedException",
        "exec /frontend: exec format error",
        "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/a/b)",
        "OutOfMemoryError: Container killed due to memory usage",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        "You've reached the limit on the number of vCPUs you can run concurrently",
        "ResourceInitializationError: failed to create a network interface in subnet-1",
        "Capacity is unavailable at this time. Please try again later or in a different availability zone",
        r#"Resource handler returned message: "Access denied while validating ECR URI '123456789012.dkr.ecr.us-west-2.amazonaws.com/a'" (HandlerErrorCode: InvalidRequest)"#,
        "One or more subnets are in an Availability Zone that does not support AgentCore: use1-az3",
        "The specified image identifier does not exist in the repository",
        "Limit exceeded for resource of type 'AWS::BedrockAgentCore::Runtime'. Reason: Failed creating service linked role. Rate limit exceeded from IAM (ServiceLimitExceeded)",
        "Failed creating service linked role. Please verify that the calling role has sufficient permissions to create a service linked role.",
    ]));
}

#[test]
fn resources() {
    expect![[r#"
        Resource handler returned message: "Resource of type 'AWS::Logs::LogGr
            = a log group /turnpike/dev is there and does not belong to this stack: an earlier stack may have left it on purpose
            > if nobody needs its lines: aws logs delete-log-group --log-group-name /turnpike/dev; or choose another name for the stage
        Resource handler returned message: "Resource of type 'AWS::ECR::Reposi
            = a repository turnpike/dev/agent is there and does not belong to this stack
            > if nobody needs its images: aws ecr delete-repository --force --repository-name turnpike/dev/agent; or choose another name for the project or the stage
        Resource of type 'AWS::DynamoDB::Table' already exists.
            = a table NAME is there and does not belong to this stack; it may hold payments
            > look at it first; if nobody needs it: aws dynamodb delete-table --table-name NAME; or choose another name for the stage
        Secrets Manager can't find the specified secret.
            = a secret that is named is not there: it was deleted by hand, or never made
            > aws secretsmanager restore-secret --secret-id NAME brings a deleted one back within its days; else deploy the stack that owns it first
        The maximum number of load balancers has been reached
            = the region's limit of load balancers is reached: 50 unless somebody asked for more
            > delete one that nobody uses, or: aws service-quotas request-service-quota-increase --service-code elasticloadbalancing --quota-code L-53DA6B97 --desired-value 100
        There are not enough free addresses in subnet subnet-1
            = a subnet has no address left for a load balancer or a task
            > a larger `vpc_cidr` for the stage, or fewer things in it; network interfaces of AgentCore stay for hours
        turnpike-dev-artifacts-123456789012 already exists (Service: S3, Bucke
            = bucket names are worldwide, and somebody has this one
            > remove it if it is yours and nobody needs it, or choose another name for the project or the stage
        You can't create this secret because a secret with this name is alread
            = a secret of this name was deleted and is kept for some days, which holds the name
            > bring it back (aws secretsmanager restore-secret --secret-id NAME) or end it (aws secretsmanager delete-secret --secret-id NAME --force-delete-without-recovery)
        Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Mes
            = the function's code is not in the bucket
            > deploy again: what is missing is uploaded anew
        The role defined for the function cannot be assumed by Lambda.
            = the function's role is seconds old, and not known everywhere yet; or it does not trust lambda.amazonaws.com
            > run the same command again; if it stays, `cargo xtask check` looks at the trust
        The maximum number of VPCs has been reached. (Service: Ec2, Status Cod
            = the region's limit of VPCs is reached: 5 unless somebody asked for more
            > delete one that nobody uses, or: aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 10
        resource sg-0123 has a dependent object
            = something still uses it: network interfaces of AgentCore stay for up to eight hours after the agent has gone
            > wait and run the same command again, or see who has it: aws ec2 describe-network-interfaces
        The bucket you tried to delete is not empty. You must delete all versi
            = a bucket has to be empty before it goes, all versions included
            > `cargo xtask destroy` empties it where the stage is not protected
        Resource timed out waiting for completion: did not stabilize
            = AWS waited for it to get ready, and gave up
            > what it runs may not come up: `cargo xtask logs` and `cargo xtask status`, then deploy again
        Throttling Rate exceeded
            = AWS is asked too often at the moment, by this and everything else in the account
            > run the same command again: it goes on where it was
        ServiceQuotaExceededException: you have reached the quota of agents
            = a limit of the account is reached
            > ask for more under Service Quotas in the stage's region, or remove what nobody uses
        the moon is in the wrong phase
            = (AWS's words only)
    "#]].assert_eq(&table(&[
        r#"Resource handler returned message: "Resource of type 'AWS::Logs::LogGroup' with identifier '{"/properties/LogGroupName":"/turnpike/dev"}' already exists." (HandlerErrorCode: AlreadyExists)"#,
        r#"Resource handler returned message: "Resource of type 'AWS::ECR::Repository' with identifier 'turnpike/dev/agent' already exists." (HandlerErrorCode: AlreadyExists)"#,
        "Resource of type 'AWS::DynamoDB::Table' already exists.",
        "Secrets Manager can't find the specified secret.",
        "The maximum number of load balancers has been reached",
        "There are not enough free addresses in subnet subnet-1",
        "turnpike-dev-artifacts-123456789012 already exists (Service: S3, Bucket)",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        "The role defined for the function cannot be assumed by Lambda.",
        "The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)",
        "resource sg-0123 has a dependent object",
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        "Resource timed out waiting for completion: did not stabilize",
        "Throttling Rate exceeded",
        "ServiceQuotaExceededException: you have reached the quota of agents",
        "the moon is in the wrong phase",
    ]));
}

#[test]
fn stacks() {
    expect![[r#"
        ValidationError Parameters: [Url] must have values
            = the template has a parameter that nothing gives a value
            > link it in the service's Cargo.toml, or give it a default; nothing was touched
        ValidationError Parameter Url failed to satisfy constraint: must be a
            = a value is not of the form that the parameter asks for
            > is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched
        ValidationError Template format error: Unresolved resource dependencie
            = the template refers to something that it does not have
            > `cargo xtask check` names the line
        ValidationError Template format error: Unrecognized resource types: [A
            = the region does not have this type of resource
            > choose another region for the stage, or leave the service out of it
        ValidationError Parameter 'ImageUri' must be an image in ECR
            = a value is not of the form that the parameter asks for
            > is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched
        Properties validation failed for resource Service with message: #: ext
            = a property that the resource does not have
            > correct the template: `cargo xtask check` names the line
        Export turnpike-dev-vpc cannot be deleted as it is in use by turnpike-
            = another stack imports a value of this one
            > deploy or delete that stack first
        InsufficientCapabilitiesException Requires capabilities : [CAPABILITY_
            = the template makes roles with names of their own, which a deploy does not allow
            > leave `RoleName` out of the template: CloudFormation finds a name
    "#]].assert_eq(&table(&[
        "ValidationError Parameters: [Url] must have values",
        "ValidationError Parameter Url failed to satisfy constraint: must be a URL",
        "ValidationError Template format error: Unresolved resource dependencies [Vpc] in the Resources block of the template",
        "ValidationError Template format error: Unrecognized resource types: [AWS::BedrockAgentCore::Runtime]",
        "ValidationError Parameter 'ImageUri' must be an image in ECR",
        "Properties validation failed for resource Service with message: #: extraneous key [Foo] is not permitted",
        "Export turnpike-dev-vpc cannot be deleted as it is in use by turnpike-dev-agent",
        "InsufficientCapabilitiesException Requires capabilities : [CAPABILITY_NAMED_IAM]",
    ]));
}

#[test]
fn a_secret_that_was_kept() {
    expect![[r#"
        Resource handler returned message: "The operation failed because the s
            = a secret turnpike/dev/mcp-server/wallet-key is there and does not belong to this stack: a protected stage keeps its secrets, and CloudFormation adopts none by its name
            > to go on with it, let the service's Cargo.toml refer to it under `secrets` ({ stage = "setting" }) and give the stage its ARN: aws secretsmanager describe-secret --secret-id turnpike/dev/mcp-server/wallet-key; if nobody needs it: aws secretsmanager delete-secret --force-delete-without-recovery --secret-id turnpike/dev/mcp-server/wallet-key
    "#]].assert_eq(&table(&[
        r#"Resource handler returned message: "The operation failed because the secret turnpike/dev/mcp-server/wallet-key already exists. (Service: SecretsManager, Status Code: 400, Request ID: 1)" (HandlerErrorCode: AlreadyExists)"#,
    ]));
}
