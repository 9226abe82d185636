//! The types that need no process here. Each still answers `Ref` and `GetAtt` as AWS would, so that others can use it.

use serde_json::{Value, json};

use super::properties::Input;
use super::{Builder, physical};
use crate::template::{Physical, Result};

/// An id with a prefix, as EC2 makes them: `vpc-0a1b...`. Answers `Id` and the given attribute names with it.
fn numbered(
    builder: &Builder<'_>,
    input: Input<'_>,
    prefix: &str,
    attributes: &[&str],
) -> Physical {
    let id = format!("{prefix}-{}", &builder.digest(input.id())[..17]);
    physical(&id, attributes.iter().map(|name| (*name, json!(id))))
}

/// The network's parts and everything else that AWS gives a number.
pub(super) fn network(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let kind = input
        .resource
        .resource_type
        .rsplit("::")
        .next()
        .unwrap_or_default();
    let mut made = match kind {
        "VPC" => numbered(builder, input, "vpc", &["VpcId"]),
        "Subnet" => numbered(builder, input, "subnet", &["SubnetId"]),
        "InternetGateway" => numbered(builder, input, "igw", &["InternetGatewayId"]),
        "NatGateway" => numbered(builder, input, "nat", &["NatGatewayId"]),
        "EIP" => numbered(builder, input, "eipalloc", &["AllocationId"]),
        "RouteTable" => numbered(builder, input, "rtb", &["RouteTableId"]),
        "SubnetRouteTableAssociation" => numbered(builder, input, "rtbassoc", &["Id"]),
        "SecurityGroup" => numbered(builder, input, "sg", &["Id", "GroupId"]),
        "SecurityGroupIngress" | "SecurityGroupEgress" => numbered(builder, input, "sgr", &["Id"]),
        "VPCEndpoint" => numbered(builder, input, "vpce", &["Id"]),
        "FlowLog" => numbered(builder, input, "fl", &["Id"]),
        _ => numbered(builder, input, "local", &[]),
    };
    let copied: &[&str] = match kind {
        "VPC" => &["CidrBlock"],
        "Subnet" => &["AvailabilityZone", "VpcId", "CidrBlock"],
        "SecurityGroup" => &["VpcId"],
        _ => &[],
    };
    for name in copied {
        made.attributes.insert(
            (*name).to_owned(),
            input.get(name).cloned().unwrap_or(Value::Null),
        );
    }
    match kind {
        "VPC" => {
            let group = format!(
                "sg-{}",
                &builder.digest(&format!("{}/default", input.id()))[..17]
            );
            made.attributes
                .insert("DefaultSecurityGroup".to_owned(), json!(group));
        }
        "EIP" => {
            made.attributes
                .insert("PublicIp".to_owned(), json!("127.0.0.1"));
        }
        _ => {}
    }
    Ok(made)
}

pub(super) fn repository(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("RepositoryName")
        .unwrap_or_else(|| builder.name_for(input.id()).to_lowercase());
    let (region, account) = (builder.region, builder.account);
    Ok(physical(
        &name,
        [
            (
                "Arn",
                json!(format!("arn:aws:ecr:{region}:{account}:repository/{name}")),
            ),
            (
                "RepositoryUri",
                json!(format!("{account}.dkr.ecr.{region}.amazonaws.com/{name}")),
            ),
        ],
    ))
}

pub(super) fn bucket(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("BucketName")
        .unwrap_or_else(|| builder.name_for(input.id()).to_lowercase());
    Ok(physical(
        &name,
        [
            ("Arn", json!(format!("arn:aws:s3:::{name}"))),
            ("DomainName", json!(format!("{name}.s3.amazonaws.com"))),
            (
                "RegionalDomainName",
                json!(format!("{name}.s3.{}.amazonaws.com", builder.region)),
            ),
        ],
    ))
}

/// A file of this machine: what refers to the table gets its path. The program that is given it makes it.
pub(super) fn table(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("TableName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:dynamodb:{}:{}:table/{name}",
        builder.region, builder.account
    );
    let file = builder.volumes.join(name).display().to_string();
    Ok(physical(&file, [("Arn", json!(arn))]))
}

/// A thing that is known by a name it may have been given, with an ARN made of it.
pub(super) fn named(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let (property, service, prefix) = match input.resource.resource_type.as_str() {
        "AWS::ECS::Cluster" => ("ClusterName", "ecs", "cluster/"),
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => {
            ("AlarmName", "cloudwatch", "alarm:")
        }
        "AWS::CloudWatch::Dashboard" => ("DashboardName", "cloudwatch", "dashboard/"),
        "AWS::SNS::Topic" => ("TopicName", "sns", ""),
        _ => ("Name", "local", ""),
    };
    let name = input
        .text(property)
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:{service}:{}:{}:{prefix}{name}",
        builder.region, builder.account
    );
    let reference = if input.resource.resource_type == "AWS::SNS::Topic" {
        &arn
    } else {
        &name
    };
    Ok(physical(
        reference,
        [("Arn", json!(arn)), ("TopicArn", json!(arn))]
            .into_iter()
            .take(if service == "sns" { 2 } else { 1 }),
    ))
}

pub(super) fn log_group(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("LogGroupName")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:logs:{}:{}:log-group:{name}:*",
        builder.region, builder.account
    );
    builder.plan.log_groups.push(name.clone());
    Ok(physical(&name, [("Arn", json!(arn))]))
}
