//! What a stage on AWS is asked: the endpoint for its version, the seller without paying, the agent for a price, and each
//! service what it wants to be asked.

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value as Json, json};

use crate::control::Control;
use crate::health::stays_behind;
use agentcore_client::{Agent, new_session};
use cloud::Outputs;
use facts::Context;
use facts::typed;
use facts::{Smoke, Stage};
use smoke::shop::{self, Answer};
use smoke::{Check, paths};

/// How long a load balancer may take to know that its new task is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks all at once.
pub(crate) async fn check(
    context: &Context,
    stage: &Stage,
    config: &SdkConfig,
    outputs: &Outputs,
) -> Vec<Check> {
    let (mut checks, sellers, paths, invocation) = tokio::join!(
        versions(stage, config, outputs),
        sellers(context, stage, outputs),
        paths(context, stage, outputs),
        invocations(context, stage, config, outputs)
    );
    checks.extend(sellers);
    checks.extend(paths);
    checks.extend(invocation);
    checks
}

/// Every endpoint serves the version that its stack made last.
async fn versions(stage: &Stage, config: &SdkConfig, outputs: &Outputs) -> Vec<Check> {
    let control = Control::new(config);
    let mut checks = Vec::new();
    for (owner, outputs) in outputs {
        let (Some(runtime), Some(endpoint)) =
            (outputs.get("RuntimeId"), outputs.get("EndpointName"))
        else {
            continue;
        };
        let made = outputs.get("RuntimeVersion");
        let result = match control.endpoint(runtime, endpoint).await {
            Err(error) => Err(format!("{error:#}")),
            Ok(None) => Err(format!("there is no endpoint {endpoint}")),
            Ok(Some(state)) => match stays_behind(made, state.version.as_ref()) {
                Some(problem) => Err(problem),
                None if !state.is_ready() => Err(state.words()),
                None => Ok(state.words()),
            },
        };
        let name = format!("{owner}, endpoint {endpoint}");
        checks.push(Check::new(
            name,
            result,
            format!("run {} again", typed(stage, "deploy")),
        ));
    }
    checks
}

/// What is sold is not given away: whoever pays nothing is told the price by HTTP 402.
async fn sellers(context: &Context, stage: &Stage, outputs: &Outputs) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut paid = Vec::new();
    for service in facts::deployed(&context.repo, stage) {
        for asked in &service.smoke {
            if let Smoke::Paid(path) = asked {
                paid.push((&service.name, path));
            }
        }
    }
    for (seller, path) in paid {
        let Some(url) = outputs.get(seller).and_then(|outputs| outputs.get("Url")) else {
            continue;
        };
        let result = match shop::ask(url, path, PATIENCE).await {
            Ok(Answer { status: 402, price }) => Ok(match price {
                Some(price) => format!("402, for {price}"),
                None => "402, payment required".to_owned(),
            }),
            // Some sell answers to questions only, and a path alone asks none. The price is what the agent asks for.
            Ok(Answer {
                status: status @ (400 | 422),
                ..
            }) => Ok(format!(
                "{status}, a question without parameters: nothing is given away"
            )),
            Ok(Answer { status: 200, .. }) => Err("it answers without being paid".to_owned()),
            Ok(Answer { status, .. }) => Err(format!("it answers {status} in place of 402")),
            Err(error) => Err(format!("{error:#}")),
        };
        let hint = format!(
            "what it says: {}",
            typed(stage, &format!("logs {seller} --since 10m"))
        );
        checks.push(Check::new(format!("{seller}, unpaid"), result, hint));
    }
    checks
}

/// Agents call the tools that their manifests name, which cost nothing and use no model.
async fn invocations(
    context: &Context,
    stage: &Stage,
    config: &SdkConfig,
    outputs: &Outputs,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for service in facts::deployed(&context.repo, stage) {
        for asked in &service.smoke {
            let Smoke::Tool(tool) = asked else { continue };
            let own = outputs.get_key_value(&service.name);
            let own: Outputs = own
                .into_iter()
                .map(|(owner, outputs)| (owner.clone(), outputs.clone()))
                .collect();
            let Some((owner, agent)) = Agent::of_stage(config, &own) else {
                continue;
            };
            let hint = format!("what happened: {}", typed(stage, "logs --since 10m"));
            let result = invocation(&agent, tool).await;
            checks.push(Check::new(format!("{owner}, {tool}"), result, hint));
        }
    }
    checks
}

async fn invocation(agent: &Agent, tool: &str) -> Result<String, String> {
    let body = json!({ "tool": tool, "arguments": {} });
    let mut bytes = Vec::new();
    let asked = async {
        let session = new_session()?;
        agent
            .invoke(&session, "application/json", &body, |chunk| {
                bytes.extend_from_slice(chunk)
            })
            .await
    };
    match asked.await {
        Ok(()) => price(&bytes),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// `0.01 USDC for each request`, out of the tool's answer; another agent may know no such tool, and has answered all the same.
fn price(answer: &[u8]) -> Result<String, String> {
    let answer: Json =
        serde_json::from_slice(answer).map_err(|_| "its answer is not JSON".to_owned())?;
    let error = &answer["error"];
    if !error.is_null() {
        let message = error["message"].as_str().or(error.as_str());
        return Err(message.map_or_else(|| error.to_string(), str::to_owned));
    }
    Ok(
        match (
            answer["displayAmount"].as_str(),
            answer["currency"].as_str(),
        ) {
            (Some(amount), Some(currency)) => format!("{amount} {currency} for each request"),
            _ => "it answers".to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_or_what_is_wrong() {
        for (answer, expected) in [
            (
                r#"{"displayAmount":"0.01","currency":"USDC"}"#,
                Ok("0.01 USDC for each request"),
            ),
            (
                r#"{"error":{"code":"toolFailed","message":"the seller is away"}}"#,
                Err("the seller is away"),
            ),
            ("no", Err("its answer is not JSON")),
            (r#"{"text":"hello"}"#, Ok("it answers")),
        ] {
            let told = price(answer.as_bytes());
            assert_eq!(
                told.as_deref().map_err(String::as_str),
                expected,
                "{answer}"
            );
        }
    }
}
