//! An MCP server behind a Function URL's lock: a request without a valid SigV4 signature for `lambda` is turned away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_ACCESS_KEY: &str = "only-for-tests";
pub(crate) const REGION: &str = "us-east-1";

#[derive(Debug)]
pub(crate) struct Mcp {
    /// Calls of `get_slow` wait for a permit.
    pub(crate) gate: Semaphore,
    /// The names of the tools called, in the order in which the calls came.
    calls: Mutex<Vec<String>>,
    headers: Mutex<Vec<HeaderMap>>,
    /// What came as W3C baggage with a tool call.
    baggage: Mutex<Vec<String>>,
}

impl Mcp {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            calls: Mutex::default(),
            headers: Mutex::default(),
            baggage: Mutex::default(),
        })
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let server = Server(Arc::clone(self));
        let mut config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true);
        config.sse_keep_alive = None;
        let service = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        );
        Router::new()
            .nest_service("/mcp", service)
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(self),
                verify,
            ))
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn baggage(&self) -> Vec<String> {
        self.baggage.lock().unwrap().clone()
    }

    /// The values of a header in all requests that had it.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let headers = self.headers.lock().unwrap();
        headers
            .iter()
            .filter_map(|headers| Some(headers.get(name)?.to_str().unwrap().to_owned()))
            .collect()
    }
}

async fn verify(State(mcp): State<Arc<Mcp>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let url = format!("http://{}{}", text("host").unwrap(), parts.uri);
    let session = text("x-amz-security-token");
    let expected = text("x-amz-date")
        .map(|date| authorization((parts.method.as_str(), &url, &body), &date, session));
    if expected.is_none() || text("authorization") != expected {
        return (
            StatusCode::FORBIDDEN,
            axum::Json(json!({"Message": "Forbidden"})),
        )
            .into_response();
    }
    mcp.headers.lock().unwrap().push(parts.headers.clone());
    let message: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let baggage = message["params"]["_meta"]["baggage"].as_str();
    mcp.baggage
        .lock()
        .unwrap()
        .extend(baggage.map(str::to_owned));
    if String::from_utf8_lossy(&body).contains("Nowhere") {
        mcp.calls.lock().unwrap().push("crash".to_owned());
        return (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// The one right value of the header for a request, made from what arrived.
fn authorization(
    (method, url, body): (&str, &str, &[u8]),
    date: &str,
    session: Option<String>,
) -> String {
    let identity = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, session, None, "test").into();
    let date = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let date =
        aws_smithy_types::DateTime::from_str(&date, aws_smithy_types::date_time::Format::DateTime)
            .unwrap();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("lambda")
        .time(date.try_into().unwrap())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let request =
        SignableRequest::new(method, url, std::iter::empty(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    let headers: Vec<_> = instructions.headers().collect();
    headers
        .iter()
        .find(|(name, _)| *name == "authorization")
        .unwrap()
        .1
        .to_owned()
}

#[derive(Clone)]
struct Server(Arc<Mcp>);

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        // As schemars writes them: the draft at the top, and definitions beside what refers to them.
        let draft = "https://json-schema.org/draft/2020-12/schema";
        let city = json!({
            "$schema": draft, "title": "Arguments", "additionalProperties": false, "type": "object",
            "$defs": {"Name": {"type": "string"}},
            "properties": {"city": {"$ref": "#/$defs/Name"}}, "required": ["city"],
        });
        let nothing = json!({"$schema": draft, "type": "object", "properties": {}});
        let tools = json!([
            {"name": "get_weather", "description": "Weather for money", "inputSchema": city, "annotations": {"readOnlyHint": false}},
            {"name": "get_slow", "description": "Weather for money, later", "inputSchema": city},
            {"name": "get_price", "description": "A price", "inputSchema": nothing, "annotations": {"readOnlyHint": true}},
        ]);
        Ok(ListToolsResult::with_all_items(
            serde_json::from_value(tools).unwrap(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mcp = &self.0;
        mcp.calls.lock().unwrap().push(request.name.to_string());
        mcp.answer(&request).await.map(CallToolResponse::Complete)
    }
}

impl Mcp {
    async fn answer(&self, request: &CallToolRequestParams) -> Result<CallToolResult, ErrorData> {
        let city = request
            .arguments
            .as_ref()
            .and_then(|arguments| arguments.get("city"))
            .and_then(Value::as_str);
        match (request.name.as_ref(), city) {
            ("get_price", _) => Ok(CallToolResult::structured(json!({"displayAmount": "0.01"}))),
            (_, None) => Err(ErrorData::invalid_params("city is missing", None)),
            (_, Some("Atlantis")) => Ok(CallToolResult::structured_error(
                json!({"message": "unknown city"}),
            )),
            (name, Some(city)) => {
                if name == "get_slow" {
                    self.gate.acquire().await.unwrap().forget();
                } else if city == "Second" {
                    // Later than its neighbours, to see that the order is that of the calls.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok(CallToolResult::structured(
                    json!({"city": city, "temperatureCelsius": 11.6, "payment": {"amount": "10000", "for": city}}),
                ))
            }
        }
    }
}
