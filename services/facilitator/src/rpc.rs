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
        Some((selector, words)) if selector == rpc::AUTHORIZATION_STATE && words.len() == 64 => {
            let (payer, nonce) = (
                Address::from_slice(&words[12..32]),
                B256::from_slice(&words[32..]),
            );
            let used = ledger.transfers(Some(payer), |_, transfer| {
                transfer.authorization.nonce == nonce
            });
            let used = !used.is_empty();
            Ok(B256::with_last_byte(u8::from(used)).to_string().into())
        }
        _ => Err((
            3,
            "execution reverted: the development ledger knows balanceOf(address) and authorizationState(address,bytes32) only".to_owned(),
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
    let word = |index: usize| -> Result<Option<B256>, (i64, String)> {
        let bad = || (BAD_PARAMETERS, format!("topic {index} is not a word"));
        let parse = |topic: &Value| topic.as_str()?.parse().ok();
        topic(index)
            .map(|topic| parse(topic).ok_or_else(bad))
            .transpose()
    };
    let event = word(0)?.unwrap_or(rpc::TRANSFER_TOPIC);
    let (sender, second) = (word(1)?.map(Address::from_word), word(2)?);
    if other_address {
        return Ok(json!([]));
    }
    if event == rpc::AUTHORIZATION_USED_TOPIC {
        let used = ledger.transfers(sender, |_, transfer| {
            second.is_none_or(|nonce| transfer.authorization.nonce == nonce)
        });
        return Ok(used
            .iter()
            .map(|(number, transfer)| used_log(token, *number, transfer))
            .collect());
    }
    if event != rpc::TRANSFER_TOPIC {
        return Ok(json!([]));
    }
    let recipient = second.map(Address::from_word);
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

/// The token's note that an authorization was used.
fn used_log(token: Address, number: u64, transfer: &Transfer) -> Value {
    let payment = &transfer.authorization;
    let mut log = log(token, number, transfer);
    log["topics"] = json!([
        rpc::AUTHORIZATION_USED_TOPIC,
        payment.from.into_word(),
        payment.nonce
    ]);
    log["data"] = "0x".into();
    log
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
