//! The few JSON-RPC methods by which a wallet reads a chain, answered from the ledger. Each settled payment is a block, and
//! what comes after them is one of this moment.

mod logs;

use crate::ledger::Ledger;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use x402::{Address, B256, chain};

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
        "eth_blockNumber" => Ok(quantity(newest(&ledger))),
        "eth_call" => call_token(&ledger, &call.params),
        "eth_getLogs" => logs::find(&ledger, &call.params),
        "eth_getBlockByNumber" => block(&ledger, &call.params),
        "eth_getTransactionReceipt" => receipt(&ledger, &call.params),
        // Every account here is a key.
        "eth_getCode" => Ok("0x".into()),
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

/// `balanceOf` and others on the token. Other contracts do not exist, and calling nothing returns nothing.
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
        Some((selector, word)) if selector == chain::BALANCE_OF && word.len() == 32 => {
            let balance = ledger.balance(Address::from_slice(&word[12..]));
            Ok(B256::from(balance.to_be_bytes()).to_string().into())
        }
        Some((selector, words)) if selector == chain::AUTHORIZATION_STATE && words.len() == 64 => {
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
        Some((selector, [])) if selector == chain::DECIMALS => {
            let decimals = B256::with_last_byte(ledger.asset().decimals);
            Ok(decimals.to_string().into())
        }
        _ => Err((
            3,
            "execution reverted: the development ledger knows balanceOf(address), decimals() and authorizationState(address,bytes32) only".to_owned(),
        )),
    }
}

/// After the last payment comes a block of this moment, with nothing in it: the ledger's time does not stand still.
fn newest(ledger: &Ledger) -> u64 {
    ledger.height() + 1
}

/// A block's number and time. The one before the first payment is a second older than that.
fn block(ledger: &Ledger, params: &[Value]) -> Answer {
    let number = block_number(ledger, params.first())?;
    if number > newest(ledger) {
        return Ok(Value::Null);
    }
    let at = match ledger.in_block(number.max(1)) {
        Some(transfer) => transfer.settled_at - u64::from(number == 0),
        None => x402::now_seconds(),
    };
    Ok(json!({
        "number": quantity(number),
        "timestamp": quantity(at),
        "hash": logs::block_hash(number),
    }))
}

fn receipt(ledger: &Ledger, params: &[Value]) -> Answer {
    let hash = params.first().and_then(Value::as_str);
    let hash: B256 = hash.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = "eth_getTransactionReceipt takes the hash of a transaction";
        (BAD_PARAMETERS, message.to_owned())
    })?;
    let Some((number, transfer)) = ledger.by_transaction(hash) else {
        return Ok(Value::Null);
    };
    Ok(json!({
        "transactionHash": hash,
        "transactionIndex": "0x0",
        "blockNumber": quantity(number),
        "blockHash": logs::block_hash(number),
        "status": "0x1",
        "logs": logs::of_transfer(ledger.asset().address, number, &transfer),
    }))
}

fn block_number(ledger: &Ledger, tag: Option<&Value>) -> Result<u64, (i64, String)> {
    match tag.and_then(Value::as_str) {
        Some("earliest") => Ok(0),
        None | Some("latest" | "pending" | "safe" | "finalized") => Ok(newest(ledger)),
        Some(text) => text
            .strip_prefix("0x")
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| (BAD_PARAMETERS, format!("`{text}` is not a block"))),
    }
}
