//! The few JSON-RPC methods by which a wallet reads a chain, answered from the ledger. Each settled payment is a block.

use crate::ledger::{Ledger, Transfer};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use x402::{Address, B256, U256, rpc};

const PARSE_ERROR: i64 = -32700;
const NOT_FOUND: i64 = -32601;
const BAD_PARAMETERS: i64 = -32602;

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Vec<Value>,
}

/// `POST /`: answers with 200 and an error object to anything it does not know, as JSON-RPC servers do.
pub(crate) async fn handle(State(ledger): State<Ledger>, body: axum::body::Bytes) -> Json<Value> {
    let Ok(call) = serde_json::from_slice::<Call>(&body) else {
        return Json(failure(
            &Value::Null,
            PARSE_ERROR,
            "this is not a JSON-RPC call",
        ));
    };
    let answer = match call.method.as_str() {
        "eth_chainId" => chain_id(&ledger),
        "eth_blockNumber" => Ok(quantity(ledger.height())),
        "eth_call" => call_token(&ledger, &call.params),
        "eth_getLogs" => logs(&ledger, &call.params),
        other => Err((
            NOT_FOUND,
            format!("the development ledger does not know the method {other}"),
        )),
    };
    Json(match answer {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": call.id, "result": result }),
        Err((code, message)) => failure(&call.id, code, &message),
    })
}

type Answer = Result<Value, (i64, String)>;

fn failure(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn chain_id(ledger: &Ledger) -> Answer {
    let id = ledger
        .asset()
        .chain_id()
        .map_err(|error| (BAD_PARAMETERS, error.to_string()))?;
    Ok(quantity(id))
}

fn quantity(number: u64) -> Value {
    format!("{number:#x}").into()
}

/// `balanceOf` on the token. Other contracts do not exist, and calling nothing returns nothing.
fn call_token(ledger: &Ledger, params: &[Value]) -> Answer {
    let field = |name: &str| {
        params
            .first()
            .and_then(|call| call.get(name))
            .and_then(Value::as_str)
    };
    let bad = || {
        (
            BAD_PARAMETERS,
            "eth_call takes a call with `to` and `data`".to_owned(),
        )
    };
    let to: Address = field("to")
        .and_then(|text| text.parse().ok())
        .ok_or_else(bad)?;
    let data = field("data")
        .or_else(|| field("input"))
        .and_then(|text| text.strip_prefix("0x"))
        .ok_or_else(bad)?;
    let data = hex::decode(data).map_err(|_| bad())?;
    if to != ledger.asset().address {
        return Ok("0x".into());
    }
    match data.split_at_checked(4) {
        Some((selector, word)) if selector == rpc::BALANCE_OF && word.len() == 32 => {
            let balance = ledger.balance(Address::from_slice(&word[12..]));
            Ok(B256::from(balance.to_be_bytes()).to_string().into())
        }
        _ => Err((
            3,
            "execution reverted: the development ledger knows balanceOf(address) only".to_owned(),
        )),
    }
}

/// Transfer logs by sender and recipient, of a range of blocks.
fn logs(ledger: &Ledger, params: &[Value]) -> Answer {
    let filter = params
        .first()
        .ok_or((BAD_PARAMETERS, "eth_getLogs takes a filter".to_owned()))?;
    let token = ledger.asset().address;
    let other_address = match filter.get("address") {
        None | Some(Value::Null) => false,
        Some(Value::Array(addresses)) => !addresses.iter().any(|address| names(address, token)),
        Some(address) => !names(address, token),
    };
    let topic = |index: usize| {
        filter
            .get("topics")
            .and_then(|topics| topics.get(index))
            .filter(|topic| !topic.is_null())
    };
    let other_event = topic(0).is_some_and(|topic| {
        topic.as_str().and_then(|text| text.parse().ok()) != Some(rpc::TRANSFER_TOPIC)
    });
    if other_address || other_event {
        return Ok(json!([]));
    }
    let account = |index: usize| -> Result<Option<Address>, (i64, String)> {
        let bad = || (BAD_PARAMETERS, format!("topic {index} is not an account"));
        let word = |topic: &Value| {
            topic
                .as_str()
                .and_then(|text| text.parse::<B256>().ok())
                .ok_or_else(bad)
        };
        topic(index)
            .map(|topic| word(topic).map(Address::from_word))
            .transpose()
    };
    let (sender, recipient) = (account(1)?, account(2)?);
    let first = block(ledger, filter.get("fromBlock"))?;
    let last = block(ledger, filter.get("toBlock"))?;
    let found = ledger.transfers(sender, |number, transfer| {
        (first..=last).contains(&number)
            && recipient.is_none_or(|recipient| transfer.authorization.to == recipient)
    });
    Ok(found
        .iter()
        .map(|(number, transfer)| log(token, *number, transfer))
        .collect())
}

fn names(text: &Value, token: Address) -> bool {
    text.as_str().and_then(|text| text.parse().ok()) == Some(token)
}

fn block(ledger: &Ledger, tag: Option<&Value>) -> Result<u64, (i64, String)> {
    match tag.and_then(Value::as_str) {
        Some("earliest") => Ok(0),
        None | Some("latest" | "pending" | "safe" | "finalized") => Ok(ledger.height()),
        Some(text) => text
            .strip_prefix("0x")
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| (BAD_PARAMETERS, format!("`{text}` is not a block"))),
    }
}

fn log(token: Address, number: u64, transfer: &Transfer) -> Value {
    let payment = &transfer.authorization;
    json!({
        "address": token.to_checksum(None),
        "topics": [rpc::TRANSFER_TOPIC, payment.from.into_word(), payment.to.into_word()],
        "data": B256::from(payment.value.to_be_bytes()),
        "blockNumber": quantity(number),
        "blockHash": B256::from(U256::from(number).to_be_bytes()),
        "transactionHash": transfer.transaction,
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": false,
    })
}
