use expect_test::{Expect, expect};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::{Value, json};

use facts::Alphabet;

use super::*;

/// The project's own templates, as they are.
fn templates() -> Vec<Template> {
    macro_rules! template {
        ($name:literal) => {
            Template {
                name: $name.to_owned(),
                source: include_str!(concat!("../../../../../templates/", $name)).to_owned(),
            }
        };
    }
    vec![
        template!("agentcore.yaml.tera"),
        template!("artifacts.yaml.tera"),
        template!("ecs.tera"),
        template!("fargate.yaml.tera"),
        template!("lambda.yaml.tera"),
        template!("macros.tera"),
        template!("network.yaml.tera"),
        template!("worker.yaml.tera"),
    ]
}

fn try_text(source: &str, values: &Value) -> anyhow::Result<String> {
    let template = Template {
        name: "test.yaml.tera".to_owned(),
        source: source.to_owned(),
    };
    render_any(&[template], "test.yaml.tera", values)
}

fn values(kind: &str, change: impl FnOnce(&mut ServiceValues)) -> StackValues {
    let mut service = ServiceValues {
        name: "mcp-server".to_owned(),
        kind: kind.to_owned(),
        port: 8080,
        health_path: "/health".to_owned(),
        user: "65532:65532".to_owned(),
        cpu: 256,
        memory_mib: 512,
        answers_within_seconds: 45,
        timeout_seconds: 30,
        health_check: None,
        environment: Vec::new(),
        secrets: Vec::new(),
        existing_secrets: Vec::new(),
        calls: Vec::new(),
        parameters: Vec::new(),
        table: None,
        data_path: None,
        model: None,
        public: true,
    };
    change(&mut service);
    let stage = StageValues {
        name: "dev".to_owned(),
        local: false,
        log_retention_days: 7,
        vpc_cidr: "10.0.0.0/16".to_owned(),
        protect: false,
    };
    StackValues {
        project: "turnpike".to_owned(),
        stage,
        service: Some(service),
        repositories: Vec::new(),
    }
}

/// Compares a piece of a rendered template: the line `first` and those that are indented deeper than it.
fn check_piece(file: &str, values: &StackValues, first: &str, expected: Expect) {
    let text = render(&templates(), file, values).expect("it renders");
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != first);
    let start = lines.next().expect("the piece is in the template");
    let rest = lines.take_while(|line| depth(line) > depth(start));
    let piece: Vec<&str> = std::iter::once(start)
        .chain(rest)
        .map(|line| &line[depth(start)..])
        .collect();
    expected.assert_eq(&piece.join("\n"));
}

#[test]
fn whatever_a_value_contains_it_stays_where_it_is() {
    let nasty = [
        "plain",
        "",
        "a \"quoted\" \\ word",
        "two\nlines\r\n\tand a tab",
        "key: value # no comment",
        "- item",
        "!Ref Secret",
        "*alias &anchor",
        "yes",
        "0x10",
        "${AWS::Region} and ${!Literal} and $ {",
        "\u{7f}\u{85}\u{2028}\u{feff}\0",
        "héllo 🌦",
        "{{ not rendered }}{% nor this %}",
    ];
    for text in nasty {
        let source = "before: 1\nvalue: {{ value | yaml }}\npart: \"<{{ value | yaml_part }}>\"\nsub: \"<{{ value | sub_part }}>\"\nafter: 2";
        let yaml = try_text(source, &json!({"value": text})).expect("it renders");
        let documents = Yaml::load_from_str(&yaml).expect("it is YAML");
        let field = |name: &str| {
            documents[0]
                .as_mapping_get(name)
                .and_then(Yaml::as_str)
                .map(str::to_owned)
        };
        assert_eq!(documents.len(), 1, "{text:?}");
        assert_eq!(
            documents[0].as_mapping().map(|mapping| mapping.len()),
            Some(5),
            "{text:?}"
        );
        assert_eq!(field("value"), Some(text.to_owned()), "{text:?}");
        assert_eq!(field("part"), Some(format!("<{text}>")), "{text:?}");
        assert_eq!(
            field("sub"),
            Some(format!("<{}>", text.replace("${", "${!"))),
            "{text:?}"
        );
    }
}

