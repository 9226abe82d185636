//! Elastic Load Balancing: a load balancer is a port on 127.0.0.1, and its listener says where requests go.

use serde_json::{Value, json};

use super::plan::{Action, Balancer, Listener, Rule, TargetGroup};
use super::properties::{Input, field, texts};
use super::{Builder, physical};
use crate::template::{Physical, Result};

fn arn(builder: &Builder<'_>, path: &str) -> String {
    format!(
        "arn:aws:elasticloadbalancing:{}:{}:{path}",
        builder.region, builder.account
    )
}

/// AWS allows 32 characters in these names.
fn short_name(builder: &Builder<'_>, input: Input<'_>) -> String {
    input.text("Name").unwrap_or_else(|| {
        format!(
            "{}-{}",
            builder.owner.chars().take(20).collect::<String>(),
            &builder.digest(input.id())[..8]
        )
    })
}

pub(super) fn load_balancer(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let kind = input
        .text("Type")
        .unwrap_or_else(|| "application".to_owned());
    if kind != "application" {
        return Err(input.error(
            "Type",
            format!("the local cloud has no {kind} load balancers"),
            "use an application load balancer",
        ));
    }
    let port = builder.port(input)?;
    let name = short_name(builder, input);
    let full_name = format!("app/{name}/{}", &builder.digest(input.id())[..16]);
    let arn = arn(builder, &format!("loadbalancer/{full_name}"));
    let idle_timeout_seconds = attribute(
        input,
        "LoadBalancerAttributes",
        "idle_timeout.timeout_seconds",
    )
    .and_then(|text| text.parse().ok())
    .unwrap_or(60);
    builder.plan.balancers.push(Balancer {
        logical_id: input.id().to_owned(),
        arn: arn.clone(),
        port,
        idle_timeout_seconds,
        listener: None,
    });
    Ok(physical(
        &arn,
        [
            ("LoadBalancerArn", json!(arn)),
            ("DNSName", json!(format!("127.0.0.1:{port}"))),
            ("CanonicalHostedZoneID", json!("Z0000000000000")),
            ("LoadBalancerName", json!(name)),
            ("LoadBalancerFullName", json!(full_name)),
            (
                "SecurityGroups",
                input
                    .get("SecurityGroups")
                    .cloned()
                    .unwrap_or_else(|| json!([])),
            ),
        ],
    ))
}

pub(super) fn target_group(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let protocol = input.text("Protocol").unwrap_or_else(|| "HTTP".to_owned());
    if protocol != "HTTP" {
        return Err(input.error(
            "Protocol",
            format!("the local cloud has no {protocol} targets"),
            "use HTTP between the load balancer and the service",
        ));
    }
    let name = short_name(builder, input);
    let full_name = format!("targetgroup/{name}/{}", &builder.digest(input.id())[..16]);
    let arn = arn(builder, &full_name);
    let group = TargetGroup {
        arn: arn.clone(),
        port: u16::try_from(input.number("Port", 80)?)
            .map_err(|_| input.error("Port", "is not a port", "use 1 to 65535"))?,
        health_path: input
            .text("HealthCheckPath")
            .unwrap_or_else(|| "/".to_owned()),
        codes: input
            .text("Matcher.HttpCode")
            .unwrap_or_else(|| "200".to_owned()),
        drain_seconds: attribute(
            input,
            "TargetGroupAttributes",
            "deregistration_delay.timeout_seconds",
        )
        .and_then(|text| text.parse().ok())
        .unwrap_or(300),
    };
    builder.plan.target_groups.insert(arn.clone(), group);
    Ok(physical(
        &arn,
        [
            ("TargetGroupArn", json!(arn)),
            ("TargetGroupName", json!(name)),
            ("TargetGroupFullName", json!(full_name)),
        ],
    ))
}

fn attribute(input: Input<'_>, property: &str, key: &str) -> Option<String> {
    input
        .list(property)
        .iter()
        .find(|attribute| field(attribute, "Key").as_deref() == Some(key))
        .and_then(|attribute| field(attribute, "Value"))
}

