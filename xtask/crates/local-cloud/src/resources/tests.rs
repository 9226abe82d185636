use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::{Source, StoredFile};

pub(crate) const DIGEST: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// A stack like the ones that templates/fargate.yaml.tera makes.
pub(crate) const FARGATE: &str = include_str!("../fixture/planned.yaml");

/// Reads the properties of one resource of the given type, written as YAML on one line.
pub(crate) fn input_of<T>(
    resource_type: &str,
    properties: &str,
    read: impl FnOnce(Input<'_>) -> T,
) -> T {
    let template = Template::parse(&format!(
        "Resources:\n  R:\n    Type: {resource_type}\n    Properties:\n      {properties}\n"
    ))
    .unwrap();
    let scope = Scope::default();
    let resources = template.resources(&scope).unwrap();
    let properties = resources[0].evaluate(&scope).unwrap();
    read(Input {
        resource: &resources[0],
        properties: &properties,
        version: 1,
    })
}

fn store(folder: &std::path::Path, user: &str) -> ImageStore {
    let store = ImageStore::new(folder).unwrap();
    let config = format!(
        r#"{{"config":{{"User":"{user}","Entrypoint":["/app","serve"],"Env":["GREETING=bye","PATH=/"],"WorkingDir":"/"}}}}"#
    );
    store
        .put_image(
            config.as_bytes(),
            &[StoredFile {
                path: "/app".to_owned(),
                source: Source::Bytes(b"x".to_vec()),
                mode: 0o755,
            }],
            DIGEST,
        )
        .unwrap();
    let file = folder.join("bootstrap");
    std::fs::write(&file, "x").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    store.put_code("code/f-1.zip", &file).unwrap();
    store
}

fn request(template: &str, parameters: &[(&str, &str)]) -> StackRequest {
    StackRequest {
        name: "t-local-a".to_owned(),
        owner: "a".to_owned(),
        template: template.to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn planned(template: &str, user: &str, previous: &[Made]) -> std::result::Result<Plan, String> {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), user);
    let mut next = 4300;
    let mut take_port = |_: &str, previous: Option<u16>| {
        next += 1;
        Ok(previous.unwrap_or(next))
    };
    let builder = Builder {
        stack: "t-local-a",
        owner: "a",
        region: "us-west-2",
        account: "000000000000",
        store: &store,
        volumes: folder.path().join("volumes"),
        previous: previous
            .iter()
            .map(|made| (made.logical_id.clone(), made.clone()))
            .collect(),
        take_port: &mut take_port,
        plan: Plan::default(),
    };
    let uri = format!("000000000000.dkr.ecr.us-west-2.amazonaws.com/t/a@sha256:{DIGEST}");
    let parameters: &[(&str, &str)] = if template.contains("ImageUri:") {
        &[("ImageUri", &uri)]
    } else {
        &[]
    };
    plan(builder, &request(template, parameters)).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

#[test]
fn a_fargate_stack_comes_to_a_service_behind_a_port() {
    let plan = planned(FARGATE, "65532:65532", &[]).unwrap();
    assert_eq!(plan.outputs["Url"], "http://127.0.0.1:4301");
    assert_eq!(plan.log_groups, ["/ecs/a"]);
    let service = &plan.services[0];
    assert_eq!(service.process.health.path.as_deref(), Some("/health"));
    assert_eq!(service.process.environment["GREETING"], "hello");
    assert_eq!(service.process.arguments, ["serve"]);
    assert!(
        service.process.program.ends_with("rootfs/app"),
        "{:?}",
        service.process.program
    );
    assert_eq!(
        service.process.secrets["ACCESS_KEY"].arn,
        plan.secrets[0].arn
    );
    assert!(!service.stop_first);
}

#[test]
fn a_secret_that_a_person_has_made_is_read_at_each_start() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf";
    let template = FARGATE.replace("ValueFrom: !Ref Secret", &format!("ValueFrom: \"{arn}\""));
    let plan = planned(&template, "65532:65532", &[]).unwrap();
    assert_eq!(plan.services[0].process.secrets["ACCESS_KEY"].arn, arn);
    // The local cloud's own account has only what its stacks make.
    let template = template.replace("123456789012", "000000000000");
    let error = planned(&template, "65532:65532", &[]).unwrap_err();
    assert!(error.contains("is not in this stack"), "{error}");
}

#[test]
fn the_same_again_is_no_change_and_a_new_value_is_one() {
    let first = planned(FARGATE, "1", &[]).unwrap();
    let again = planned(FARGATE, "1", &first.resources).unwrap();
    // Paths differ between the two temporary folders, names and properties must not.
    assert_eq!(changes(&first.resources, &again.resources), []);
    let changed = planned(
        &FARGATE.replace("Value: hello", "Value: hi"),
        "1",
        &first.resources,
    )
    .unwrap();
    let found: Vec<String> = changes(&first.resources, &changed.resources)
        .iter()
        .map(|change| {
            format!(
                "{:?} {} {}",
                change.action,
                change.logical_id,
                change.properties.join(",")
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "Replace TaskDefinition ContainerDefinitions",
            "Update Service TaskDefinition"
        ]
    );
    assert!(
        changed
            .resources
            .iter()
            .any(|made| made.physical.reference.ends_with("task-definition/a:2"))
    );
    assert_eq!(changed.outputs, first.outputs);
}

#[test]
fn mistakes_name_the_resource_the_line_and_the_fix() {
    for (from, to, expected) in [
        (
            "AWS::ECS::Cluster",
            "AWS::ECS::Clutser",
            "resource Cluster: the local cloud does not know the type AWS::ECS::Clutser",
        ),
        (
            "AWS::ECS::Cluster",
            "AWS::CloudFormation::Stack",
            "deploy it to a stage on AWS",
        ),
        ("HealthCheckPath", "Port: 80, HealthCheckPath", "duplicated"),
        (
            "ContainerPort: 8080, TargetGroupArn",
            "ContainerPort: 80, TargetGroupArn",
            "does not map the port 80",
        ),
        (
            "{Port: 8080,",
            "{Port: 8000,",
            "the target group has the port 8000 and the container 8080",
        ),
        (
            "ContainerName: app",
            "ContainerName: web",
            "name the container app",
        ),
        (
            "Name: GREETING, Value: hello",
            "Name: GREETING",
            "GREETING has no value",
        ),
        (
            "ecs-tasks.amazonaws.com",
            "lambda.amazonaws.com",
            "ecs-tasks.amazonaws.com may not take the role",
        ),
        ("!Ref ImageUri", "x/y:latest", "is named by a tag"),
        (
            "!Ref ImageUri",
            "x/y@sha256:22",
            "is not in the local store",
        ),
        (
            "ValueFrom: !Ref Secret",
            "ValueFrom: arn:x",
            "is not in this stack",
        ),
        (
            "!GetAtt TaskRole.Arn",
            "!GetAtt TaskRole.Name",
            "`TaskRole` has no attribute `Name`",
        ),
    ] {
        let error = planned(&FARGATE.replacen(from, to, 1), "1", &[]).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
        assert!(error.starts_with("line "), "{error}");
    }
    assert!(
        planned(FARGATE, "0", &[])
            .unwrap_err()
            .contains("runs as root")
    );
    assert!(
        planned(FARGATE, "app", &[])
            .unwrap_err()
            .contains("is not a number")
    );
}

#[test]
fn an_agent_and_a_function_are_planned() {
    let template = "
Parameters: {ImageUri: {Type: String}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: [lambda.amazonaws.com, bedrock-agentcore.amazonaws.com]}, Action: 'sts:AssumeRole'}]}
  Function:
    Type: AWS::Lambda::Function
    Properties: {Runtime: provided.al2023, Role: !GetAtt Role.Arn, Code: {S3Bucket: b, S3Key: code/f-1.zip}, Timeout: 30, Environment: {Variables: {A: 1}}}
  Url: {Type: 'AWS::Lambda::Url', Properties: {TargetFunctionArn: !GetAtt Function.Arn, AuthType: AWS_IAM}}
  Runtime:
    Type: AWS::BedrockAgentCore::Runtime
    Properties:
      AgentRuntimeName: t_local_a
      RoleArn: !GetAtt Role.Arn
      AgentRuntimeArtifact: {ContainerConfiguration: {ContainerUri: !Ref ImageUri}}
      RequestHeaderConfiguration: {RequestHeaderAllowlist: [traceparent]}
      EnvironmentVariables: {MCP_SERVER_URL: !GetAtt Url.FunctionUrl}
  Endpoint:
    Type: AWS::BedrockAgentCore::RuntimeEndpoint
    Properties: {Name: live, AgentRuntimeId: !Ref Runtime, AgentRuntimeVersion: !GetAtt Runtime.AgentRuntimeVersion}