#[test]
fn values_are_written_as_their_type() {
    let source = "a: {{ text | yaml }}\nb: {{ number | yaml }}\nc: {{ flag | yaml }}\nd: {{ list | yaml }}\ne: {{ name | logical_id }}";
    let values = json!({"text": "8080", "number": 8080, "flag": true, "list": ["CMD", "/a b"], "name": "x402-backend"});
    expect![[r#"
        a: "8080"
        b: 8080
        c: true
        d: ["CMD", "/a b"]
        e: X402Backend
    "#]]
    .assert_eq(&try_text(source, &values).expect("it renders"));
}

/// Compares the errors of templates that are each wrong in their own way.
fn check_errors(sources: &[&str], values: &Value, expected: Expect) {
    let error = |source: &&str| {
        try_text(source, values)
            .expect_err("it must not render")
            .to_string()
    };
    expected.assert_eq(&sources.iter().map(error).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_error_names_the_file_the_line_and_the_missing_value() {
    let sources = [
        "a: 1\nb: {{ stage.nmae | yaml }}",
        "{% if stage.protekt is given %}x{% endif %}",
        "a: {{ stage.name | yaml }} b: {%- if stage.kind is given %}{% endif %}",
        "a: {{ project }}",
        "a: {{ service | yaml }}",
        "a: {{ service.name | yaml_part }}",
        "a: {{ list | yaml }}",
        "a: 1\n{% for item in nothing %}{% endfor %}",
    ];
    let values = json!({"stage": {"name": "dev"}, "service": null, "list": [1, null]});
    check_errors(
        &sources,
        &values,
        expect![[r#"
        templates/test.yaml.tera:2:20: `stage.nmae` has no value
            b: {{ stage.nmae | yaml }}
        templates/test.yaml.tera:1:24: `stage.protekt` has no value
            {% if stage.protekt is given %}x{% endif %}
        templates/test.yaml.tera:1:52: `stage.kind` has no value
            a: {{ stage.name | yaml }} b: {%- if stage.kind is given %}{% endif %}
        templates/test.yaml.tera:1:7: Variable `project` is not defined. Available variables: list, service, stage
            a: {{ project }}
        templates/test.yaml.tera:1:17: `service` has no value
            a: {{ service | yaml }}
        templates/test.yaml.tera:1:22: `service.name` has no value
            a: {{ service.name | yaml_part }}
        templates/test.yaml.tera:1:14: `list` has no value
            a: {{ list | yaml }}
        templates/test.yaml.tera:2:16: Iteration not possible on type `undefined`
            {% for item in nothing %}{% endfor %}"#]],
    );
}

#[test]
fn a_value_that_does_not_fit_its_place_is_an_error() {
    let sources = [
        "a: {{ map | yaml }}",
        "a: {{ map | sub_part }}",
        "a: {{ reference | yaml }}",
        "a: !Ref {{ odd | parameter }}",
        "a: {{ long | runtime_name }}",
    ];
    let values =
        json!({"map": {}, "reference": "{{resolve:ssm:/x}}", "odd": "a-b", "long": "a".repeat(49)});
    check_errors(
        &sources,
        &values,
        expect![[r#"
        templates/test.yaml.tera:1:13: a Map is not YAML scalar
            a: {{ map | yaml }}
        templates/test.yaml.tera:1:13: a Map is not a text
            a: {{ map | sub_part }}
        templates/test.yaml.tera:1:19: "{{resolve:ssm:/x}}" is a dynamic reference; name secrets under `secrets` instead
            a: {{ reference | yaml }}
        templates/test.yaml.tera:1:18: "a-b" is no CloudFormation id: those are made of letters and digits
            a: !Ref {{ odd | parameter }}
        templates/test.yaml.tera:1:14: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not a name for an AgentCore runtime: at most 48 characters, a letter first; shorten the project, the stage or the service
            a: {{ long | runtime_name }}"#]],
    );
}

#[test]
fn a_mistake_in_a_template_is_shown_where_it_is() {
    let sources = [
        "a: {{ name | html }}",
        "a: {{ name ",
        "a: {{ <component_that_is_not_there/> }}",
    ];
    check_errors(
        &sources,
        &json!({"name": "dev"}),
        expect![[r#"
        templates: Unknown filter `html`
         --> test.yaml.tera:1:14
          |
        1 | a: {{ name | html }}
          |              ^^^^
        templates/test.yaml.tera:1:11: Unexpected end of input
            a: {{ name
        templates: Unknown component `component_that_is_not_there`
         --> test.yaml.tera:1:7
          |
        1 | a: {{ <component_that_is_not_there/> }}
          |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]],
    );
    let unknown =
        render_any(&[], "lamda.yaml.tera", &json!({})).expect_err("there is no such template");
    expect!["templates/lamda.yaml.tera: there is no such template"].assert_eq(&unknown.to_string());
}

#[test]
fn an_error_in_a_shared_component_names_the_file_it_is_in() {
    let values = values("lambda", |service| {
        service.environment = vec![EnvironmentValue {
            name: "PRICE".to_owned(),
            value: None,
            parameter: None,
        }];
    });
    let error =
        render(&templates(), "lambda.yaml.tera", &values).expect_err("the variable has no value");
    let first = error.to_string();
    assert!(
        first.starts_with("templates/macros.tera:") && first.contains("variable.value"),
        "{first}"
    );
}

#[test]
fn a_function_gets_its_variables_and_its_secrets_arn() {
    let values = values("lambda", |service| {
        service.environment = vec![
            EnvironmentValue {
                name: "PRICE_LIMIT".to_owned(),
                value: Some("0.05".to_owned()),
                parameter: None,
            },
            EnvironmentValue {
                name: "RESOURCE_SERVER_URL".to_owned(),
                value: None,
                parameter: Some("X402BackendUrl".to_owned()),
            },
        ];
        service.parameters = vec![ParameterValues {
            name: "X402BackendUrl".to_owned(),
            description: "Where \"x402-backend\" answers".to_owned(),
        }];
        service.secrets = vec![SecretValues {
            variable: "WALLET_KEY".to_owned(),
            name: "wallet-key".to_owned(),
            length: 64,
            alphabet: Alphabet::Hex,
        }];
        service.existing_secrets = vec![ExistingSecretValues {
            variable: "API_KEY".to_owned(),
            arn: "arn:aws:secretsmanager:us-west-2:123456789012:secret:api-AbCdEf".to_owned(),
        }];
    });
    check_piece(
        "lambda.yaml.tera",
        &values,
        "Environment:",
        expect![[r#"
                  Environment:
                    Variables:
                      "PRICE_LIMIT": "0.05"
                      "RESOURCE_SERVER_URL": !Ref X402BackendUrl
                      "WALLET_KEY_SECRET_ARN": !Ref WalletKeySecret
                      "API_KEY_SECRET_ARN": "arn:aws:secretsmanager:us-west-2:123456789012:secret:api-AbCdEf""#]],
    );
    check_piece(
        "lambda.yaml.tera",
        &values,
        "X402BackendUrl:",
        expect![[r#"
            X402BackendUrl:
              Type: String
              Description: "Where \"x402-backend\" answers"
              AllowedPattern: '^https?://[^\s$]+$'
              ConstraintDescription: must be a URL"#]],
    );
    check_piece(
        "lambda.yaml.tera",
        &values,
        "GenerateSecretString:",
        expect![[r#"
                  GenerateSecretString:
                    PasswordLength: 64
                    ExcludePunctuation: true
                    IncludeSpace: false
                    ExcludeUppercase: true
                    ExcludeCharacters: ghijklmnopqrstuvwxyz
                    RequireEachIncludedType: false"#]],
    );
}

#[test]
fn a_link_is_a_permission_and_a_parameter() {
    let values = values("fargate", |service| {
        service.calls = [
            ("agent", "agentcore", "AgentRuntimeArn"),
            ("tool", "lambda", "ToolFunctionArn"),
            ("page", "fargate", ""),
        ]
        .map(|(service, kind, parameter)| CallValues {
            service: service.to_owned(),
            kind: kind.to_owned(),
            parameter: parameter.to_owned(),
        })
        .to_vec();
    });
    check_piece(
        "fargate.yaml.tera",
        &values,
        "- PolicyName: service",
        expect![[r#"
                    - PolicyName: service
                      PolicyDocument:
                        Version: "2012-10-17"
                        Statement:
                          # AgentCore asks for the permission on the runtime and on the endpoint under it.
                          - Effect: Allow
                            Action: bedrock-agentcore:InvokeAgentRuntime
                            Resource: [!Ref AgentRuntimeArn, !Join ["/", [!Ref AgentRuntimeArn, "*"]]]
                          # A Function URL asks for both actions. The conditions keep the role from invoking the function any other way.
                          - Effect: Allow
                            Action: lambda:InvokeFunctionUrl
                            Resource: !Ref ToolFunctionArn
                            Condition: {StringEquals: {"lambda:FunctionUrlAuthType": AWS_IAM}}
                          - Effect: Allow
                            Action: lambda:InvokeFunction
                            Resource: !Ref ToolFunctionArn
                            Condition: {Bool: {"lambda:InvokedViaFunctionUrl": "true"}}"#]],
    );
    check_piece(
        "fargate.yaml.tera",
        &values,
        "ToolFunctionArn:",
        expect![[r#"
            ToolFunctionArn:
              Type: String
              Description: "The ARN of tool, which this service calls"
              AllowedPattern: '^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:[^\s$]+$'
              ConstraintDescription: must be an ARN"#]],
    );
}

#[test]
fn a_task_repeats_the_health_check_of_its_image() {
    let check = |command: &[&str], expected: Expect| {
        let values = values("fargate", |service| {
            service.health_check = Some(HealthCheck {
                command: command.iter().map(|&word| word.to_owned()).collect(),
                interval_seconds: 10,
                timeout_seconds: 3,
                start_period_seconds: 5,
                retries: 3,
            });
        });
        check_piece("fargate.yaml.tera", &values, "HealthCheck:", expected);
    };
    check(
        &["/service", "health"],
        expect![[r#"
                  HealthCheck:
                    Command: ["CMD", "/service", "health"]
                    Interval: 10
                    Timeout: 3
                    Retries: 3
                    StartPeriod: 5"#]],
    );
    check(
        &["CMD", "/service", "health"],
        expect![[r#"
                  HealthCheck:
                    Command: ["CMD", "/service", "health"]
                    Interval: 10
                    Timeout: 3
                    Retries: 3
                    StartPeriod: 5"#]],
    );
}

#[test]
fn an_agent_may_invoke_its_own_model_only() {
    let check = |model: &str, expected: Expect| {
        let values = values("agentcore", |service| {
            service.model = Some(model.to_owned())
        });
        let text = render(&templates(), "agentcore.yaml.tera", &values).expect("it renders");
        let models: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.contains(":bedrock:"))
            .collect();
        expected.assert_eq(&models.join("\n"));
    };
    check(
        "turnpike.offline-model",
        expect![[
            r#"- !Sub "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/turnpike.offline-model""#
        ]],
    );
    check(
        "us.amazon.nova-2-lite-v1:0",
        expect![[r#"
        - !Sub "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/us.amazon.nova-2-lite-v1:0"
        - !Sub "arn:${AWS::Partition}:bedrock:*::foundation-model/amazon.nova-2-lite-v1:0""#]],
    );
}

#[test]
fn no_template_writes_a_value_without_a_filter() {
    const FILTERS: [&str; 7] = [
        "yaml",
        "yaml_part",
        "sub_part",
        "logical_id",
        "parameter",
        "runtime_name",
        "foundation_model | sub_part",
    ];
    for template in templates() {
        for (number, line) in template.source.lines().enumerate() {
            for tag in line
                .split("{{")
                .skip(1)
                .map(|rest| rest.split("}}").next().unwrap_or(rest))
            {
                let tag = tag.trim_matches(['-', ' ']);
                let filtered = tag
                    .split_once(" | ")
                    .is_some_and(|(_, filters)| FILTERS.contains(&filters));
                assert!(
                    tag.starts_with('<') || filtered,
                    "templates/{}:{}: {tag}",
                    template.name,
                    number + 1
                );
            }
        }
    }
}

#[test]
fn no_template_takes_a_misspelt_name_for_an_absent_value() {
    for template in templates() {
        for (number, line) in template.source.lines().enumerate() {
            let tags = line.split("{%").skip(1).map(|rest| {
                rest.split("%}")
                    .next()
                    .unwrap_or(rest)
                    .trim_matches(['-', ' '])
            });
            for condition in tags.filter_map(|tag| {
                tag.strip_prefix("if ")
                    .or_else(|| tag.strip_prefix("elif "))
            }) {
                let strict = [" is ", " == ", " != ", " in "]
                    .iter()
                    .any(|word| condition.contains(word))
                    || condition.contains("loop.");
                assert!(
                    strict,
                    "templates/{}:{}: {condition}",
                    template.name,
                    number + 1
                );
            }
        }
    }
}
