use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use crate::clouds;
use agentcore_client::{Agent, Refused, new_session};
use cloud::{Cloud, LogQuery};
use facts::Context;
use facts::Stage;
use facts::typed;
use words::error::{Failure, UserError};
use words::output::Output;
use words::text::{clean, clean_lines};

/// How far before the question the agent's log is looked at: its start may be what failed.
const LOG_BEFORE: time::Duration = time::Duration::seconds(5);
const LOG_LINES_MAX: usize = 20;
const LOG_TRIES: u32 = 3;
const LOG_WAIT: Duration = Duration::from_millis(1500);

/// Ask the agent something, through its AgentCore endpoint
#[derive(Debug, Args)]
#[command(after_help = concat!("The answer goes to stdout, tool calls and payments to stderr.\nSource: ", file!()))]
pub(crate) struct Invoke {
    /// The question
    prompt: String,
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Go on with a conversation: its id, 33 to 256 characters [default: a new one]
    #[arg(long)]
    session: Option<String>,
    /// Print the whole answer as one JSON document
    #[arg(long)]
    json: bool,
}

impl Invoke {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let session = match &self.session {
            Some(session) if !(33..=256).contains(&session.len()) => {
                let text = format!(
                    "a session id has 33 to 256 characters, and this one has {}",
                    session.len()
                );
                return Err(UserError::new(text).into());
            }
            Some(session) => session.clone(),
            None => new_session()?,
        };
        let cloud = clouds::connect(context, stage).await?;
        let outputs = clouds::outputs(&*cloud, stage).await?;
        let (owner, agent) = clouds::agent(&*cloud, stage, &outputs)?;
        let asked_at = OffsetDateTime::now_utc();
        let body = json!({ "prompt": self.prompt });
        let answer = if self.json {
            ask_for_document(context, &agent, &session, &body).await
        } else {
            ask(context, stage, &agent, &session, &body).await
        };
        match answer.map_err(|error| error.downcast::<Refused>()) {
            Ok(code) => Ok(code),
            Err(Err(error)) => Err(error),
            Err(Ok(refused)) => {
                if refused.is_the_agents_own() {
                    show_why(context, &*cloud, &owner, asked_at).await;
                }
                let hint = way_out(stage, &owner, &refused.code);
                Err(Failure::new(refused.to_string(), hint).into())
            }
        }
    }
}

/// One answer of the agent without a conversation, such as that of a read-only tool.
pub(super) async fn read(context: &Context, stage: &Stage, body: &Json) -> anyhow::Result<Json> {
    let cloud = clouds::connect(context, stage).await?;
    read_from(&*cloud, stage, body).await
}

/// The same from a cloud that is connected.
pub(super) async fn read_from(
    cloud: &dyn Cloud,
    stage: &Stage,
    body: &Json,
) -> anyhow::Result<Json> {
    let outputs = clouds::outputs(cloud, stage).await?;
    let (owner, agent) = clouds::agent(cloud, stage, &outputs)?;
    let mut bytes = Vec::new();
    let answer = agent
        .invoke(&new_session()?, "application/json", body, |chunk| {
            bytes.extend_from_slice(chunk)
        })
        .await;
    match answer.map_err(|error| error.downcast::<Refused>()) {
        Ok(()) => Ok(serde_json::from_slice(&bytes)?),
        Err(Err(error)) => Err(error),
        Err(Ok(refused)) => {
            let hint = way_out(stage, &owner, &refused.code);
            Err(Failure::new(refused.to_string(), hint).into())
        }
    }
}

/// The agent's log around the question. It takes a moment to arrive, and is not worth waiting for long.
async fn show_why(context: &Context, cloud: &dyn Cloud, owner: &str, asked_at: OffsetDateTime) {
    let query = LogQuery {
        owners: vec![owner.to_owned()],
        since: Some(asked_at - LOG_BEFORE),
        trace_id: None,
    };
    for _ in 0..LOG_TRIES {
        match cloud.logs(&query).await {
            Ok(lines) if !lines.is_empty() => {
                context
                    .out
                    .warning(&format!("what {owner} logged meanwhile:"));
                let first = lines.len().saturating_sub(LOG_LINES_MAX);
                for line in &lines[first..] {
                    context.out.note(&line.in_short());
                }
                return;
            }
            Ok(_) => tokio::time::sleep(LOG_WAIT).await,
            // The refusal itself is what has to be told.
            Err(error) => return context.out.note(&format!("{error:#}")),
        }
    }
    context.out.note(&format!("{owner} has logged nothing yet"));
}

