//! The tools of the MCP server: found when first needed, remembered, called, and found again after a failure.

mod outcome;
mod problem;
mod schema;
mod signing;
mod toolbox;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ErrorCode, ProtocolVersion, RequestParamsMeta as _};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use runtime::text::clean;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

pub(crate) use self::outcome::Outcome;
use self::signing::{SignedClient, Signer};
pub(crate) use self::toolbox::Toolbox;

/// A list older than this is asked for again.
const LIST_AGE_MAX: Duration = Duration::from_secs(300);
/// A function that starts cold and reads its secret may take some seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// What a turn takes beside a call and its connection, until the caller hears of it.
const REPORT_TIME: Duration = Duration::from_secs(5);

/// Of the tool server's own words.
const MESSAGE_CHARACTERS_MAX: usize = 500;
/// What a payment whose answer was lost may still do: its authorization is valid for two minutes, and clocks differ by one.
const UNCERTAIN: &str = "It is not known whether anything was paid, and what was signed may still be charged for three minutes; \
    get_wallet shows what is open, until when, and what was spent. Do not repeat the call before that is clear.";

type Connection = RunningService<RoleClient, ()>;

/// The tools of one MCP server.
#[derive(Debug)]
pub(crate) struct Tools {
    endpoint: Url,
    client: SignedClient,
    /// For a call; a payment waits for the chain.
    call_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Arc<Connection>>,
    list: Option<List>,
}

#[derive(Debug)]
struct List {
    toolbox: Arc<Toolbox>,
    listed_at: Instant,
    is_stale: bool,
}

impl Tools {
    /// Nothing is called yet. Errors when the AWS settings lack region or credentials. A call that needs a new connection
    /// ends within `answer_within`.
    pub(crate) fn new(
        endpoint: Url,
        answer_within: Duration,
        aws: &SdkConfig,
    ) -> Result<Self, runtime::Error> {
        let region = aws.region().ok_or("AWS_REGION is missing")?.to_string();
        let provider = aws
            .credentials_provider()
            .ok_or("no AWS credentials provider is configured")?;
        let call_timeout = answer_within.saturating_sub(CONNECT_TIMEOUT + REPORT_TIME);
        // The tool's own time limit ends a call first.
        let http = runtime::http::client_builder()
            .timeout(call_timeout + REPORT_TIME)
            .build()?;
        let client = SignedClient::new(http, Signer::new(region, provider));
        Ok(Self {
            endpoint,
            client,
            call_timeout,
            state: Mutex::default(),
        })
    }

    /// The tools there are. A list that cannot be renewed is used on; without any list the error is a sentence for the caller.
    pub(crate) async fn list(&self) -> Result<Arc<Toolbox>, String> {
        let mut state = self.state.lock().await;
        if let Some(list) = &state.list
            && !list.is_stale
            && list.listed_at.elapsed() < LIST_AGE_MAX
        {
            return Ok(Arc::clone(&list.toolbox));
        }
        match self.fetch(&mut state).await {
            Ok(toolbox) => {
                let toolbox = Arc::new(toolbox);
                let listed_at = Instant::now();
                state.list = Some(List {
                    toolbox: Arc::clone(&toolbox),
                    listed_at,
                    is_stale: false,
                });
                Ok(toolbox)
            }
            Err(problem) => {
                tracing::warn!(problem, "the MCP server did not list its tools");
                state.connection = None;
                let known = state.list.as_ref().map(|list| Arc::clone(&list.toolbox));
                known.ok_or_else(|| {
                    format!("The tools cannot be reached: {problem}. Check that mcp-server runs and that the agent may call it, then ask again.")
                })
            }
        }
    }

