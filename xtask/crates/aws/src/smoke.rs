//! What a stage on AWS is asked: the endpoint for its version, the seller without paying, the page as a stranger, the agent for a
//! price and its model for a word, and each service what it wants to be asked.

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
    let (mut checks, sellers, strangers, paths, invocation) = tokio::join!(
        versions(stage, config, outputs),
        sellers(context, stage, outputs),
        strangers(context, stage, outputs),
        paths(context, stage, outputs),
        invocations(context, stage, config, outputs)
    );
    checks.extend(sellers);
    checks.extend(strangers);
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
    for (seller, path) in asked(context, stage, |smoke| match smoke {
        Smoke::Paid(path) => Some(path),
        _ => None,
    }) {
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

/// What strangers may not see, a stranger is refused: the service has its key, and asks for it.
async fn strangers(context: &Context, stage: &Stage, outputs: &Outputs) -> Vec<Check> {
    let mut checks = Vec::new();
    for (service, path) in asked(context, stage, |smoke| match smoke {
        Smoke::Refused(path) => Some(path),
        _ => None,
    }) {
        let Some(url) = outputs.get(service).and_then(|outputs| outputs.get("Url")) else {
            continue;
        };
        let result = match shop::ask(url, path, PATIENCE).await {
            Ok(Answer {
                status: status @ (401 | 403),
                ..
            }) => Ok(format!("{status}, nothing without a key")),
            Ok(Answer { status: 200, .. }) => Err("it answers a stranger".to_owned()),
            Ok(Answer { status, .. }) => Err(format!("it answers {status} in place of 401")),
            Err(error) => Err(format!("{error:#}")),
        };
        let hint = format!(
            "what it says: {}",
            typed(stage, &format!("logs {service} --since 10m"))
        );
        checks.push(Check::new(format!("{service}, a stranger"), result, hint));
    }
    checks
}

/// What the services of a stage want to be asked in one way: the service, and the words or the path.
fn asked<'a>(
    context: &'a Context,
    stage: &'a Stage,
    which: impl Fn(&'a Smoke) -> Option<&'a String>,
) -> Vec<(&'a String, &'a String)> {
    let services = facts::deployed(&context.repo, stage).into_iter();
    let each = services.flat_map(|service| {
        let wanted = service.smoke.iter().filter_map(&which);
        wanted.map(|text| (&service.name, text)).collect::<Vec<_>>()
    });
    each.collect()
}

/// Agents call the tools that their manifests name, which cost nothing and use no model, and are asked in words, which cost what
/// is told.
async fn invocations(
    context: &Context,
    stage: &Stage,
    config: &SdkConfig,
    outputs: &Outputs,
) -> Vec<Check> {
    let questions = asked(context, stage, |smoke| match smoke {
        Smoke::Tool(words) | Smoke::Ask(words) => Some(words),
        _ => None,
    });
    let tools = asked(context, stage, |smoke| match smoke {
        Smoke::Tool(tool) => Some(tool),
        _ => None,
    });
    let ask = questions.into_iter().map(async |(service, words)| {
        let own = outputs.get_key_value(service);
        let own: Outputs = own
            .into_iter()
            .map(|(owner, outputs)| (owner.clone(), outputs.clone()))
            .collect();
        let (owner, agent) = Agent::of_stage(config, &own)?;
        let hint = format!("what happened: {}", typed(stage, "logs --since 10m"));
        Some(match tools.contains(&(service, words)) {
            true => {
                let body = json!({ "tool": words, "arguments": {} });
                let result = invocation(&agent, &body).await;
                let result = result.and_then(|answer| price(&answer));
                Check::new(format!("{owner}, {words}"), result, hint)
            }
            false => {
                let body = json!({ "prompt": words });
                let result = invocation(&agent, &body).await;
                let result = result.and_then(|answer| said(&answer));
                Check::new(format!("{owner}, its model"), result, hint)
            }
        })
    });
    let checks = futures_util::future::join_all(ask).await;
    checks.into_iter().flatten().collect()
}

async fn invocation(agent: &Agent, body: &Json) -> Result<Json, String> {
    let mut bytes = Vec::new();
    let asked = async {
        let session = new_session()?;
        agent
            .invoke(&session, "application/json", body, |chunk| {
                bytes.extend_from_slice(chunk)
            })
            .await
    };
    asked.await.map_err(|error| format!("{error:#}"))?;
    let answer: Json =
        serde_json::from_slice(&bytes).map_err(|_| "its answer is not JSON".to_owned())?;
    let error = &answer["error"];
    if error.is_null() {
        return Ok(answer);
    }
    let message = error["message"].as_str().or(error.as_str());
    Err(message.map_or_else(|| error.to_string(), str::to_owned))
}

/// What the model cost, when it has said something.
fn said(answer: &Json) -> Result<String, String> {
    let text = answer["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err("it answers nothing".to_owned());
    }
    let count = |name: &str| answer["usage"][name].as_u64();
    let model = answer["model"].as_str().unwrap_or("the model");
    Ok(match (count("inputTokens"), count("outputTokens")) {
        (Some(input), Some(output)) => {
            format!("{model} answers, for {input} tokens in and {output} out")
        }
        _ => format!("{model} answers"),
    })
}

/// `0.01 USDC for each request`, out of the tool's answer; another agent may know no such tool, and has answered all the same.
fn price(answer: &Json) -> Result<String, String> {
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
    fn a_price_and_what_a_model_cost() {
        let priced = json!({"displayAmount": "0.01", "currency": "USDC"});
        assert_eq!(price(&priced).unwrap(), "0.01 USDC for each request");
        assert_eq!(price(&json!({"text": "hello"})).unwrap(), "it answers");
        let answer = json!({"text": "ready", "model": "m", "usage": {"inputTokens": 310, "outputTokens": 2}});
        let told = said(&answer).unwrap();
        assert_eq!(told, "m answers, for 310 tokens in and 2 out");
        assert_eq!(
            said(&json!({"text": " "})).unwrap_err(),
            "it answers nothing"
        );
    }
}
