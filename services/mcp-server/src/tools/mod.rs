//! The tools, as MCP shows them.

mod price;
mod refusal;
mod wallet;
mod weather;

use std::sync::Arc;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams,
    CompleteResult, Implementation, ListPromptsRequestMethod, ListPromptsResult,
    ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
    ListResourcesResult, PaginatedRequestParams, RequestMetaObject, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use runtime::trace::{self, TraceContext};
use url::Url;

use crate::lazy_wallet::{LazyWallet, OpenWallet};
use price::PriceReport;
use wallet::WalletReport;
use weather::{PaidWeather, WeatherQuestion};

/// The tools and the wallet behind them. Clones share both.
#[derive(Clone)]
pub struct Tools {
    context: Arc<ToolContext>,
    router: Arc<ToolRouter<Self>>,
}

struct ToolContext {
    weather_url: Url,
    wallet: LazyWallet,
}

impl ToolContext {
    async fn open(&self) -> Result<&OpenWallet, String> {
        let opened = self.wallet.open().await;
        opened.map_err(|error| {
            format!(
                "Nothing was paid: there is no wallet. Only the operator can fix this: {error}."
            )
        })
    }
}

/// Whose budget it is within the wallet's: `session.id` in the caller's W3C baggage, percent-encoded as it came. Calls that
/// name none share one.
fn session(meta: &RequestMetaObject) -> String {
    let members = meta.get_baggage().unwrap_or_default().split(',');
    members
        .filter_map(|member| member.split(';').next()?.split_once('='))
        .find(|(key, _)| key.trim() == "session.id")
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

#[tool_router]
impl Tools {
    pub fn new(weather_url: Url, wallet: LazyWallet) -> Self {
        Self {
            context: Arc::new(ToolContext {
                weather_url,
                wallet,
            }),
            router: Arc::new(Self::tool_router()),
        }
    }

    #[tool(
        description = "The weather in a city, bought from a weather service. Every answer costs money, which is paid from \
                       the wallet of this server; the receipt is part of the result. Ask get_price first to know the price.",
        annotations(
            title = "Buy the weather",
            read_only_hint = false,
            destructive_hint = false,
            open_world_hint = true
        )
    )]
    async fn get_weather(
        &self,
        meta: RequestMetaObject,
        Parameters(question): Parameters<WeatherQuestion>,
    ) -> Result<Json<PaidWeather>, String> {
        let session = session(&meta);
        weather::buy(&self.context, &session, &question)
            .await
            .map(Json)
    }

    #[tool(
        description = "What one answer of get_weather costs now, and whether the wallet's limit allows it. Free.",
        annotations(
            title = "Ask for the price",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    async fn get_price(&self) -> Result<Json<PriceReport>, String> {
        price::ask(&self.context).await.map(Json)
    }

    #[tool(
        description = "The wallet that pays: its address, its balance, what it has spent so far, what may still be charged and until when, its \
                       limits, and its latest receipts. Free.",
        annotations(
            title = "Look into the wallet",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    async fn get_wallet(&self, meta: RequestMetaObject) -> Result<Json<WalletReport>, String> {
        wallet::look(&self.context, &session(&meta)).await.map(Json)
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        // Only what exists: a client takes every declared capability as a promise.
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "get_weather costs money for each answer and returns a receipt; get_price and get_wallet are free.",
            )
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // rmcp answers from a task of its own, which does not inherit the trace of the HTTP request.
        let parts = context.extensions.get::<axum::http::request::Parts>();
        let traced = parts
            .and_then(|parts| parts.extensions.get::<TraceContext>())
            .copied();
        let tool = request.name.clone();
        let call = async {
            let response = self
                .router
                .call(ToolCallContext::new(self, request, context))
                .await;
            let ok = matches!(&response, Ok(CallToolResponse::Complete(result)) if result.is_error != Some(true));
            tracing::info!(%tool, ok, "tool called");
            response
        };
        trace::scope(traced.unwrap_or_default(), call).await
    }

    // The defaults of the four below answer with empty lists, as if there were prompts, resources and completions.

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<
            ListResourceTemplatesRequestMethod,
        >())
    }

    async fn complete(
        &self,
        _request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }
}
