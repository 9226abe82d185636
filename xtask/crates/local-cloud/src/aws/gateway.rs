//! The one address of all APIs: reads the request, verifies its signature, and lets the router choose by path.

use axum::body::{self, Body};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::access::Caller;
use super::authorization::Authorization;
use super::error::{AwsError, REQUEST_ID};
use super::sigv4;
use super::{Aws, agentcore, bedrock, dynamodb, identifiers, secrets};

/// The largest request of all our APIs: AgentCore's payload.
const BODY_BYTES_MAX: usize = 100 * 1024 * 1024;
pub(super) const SECRETS_MANAGER: &str = "secretsmanager";
pub(super) const BEDROCK: &str = "bedrock";
pub(super) const AGENTCORE: &str = "bedrock-agentcore";
pub(super) const DYNAMODB: &str = "dynamodb";
const SERVICES: [&str; 4] = [BEDROCK, AGENTCORE, DYNAMODB, SECRETS_MANAGER];
/// Their operations are all at one path, named by a header.
const JSON_SERVICES: [&str; 2] = [DYNAMODB, SECRETS_MANAGER];

pub(super) fn router(aws: Aws) -> Router {
    Router::new()
        .route("/", post(json_call))
        .route("/model/{model}/converse", post(bedrock::converse))
        .route(
            "/model/{model}/converse-stream",
            post(bedrock::converse_stream),
        )
        .route("/runtimes/{runtime}/invocations", post(agentcore::invoke))
        .fallback(no_such_operation)
        .method_not_allowed_fallback(no_such_operation)
        .layer(middleware::from_fn_with_state(aws.clone(), guard))
        .layer(DefaultBodyLimit::disable())
        .with_state(aws)
}

/// One handler serves one service: a signature for another one does not count.
pub(super) fn require_service(caller: &Caller, service: &str) -> Result<(), AwsError> {
    if caller.service == service {
        return Ok(());
    }
    let message = format!("Credential should be scoped to correct service: '{service}'.");
    Err(AwsError::new(
        StatusCode::FORBIDDEN,
        "InvalidSignatureException",
        message,
    ))
}

async fn guard(State(aws): State<Aws>, request: Request, next: Next) -> Response {
    let service = Authorization::read(request.headers()).map(|authorization| authorization.service);
    let mut response = match admit(&aws, request).await {
        Ok(request) => next.run(request).await,
        Err(error) if service.is_ok_and(|service| JSON_SERVICES.contains(&&*service)) => {
            error.for_json_protocol().into_response()
        }
        Err(error) => error.into_response(),
    };
    let request_id = HeaderValue::try_from(identifiers::uuid()).expect("a UUID is a header value");
    response
        .headers_mut()
        .entry(REQUEST_ID)
        .or_insert(request_id);
    response
}

async fn json_call(
    State(aws): State<Aws>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if caller.service == DYNAMODB {
        return dynamodb::call(&aws, &caller, &headers, &body).await;
    }
    secrets::call(&aws, &caller, &headers, &body)
}

/// Gives back the request with its whole body and its [`Caller`].
async fn admit(aws: &Aws, request: Request) -> Result<Request, AwsError> {
    let authorization = Authorization::read(request.headers())?;
    if !SERVICES.contains(&authorization.service.as_str()) {
        let message = format!(
            "The local cloud has no API of the service '{}'; it has {}.",
            authorization.service,
            SERVICES.join(", ")
        );
        return Err(AwsError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplementedException",
            message,
        ));
    }
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        AwsError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            format!("The request is larger than {BODY_BYTES_MAX} bytes."),
        )
    })?;
    let signed = sigv4::Request {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body,
    };
    let caller = aws.authenticate(&authorization, &signed)?;
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(caller);
    Ok(request)
}

async fn no_such_operation(Extension(caller): Extension<Caller>, request: Request) -> AwsError {
    let message = format!(
        "The local cloud has no operation {} {} of the service '{}'.",
        request.method(),
        request.uri().path(),
        caller.service
    );
    AwsError::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
}
