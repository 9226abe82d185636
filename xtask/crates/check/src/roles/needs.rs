//! What a role has to be allowed, from the facts: links, secrets, the model, and what starting takes.

use super::super::Origin;
use super::super::expect::capitalized;
use super::super::model::{Model, Stack};
use facts::Service;
use kinds::{Callers, Use};

/// One action on one resource, and whom it is for.
#[derive(Debug)]
pub(super) struct Need {
    pub action: &'static str,
    pub resource: String,
    pub why: String,
}

pub(super) fn of<'a>(
    model: &Model<'a>,
    stack: &Stack<'a>,
    service: &'a Service,
    purpose: Use,
) -> Vec<Need> {
    let mut needs = Needs(Vec::new());
    if matches!(purpose, Use::Execution | Use::Runtime) {
        pulls_image(model, service, &mut needs);
    }
    writes_log(purpose, &mut needs);
    if purpose != Use::Task {
        reads_secrets(model, stack, service, &mut needs);
    }
    if matches!(purpose, Use::Task | Use::Function) {
        keeps_table(stack, service, &mut needs);
    }
    if purpose != Use::Execution {
        calls(model, stack, service, &mut needs);
        for arn in service
            .model(model.stage)
            .map(model_arns)
            .unwrap_or_default()
        {
            let actions = &[
                "bedrock:InvokeModel",
                "bedrock:InvokeModelWithResponseStream",
            ];
            needs.add(actions, &arn, "asks the stage's model");
        }
    }
    needs.0
}

struct Needs(Vec<Need>);

impl Needs {
    fn add(&mut self, actions: &[&'static str], resource: &str, why: &str) {
        self.0.extend(actions.iter().map(|action| Need {
            action,
            resource: resource.to_owned(),
            why: why.to_owned(),
        }));
    }
}

fn pulls_image(model: &Model<'_>, service: &Service, needs: &mut Needs) {
    let repository = format!(
        "arn:aws:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{}/{}/{}",
        model.repo.project, model.stage.name, service.name
    );
    let why = "pulls the image";
    needs.add(&["ecr:GetAuthorizationToken"], "*", why);
    let actions = &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    needs.add(actions, &repository, why);
}

fn writes_log(purpose: Use, needs: &mut Needs) {
    let why = "writes the log";
    let write = &["logs:CreateLogStream", "logs:PutLogEvents"];
    match purpose {
        Use::Execution | Use::Function => needs.add(write, "${LogGroup.Arn}", why),
        Use::Runtime => {
            let logs = "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group";
            let group = format!("{logs}:/aws/bedrock-agentcore/runtimes/*");
            needs.add(&["logs:DescribeLogStreams"], &group, why);
            needs.add(&["logs:DescribeLogGroups"], &format!("{logs}:*"), why);
            needs.add(write, &format!("{group}:log-stream:*"), why);
        }
        Use::Task => {}
    }
}

fn reads_secrets<'a>(
    model: &Model<'a>,
    stack: &Stack<'a>,
    service: &'a Service,
    needs: &mut Needs,
) {
    let read = &["secretsmanager:GetSecretValue"];
    for secret in stack.of_type("AWS::SecretsManager::Secret") {
        let resource = format!("${{{}}}", secret.id);
        needs.add(read, &resource, "reads its secret");
    }
    for (_, arn) in model.existing_secrets(service) {
        needs.add(read, arn, "reads a secret that the stage names");
    }
}

/// The table that the manifest names is written; what a template has besides is its author's to grant.
fn keeps_table(stack: &Stack<'_>, service: &Service, needs: &mut Needs) {
    let Some(name) = &service.table else {
        return;
    };
    let actions = &[
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
    ];
    let own = stack.of_type("AWS::DynamoDB::Table").filter(|table| {
        let mut tables = stack.of_type("AWS::DynamoDB::Table");
        table.id.to_lowercase().starts_with(&name.to_lowercase()) || tables.nth(1).is_none()
    });
    for table in own {
        let resource = format!("${{{}.Arn}}", table.id);
        needs.add(actions, &resource, "keeps a table");
    }
}

fn calls<'a>(model: &Model<'a>, stack: &Stack<'a>, service: &'a Service, needs: &mut Needs) {
    for callee in model.callees(service) {
        let why = format!("calls {}, to which {} links", callee.name, service.name);
        let Callers::Permitted { output, grants } = callee.kind.callers else {
            continue;
        };
        let key = &capitalized(output);
        let wanted = Origin::Output {
            owner: &callee.name,
            key,
        };
        let name = stack.parameter_of(wanted).unwrap_or("the callee's ARN");
        let arn = format!("${{{name}}}");
        for grant in grants {
            needs.add(&[grant.action], &arn, &why);
            if grant.and_below {
                needs.add(&[grant.action], &format!("{arn}/*"), &why);
            }
        }
    }
}

/// A model, or an inference profile with the model that it stands for in any region.
fn model_arns(id: &str) -> Vec<String> {
    const GROUPS: [&str; 9] = [
        "apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov",
    ];
    match id.split_once('.') {
        Some((group, model)) if GROUPS.contains(&group) => vec![
            format!("arn:aws:bedrock:${{AWS::Region}}:${{AWS::AccountId}}:inference-profile/{id}"),
            format!("arn:aws:bedrock:*::foundation-model/{model}"),
        ],
        _ => vec![format!(
            "arn:aws:bedrock:${{AWS::Region}}::foundation-model/{id}"
        )],
    }
}
