//! An agent on AgentCore: what the service asks of a runtime beyond its schema, and that the endpoint serves what was deployed.

use template::Node;

use super::Origin;
use super::expect::{environment, expect};
use super::model::{Model, Resource, Stack, shown};
use super::report::Report;
use facts::Service;

/// Headers that never pass, whatever a list says.
const NEVER_PASS: [&str; 6] = [
    "host",
    "cookie",
    "accept",
    "content-",
    "x-forwarded-",
    "x-amz",
];

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for (stack, service) in model.of_services() {
        let Some(runtime) = stack.first("AWS::BedrockAgentCore::Runtime") else {
            continue;
        };
        contract(stack, &runtime, report);
        headers(stack, &runtime, report);
        variables(model, stack, service, &runtime, report);
        endpoint(stack, &runtime, report);
    }
}

fn contract(stack: &Stack<'_>, runtime: &Resource<'_>, report: &mut Report<'_>) {
    let name = runtime.text("AgentRuntimeName").unwrap_or_default();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        report.add(
            stack.index,
            runtime.line_of("AgentRuntimeName"),
            format!("{}.AgentRuntimeName is `{name}`", runtime.id),
            "begin with a letter; then letters, digits and underscores, 48 at most",
        );
    }
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, runtime, path, value, why);
    wanted(
        "ProtocolConfiguration",
        "HTTP",
        "the agent answers /invocations and /ping on port 8080",
    );
    wanted(
        "NetworkConfiguration.NetworkMode",
        "PUBLIC",
        "there is no private network with a way out for it",
    );
    wanted(
        "PlatformVersion",
        "V1",
        "the service's default may change, and V2 restores every session from one snapshot",
    );
    let image = stack.parameter_of(Origin::Image).unwrap_or("ImageUri");
    wanted(
        "AgentRuntimeArtifact.ContainerConfiguration.ContainerUri",
        &format!("${{{image}}}"),
        "the deploy says which image, by its digest",
    );
    let number = |path: &str| runtime.text(path).and_then(|text| text.parse::<u32>().ok());
    let (idle, longest) = (
        number("LifecycleConfiguration.IdleRuntimeSessionTimeout"),
        number("LifecycleConfiguration.MaxLifetime"),
    );
    if let (Some(idle), Some(longest)) = (idle, longest)
        && idle > longest
    {
        report.add(
            stack.index,
            runtime.line_of("LifecycleConfiguration.IdleRuntimeSessionTimeout"),
            format!("a session would rest {idle} s and live {longest} s"),
            "make IdleRuntimeSessionTimeout the smaller one",
        );
    }
}

fn headers(stack: &Stack<'_>, runtime: &Resource<'_>, report: &mut Report<'_>) {
    let path = "RequestHeaderConfiguration.RequestHeaderAllowlist";
    let allowed: Vec<String> = runtime
        .get(path)
        .map_or(&[][..], Node::items)
        .iter()
        .map(|item| shown(item).to_lowercase())
        .collect();
    if !allowed.iter().any(|name| name == "traceparent") {
        report.add(stack.index, runtime.line_of(path), format!("{} does not let the header traceparent through: its logs could not be found by trace", runtime.id), "write RequestHeaderAllowlist: [traceparent, tracestate, baggage]");
    }
    for name in allowed
        .iter()
        .filter(|name| NEVER_PASS.iter().any(|never| name.starts_with(never)))
    {
        report.add(
            stack.index,
            runtime.line_of(path),
            format!(
                "the header {name} is on the list of {}, and AgentCore never lets it through",
                runtime.id
            ),
            "remove it from the list",
        );
    }
}

fn variables(
    model: &Model<'_>,
    stack: &Stack<'_>,
    service: &Service,
    runtime: &Resource<'_>,
    report: &mut Report<'_>,
) {
    let found = runtime.variables("EnvironmentVariables");
    let line = runtime.line_of("EnvironmentVariables");
    match found.iter().find(|(name, _, _)| name == "PORT") {
        Some((_, port, line)) if port != "8080" => report.add(
            stack.index,
            *line,
            format!("PORT is {port}, and AgentCore calls 8080"),
            "write PORT: \"8080\"",
        ),
        _ => {}
    }
    environment(report, model, stack, service, line, &found);
}

/// A named endpoint stays where it is until it is told which version to serve.
fn endpoint(stack: &Stack<'_>, runtime: &Resource<'_>, report: &mut Report<'_>) {
    let Some(endpoint) = stack.first("AWS::BedrockAgentCore::RuntimeEndpoint") else {
        return;
    };
    let id = runtime.id;
    expect(
        report,
        stack,
        &endpoint,
        "AgentRuntimeVersion",
        &format!("${{{id}.AgentRuntimeVersion}}"),
        "the endpoint would not follow what is deployed",
    );
    let name = endpoint.text("Name").unwrap_or_default();
    if let Some(output) = stack.root.at("Outputs.EndpointName.Value")
        && shown(output) != name
    {
        report.add(
            stack.index,
            output.line,
            format!(
                "the output EndpointName is `{}`, and the endpoint's name is `{name}`",
                shown(output)
            ),
            format!("write {name}"),
        );
    }
    let wanted = format!("/aws/bedrock-agentcore/runtimes/${{{id}.AgentRuntimeId}}-{name}");
    match stack.first("AWS::Logs::LogGroup") {
        None => report.add(
            stack.index,
            endpoint.line,
            "the endpoint has no log group: the service makes one that keeps its logs for ever",
            "add an AWS::Logs::LogGroup",
        ),
        Some(group) => {
            expect(
                report,
                stack,
                &group,
                "LogGroupName",
                &wanted,
                "that is where the endpoint logs",
            );
            let waits = endpoint.node.get("DependsOn").is_some_and(|node| {
                node.one_or_many()
                    .iter()
                    .any(|item| shown(item) == group.id)
            });
            if !waits {
                report.add(stack.index, endpoint.line, format!("{} does not wait for {}: the service would make the group first, to keep its logs for ever", endpoint.id, group.id), format!("write DependsOn: {}", group.id));
            }
        }
    }
}
