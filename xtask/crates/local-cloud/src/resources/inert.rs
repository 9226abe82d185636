//! The types that need no process here. Each still answers `Ref` and `GetAtt` as AWS would, so that others can use it.

use resource_types::ResourceType;
use serde_json::{Value, json};

use super::properties::Input;
use super::{Builder, physical};
use crate::template::{Physical, Result};

/// Nothing but a number, as EC2 gives them: `vpc-0a1b...`. The given attributes answer it; one that is also a property answers
/// that.
pub(super) fn numbered(
    builder: &Builder<'_>,
    input: Input<'_>,
    known: &ResourceType,
    prefix: &str,
    attributes: &[&str],
) -> Physical {
    let id = format!("{prefix}-{}", &builder.digest(input.id())[..17]);
    let mut made = physical(&id, attributes.iter().map(|name| (*name, json!(id))));
    for name in known.attributes().filter(|name| known.has_property(name)) {
        if let Some(value) = input.get(name) {
            made.attributes.insert(name.to_owned(), value.clone());
        }
    }
    made
}

/// What this machine has nothing like. Others may refer to it: it has a name, and what it is given; an ARN is made of the name.
/// Whoever calls its API is told that it is not there.
pub(super) fn left_out(builder: &Builder<'_>, input: Input<'_>, known: &ResourceType) -> Physical {
    let mut parts = known.name.split("::").skip(1).map(str::to_lowercase);
    let service = parts.next().unwrap_or_default();
    let thing = parts.next().unwrap_or_default();
    let name = builder.name_for(input.id());
    let answer = |property: &str| match input.get(property) {
        Some(value) => value.clone(),
        None if property.ends_with("Arn") => json!(format!(
            "arn:aws:{service}:{}:{}:{thing}/{name}",
            builder.region, builder.account
        )),
        None => json!(name),
    };
    let identifier = match &known.schema.primary_identifier[..] {
        [one] => answer(one).as_str().map(str::to_owned),
        _ => None,
    };
    let attributes = known.attributes().map(|name| (name, answer(name)));
    physical(&identifier.unwrap_or_else(|| name.clone()), attributes)
}

/// A VPC has a group of its own from the start.
pub(super) fn vpc(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let id = format!("vpc-{}", &builder.digest(input.id())[..17]);
    let default = builder.digest(&format!("{}/default", input.id()));
    Ok(physical(
        &id,
        [
            ("VpcId", json!(id)),
            (
                "CidrBlock",
                input.get("CidrBlock").cloned().unwrap_or(Value::Null),
            ),
            (
                "DefaultSecurityGroup",
                json!(format!("sg-{}", &default[..17])),
            ),
        ],
    ))
}

pub(super) fn elastic_ip(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let id = format!("eipalloc-{}", &builder.digest(input.id())[..17]);
    Ok(physical(
        &id,
        [
            ("AllocationId", json!(id)),
            ("PublicIp", json!("127.0.0.1")),
        ],
    ))
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

/// A thing that is known by a name it may have been given, with an ARN made of it.
pub(super) fn named(
    builder: &Builder<'_>,
    input: Input<'_>,
    property: &str,
    service: &str,
    prefix: &str,
) -> Physical {
    let name = input
        .text(property)
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:{service}:{}:{}:{prefix}{name}",
        builder.region, builder.account
    );
    physical(&name, [("Arn", json!(arn))])
}

/// A topic is known by its ARN.
pub(super) fn topic(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let made = named(builder, input, "TopicName", "sns", "");
    let arn = made.attributes["Arn"].clone();
    let reference = arn.as_str().unwrap_or_default();
    Ok(physical(
        reference,
        [("Arn", arn.clone()), ("TopicArn", arn.clone())],
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
