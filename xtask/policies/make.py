"""Makes the IAM policies beside this file: what a deploy needs (deploy-*.json), and what looking at a stage needs (read.json).

    python3 -m venv /tmp/cfn-lint && /tmp/cfn-lint/bin/pip install cfn-lint==1.58.0
    /tmp/cfn-lint/bin/python xtask/policies/make.py            writes the files
    /tmp/cfn-lint/bin/python xtask/policies/make.py --compare  says whether they still are what it would write

CloudFormation works with the permissions of whoever calls it, and the registry schema of each resource type says which its handlers
want (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, `handlers`). The schemas are in the PyPI
package cfn-lint. From those of the types in `templates/`, what no property of ours leads to is left out, with the reason, and the
rest is narrowed to the stage's names where both the names and the actions allow it. What the tool itself calls is in OWN and READ;
`xtask/tests/aws/authorization.rs` compares both with what it calls.

`{project}`, `{stage}`, `{runtime}` (project and stage as an AgentCore runtime is named), `{partition}`, `{region}` and `{account}` are for
`cargo xtask render --policies`.
"""

import json
import pathlib
import re
import sys

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

HERE = pathlib.Path(__file__).parent
TEMPLATES = HERE.parent.parent / "templates"
# The limit of a managed policy, white space not counted, less the room that long names take:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
CHARACTERS_MAX = 4_600

# Which actions of the schemas are left out, and why.
LEFT_OUT = [
    (r"(kinesis|firehose|s3tables|s3files|vpc-lattice|elasticfilesystem|cognito-idp):", "no template uses these services"),
    (r".*:PassCapacityProvider", "nothing runs on a capacity provider of one's own"),
    (r"kms:(?!CreateGrant|DescribeKey)", "no template names a key; those of AWS need no permission of the caller"),
    (r"dynamodb:.*(Replica|Import|Enable|Disable|Put\w*Policy|Delete\w*Policy|UpdateKinesis|UpdateContributor).*", "no replica, import or stream"),
    (r"dynamodb:(BatchWriteItem|\w+Item|Query|Scan)", "items are copied for imports and replicas only"),
    (r"ec2:.*(Vpn|Ipam|EncryptionControl|VpcTenancy|CreateNetworkInterface|SubnetCidrBlock|DescribeInstances).*", "not in our network"),
    (r"elasticloadbalancing:.*(Capacity|IpPools|SetIpAddressType).*", "no template reserves capacity or addresses"),
    (r"ecs:PutAccountSetting.*|ecs:PutClusterCapacityProviders", "the account's settings are not ours"),
    (r"iam:(Attach|Detach)RolePolicy|iam:.*PermissionsBoundary", "roles have policies of their own, and no boundary"),
    (r"lambda:.*(CodeSigning|Concurrency|Layer|Recursion|Scaling|PutRuntimeManagement|PublishVersion).*", "a function without any of these"),
    (r"logs:.*(Kms|Delivery|DataProtection|Index|ResourcePolic|Bearer|DeletionProtection|LogStream|PutLogEvents).*", "a log group with a retention only"),
    (r"secretsmanager:.*Replica.*", "secrets stay in their region"),
    (r"s3:(Put|Create|Update|DeleteBucket)\w*(Accelerate|Acl|Analytics|CORS|Inventory|Logging|Metadata|Metrics|Notification|ObjectLock|Replication|Tiering|Website|Abac).*", "a bucket without any of these"),
    (r"s3:(\w+TagResource|ListTagsForResource|TagResource|UntagResource)", "buckets are tagged by PutBucketTagging"),
    # IAM has no such actions: AWS's Service Authorization Reference, lists of Amazon S3 and AWS Lambda.
    (r"s3:(Delete(BucketCors|BucketEncryption|BucketLifecycle)|GetObjectMetadata|REST.*)|lambda:AssociateRuntimeAlias", "not actions of IAM"),
]
# These are written more shortly: they only read, and AWS can narrow none of them.
SHORTENED = [(r"ec2:Describe\w+", "ec2:Describe*"), (r"elasticloadbalancing:Describe\w+", "elasticloadbalancing:Describe*")]


def arn(service, rest):
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{rest}"


