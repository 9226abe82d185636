//! Things that exist already, that are not there, that are used up.

use super::{Known, known};

pub(super) const PARTICULAR: &[Known] = &[
    known(
        &["secret", "scheduled for deletion"],
        "a secret of this name was deleted and is kept for some days, which holds the name",
        "bring it back (aws secretsmanager restore-secret --secret-id NAME) or end it (aws secretsmanager delete-secret --secret-id NAME --force-delete-without-recovery)",
    ),
    known(
        &["find the specified secret"],
        "a secret that is named is not there: it was deleted by hand, or never made",
        "aws secretsmanager restore-secret --secret-id NAME brings a deleted one back within its days; else deploy the stack that owns it first",
    ),
    known(
        &["'aws::logs::loggroup'", "already exists"],
        "a log group {name} is there and does not belong to this stack: an earlier stack may have left it on purpose",
        "if nobody needs its lines: aws logs delete-log-group --log-group-name {name}; or choose another name for the stage",
    ),
    known(
        &["'aws::ecr::repository'", "already exists"],
        "a repository {name} is there and does not belong to this stack",
        "if nobody needs its images: aws ecr delete-repository --force --repository-name {name}; or choose another name for the project or the stage",
    ),
    known(
        &["'aws::dynamodb::table'", "already exists"],
        "a table {name} is there and does not belong to this stack; it may hold payments",
        "look at it first; if nobody needs it: aws dynamodb delete-table --table-name {name}; or choose another name for the stage",
    ),
    known(
        &["because the secret ", "already exists"],
        "a secret {name} is there and does not belong to this stack: a protected stage keeps its secrets, and CloudFormation adopts none by its name",
        "to go on with it, let the service's Cargo.toml refer to it under `secrets` ({ stage = \"setting\" }) and give the stage its ARN: aws secretsmanager describe-secret --secret-id {name}; if nobody needs it: aws secretsmanager delete-secret --force-delete-without-recovery --secret-id {name}",
    ),
    known(
        &["bucketalreadyownedbyyou"],
        "this account has a bucket of that name, outside of the stack",
        "remove it if nobody needs it, or choose another name for the stage",
    ),
    known(
        &["bucket", "already exists"],
        "bucket names are worldwide, and somebody has this one",
        "remove it if it is yours and nobody needs it, or choose another name for the project or the stage",
    ),
    known(
        &["the bucket you tried to delete is not empty"],
        "a bucket has to be empty before it goes, all versions included",
        "`cargo xtask destroy` empties it where the stage is not protected",
    ),
    known(
        &["repository", "still contains images"],
        "a repository has to be empty before it goes",
        "`cargo xtask destroy` empties it where the stage is not protected",
    ),
    known(
        &["s3 error code: nosuchkey"],
        "the function's code is not in the bucket",
        "deploy again: what is missing is uploaded anew",
    ),
    known(
        &["cannot be assumed by lambda"],
        "the function's role is seconds old, and not known everywhere yet; or it does not trust lambda.amazonaws.com",
        "run the same command again; if it stays, `cargo xtask check` looks at the trust",
    ),
    known(
        &["unreservedconcurrentexecution"],
        "the account has too few concurrent executions left to reserve some for this function",
        "ask for more under Service Quotas (Lambda, concurrent executions), or reserve none",
    ),
    known(
        &["unzipped size must be smaller"],
        "the function is larger than Lambda takes",
        "leave out what it does not need: 250 MB is the limit, unpacked",
    ),
    known(
        &["codestorageexceeded"],
        "the account's space for function code is used up",
        "delete old versions of functions, or ask for more under Service Quotas",
    ),
    known(
        &["maximum number of vpcs"],
        "the region's limit of VPCs is reached: 5 unless somebody asked for more",
        "delete one that nobody uses, or: aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 10",
    ),
    known(
        &["vpclimitexceeded"],
        "the region's limit of VPCs is reached: 5 unless somebody asked for more",
        "delete one that nobody uses, or: aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 10",
    ),
    known(
        &["maximum number of load balancers"],
        "the region's limit of load balancers is reached: 50 unless somebody asked for more",
        "delete one that nobody uses, or: aws service-quotas request-service-quota-increase --service-code elasticloadbalancing --quota-code L-53DA6B97 --desired-value 100",
    ),
    known(
        &["free addresses in subnet"],
        "a subnet has no address left for a load balancer or a task",
        "a larger `vpc_cidr` for the stage, or fewer things in it; network interfaces of AgentCore stay for hours",
    ),
    known(
        &["addresslimitexceeded"],
        "the region's limit of elastic addresses is reached",
        "release one that nobody uses, or ask for more under Service Quotas (EC2)",
    ),
    known(
        &["dependencyviolation"],
        "something still uses it: network interfaces of AgentCore stay for up to eight hours after the agent has gone",
        "wait and run the same command again, or see who has it: aws ec2 describe-network-interfaces",
    ),
    known(
        &["has a dependent object"],
        "something still uses it: network interfaces of AgentCore stay for up to eight hours after the agent has gone",
        "wait and run the same command again, or see who has it: aws ec2 describe-network-interfaces",
    ),
    known(
        &["two subnets in two different availability zones"],
        "a load balancer wants two zones",
        "give the network stack subnets in two zones",
    ),
    known(
        &["cidr", "conflicts with another subnet"],
        "two subnets want the same addresses",
        "choose another `vpc_cidr` for the stage",
    ),
    known(
        &["invalid principal in policy"],
        "a policy names a role or user that is not there any more, or not yet",
        "deploy the stack with that role first; a role that was deleted and made again needs the policy written anew",
    ),
    known(
        &["malformedpolicydocument"],
        "a policy is not written as IAM wants it",
        "correct the policy in the template that is named; `cargo xtask check` looks at them",
    ),
    known(
        &["environment variables", "exceed"],
        "all variables together are larger than the service takes: 4 KB for Lambda and AgentCore",
        "shorten values, or keep the large ones in a secret",
    ),
];

