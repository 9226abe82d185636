//! The token's events: of each payment two, as EIP-3009 tokens emit them.

use super::{Answer, BAD_PARAMETERS, block_number, quantity};
use crate::ledger::{Ledger, Transfer};
use serde_json::{Value, json};
use x402::{Address, B256, U256, chain};

/// `eth_getLogs`: by contract, topics and a range of blocks.
pub(super) fn find(ledger: &Ledger, params: &[Value]) -> Answer {
    let filter = params
        .first()
        .ok_or((BAD_PARAMETERS, "eth_getLogs takes a filter".to_owned()))?;
    let token = ledger.asset().address;
    let other_contract = match filter.get("address") {
        None | Some(Value::Null) => false,
        Some(Value::Array(addresses)) => !addresses.iter().any(|address| names(address, token)),
        Some(address) => !names(address, token),
    };
    let topics = topics(filter)?;
    let first = block_number(ledger, filter.get("fromBlock"))?;
    let last = block_number(ledger, filter.get("toBlock"))?;
    if other_contract {
        return Ok(json!([]));
    }
    // The payer is the first indexed field of both events.
    let payer = match topics.get(1) {
        Some(Some(payers)) if payers.len() == 1 => Some(Address::from_word(payers[0])),
        _ => None,
    };
    let transfers = ledger.transfers(payer, |number, _| (first..=last).contains(&number));
    let logs = transfers
        .iter()
        .flat_map(|(number, transfer)| of_transfer(token, *number, transfer));
    Ok(logs.filter(|log| matches(log, &topics)).collect())
}

/// The values allowed at each position; `None` allows any.
type Topics = Vec<Option<Vec<B256>>>;

fn topics(filter: &Value) -> Result<Topics, (i64, String)> {
    let word = |index: usize, topic: &Value| {
        let word = topic.as_str().and_then(|text| text.parse().ok());
        word.ok_or_else(|| (BAD_PARAMETERS, format!("topic {index} is not a word")))
    };
    let topics = filter.get("topics").and_then(Value::as_array);
    let topics = topics.into_iter().flatten().enumerate();
    topics
        .map(|(index, topic)| match topic {
            Value::Null => Ok(None),
            Value::Array(choice) => {
                let choice = choice.iter().map(|topic| word(index, topic));
                choice.collect::<Result<_, _>>().map(Some)
            }
            one => Ok(Some(vec![word(index, one)?])),
        })
        .collect()
}

fn matches(log: &Value, wanted: &Topics) -> bool {
    wanted.iter().enumerate().all(|(index, wanted)| {
        let topic = log["topics"][index].as_str();
        let topic: Option<B256> = topic.and_then(|topic| topic.parse().ok());
        match wanted {
            None => topic.is_some(),
            Some(choice) => topic.is_some_and(|topic| choice.contains(&topic)),
        }
    })
}

fn names(text: &Value, token: Address) -> bool {
    text.as_str().and_then(|text| text.parse().ok()) == Some(token)
}

pub(super) fn of_transfer(token: Address, number: u64, transfer: &Transfer) -> [Value; 2] {
    let payment = &transfer.authorization;
    let log = |index: u64, topics: [B256; 3], data: Value| {
        json!({
            "address": token.to_checksum(None),
            "topics": topics,
            "data": data,
            "blockNumber": quantity(number),
            "blockHash": block_hash(number),
            "transactionHash": transfer.transaction,
            "transactionIndex": "0x0",
            "logIndex": quantity(index),
            "removed": false,
        })
    };
    let (from, to) = (payment.from.into_word(), payment.to.into_word());
    [
        log(
            0,
            [chain::AUTHORIZATION_USED_TOPIC, from, payment.nonce],
            "0x".into(),
        ),
        log(
            1,
            [chain::TRANSFER_TOPIC, from, to],
            json!(chain::number(payment.value)),
        ),
    ]
}

pub(super) fn block_hash(number: u64) -> B256 {
    chain::number(U256::from(number))
}
