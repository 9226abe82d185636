use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};

use super::running;
use crate::context::Context;
use crate::error::{Failure, UserError};
use crate::output::Output;
use crate::repo::Stage;
use crate::tools::agentcore::Agent;

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
        let agent = agent(context, stage, "invoke").await?;
        let body = json!({ "prompt": self.prompt });
        if self.json {
            ask_for_document(context, &agent, &session, &body).await
        } else {
            ask(context, &agent, &session, &body).await
        }
    }
}

/// The stage's agent.
async fn agent(context: &Context, stage: &Stage, verb: &str) -> anyhow::Result<Agent> {
    let cloud = running::cloud(context, stage, verb).await?;
    let stacks = cloud.describe().await?;
    let outputs = stacks.iter().find_map(|stack| {
        Some(&stack.outputs).filter(|outputs| outputs.contains_key("RuntimeArn"))
    });
    let outputs =
        outputs.ok_or_else(|| UserError::new("no agent is deployed").hint("cargo xtask deploy"))?;
    let output = |key: &str| outputs.get(key).cloned().unwrap_or_default();
    let credentials = cloud.credentials_for_operator();
    Ok(Agent {
        region: cloud.region().to_owned(),
        endpoint: Some(cloud.endpoint().to_owned()),
        access_key_id: credentials.access_key_id.clone(),
        secret_access_key: credentials.secret_access_key.clone(),
        runtime_arn: output("RuntimeArn"),
        qualifier: output("EndpointName"),
    })
}

/// One answer of the agent without a conversation, such as that of a read-only tool.
pub(super) async fn read(context: &Context, stage: &Stage, body: &Json) -> anyhow::Result<Json> {
    let agent = agent(context, stage, "wallet").await?;
    let mut bytes = Vec::new();
    agent
        .invoke(&new_session()?, "application/json", body, |chunk| {
            bytes.extend_from_slice(chunk)
        })
        .await?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// 128 random bits in hexadecimal: longer than the 33 characters that AgentCore asks for.
fn new_session() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(format!("invoke-{}", hex::encode(bytes)))
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
            "what happened: cargo xtask logs agent --since 5m",
        )
        .into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Tells the events of an answer as they come, however the chunks are cut.
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
                .unwrap_or_default()
                .to_owned()
        };
        match text("/type").as_str() {
            "text" => {
                self.out.fragment(&text("/text"));
                self.line_open = true;
            }
            "toolCall" => self.step("tool", &format!("{} {}", text("/name"), event["arguments"])),
            "payment" => {
                let (amount, currency) =
                    (text("/receipt/displayAmount"), text("/receipt/currency"));
                let (network, transaction) =
                    (text("/receipt/network"), text("/receipt/transaction"));
                self.step(
                    "paid",
                    &format!("{amount} {currency} on {network}, transaction {transaction}"),
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
