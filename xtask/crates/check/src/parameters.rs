//! What goes from stack to stack: every parameter has a source, every source an output, and every output the right form.

use std::collections::BTreeMap;

use regex_lite::Regex;
use template::{Entry, Node};

use super::Origin;
use super::expect::{capitalized, is_url};
use super::model::{Model, Stack, shown};
use super::report::Report;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    let mut patterns = Patterns::default();
    for stack in &model.stacks {
        for entry in stack.section("Parameters") {
            declared(model, stack, entry, &mut patterns, report);
        }
        for (name, origin) in &stack.given.inputs {
            if !stack
                .section("Parameters")
                .iter()
                .any(|entry| entry.key == *name)
            {
                let line = stack
                    .root
                    .entries()
                    .iter()
                    .find(|entry| entry.key == "Parameters")
                    .map_or(1, |entry| entry.line);
                report.add(
                    stack.index,
                    line,
                    format!(
                        "the deploy hands over {name}, and the template declares no such parameter"
                    ),
                    format!("add {name} under Parameters"),
                );
            }
            if let Origin::Output { owner, key } = origin {
                produced(model, owner, key, stack.given.owner, report);
            }
        }
        outputs(model, stack, report);
    }
}

/// Regular expressions are slow to read, and the same few come again and again.
#[derive(Default)]
struct Patterns {
    read: BTreeMap<String, Option<Regex>>,
}

impl Patterns {
    /// CloudFormation matches the whole value. None for what is not a regular expression.
    fn matches(&mut self, pattern: &str, text: &str) -> Option<bool> {
        if !self.read.contains_key(pattern) {
            self.read.insert(
                pattern.to_owned(),
                Regex::new(&format!("^(?:{pattern})$")).ok(),
            );
        }
        self.read
            .get(pattern)?
            .as_ref()
            .map(|regex| regex.is_match(text))
    }
}

