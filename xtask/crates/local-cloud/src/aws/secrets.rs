//! Secrets Manager: reads secrets. They are made by the supervisor, from the templates.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Caller, lock};
use super::error::AwsError;
use super::gateway::{self, SECRETS_MANAGER};
use super::{Aws, identifiers};

const STAGE: &str = "AWSCURRENT";

/// A secret with its only version. It has no `Debug`: nothing may print a value.
#[derive(Clone)]
pub(super) struct Secret {
    arn: String,
    name: String,
    value: String,
    version_id: String,
    created: f64,
}

#[derive(Default)]
pub(super) struct Secrets {
    by_arn: HashMap<String, Secret>,
}

impl Secrets {
    pub(super) fn put(&mut self, arn: &str, name: &str, value: &str) {
        if self
            .by_arn
            .get(arn)
            .is_some_and(|secret| secret.value == value && secret.name == name)
        {
            return;
        }
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let secret = Secret {
            arn: arn.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            version_id: identifiers::uuid(),
            created,
        };
        self.by_arn.insert(arn.to_owned(), secret);
    }

    pub(super) fn remove(&mut self, arn: &str) {
        self.by_arn.remove(arn);
    }

    /// By ARN, by ARN without its random end (`-AbCdEf`), or by name.
    fn find(&self, id: &str) -> Option<Secret> {
        let is_it = |secret: &&Secret| {
            let without_end = secret
                .arn
                .rsplit_once('-')
                .map_or(secret.arn.as_str(), |(start, _)| start);
            id == secret.arn || id == secret.name || id == without_end
        };
        self.by_arn.values().find(is_it).cloned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(super) fn call(aws: &Aws, caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Response {
    match answer(aws, caller, headers, body) {
        Ok(output) => (
            [(CONTENT_TYPE, "application/x-amz-json-1.1")],
            output.to_string(),
        )
            .into_response(),
        Err(error) => error.for_json_protocol().into_response(),
    }
}

fn answer(aws: &Aws, caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Result<Value, AwsError> {
    gateway::require_service(caller, SECRETS_MANAGER)?;
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let operation = target.strip_prefix("secretsmanager.").unwrap_or(target);
    let describe = match operation {
        "GetSecretValue" => get_secret_value,
        "DescribeSecret" => describe_secret,
        _ => {
            let message = format!(
                "The local cloud has no operation '{operation}' of Secrets Manager; it has GetSecretValue and DescribeSecret."
            );
            return Err(AwsError::new(
                StatusCode::BAD_REQUEST,
                "UnknownOperationException",
                message,
            ));
        }
    };
    let input: Input = serde_json::from_slice(body)
        .map_err(|error| AwsError::validation(format!("The request is not valid: {error}.")))?;
    let found = lock(&aws.inner.secrets).find(&input.secret_id);
    // Permission comes first: who may not read must not learn what exists.
    aws.authorize(
        caller,
        &format!("secretsmanager:{operation}"),
        &resource(aws, found.as_ref(), &input.secret_id),
        &[],
    )?;
    let secret = found
        .ok_or_else(|| AwsError::not_found("Secrets Manager can't find the specified secret."))?;
    describe(&secret, &input)
}

fn resource(aws: &Aws, found: Option<&Secret>, id: &str) -> String {
    match found {
        Some(secret) => secret.arn.clone(),
        None if id.starts_with("arn:") => id.to_owned(),
        None => format!(
            "arn:aws:secretsmanager:{}:{}:secret:{id}",
            aws.inner.region, aws.inner.account
        ),
    }
}

fn get_secret_value(secret: &Secret, input: &Input) -> Result<Value, AwsError> {
    let not_there = |what: &str, value: &str| {
        Err(AwsError::not_found(format!(
            "Secrets Manager can't find the specified secret value for {what}: {value}"
        )))
    };
    match (&input.version_id, &input.version_stage) {
        (Some(version), _) if *version != secret.version_id => not_there("VersionId", version),
        (_, Some(stage)) if stage != STAGE => not_there("staging label", stage),
        _ => Ok(json!({
            "ARN": secret.arn, "Name": secret.name, "VersionId": secret.version_id, "SecretString": secret.value,
            "VersionStages": [STAGE], "CreatedDate": secret.created,
        })),
    }
}

fn describe_secret(secret: &Secret, _input: &Input) -> Result<Value, AwsError> {
    let versions = json!({ &*secret.version_id: [STAGE] });
    Ok(
        json!({ "ARN": secret.arn, "Name": secret.name, "VersionIdsToStages": versions, "CreatedDate": secret.created }),
    )
}