    /// Calls a tool and waits for its end, however it ends. A call is never repeated, because it may have paid.
    /// What it pays counts for the session's budget.
    pub(crate) async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        session_id: Option<&str>,
    ) -> Outcome {
        let connection = match self.connection(&mut *self.state.lock().await).await {
            Ok(connection) => connection,
            Err(problem) => {
                return lost(&problem, true);
            }
        };
        let started = Instant::now();
        let mut parameters = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        if let Some(context) = runtime::trace::current() {
            parameters.set_traceparent(&context.to_string());
        }
        if let Some(session_id) = session_id {
            parameters.set_baggage(&baggage(session_id));
        }
        let answer = tokio::time::timeout(
            self.call_timeout,
            connection.peer().call_tool_once(parameters),
        )
        .await;
        let outcome = match answer {
            Ok(Ok(rmcp::model::CallToolResponse::Complete(result))) => Outcome::from_mcp(result),
            Ok(Ok(_)) => Outcome::failed(
                "The tool requires more than a plain call, which this agent does not support.",
            ),
            Ok(Err(ServiceError::McpError(error))) => self.refused(&error).await,
            Ok(Err(error)) => {
                self.forget(&connection).await;
                lost(
                    &problem::of_request(&error),
                    problem::was_never_sent(&error),
                )
            }
            Err(_elapsed) => {
                self.forget(&connection).await;
                lost(problem::TIMED_OUT, false)
            }
        };
        let ok = outcome.result.is_ok();
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            tool = name,
            ok,
            paid = outcome.payment.is_some(),
            duration_ms,
            "tool called"
        );
        outcome
    }

    /// The server understood the request and said no: an unknown tool, or arguments that do not fit. The list may be old.
    async fn refused(&self, error: &rmcp::model::ErrorData) -> Outcome {
        let is_refused =
            [ErrorCode::INVALID_PARAMS, ErrorCode::METHOD_NOT_FOUND].contains(&error.code);
        if is_refused && let Some(list) = &mut self.state.lock().await.list {
            list.is_stale = true;
        }
        let message = clean(&error.message, MESSAGE_CHARACTERS_MAX);
        let sentence = format!("The tool server refused the call: {message}");
        Outcome::failed(if is_refused {
            sentence
        } else {
            // It may have failed at any point, after a payment too.
            format!("{}. {UNCERTAIN}", sentence.trim_end_matches('.'))
        })
    }

    /// The next call makes a new connection. Calls that are still under way on this one go on.
    async fn forget(&self, connection: &Arc<Connection>) {
        let mut state = self.state.lock().await;
        state
            .connection
            .take_if(|current| Arc::ptr_eq(current, connection));
    }

    async fn fetch(&self, state: &mut State) -> Result<Toolbox, String> {
        let connection = self.connection(state).await?;
        let tools = tokio::time::timeout(CONNECT_TIMEOUT, connection.peer().list_all_tools()).await;
        let tools = tools.map_err(|_elapsed| problem::TIMED_OUT.to_owned())?;
        tools
            .map(Toolbox::new)
            .map_err(|error| problem::of_request(&error))
    }

    /// The open connection, or a new one.
    async fn connection(&self, state: &mut State) -> Result<Arc<Connection>, String> {
        if let Some(connection) = &state.connection
            && !connection.is_closed()
        {
            return Ok(Arc::clone(connection));
        }
        let config = StreamableHttpClientTransportConfig::with_uri(self.endpoint.as_str());
        let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
        // The newest protocol has no sessions, which suits a function; an older server is met with the old handshake.
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        };
        let connection = tokio::time::timeout(
            CONNECT_TIMEOUT,
            ().serve_with_lifecycle(transport, lifecycle),
        )
        .await
        .map_err(|_elapsed| problem::TIMED_OUT.to_owned())?
        .map_err(|error| problem::of_start(&error))?;
        let connection = Arc::new(connection);
        state.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }
}

/// The session as W3C baggage. Only letters, digits and a few marks go as they are, everything else percent-encoded.
fn baggage(session_id: &str) -> String {
    let value: String = url::form_urlencoded::byte_serialize(session_id.as_bytes()).collect();
    format!("session.id={value}")
}

/// A call without an answer. What the model reads must not make it pay twice.
fn lost(problem: &str, was_never_sent: bool) -> Outcome {
    tracing::warn!(problem, was_never_sent, "a call to the MCP server was lost");
    Outcome::failed(if was_never_sent {
        format!(
            "The tool was not called and nothing was paid: {problem}. It can be tried again later."
        )
    } else {
        format!("The tool server did not answer the call: {problem}. {UNCERTAIN}")
    })
}