fn way_out(stage: &Stage, owner: &str, code: &str) -> String {
    match code {
        "RuntimeClientError" => format!(
            "the agent's own error: {}",
            typed(stage, &format!("logs {owner} --since 5m"))
        ),
        "ResourceNotFoundException" => format!("deploy it first: {}", typed(stage, "deploy")),
        "ServiceQuotaExceededException" => {
            "a quota of the account, not a payment: wait, or ask AWS for more".to_owned()
        }
        "AccessDeniedException" => {
            "your role needs bedrock-agentcore:InvokeAgentRuntime on the runtime and on its endpoint".to_owned()
        }
        "ThrottlingException" => "too many requests at once: wait a moment and ask again".to_owned(),
        _ => format!("see what runs: {}", typed(stage, "status")),
    }
}

async fn ask_for_document(
    context: &Context,
    agent: &Agent,
    session: &str,
    body: &Json,
) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    agent
        .invoke(session, "application/json", body, |chunk| {
            bytes.extend_from_slice(chunk)
        })
        .await?;
    let mut answer: Json = serde_json::from_slice(&bytes)?;
    answer["session"] = json!(session);
    let failed = answer.get("error").is_some_and(|error| !error.is_null());
    context.out.json(&answer);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn ask(
    context: &Context,
    stage: &Stage,
    agent: &Agent,
    session: &str,
    body: &Json,
) -> anyhow::Result<ExitCode> {
    let mut teller = Teller {
        out: &context.out,
        buffer: Vec::new(),
        line_open: false,
        error: None,
    };
    agent
        .invoke(session, "text/event-stream", body, |chunk| {
            teller.take(chunk)
        })
        .await?;
    if teller.line_open {
        context.out.data("");
    }
    match teller.error {
        Some((code, message)) => Err(Failure::new(
            format!("{message} ({code})"),
            format!("what happened: {}", typed(stage, "logs --since 5m")),
        )
        .into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Of one piece of an answer, and of what stands in one line.
const PIECE_CHARACTERS_MAX: usize = 100_000;
const LINE_CHARACTERS_MAX: usize = 2_000;

/// Tells the events of an answer as they come, however the chunks are cut. Models and tools have written them: what a terminal
/// would obey is left out.
struct Teller<'a> {
    out: &'a Output,
    buffer: Vec<u8>,
    line_open: bool,
    error: Option<(String, String)>,
}

impl Teller<'_> {
    fn take(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event);
            let data: String = text
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(str::trim_start)
                .collect();
            if let Ok(event) = serde_json::from_str(&data) {
                self.tell(&event);
            }
        }
    }

    fn tell(&mut self, event: &Json) {
        let text = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(Json::as_str)
                .map(|text| clean(text, LINE_CHARACTERS_MAX))
                .unwrap_or_default()
        };
        match text("/type").as_str() {
            "text" => {
                let piece = event["text"].as_str().unwrap_or_default();
                self.out.fragment(&clean_lines(piece, PIECE_CHARACTERS_MAX));
                self.line_open = true;
            }
            "toolCall" => {
                let arguments = clean(&event["arguments"].to_string(), LINE_CHARACTERS_MAX);
                self.step("tool", &format!("{} {arguments}", text("/name")));
            }
            "payment" => {
                let (amount, currency) =
                    (text("/receipt/displayAmount"), text("/receipt/currency"));
                let (network, transaction) =
                    (text("/receipt/network"), text("/receipt/transaction"));
                let known = match text("/receipt/evidence").as_str() {
                    "chain" => ", according to the chain",
                    "seller" => ", according to the seller",
                    _ => "",
                };
                self.step(
                    "paid",
                    &format!("{amount} {currency} on {network}, transaction {transaction}{known}"),
                );
            }
            "toolResult" if event["ok"] == json!(false) => self.step("failed", &text("/error")),
            "error" => self.error = Some((text("/code"), text("/message"))),
            "done" => self.step(
                "done",
                &format!("{}, {} steps", text("/model"), event["steps"]),
            ),
            _ => {}
        }
    }

    fn step(&mut self, verb: &str, text: &str) {
        if std::mem::take(&mut self.line_open) {
            self.out.data("");
        }
        self.out.step(verb, text);
    }
}
