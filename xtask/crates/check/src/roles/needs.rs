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
    let mut needs = Vec::new();
    let mut need = |actions: &[&'static str], resource: &str, why: &str| {
        needs.extend(actions.iter().map(|action| Need {
            action,
            resource: resource.to_owned(),
            why: why.to_owned(),
        }));
    };
    if matches!(purpose, Use::Execution | Use::Runtime) {
        let repository = format!(
            "arn:aws:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{}/{}/{}",
            model.repo.project, model.stage.name, service.name
        );
        need(&["ecr:GetAuthorizationToken"], "*", "pulls the image");
        need(
            &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            &repository,
            "pulls the image",
        );
    }
    match purpose {
        Use::Execution | Use::Function => need(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            "${LogGroup.Arn}",
            "writes the log",
        ),
        Use::Runtime => {
            let logs = "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group";
            let group = format!("{logs}:/aws/bedrock-agentcore/runtimes/*");
            need(&["logs:DescribeLogStreams"], &group, "writes the log");
            need(
                &["logs:DescribeLogGroups"],
                &format!("{logs}:*"),
                "writes the log",
            );
            need(
                &["logs:CreateLogStream", "logs:PutLogEvents"],
                &format!("{group}:log-stream:*"),
                "writes the log",
            );
        }
        Use::Task => {}
    }
    if purpose != Use::Task {
        for secret in stack.of_type("AWS::SecretsManager::Secret") {
            need(
                &["secretsmanager:GetSecretValue"],
                &format!("${{{}}}", secret.id),
                "reads its secret",
            );
        }
    }
    if purpose != Use::Task {
        for (_, arn) in model.existing_secrets(service) {
            need(
                &["secretsmanager:GetSecretValue"],
                arn,
                "reads a secret that the stage names",
            );
        }
    }
    if matches!(purpose, Use::Task | Use::Function) {
        for table in stack.of_type("AWS::DynamoDB::Table") {
            need(
                &[
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:DeleteItem",
                ],
                &format!("${{{}.Arn}}", table.id),
                "keeps a table",
            );
        }
    }
    if purpose != Use::Execution {
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
            let parameter = stack
                .given
                .inputs
                .iter()
                .find(|(_, origin)| *origin == wanted);
            let arn = format!(
                "${{{}}}",
                parameter.map_or("the callee's ARN", |(name, _)| *name)
            );
            for grant in grants {
                need(&[grant.action], &arn, &why);
                if grant.and_below {
                    need(&[grant.action], &format!("{arn}/*"), &why);
                }
            }
        }
    }
    if purpose != Use::Execution
        && let Some(id) = service.model(model.stage)
    {
        for arn in model_arns(id) {
            need(
                &[
                    "bedrock:InvokeModel",
                    "bedrock:InvokeModelWithResponseStream",
                ],
                &arn,
                "asks the stage's model",
            );
        }
    }
    needs
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
