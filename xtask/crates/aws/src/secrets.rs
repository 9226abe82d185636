//! Secrets that a person has made: whether they can be read by whom they are for. Their values are never asked for.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;

use super::cloudformation::{KeptSecret, NamedSecret, named_secrets};
use super::errors::Refusal;
use words::error::UserError;

/// The key that AWS keeps for secrets in every account: any role of the account may use it, and no policy has to name it.
const OWN_KEY: &str = "alias/aws/secretsmanager";
/// The version that everybody is given.
const CURRENT: &str = "AWSCURRENT";

/// What could be seen of a secret.
#[derive(Debug, PartialEq, Eq)]
pub enum Looked {
    Good,
    /// Who deploys may not look, which says nothing about the secret.
    NotAllowed,
}

/// Looks whether a secret is there, has a value, and is encrypted with a key that the service may use.
///
/// # Errors
/// It is not so: what is wrong, and the way out.
pub async fn look(config: &SdkConfig, arn: &str) -> anyhow::Result<Looked> {
    let answer = Client::new(config)
        .describe_secret()
        .secret_id(arn)
        .send()
        .await;
    let secret = match answer {
        Ok(secret) => secret,
        Err(error) => {
            let refusal = Refusal::of(&error);
            return match refusal.code.as_deref() {
                Some("AccessDeniedException") => Ok(Looked::NotAllowed),
                Some("ResourceNotFoundException") => Err(wrong(
                    format!("there is no secret {arn}"),
                    "make it, or fix the ARN",
                )
                .into()),
                _ => Err(refusal.into_error(&format!("look at the secret {arn}"))),
            };
        }
    };
    if secret.deleted_date.is_some() {
        let fix = format!("aws secretsmanager restore-secret --secret-id {arn}");
        return Err(wrong(format!("the secret {arn} is about to be deleted"), &fix).into());
    }
    let stages = secret.version_ids_to_stages.unwrap_or_default();
    if !stages.values().flatten().any(|stage| stage == CURRENT) {
        let fix = format!(
            "aws secretsmanager put-secret-value --secret-id {arn} --secret-string file://<a file>"
        );
        return Err(wrong(format!("the secret {arn} has no value"), &fix).into());
    }
    if let Some(key) = secret.kms_key_id.filter(|key| !key.ends_with(OWN_KEY)) {
        let problem =
            format!("the secret {arn} is encrypted with {key}, which the service may not use");
        return Err(wrong(problem, "encrypt it with aws/secretsmanager: aws secretsmanager update-secret --kms-key-id alias/aws/secretsmanager").into());
    }
    Ok(Looked::Good)
}

/// Those secrets of a template that are there already.
///
/// # Errors
/// Secrets Manager refuses, or cannot be reached.
pub async fn kept(config: &SdkConfig, template: &str) -> anyhow::Result<Vec<KeptSecret>> {
    let client = Client::new(config);
    let mut kept = Vec::new();
    for NamedSecret { logical_id, name } in named_secrets(template) {
        let answer = client.describe_secret().secret_id(&name).send().await;
        match answer {
            // CloudFormation says by itself that a secret is about to be deleted, and what that means.
            Ok(secret) if secret.deleted_date.is_none() => kept.push(KeptSecret {
                logical_id,
                arn: secret.arn.unwrap_or_default(),
            }),
            Ok(_) => {}
            Err(error) => {
                let refusal = Refusal::of(&error);
                if !refusal.is("ResourceNotFoundException") {
                    return Err(refusal.into_error(&format!("look for the secret {name}")));
                }
            }
        }
    }
    Ok(kept)
}

fn wrong(problem: String, fix: &str) -> UserError {
    UserError::new(problem).hint(format!("{fix}; nothing was touched"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stand_in::{StandIn, refusal};
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-west-2:123456789012:secret:cdp-key-AbCdEf";

    /// The answers of <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>.
    #[tokio::test]
    async fn a_secret_is_looked_at_before_anything_needs_it() {
        let current = json!({ "v1": ["AWSCURRENT"] });
        for (answer, expected) in [
            (
                (200, json!({ "ARN": ARN, "VersionIdsToStages": current })),
                "Good",
            ),
            (
                (
                    200,
                    json!({ "VersionIdsToStages": current, "KmsKeyId": "alias/aws/secretsmanager" }),
                ),
                "Good",
            ),
            (refusal(400, "AccessDeniedException", "no"), "NotAllowed"),
            (
                refusal(400, "ResourceNotFoundException", "can't find"),
                "there is no secret",
            ),
            ((200, json!({ "VersionIdsToStages": {} })), "has no value"),
            (
                (
                    200,
                    json!({ "VersionIdsToStages": { "v1": ["AWSPENDING"] } }),
                ),
                "has no value",
            ),
            (
                (
                    200,
                    json!({ "VersionIdsToStages": current, "DeletedDate": 1.8e9 }),
                ),
                "about to be deleted",
            ),
            (
                (
                    200,
                    json!({ "VersionIdsToStages": current, "KmsKeyId": "arn:aws:kms:us-west-2:1:key/2" }),
                ),
                "is encrypted with arn:aws:kms:us-west-2:1:key/2",
            ),
            (
                refusal(400, "InvalidRequestException", "other"),
                "cannot look at the secret",
            ),
        ] {
            let service = StandIn::start({
                let answer = answer.clone();
                move |_| answer.clone()
            })
            .await;
            let said = match look(&service.config(), ARN).await {
                Ok(looked) => format!("{looked:?}"),
                Err(error) => error.to_string(),
            };
            assert!(said.contains(expected), "{answer:?}: {said}");
            let asked = service.asked();
            assert!(
                asked
                    .iter()
                    .all(|asked| asked.operation == "DescribeSecret")
            );
            assert_eq!(asked[0].body["SecretId"], ARN);
        }
    }
}