fn declared(
    model: &Model<'_>,
    stack: &Stack<'_>,
    entry: &Entry,
    patterns: &mut Patterns,
    report: &mut Report<'_>,
) {
    const TYPES: [&str; 9] = [
        "String",
        "Number",
        "CommaDelimitedList",
        "List<Number>",
        "AWS::EC2::VPC::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::SecurityGroup::Id",
        "List<AWS::EC2::Subnet::Id>",
        "List<AWS::EC2::SecurityGroup::Id>",
    ];
    let name = &entry.key;
    let kind = entry.value.get("Type").map(shown).unwrap_or_default();
    if !TYPES.contains(&kind.as_str()) {
        let fix = facts::nearest(&kind, &TYPES).map_or_else(
            || format!("one of {}", TYPES.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        report.add(
            stack.index,
            line_of(entry, "Type"),
            format!("the parameter {name} has the type `{kind}`"),
            fix,
        );
    }
    let Some(origin) = stack.origin(name) else {
        if entry.value.get("Default").is_none() {
            report.add(
                stack.index,
                entry.line,
                format!("nothing gives the parameter {name} a value"),
                "give it a Default, or a link in the service's Cargo.toml",
            );
        }
        return;
    };
    let (samples, refused) = examples(model, &origin);
    let pattern = entry.value.get("AllowedPattern").map(shown);
    if let Some(pattern) = &pattern {
        let line = line_of(entry, "AllowedPattern");
        for sample in samples.iter().filter(|sample| !sample.is_empty()) {
            match patterns.matches(pattern, sample) {
                None => {
                    report.add(
                        stack.index,
                        line,
                        format!("the AllowedPattern of {name} is not a regular expression"),
                        "correct it",
                    );
                    return;
                }
                Some(false) => report.add(
                    stack.index,
                    line,
                    format!("the parameter {name} refuses what it is given: `{sample}`"),
                    "widen AllowedPattern, or fix the output that fills it",
                ),
                Some(true) => {}
            }
        }
    }
    if kind == "String" {
        too_wide(stack, entry, &refused, patterns, report);
    }
}

/// An empty value, or one that nobody filled in, stops here and not in a service that fails.
fn too_wide(
    stack: &Stack<'_>,
    entry: &Entry,
    refused: &[String],
    patterns: &mut Patterns,
    report: &mut Report<'_>,
) {
    let pattern = entry.value.get("AllowedPattern").map(shown);
    let least = entry.value.get("MinLength").map(shown);
    let least = least.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut takes = |wrong: &&String| match &pattern {
        _ if wrong.len() < least => false,
        Some(pattern) => patterns.matches(pattern, wrong).unwrap_or(true),
        // Only that it is there can be said of a name.
        None => wrong.is_empty(),
    };
    if let Some(wrong) = refused.iter().find(&mut takes) {
        let shown = match wrong.is_empty() {
            true => "an empty value",
            false => wrong,
        };
        let line = line_of(entry, "AllowedPattern");
        let text = format!("the parameter {} takes {shown}", entry.key);
        let fix = "give it an AllowedPattern that says what it has to be";
        report.add(stack.index, line, text, fix);
    }
}

fn line_of(entry: &Entry, key: &str) -> usize {
    entry
        .value
        .entries()
        .iter()
        .find(|inner| inner.key == key)
        .map_or(entry.line, |inner| inner.line)
}

/// What a parameter will be given, as examples, and what it must not take.
fn examples(model: &Model<'_>, origin: &Origin<'_>) -> (Vec<String>, Vec<String>) {
    let image = "123456789012.dkr.ecr.us-west-2.amazonaws.com/example";
    let texts = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    match origin {
        Origin::Image => (
            vec![format!("{image}@{DIGEST}")],
            vec![format!("{image}:latest"), String::new()],
        ),
        Origin::CodeBucket => (
            texts(&["turnpike-dev-artifacts-artifactbucket-a1b2c3d4e5f6"]),
            texts(&[""]),
        ),
        Origin::CodeKey => (
            texts(&["code/mcp-server-0123456789abcdef.zip"]),
            texts(&[""]),
        ),
        Origin::Output { owner, key } => {
            let output = model
                .stack(owner)
                .and_then(|stack| Some((stack, stack.root.at(&format!("Outputs.{key}.Value"))?)));
            let sample = output
                .map(|(stack, node)| sample(stack, node))
                .unwrap_or_default();
            (vec![sample], texts(&["", "${Token[TOKEN.191]}"]))
        }
    }
}

/// What an output could be once the stack stands.
fn sample(stack: &Stack<'_>, node: &Node) -> String {
    let text = shown(node);
    let mut result = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find("${") {
        result.push_str(&rest[..start]);
        let end = rest[start..]
            .find('}')
            .map_or(rest.len(), |end| start + end);
        result.push_str(&stand_in(stack, &rest[start + 2..end]));
        rest = rest.get(end + 1..).unwrap_or("");
    }
    result.push_str(rest);
    result
}

fn stand_in(stack: &Stack<'_>, name: &str) -> String {
    let (id, attribute) = name.split_once('.').unwrap_or((name, ""));
    let kind = stack.resource(id).map_or("", |resource| resource.kind);
    match (kind, attribute) {
        ("AWS::Lambda::Url", "FunctionUrl") => {
            "https://0123456789abcdef.lambda-url.us-west-2.on.aws/".to_owned()
        }
        ("AWS::Lambda::Url", "") => "arn:aws:lambda:us-west-2:123456789012:function:x".to_owned(),
        (_, "DNSName") => "turnpi-LoadB-0123456789.us-west-2.elb.amazonaws.com".to_owned(),
        (_, attribute) if attribute.ends_with("Arn") => {
            format!("arn:aws:{}:us-west-2:123456789012:{id}/x", service_of(kind))
        }
        (
            "AWS::BedrockAgentCore::RuntimeEndpoint"
            | "AWS::ElasticLoadBalancingV2::LoadBalancer"
            | "AWS::ElasticLoadBalancingV2::TargetGroup"
            | "AWS::SecretsManager::Secret",
            "",
        ) => format!("arn:aws:{}:us-west-2:123456789012:{id}/x", service_of(kind)),
        (_, "AgentRuntimeVersion") => "1".to_owned(),
        (_, "RepositoryUri") => "123456789012.dkr.ecr.us-west-2.amazonaws.com/x".to_owned(),
        _ => "name-0123456789".to_owned(),
    }
}

/// The service part of the ARNs of a type.
fn service_of(kind: &str) -> String {
    match kind.split("::").nth(1) {
        Some("BedrockAgentCore") => "bedrock-agentcore".to_owned(),
        Some("ElasticLoadBalancingV2") => "elasticloadbalancing".to_owned(),
        Some(other) => other.to_lowercase(),
        None => String::new(),
    }
}

/// The output that another stack needs is there.
fn produced(model: &Model<'_>, owner: &str, key: &str, consumer: &str, report: &mut Report<'_>) {
    let Some(stack) = model.stack(owner) else {
        if let Some(consumer) = model.stack(consumer) {
            report.add(
                consumer.index,
                1,
                format!("it needs {key} of {owner}, which is not deployed on this stage"),
                "correct the link",
            );
        }
        return;
    };
    let outputs = stack.section("Outputs");
    if !outputs.iter().any(|entry| entry.key == key) {
        let line = stack
            .root
            .entries()
            .iter()
            .find(|entry| entry.key == "Outputs")
            .map_or(1, |entry| entry.line);
        let names: Vec<&str> = outputs.iter().map(|entry| entry.key.as_str()).collect();
        let fix = facts::nearest(key, &names).map_or_else(
            || format!("add {key} under Outputs"),
            |near| format!("the output {near} is there: did you mean {key}?"),
        );
        report.add(
            stack.index,
            line,
            format!("there is no output {key}, which other stacks need"),
            fix,
        );
    }
}

/// Everything that a link may ask for is there and is what its name says.
fn outputs(model: &Model<'_>, stack: &Stack<'_>, report: &mut Report<'_>) {
    let mut wanted: Vec<String> = match (stack.service, stack.given.owner) {
        (Some(service), _) => service
            .kind
            .outputs
            .iter()
            .map(|name| capitalized(name))
            .collect(),
        (None, "network") => vec!["VpcId".to_owned(), "SubnetIds".to_owned()],
        (None, "artifacts") => vec!["BucketName".to_owned()],
        _ => Vec::new(),
    };
    if stack.given.owner == "artifacts" {
        let images = stack
            .of_type("AWS::ECR::Repository")
            .map(|repository| format!("{}Uri", repository.id));
        wanted.extend(images);
    }
    for name in wanted {
        produced(model, stack.given.owner, &name, stack.given.owner, report);
    }
    for entry in stack.section("Outputs") {
        let Some(value) = entry.value.get("Value") else {
            continue;
        };
        let text = sample(stack, value);
        let is_arn = text.starts_with("arn:aws:");
        if entry.key == "Url" && !is_url(&text) {
            report.add(
                stack.index,
                value.line,
                format!("the output Url is `{}`, which is not a URL", shown(value)),
                "write the whole URL, http:// or https:// included: a caller is given it as it is",
            );
        } else if entry.key.ends_with("Arn") && !is_arn {
            report.add(
                stack.index,
                value.line,
                format!(
                    "the output {} is `{}`, which is not an ARN",
                    entry.key,
                    shown(value)
                ),
                "write !GetAtt <resource>.<its ARN>",
            );
        } else if text.is_empty() {
            report.add(
                stack.index,
                value.line,
                format!("the output {} is empty", entry.key),
                "say what it is",
            );
        } else if !entry.key.ends_with("Arn") && is_arn {
            report.add(
                stack.index,
                value.line,
                format!("the output {} is an ARN", entry.key),
                "write what its name says",
            );
        }
    }
}