pub(super) const GENERAL: &[Known] = &[
    known(
        &["already exists"],
        "something of that name is there and does not belong to this stack",
        "remove it if nobody needs it, or choose another name for the stage; nothing of it was touched",
    ),
    known(
        &["alreadyexists"],
        "something of that name is there and does not belong to this stack",
        "remove it if nobody needs it, or choose another name for the stage; nothing of it was touched",
    ),
    known(
        &["did not stabilize"],
        "AWS waited for it to get ready, and gave up",
        "what it runs may not come up: `cargo xtask logs` and `cargo xtask status`, then deploy again",
    ),
    known(
        &["notstabilized"],
        "AWS waited for it to get ready, and gave up",
        "what it runs may not come up: `cargo xtask logs` and `cargo xtask status`, then deploy again",
    ),
    known(
        &["timed out waiting"],
        "AWS waited for it to get ready, and gave up",
        "what it runs may not come up: `cargo xtask logs` and `cargo xtask status`, then deploy again",
    ),
    known(
        &["exceeded attempts to wait"],
        "AWS waited for it to get ready, and gave up",
        "what it runs may not come up: `cargo xtask logs` and `cargo xtask status`, then deploy again",
    ),
    known(
        &["servicelimitexceeded"],
        "a limit of the account is reached",
        "ask for more under Service Quotas in the stage's region, or remove what nobody uses",
    ),
    known(
        &["limitexceeded"],
        "a limit of the account is reached",
        "ask for more under Service Quotas in the stage's region, or remove what nobody uses",
    ),
    known(
        &["quota"],
        "a limit of the account is reached",
        "ask for more under Service Quotas in the stage's region, or remove what nobody uses",
    ),
    known(
        &["rate exceeded"],
        "AWS is asked too often at the moment, by this and everything else in the account",
        "run the same command again: it goes on where it was",
    ),
    known(
        &["throttl"],
        "AWS is asked too often at the moment, by this and everything else in the account",
        "run the same command again: it goes on where it was",
    ),
    known(
        &["internalfailure"],
        "something broke within AWS",
        "run the same command again; https://health.aws.amazon.com says whether more is wrong",
    ),
];