BUCKET = "arn:{partition}:s3:::{project}-{stage}-*"
ROLES = "arn:{partition}:iam::{account}:role/{project}-{stage}-*"
RUNTIMES = arn("bedrock-agentcore", "runtime/{runtime}_*")
IDENTITIES = arn("bedrock-agentcore", "workload-identity-directory/default")
LOG_GROUPS = ["/ecs/{project}-{stage}-*", "/aws/lambda/{project}-{stage}-*", "/aws/bedrock-agentcore/runtimes/{runtime}_*"]
IN_REGION = {"StringEquals": {"aws:RequestedRegion": "{region}"}}
# By services of AWS that take a role of the stage, and those whose service-linked role a first deploy in an account makes.
PASSED_TO = ["bedrock-agentcore.amazonaws.com", "ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]
# AgentCore's is the one of the runtime's identity; `network.bedrock-agentcore.amazonaws.com` is for agents in a VPC.
LINKED = ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "runtime-identity.bedrock-agentcore.amazonaws.com"]

# Which actions, on what, on which condition. The first row that fits takes an action.
SCOPES = [
    (r"iam:PassRole", [ROLES], {"StringEquals": {"iam:PassedToService": PASSED_TO}}),
    (r"iam:CreateServiceLinkedRole", ["arn:{partition}:iam::{account}:role/aws-service-role/*"], {"StringEquals": {"iam:AWSServiceName": LINKED}}),
    (r"iam:.*", [ROLES], None),
    # An item is an object, the rest is about the bucket.
    (r"s3:\w*(Object|ObjectVersion)", [f"{BUCKET}/*"], None),
    (r"s3:.*", [BUCKET], None),
    (r"ecr:GetAuthorizationToken", ["*"], None),
    (r"ecr:.*", [arn("ecr", "repository/{project}/{stage}/*")], None),
    # Those that DescribeStacks without a name needs.
    (r"cloudformation:(DescribeStacks|ListStacks)", ["*"], IN_REGION),
    (r"cloudformation:.*", [arn("cloudformation", "stack/{project}-{stage}-*")], None),
    (r"logs:(DescribeLogGroups)", ["*"], IN_REGION),
    (r"logs:.*", [arn("logs", f"log-group:{name}") for name in LOG_GROUPS], None),
    (r"ecs:(DeregisterTaskDefinition|DescribeTaskDefinition|ListServices|ListTasks)", ["*"], IN_REGION),
    (r"ecs:.*", [arn("ecs", f"{kind}/{{project}}-{{stage}}-*") for kind in ("cluster", "service", "service-deployment", "task", "task-definition")], None),
    (r"bedrock-agentcore:(CreateAgentRuntime|ListAgentRuntimes)", ["*"], IN_REGION),
    (r"bedrock-agentcore:\w+WorkloadIdentity", [IDENTITIES, f"{IDENTITIES}/workload-identity/*"], None),
    (r"bedrock-agentcore:.*", [RUNTIMES], None),
    (r"secretsmanager:GetRandomPassword", ["*"], IN_REGION),
    # A stage may name secrets that exist already: the tool looks whether they are there, and reads none.
    (r"secretsmanager:DescribeSecret", [arn("secretsmanager", "secret:*")], None),
    (r"secretsmanager:.*", [arn("secretsmanager", "secret:{project}/{stage}/*")], None),
    (r"dynamodb:.*", [arn("dynamodb", "table/{project}-{stage}-*")], None),
    (r"lambda:.*", [arn("lambda", "function:{project}-{stage}-*")], None),
    (r"kms:.*", [arn("kms", "key/*")], {"StringLike": {"kms:ViaService": ["dynamodb.{region}.*", "secretsmanager.{region}.*"]}}),
    # Networks and load balancers have names that AWS draws.
    (r"(ec2|elasticloadbalancing):.*", ["*"], IN_REGION),
]

