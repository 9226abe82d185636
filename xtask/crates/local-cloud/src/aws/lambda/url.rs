//! A Function URL with AuthType `AWS_IAM`: whoever is signed and allowed gets through to the function.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use time::OffsetDateTime;

use super::super::access::{Caller, lock};
use super::super::authorization::Authorization;
use super::super::error::{AwsError, ERROR_TYPE, REQUEST_ID};
use super::super::events::Fact;
use super::super::sigv4;
use super::super::{Aws, identifiers};
use super::payload::{self, Origin};
use super::pool::Pool;
use super::{Failure, Outcome, PAYLOAD_BYTES_MAX};

const SERVICE: &str = "lambda";
const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

#[derive(Clone)]
struct Front {
    aws: Aws,
    function_arn: String,
}

pub(crate) fn function_url(aws: Aws, function_arn: &str) -> Router {
    let front = Front {
        aws,
        function_arn: function_arn.to_owned(),
    };
    Router::new()
        .fallback(serve)
        .layer(DefaultBodyLimit::disable())
        .with_state(front)
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    let request_id = identifiers::uuid();
    let mut response = match front.answer(request, &request_id).await {
        Ok(response) => response,
        Err(error) => {
            let body = Json(json!({ "Message": error.message }));
            (error.status, [(ERROR_TYPE, error.code)], body).into_response()
        }
    };
    let request_id = HeaderValue::try_from(request_id).expect("a UUID is a header value");
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

impl Front {
    async fn answer(&self, request: Request, request_id: &str) -> Result<Response, AwsError> {
        let (parts, body) = request.into_parts();
        let authorization =
            Authorization::read(&parts.headers).map_err(|error| self.unsigned(error, &parts))?;
        let body = body::to_bytes(body, PAYLOAD_BYTES_MAX)
            .await
            .map_err(|_| too_large())?;
        let caller = self.admit(&authorization, &parts, &body)?;
        let pool = lock(&self.aws.inner.functions).find(&self.function_arn);
        let pool: Pool = pool.ok_or_else(|| {
            AwsError::not_found(format!("Function not found: {}", self.function_arn))
        })?;
        let now = OffsetDateTime::now_utc();
        let trace_id = match parts
            .headers
            .get("x-amzn-trace-id")
            .and_then(|value| value.to_str().ok())
        {
            Some(trace_id) => trace_id.to_owned(),
            None => identifiers::trace_id(u64::try_from(now.unix_timestamp()).unwrap_or_default()),
        };
        let source = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
        let origin = Origin {
            caller: &caller,
            account: &self.aws.inner.account,
            source,
            request_id,
            trace_id: &trace_id,
            now,
        };
        let event = payload::event(&parts, &body, &origin).to_string();
        if event.len() > PAYLOAD_BYTES_MAX {
            return Err(too_large());
        }
        self.response(
            pool.invoke(request_id.to_owned(), trace_id.clone(), event.into())
                .await,
        )
    }

    /// Who is not signed is told no more than that.
    fn unsigned(&self, error: AwsError, parts: &Parts) -> AwsError {
        let fact = Fact::warn(format!(
            "refused a request to the Function URL: {}",
            error.message
        ));
        self.aws.inner.facts.tell(
            fact.with("functionArn", &*self.function_arn)
                .with("path", parts.uri.path()),
        );
        match error.code {
            "MissingAuthenticationTokenException" => AwsError::access_denied(FORBIDDEN),
            _ => error,
        }
    }

    fn admit(
        &self,
        authorization: &Authorization,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Caller, AwsError> {
        let signed = sigv4::Request {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            body,
        };
        let caller = self.aws.authenticate(authorization, &signed)?;
        super::super::gateway::require_service(&caller, SERVICE)?;
        let checks = [
            (
                "lambda:InvokeFunctionUrl",
                ("lambda:FunctionUrlAuthType", "AWS_IAM"),
            ),
            (
                "lambda:InvokeFunction",
                ("lambda:InvokedViaFunctionUrl", "true"),
            ),
        ];
        for (action, condition) in checks {
            self.aws
                .authorize(&caller, action, &self.function_arn, &[condition])
                .map_err(|error| {
                    match error.status {
                        // The log says which permission is missing; the caller is not told, as at AWS.
                        StatusCode::FORBIDDEN => AwsError::access_denied(FORBIDDEN),
                        _ => error,
                    }
                })?;
        }
        Ok(caller)
    }

    fn response(&self, outcome: Outcome) -> Result<Response, AwsError> {
        let failure = match outcome {
            Outcome::Answered(answer) => match payload::response(&answer) {
                Ok(mut response) => {
                    // The server counts the body itself.
                    response.headers_mut().remove(CONTENT_LENGTH);
                    return Ok(response);
                }
                Err(problem) => Failure::new("Function.InvalidResponse", problem),
            },
            Outcome::Failed(failure) => failure,
            Outcome::Throttled => {
                return Err(AwsError::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                ));
            }
            Outcome::Gone => {
                return Err(AwsError::not_found(format!(
                    "Function not found: {}",
                    self.function_arn
                )));
            }
        };
        // A function's own message may hold anything, so it goes to the caller only.
        let fact = Fact::warn(format!("an event failed: {}", failure.error_type));
        self.aws
            .inner
            .facts
            .tell(fact.with("functionArn", &*self.function_arn));
        let body =
            Json(json!({ "errorType": failure.error_type, "errorMessage": failure.message }));
        Ok((
            StatusCode::BAD_GATEWAY,
            [(ERROR_TYPE, "FunctionError")],
            body,
        )
            .into_response())
    }
}

fn too_large() -> AwsError {
    let message = format!(
        "Request must be smaller than {PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation"
    );
    AwsError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLargeException",
        message,
    )
}
