//! Sentences from the JSON that tools give back.

use serde_json::Value;

use super::intent::Intent;
use super::request::{ToolResult, ToolSpec, ToolUse};

/// Said to whatever the rules do not understand.
pub(super) fn introduction(tools: &[&ToolSpec]) -> String {
    let offered = match tools {
        [] => "no tools here".to_owned(),
        tools => format!("the tools {}", names(tools)),
    };
    format!(
        "I am Turnpike's offline model: a handful of rules, not a language model. I can look up the weather of a city, say what an answer \
         costs and read the wallet, and I have {offered}. Try: What is the weather in Tokyo and Oslo? On a cloud stage a real model answers instead of me."
    )
}

pub(super) fn no_tool(intent: Intent, tools: &[&ToolSpec]) -> String {
    let what = match intent {
        Intent::Weather => "the weather",
        Intent::Price => "prices",
        Intent::Wallet => "the wallet",
    };
    match tools {
        [] => format!("I was given no tools, so I cannot tell you about {what}."),
        tools => format!("None of my tools ({}) tells me about {what}.", names(tools)),
    }
}

fn names(tools: &[&ToolSpec]) -> String {
    tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// One sentence or two for each result, and what was paid for all of them.
pub(super) fn about(results: &[(&ToolUse, &ToolResult)]) -> String {
    let mut sentences = Vec::new();
    let mut payments = Vec::new();
    for (tool_use, result) in results {
        let value = value(result);
        if result.status.as_deref() == Some("error") {
            sentences.push(failure(tool_use, &value));
            continue;
        }
        payments.extend(payment(&value));
        sentences.push(success(tool_use, &value));
    }
    sentences.extend(paid(&payments));
    sentences.join(" ")
}

/// The result as JSON; text that is none stays text.
fn value(result: &ToolResult) -> Value {
    if let Some(json) = result.content.iter().find_map(|block| block.json.clone()) {
        return json;
    }
    let texts: Vec<&str> = result
        .content
        .iter()
        .filter_map(|block| block.text.as_deref())
        .collect();
    let text = texts.join("\n");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn failure(tool_use: &ToolUse, value: &Value) -> String {
    let error = value.get("error").unwrap_or(value);
    let reason = text(error, "message")
        .or(error.as_str())
        .map_or_else(|| error.to_string(), str::to_owned);
    let asked = tool_use
        .input
        .as_object()
        .and_then(|input| input.values().find_map(Value::as_str));
    match asked {
        Some(asked) => format!(
            "I could not get an answer for {asked}: {}",
            sentence(&reason)
        ),
        None => format!("The tool {} failed: {}", tool_use.name, sentence(&reason)),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn success(tool_use: &ToolUse, value: &Value) -> String {
    let known = weather(tool_use, value)
        .or_else(|| wallet(value))
        .or_else(|| price(value));
    known.unwrap_or_else(|| match value {
        Value::String(text) => sentence(text),
        other => format!("The tool {} answered: {other}", tool_use.name),
    })
}

fn weather(tool_use: &ToolUse, value: &Value) -> Option<String> {
    let (key, temperature) = value
        .as_object()?
        .iter()
        .find(|(key, value)| key.starts_with("temperature") && value.is_number())?;
    let unit = match key.strip_prefix("temperature") {
        Some("Fahrenheit") => " °F",
        Some("Kelvin") => " K",
        _ => " °C",
    };
    let asked = text(&tool_use.input, "city");
    let city = text(value, "city").or(asked).unwrap_or("that place");
    let conditions = text(value, "conditions")
        .map(|conditions| format!(", {}", conditions.trim_end_matches('.')))
        .unwrap_or_default();
    Some(match text(value, "kind") {
        Some("climateNormal") => {
            let month = text(value, "month")
                .map(|month| format!(" in {month}"))
                .unwrap_or_default();
            // The conditions name the month themselves.
            let conditions = if conditions.contains(&month) {
                conditions
            } else {
                format!("{conditions}{month}")
            };
            format!(
                "In {city} it is about {temperature}{unit}{conditions}. That is a climate normal of many years, not today's weather."
            )
        }
        _ => format!("In {city} it is {temperature}{unit}{conditions}."),
    })
}

fn wallet(value: &Value) -> Option<String> {
    let currency = text(value, "currency").unwrap_or("USDC");
    let balance = text(value, "displayBalance")?;
    let spent = match (
        text(value, "displaySpent"),
        value.get("payments").and_then(Value::as_u64),
    ) {
        (Some(spent), Some(payments)) => {
            format!(
                " It has spent {spent} {currency} in {payments} payment{}.",
                if payments == 1 { "" } else { "s" }
            )
        }
        (Some(spent), None) => format!(" It has spent {spent} {currency}."),
        _ => String::new(),
    };
    let limit = value
        .get("limits")
        .and_then(|limits| text(limits, "displayPerCall"));
    let limit = limit
        .map(|limit| format!(" It pays at most {limit} {currency} for a call."))
        .unwrap_or_default();
    Some(format!(
        "The wallet holds {balance} {currency}.{spent}{limit}"
    ))
}

fn price(value: &Value) -> Option<String> {
    let amount = text(value, "displayAmount")?;
    let currency = text(value, "currency").unwrap_or("USDC");
    let limit = match value.get("withinLimit").and_then(Value::as_bool) {
        Some(true) => " That is within the limit of the wallet.",
        Some(false) => " That is above the limit of the wallet, so it will not pay.",
        None => "",
    };
    Some(format!("One answer costs {amount} {currency}.{limit}"))
}

/// Amount and currency of the receipt in a result.
fn payment(value: &Value) -> Option<(String, String)> {
    let receipt = value.get("payment")?;
    Some((
        text(receipt, "displayAmount")?.to_owned(),
        text(receipt, "currency").unwrap_or("USDC").to_owned(),
    ))
}

fn paid(payments: &[(String, String)]) -> Option<String> {
    let amounts: Vec<String> = payments
        .iter()
        .map(|(amount, currency)| format!("{amount} {currency}"))
        .collect();
    match amounts.as_slice() {
        [] => None,
        [amount] => Some(format!("I paid {amount} for it.")),
        [first, rest @ ..] if rest.iter().all(|amount| amount == first) => Some(format!(
            "I paid {first} for each of the {} answers.",
            amounts.len()
        )),
        amounts => Some(format!("I paid {} for them.", amounts.join(" and "))),
    }
}
