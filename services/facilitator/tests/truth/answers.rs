//! Each way in which a server can answer.

use crate::seller::Settles;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use x402::header;

const NETWORK: &str = "eip155:31337";

/// What is sent, in kinds that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sends {
    /// 200 with a well-formed receipt of success.
    GoodReceipt,
    /// The same receipt with a failure.
    FailureWithReceipt,
    /// Another answer.
    Other,
    /// None that is whole.
    Nothing,
}

pub(crate) struct Answer {
    pub(crate) name: &'static str,
    pub(crate) sends: Sends,
    status: u16,
    /// `PAYMENT-RESPONSE`, of the transaction that paid.
    receipt: fn(&str) -> Receipt,
    body: &'static str,
    end: End,
}

enum Receipt {
    None,
    Json(Value),
    Text(&'static str),
}

/// How the answer ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// With a fresh offer in its headers.
    WithOffer,
    /// In the middle of the body.
    InBody,
    /// In the middle of a header.
    InHead,
    /// Before it began.
    Unsaid,
    /// Something that is no HTTP.
    Garbage,
    /// A body that is larger than a buyer reads.
    Endless,
    /// Never: the connection stays open.
    Hangs,
}

const fn answer(name: &'static str, status: u16) -> Answer {
    Answer {
        name,
        sends: Sends::Other,
        status,
        receipt: |_| Receipt::None,
        body: "",
        end: End::Whole,
    }
}

const fn delivered(name: &'static str, receipt: fn(&str) -> Receipt) -> Answer {
    Answer {
        receipt,
        body: "a thing",
        ..answer(name, 200)
    }
}

const fn refused(name: &'static str, receipt: fn(&str) -> Receipt) -> Answer {
    Answer {
        receipt,
        ..answer(name, 402)
    }
}

const fn broken(name: &'static str, end: End) -> Answer {
    Answer {
        sends: Sends::Nothing,
        body: "a thing",
        end,
        ..answer(name, 200)
    }
}

fn good(transaction: &str) -> Receipt {
    Receipt::Json(json!({ "success": true, "transaction": transaction, "network": NETWORK }))
}

fn failed(reason: &str) -> Receipt {
    Receipt::Json(
        json!({ "success": false, "errorReason": reason, "transaction": "", "network": NETWORK }),
    )
}

