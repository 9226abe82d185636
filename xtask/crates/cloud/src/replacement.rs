//! Which changes make a resource anew, by CloudFormation's documentation, of the types that our templates use.

use super::Change;

/// By type, the properties that cannot be changed in place; `*` means all of them.
const REPLACING: &[(&str, &[&str])] = &[
    ("AWS::BedrockAgentCore::Runtime", &["AgentRuntimeName"]),
    (
        "AWS::BedrockAgentCore::RuntimeEndpoint",
        &["AgentRuntimeId", "Name"],
    ),
    ("AWS::DynamoDB::Table", &["KeySchema", "TableName"]),
    (
        "AWS::EC2::Subnet",
        &["AvailabilityZone", "CidrBlock", "VpcId"],
    ),
    ("AWS::EC2::VPC", &["CidrBlock"]),
    (
        "AWS::EC2::SecurityGroup",
        &["GroupDescription", "GroupName", "VpcId"],
    ),
    (
        "AWS::ECR::Repository",
        &["EncryptionConfiguration", "RepositoryName"],
    ),
    ("AWS::ECS::Cluster", &["ClusterName"]),
    // Every change is another version.
    ("AWS::ECS::TaskDefinition", &["*"]),
    (
        "AWS::ECS::Service",
        &["Cluster", "LaunchType", "ServiceName"],
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &["Name", "Scheme", "Type"],
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        &["Name", "Port", "Protocol", "TargetType", "VpcId"],
    ),
    ("AWS::IAM::Role", &["Path", "RoleName"]),
    ("AWS::Lambda::Function", &["FunctionName"]),
    ("AWS::Lambda::Permission", &["*"]),
    ("AWS::Lambda::Url", &["TargetFunctionArn"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::SecretsManager::Secret", &["Name"]),
];

/// True when a change of these properties makes another resource in the place of the old one.
pub fn replaces(resource_type: &str, properties: &[String]) -> bool {
    fixed(resource_type).is_some_and(|fixed| {
        properties
            .iter()
            .any(|property| fixed.contains(&"*") || fixed.contains(&property.as_str()))
    })
}

/// True when the type is known here, and none of the changed properties needs a new resource.
pub fn changes_in_place(change: &Change) -> bool {
    fixed(&change.resource_type).is_some() && !replaces(&change.resource_type, &change.properties)
}

fn fixed(resource_type: &str) -> Option<&'static [&'static str]> {
    let row = REPLACING.iter().find(|(name, _)| *name == resource_type)?;
    Some(row.1)
}