# What the tool itself calls to look at a stage.
READ = """
cloudformation:DescribeStacks cloudformation:DescribeStackEvents cloudformation:DescribeEvents cloudformation:ListStackResources
cloudformation:ListStacks cloudformation:GetTemplate
s3:GetObject s3:ListBucket
ecr:ListImages
ecs:DescribeServices ecs:DescribeTasks ecs:DescribeTaskDefinition ecs:ListServices ecs:ListTasks
logs:DescribeLogGroups logs:FilterLogEvents
bedrock-agentcore:GetAgentRuntime bedrock-agentcore:GetAgentRuntimeEndpoint
secretsmanager:DescribeSecret
""".split()
# `plan` compares by change sets, which it deletes; a large template goes through the bucket.
PLAN = """
cloudformation:CreateChangeSet cloudformation:DescribeChangeSet cloudformation:DeleteChangeSet
s3:PutObject
""".split()
# `invoke`, and the questions after a deploy.
ASK = ["bedrock-agentcore:InvokeAgentRuntime"]
# Deploys, recoveries and removals; pushes as the ECR user guide has them.
OWN = """
cloudformation:ExecuteChangeSet cloudformation:DeleteStack cloudformation:CancelUpdateStack cloudformation:ContinueUpdateRollback
cloudformation:UpdateStack cloudformation:UpdateTerminationProtection
s3:DeleteObject s3:DeleteObjectVersion s3:ListBucketVersions
ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:InitiateLayerUpload ecr:UploadLayerPart
ecr:CompleteLayerUpload ecr:PutImage ecr:BatchGetImage ecr:BatchDeleteImage
""".split()


def types():
    found = set()
    for path in TEMPLATES.glob("*.tera"):
        # Parameters have types too, such as AWS::EC2::VPC::Id.
        found |= set(re.findall(r"^\s+Type: (AWS::\w+::\w+)$", path.read_text(), re.MULTILINE))
    return sorted(found)


def of_handlers():
    """What CloudFormation does for the resource types, in the words of their schemas."""
    found = set()
    for name in types():
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema.get("handlers")
        if not handlers:
            sys.exit(f"the schema of {name} names no permissions: say in OWN what it needs, and skip it here")
        for verb in ("create", "read", "update", "delete"):
            found |= set(handlers.get(verb, {}).get("permissions", []))
    unused = [pattern for pattern, _reason in LEFT_OUT if not any(re.fullmatch(f"(?:{pattern}).*", action) for action in found)]
    if unused:
        sys.exit(f"LEFT_OUT has rows that leave nothing out: {unused}")
    return {action for action in found if not any(re.fullmatch(f"(?:{pattern}).*", action) for pattern, _reason in LEFT_OUT)}


def statements(actions):
    """One for each scope, with its actions in order."""
    groups = {}
    for action in sorted(actions):
        row = next((row for row, (pattern, *_rest) in enumerate(SCOPES) if re.fullmatch(pattern, action)), None)
        if row is None:
            sys.exit(f"SCOPES has no row for {action}")
        short = next((short for pattern, short in SHORTENED if re.fullmatch(pattern, action)), action)
        groups.setdefault(row, set()).add(short)
    made = []
    for row, group in sorted(groups.items()):
        _pattern, resources, condition = SCOPES[row]
        statement = {"Effect": "Allow", "Action": sorted(group), "Resource": resources}
        made.append(statement | ({"Condition": condition} if condition else {}))
    return made


def policy(listed):
    return {"Version": "2012-10-17", "Statement": listed}


def size(listed):
    return len(re.sub(r"\s", "", json.dumps(policy(listed))))


def parts(listed):
    """As few policies as fit, each within the limit."""
    found = [[]]
    for statement in listed:
        if found[-1] and size([*found[-1], statement]) > CHARACTERS_MAX:
            found.append([])
        found[-1].append(statement)
    return found


def files():
    everything = of_handlers() | {*READ, *PLAN, *ASK, *OWN}
    made = {f"deploy-{number}.json": part for number, part in enumerate(parts(statements(everything)), 1)}
    made["read.json"] = statements({*READ, *PLAN, *ASK})
    return {name: json.dumps(policy(listed), indent=2) + "\n" for name, listed in made.items()}


def main():
    wanted = files()
    there = {path.name: path.read_text() for path in HERE.glob("*.json")}
    if "--compare" in sys.argv:
        differing = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        if differing:
            sys.exit(f"not what make.py makes of the schemas and the templates: {', '.join(differing)}")
        return
    for name in there.keys() - wanted.keys():
        (HERE / name).unlink()
    for name, text in wanted.items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    main()