pub(super) fn listener(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let protocol = input.required("Protocol")?;
    if protocol != "HTTP" {
        return Err(input.error(
            "Protocol",
            format!("the local cloud has no {protocol} listeners"),
            "leave the certificate out on this stage: a local load balancer speaks HTTP",
        ));
    }
    let balancer_arn = input.required("LoadBalancerArn")?;
    let arn = arn(
        builder,
        &format!(
            "listener/app/{}/{}",
            builder.owner,
            &builder.digest(input.id())[..16]
        ),
    );
    let default_action = action(builder, input, "DefaultActions")?;
    let balancer = builder
        .plan
        .balancers
        .iter_mut()
        .find(|balancer| balancer.arn == balancer_arn)
        .ok_or_else(|| {
            input.error(
                "LoadBalancerArn",
                format!("the load balancer {balancer_arn} is not in this stack"),
                "refer to a load balancer of the stack by !Ref",
            )
        })?;
    if balancer.listener.is_some() {
        return Err(input.error(
            "LoadBalancerArn",
            "the load balancer has another listener already, and a local one has one port",
            "keep one HTTP listener on this stage",
        ));
    }
    balancer.listener = Some(Listener {
        arn: arn.clone(),
        default_action,
        rules: Vec::new(),
    });
    Ok(physical(&arn, [("ListenerArn", json!(arn))]))
}

pub(super) fn listener_rule(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let listener_arn = input.required("ListenerArn")?;
    let mut rule = Rule {
        priority: input.number("Priority", 1)?,
        paths: Vec::new(),
        hosts: Vec::new(),
        action: action(builder, input, "Actions")?,
    };
    for condition in input.list("Conditions") {
        let of = |config: &str| {
            texts(
                condition
                    .get(config)
                    .and_then(|config| config.get("Values"))
                    .or_else(|| condition.get("Values")),
            )
        };
        match field(condition, "Field").as_deref() {
            Some("path-pattern") => rule.paths.extend(of("PathPatternConfig")),
            Some("host-header") => rule.hosts.extend(of("HostHeaderConfig")),
            other => {
                return Err(input.error(
                    "Conditions",
                    format!(
                        "the local cloud has no condition on `{}`",
                        other.unwrap_or_default()
                    ),
                    "use path-pattern or host-header",
                ));
            }
        }
    }
    let listener = builder
        .plan
        .balancers
        .iter_mut()
        .filter_map(|balancer| balancer.listener.as_mut())
        .find(|listener| listener.arn == listener_arn)
        .ok_or_else(|| {
            input.error(
                "ListenerArn",
                format!("the listener {listener_arn} is not in this stack"),
                "refer to a listener of the stack by !Ref",
            )
        })?;
    listener.rules.push(rule);
    listener.rules.sort_by_key(|rule| rule.priority);
    let arn = arn(
        builder,
        &format!(
            "listener-rule/app/{}/{}",
            builder.owner,
            &builder.digest(input.id())[..16]
        ),
    );
    Ok(physical(&arn, [("RuleArn", json!(arn))]))
}

/// The last action of a list, which is the one that answers.
fn action(builder: &Builder<'_>, input: Input<'_>, property: &str) -> Result<Action> {
    let wrong = |problem: &str, fix: &str| input.error(property, problem, fix);
    let Some(action) = input.list(property).last() else {
        return Err(wrong("has no actions", "add one of type forward"));
    };
    let config = |name: &str, key: &str| action.get(name).and_then(|config| field(config, key));
    let status = |name: &str| {
        config(name, "StatusCode")
            .and_then(|text| text.trim_start_matches("HTTP_").parse().ok())
            .unwrap_or(200)
    };
    match field(action, "Type").as_deref() {
        Some("forward") => {
            let groups = action
                .get("ForwardConfig")
                .and_then(|config| config.get("TargetGroups"))
                .and_then(Value::as_array);
            let target_group = field(action, "TargetGroupArn")
                .or_else(|| groups.and_then(|groups| field(groups.first()?, "TargetGroupArn")))
                .unwrap_or_default();
            if !builder.plan.target_groups.contains_key(&target_group) {
                return Err(wrong(
                    &format!("the target group `{target_group}` is not in this stack"),
                    "refer to a target group of the stack by !Ref",
                ));
            }
            Ok(Action::Forward { target_group })
        }
        Some("fixed-response") => Ok(Action::Fixed {
            status: status("FixedResponseConfig"),
            content_type: config("FixedResponseConfig", "ContentType")
                .unwrap_or_else(|| "text/plain".to_owned()),
            body: config("FixedResponseConfig", "MessageBody").unwrap_or_default(),
        }),
        Some("redirect") => {
            let part = |key: &str, default: &str| {
                config("RedirectConfig", key).unwrap_or_else(|| default.to_owned())
            };
            let location = format!(
                "{}://{}{}?{}",
                part("Protocol", "#{protocol}").to_lowercase(),
                part("Host", "#{host}"),
                part("Path", "/#{path}"),
                part("Query", "#{query}")
            );
            Ok(Action::Redirect {
                status: status("RedirectConfig"),
                location,
            })
        }
        other => Err(wrong(
            &format!(
                "the local cloud has no action `{}`",
                other.unwrap_or_default()
            ),
            "use forward, fixed-response or redirect",
        )),
    }
}