#[rustfmt::skip]
pub(crate) const ANSWERS: &[Answer] = &[
    Answer { sends: Sends::GoodReceipt, ..delivered("200, a good receipt", good) },
    delivered("200, no receipt", |_| Receipt::None),
    delivered("200, a receipt of failure", |_| failed("settlement_failed")),
    delivered("200, a failure with a transaction", |hash| {
        Receipt::Json(json!({ "success": false, "transaction": hash, "network": NETWORK }))
    }),
    delivered("200, a receipt that is no base64", |_| Receipt::Text("%%%")),
    delivered("200, a receipt that is not JSON", |_| Receipt::Text("aGVsbG8=")),
    delivered("200, a receipt without its fields", |_| Receipt::Json(json!({ "success": true }))),
    delivered("200, an empty transaction", |_| good("")),
    delivered("200, a short transaction", |hash| good(&hash[..64])),
    delivered("200, a long transaction", |hash| good(&format!("{hash}00"))),
    delivered("200, a transaction without 0x", |hash| good(&format!("00{}", &hash[2..]))),
    delivered("200, a transaction of zeros", |_| good(&format!("0x{:064}", 0))),
    delivered("200, another network", |hash| {
        Receipt::Json(json!({ "success": true, "transaction": hash, "network": "eip155:1" }))
    }),
    answer("204, no receipt", 204),
    answer("301", 301), answer("302", 302), answer("304", 304), answer("307", 307), answer("308", 308),
    answer("400", 400), answer("401", 401), answer("403", 403), answer("404", 404), answer("409", 409), answer("418", 418),
    answer("422", 422), answer("429", 429),
    Answer { body: r#"{"error":{"code":"paymentInProgress"}}"#, ..answer("409, in progress", 409) },
    Answer { body: r#"{"error":{"code":"settlementUnknown"}}"#, ..answer("503, not known", 503) },
    Answer { body: r#"{"error":{"code":"facilitatorUnavailable"}}"#, ..answer("502, not settled", 502) },
    answer("500", 500), answer("501", 501), answer("502", 502), answer("503", 503), answer("504", 504), answer("599", 599),
    Answer { sends: Sends::FailureWithReceipt, receipt: good, ..answer("500, a good receipt", 500) },
    Answer { sends: Sends::FailureWithReceipt, receipt: good, ..answer("404, a good receipt", 404) },
    refused("402, nothing else", |_| Receipt::None),
    Answer { end: End::WithOffer, ..refused("402, a fresh offer", |_| Receipt::None) },
    Answer { end: End::WithOffer, ..refused("402, settlement_failed", |_| failed("settlement_failed")) },
    Answer { end: End::WithOffer, ..refused("402, insufficient_funds", |_| failed("insufficient_funds")) },
    refused("402, nonce used", |_| failed("invalid_exact_evm_nonce_already_used")),
    Answer { sends: Sends::FailureWithReceipt, ..refused("402, a good receipt", good) },
    Answer { body: r#"{"x402Version":1,"error":"X-PAYMENT header is required","accepts":[]}"#, ..refused("402, of version 1", |_| Receipt::None) },
    broken("cut in the body", End::InBody),
    broken("cut in the head", End::InHead),
    broken("closed without a word", End::Unsaid),
    broken("no HTTP", End::Garbage),
    broken("too large", End::Endless),
    broken("silence", End::Hangs),
];

impl Answer {
    /// Of the answer that a buyer can read.
    pub(crate) fn status(&self) -> Option<u16> {
        (self.sends != Sends::Nothing).then_some(self.status)
    }

    /// Who settles later has no transaction to tell of; whoever tells of one is a liar, and one is enough.
    pub(crate) fn fits(&self, settles: Settles) -> bool {
        match settles {
            Settles::Never | Settles::First => true,
            Settles::After(_) => {
                matches!(self.sends, Sends::Other | Sends::Nothing) && self.end != End::Hangs
            }
        }
    }

    pub(crate) async fn send(
        &self,
        mut stream: TcpStream,
        transaction: Option<&str>,
        offer: &Value,
    ) {
        let invented = format!("0x{}", "ab".repeat(32));
        let receipt = match (self.receipt)(transaction.unwrap_or(&invented)) {
            Receipt::None => None,
            Receipt::Text(text) => Some(text.to_owned()),
            Receipt::Json(value) => Some(header::encode(&value).to_str().unwrap().to_owned()),
        };
        let mut length = self.body.len();
        if matches!(self.end, End::InBody) {
            length += 100;
        }
        let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", self.status);
        if let Some(receipt) = receipt {
            head.push_str(&format!("payment-response: {receipt}\r\n"));
        }
        if self.end == End::WithOffer {
            let offer = header::encode(offer);
            head.push_str(&format!(
                "payment-required: {}\r\n",
                offer.to_str().unwrap()
            ));
        }
        if (300..400).contains(&self.status) {
            head.push_str("location: http://127.0.0.1:9/elsewhere\r\n");
        }
        let whole = format!("{head}content-length: {length}\r\n\r\n{}", self.body);
        let sent = match self.end {
            End::Unsaid => String::new(),
            End::InHead => head,
            End::Garbage => "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
            End::Endless => format!("{head}\r\n{}", "x".repeat(5 * 1024 * 1024)),
            End::Hangs => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                String::new()
            }
            End::Whole | End::WithOffer | End::InBody => whole,
        };
        // The buyer may have left.
        drop(stream.write_all(sent.as_bytes()).await);
        drop(stream.shutdown().await);
    }
}
