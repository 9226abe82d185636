//! The data plane of Amazon Bedrock AgentCore: `InvokeAgentRuntime` in front of a container that we run as a process.

mod headers;
mod upstream;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::access::{Caller, lock};
use super::error::AwsError;
use super::events::Fact;
use super::gateway::{self, AGENTCORE};
use super::types::{AgentRuntime, EndpointFacts};
use super::{Aws, identifiers};
pub(super) use upstream::client;

const ACTION: &str = "bedrock-agentcore:InvokeAgentRuntime";
const ACTION_FOR_USER: &str = "bedrock-agentcore:InvokeAgentRuntimeForUser";
/// How long a container may take to become healthy.
const START_MAX: Duration = Duration::from_secs(30);
/// The endpoint that every runtime has. It follows the newest version.
const DEFAULT: &str = "DEFAULT";
const SESSION_ID_LENGTHS: std::ops::RangeInclusive<usize> = 33..=256;

/// All runtimes, and the endpoints of each, by the runtime's ARN.
#[derive(Default)]
pub(super) struct Runtimes {
    by_arn: HashMap<String, AgentRuntime>,
    endpoints: HashMap<String, BTreeMap<String, EndpointFacts>>,
}

impl Runtimes {
    pub(super) fn put(&mut self, runtime: AgentRuntime) {
        self.by_arn.insert(runtime.arn.clone(), runtime);
    }

    pub(super) fn put_endpoint(&mut self, runtime_arn: &str, endpoint: EndpointFacts) {
        self.endpoints
            .entry(runtime_arn.to_owned())
            .or_default()
            .insert(endpoint.name.clone(), endpoint);
    }

    pub(super) fn remove(&mut self, arn: &str) {
        self.by_arn.remove(arn);
        self.endpoints.remove(arn);
    }

    fn arn_of(&self, id: &str) -> Option<String> {
        self.by_arn
            .values()
            .find(|runtime| runtime.id == id)
            .map(|runtime| runtime.arn.clone())
    }

    fn find(&self, arn: &str, qualifier: &str) -> Result<(AgentRuntime, Option<u32>), AwsError> {
        let runtime = self
            .by_arn
            .get(arn)
            .ok_or_else(|| AwsError::not_found(format!("No runtime was found for {arn}.")))?;
        let endpoint = self
            .endpoints
            .get(arn)
            .and_then(|endpoints| endpoints.get(qualifier));
        match endpoint {
            Some(endpoint) => Ok((runtime.clone(), Some(endpoint.version))),
            None if qualifier == DEFAULT => Ok((runtime.clone(), None)),
            None => Err(AwsError::not_found(format!(
                "No endpoint or agent found with qualifier '{qualifier}' for agent '{arn}'."
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    qualifier: Option<String>,
    account_id: Option<String>,
}

pub(super) async fn invoke(
    State(aws): State<Aws>,
    Extension(caller): Extension<Caller>,
    Path(runtime): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, AwsError> {
    gateway::require_service(&caller, AGENTCORE)?;
    let qualifier = parameters.qualifier.as_deref().unwrap_or(DEFAULT);
    let arn = runtime_arn(&aws, &runtime, parameters.account_id.as_deref())?;
    aws.authorize(&caller, ACTION, &arn, &[])?;
    aws.authorize(
        &caller,
        ACTION,
        &format!("{arn}/runtime-endpoint/{qualifier}"),
        &[],
    )?;
    if headers.contains_key(headers::USER_ID) {
        aws.authorize(&caller, ACTION_FOR_USER, &arn, &[])?;
    }
    let session_id = session_id(&headers)?;
    let (runtime, version) = lock(&aws.inner.runtimes).find(&arn, qualifier)?;
    if let Some(version) = version.filter(|version| *version != runtime.version) {
        let sentence = format!(
            "endpoint {qualifier} points to version {version}, but version {} runs here and answers",
            runtime.version
        );
        aws.inner
            .facts
            .tell(Fact::warn(sentence).with("runtime", &*runtime.name));
    }
    let mut passed = headers::for_container(&headers, &runtime.header_allow_list)?;
    passed.insert(headers::SESSION_ID, session_id.clone());
    passed.insert(
        headers::RUNTIME_REQUEST_ID,
        HeaderValue::try_from(identifiers::uuid()).expect("a UUID is a header value"),
    );
    let answer = upstream::post(&aws, &runtime, passed, body, START_MAX)
        .await
        .inspect_err(|error| {
            aws.inner.facts.tell(
                Fact::warn(error.message.clone())
                    .with("runtime", &*runtime.name)
                    .with("code", error.code),
            );
        })?;
    Ok(stream(answer, session_id))
}

/// Checks the shape of what the path says: an ARN, or an id together with the account.
fn runtime_arn(aws: &Aws, runtime: &str, account: Option<&str>) -> Result<String, AwsError> {
    let account = account.unwrap_or(&aws.inner.account);
    if account.len() != 12 || !account.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(AwsError::validation(format!(
            "Value '{account}' at 'accountId' failed to satisfy constraint: 12 digits."
        )));
    }
    if runtime.starts_with("arn:") {
        return Ok(runtime.to_owned());
    }
    let known = lock(&aws.inner.runtimes)
        .arn_of(runtime)
        .filter(|_| account == aws.inner.account);
    Ok(known.unwrap_or_else(|| {
        format!(
            "arn:aws:bedrock-agentcore:{}:{account}:runtime/{runtime}",
            aws.inner.region
        )
    }))
}

fn session_id(headers: &HeaderMap) -> Result<HeaderValue, AwsError> {
    let Some(session_id) = headers.get(headers::SESSION_ID) else {
        return Ok(HeaderValue::try_from(identifiers::uuid()).expect("a UUID is a header value"));
    };
    match session_id.len() {
        length if SESSION_ID_LENGTHS.contains(&length) => Ok(session_id.clone()),
        length => {
            let bound = match length < *SESSION_ID_LENGTHS.start() {
                true => "greater than or equal to 33",
                false => "less than or equal to 256",
            };
            let message = format!(
                "1 validation error detected: Value at 'runtimeSessionId' failed to satisfy constraint: Member must have length {bound}"
            );
            Err(AwsError::validation(message))
        }
    }
}

/// Passes the container's answer on as it comes, chunk by chunk.
fn stream(answer: reqwest::Response, session_id: HeaderValue) -> Response {
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE).cloned();
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::OK);
    response
        .headers_mut()
        .insert(headers::SESSION_ID, session_id);
    response.headers_mut().insert(
        CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    response
}
