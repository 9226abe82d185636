//! MCP over HTTP, for any set of tools: stateless, one JSON document for one request.

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

/// A tool call is a few hundred bytes.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// How we know that a request comes from who may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// A Function URL with IAM authentication is in front. A signature covers the host it was made for, and no web page
    /// can sign; the URL's host name exists only after the deploy, so the host is not checked again here.
    Signed,
    /// Programs on this machine. A web page must not reach a wallet by giving its own name our address (DNS rebinding),
    /// so the host must be a name of this machine.
    ThisMachine,
}

/// `/mcp` answers MCP with `handler`, `/health` says that the process answers.
pub fn router<H>(handler: H, callers: Callers) -> Router
where
    H: ServerHandler + Clone + Send + Sync + 'static,
{
    let config = StreamableHttpServerConfig::default()
        // Any instance can answer any request: there is nothing to remember between two.
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(REQUEST_BYTES_MAX)
        // Only browsers send an origin.
        .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]);
    let config = match callers {
        Callers::Signed => config.disable_allowed_hosts(),
        Callers::ThisMachine => config,
    };
    let make = move || Ok(handler.clone());
    let mcp = StreamableHttpService::new(make, Arc::new(NeverSessionManager::default()), config);
    Router::new().nest_service("/mcp", mcp).route(
        "/health",
        get(async || Json(serde_json::json!({"status": "healthy"}))),
    )
}