Outputs: {EndpointArn: {Value: !Ref Endpoint}}
";
    let plan = planned(template, "1", &[]).unwrap();
    assert_eq!(plan.functions[0].process.environment["A"], "1");
    assert_eq!(
        plan.runtimes[0].process.environment["MCP_SERVER_URL"],
        "http://127.0.0.1:4301/"
    );
    assert_eq!(plan.runtimes[0].header_allow_list, ["traceparent"]);
    assert_eq!(plan.endpoints[0].version, 1);
    assert!(
        plan.outputs["EndpointArn"].contains(":runtime/t_local_a-")
            && plan.outputs["EndpointArn"].ends_with("/runtime-endpoint/live")
    );
    for (from, to, expected) in [
        ("t_local_a", "t-local-a", "does not accept the name"),
        ("AuthType: AWS_IAM", "AuthType: NONE", "public"),
        (
            "!GetAtt Runtime.AgentRuntimeVersion",
            "7",
            "stays on version 7",
        ),
        ("code/f-1.zip", "code/f-2.zip", "is not in the local store"),
    ] {
        let error = planned(&template.replacen(from, to, 1), "1", &[]).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn what_this_machine_has_nothing_like_is_left_out_and_can_be_referred_to() {
    let text = FARGATE.replacen(
        "Resources:\n",
        "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: jobs}\n  Rule:\n    Type: AWS::Events::Rule\n    Properties: {ScheduleExpression: rate(1 day), Targets: [{Id: jobs, Arn: !GetAtt Jobs.Arn}]}\n",
        1,
    );
    assert_eq!(
        left_out(&text),
        [
            ("Jobs".to_owned(), "AWS::SQS::Queue".to_owned()),
            ("Rule".to_owned(), "AWS::Events::Rule".to_owned()),
        ]
    );
    let plan = planned(&text, "1", &[]).unwrap();
    let made = |id: &str| plan.resources.iter().find(|made| made.logical_id == id);
    let arn = made("Rule").unwrap().properties["Targets"][0]["Arn"].to_string();
    assert!(arn.contains(":sqs:") && arn.contains("Jobs"), "{arn}");
    let jobs = &made("Jobs").unwrap().physical.attributes;
    assert_eq!(jobs["QueueName"], "jobs");
    assert!(left_out(FARGATE).is_empty());
}

#[test]
fn every_type_of_the_templates_has_a_row_and_every_maker_is_named_by_one() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../templates");
    let files = std::fs::read_dir(folder).unwrap();
    let texts: Vec<String> = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let named = texts.iter().flat_map(|text| {
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Type: "));
        lines.filter(|name| name.starts_with("AWS::") && name.split("::").count() == 3)
    });
    let mut count = 0;
    for name in named {
        count += 1;
        let known = resource_types::find(name);
        assert!(
            known.is_some_and(|known| *known.local() != Local::Unknown),
            "{name}"
        );
    }
    assert!(count > 30, "{count}");
    let mut made: Vec<&str> = resource_types::locals()
        .filter_map(|(_, local)| match local {
            Local::Made(name) => Some(*name),
            _ => None,
        })
        .collect();
    made.sort_unstable();
    assert_eq!(made, MAKERS.map(|(name, _)| name));
}
