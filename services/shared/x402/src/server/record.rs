//! The record of a payment, and its encoding.

use crate::exact::Domain;
use crate::store::StoreError;
use alloy_primitives::{Address, B256};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// A payment's identity on its chain. Network and asset are those of the price table; the nonce is the payer's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) domain: Domain,
    pub(super) payer: Address,
    pub(super) nonce: B256,
}

impl Key {
    pub(super) fn payment(&self) -> String {
        format!(
            "payment/{}/{}/{}",
            self.domain.separator(),
            self.payer,
            self.nonce
        )
    }

    /// Identifiers belong to a payer: no other payer can take them.
    pub(super) fn identifier(&self, identifier: &str) -> String {
        format!(
            "identifier/{}/{}/{identifier}",
            self.domain.separator(),
            self.payer
        )
    }
}

/// What was asked for with the payment: a second delivery is for the same question only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    /// Of the signed authorization.
    pub(super) digest: B256,
    pub(super) target: String,
    /// The `payment-identifier` by which the buyer announced that it may ask again.
    pub(super) identifier: Option<String>,
}

/// What one sale has done to be paid. A request that resumes the sale uses the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// The `Idempotency-Key` that this sale's requests to settle carry.
    pub(super) key: String,
    /// Seconds since 1970: before that nothing was asked for.
    pub(super) since: u64,
    /// Whether a transfer that is found on the chain can be this sale's. It cannot be once the facilitator has refused, nor
    /// where the facilitator knows better.
    pub(super) found_counts: bool,
    /// Whether an earlier request has tried.
    #[serde(skip)]
    pub(super) resumed: bool,
}

impl Attempt {
    pub(super) fn new(now: u64, found_counts: bool) -> Result<Self, StoreError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| StoreError(error.to_string()))?;
        Ok(Self {
            key: hex::encode(key),
            since: now,
            found_counts,
            resumed: false,
        })
    }
}

/// How far a payment has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase")]
pub(super) enum Phase {
    /// Reserved. The settlement has not been asked for.
    Reserved,
    /// The settlement may have been asked for.
    Settling,
    /// Settled, and the answer is still owed.
    Paid { transaction: B256 },
    /// Settled and answered.
    Done,
}

/// The record of one payment.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) question: Question,
    pub(super) phase: Phase,
    /// Seconds since 1970: until then somebody is at it, after that whoever comes may go on.
    pub(super) lease_until: u64,
    /// Seconds since 1970: the authorization moves nothing from then on, and the record has to outlive it.
    pub(super) valid_before: u64,
    /// Once the settlement may have been asked for.
    pub(super) attempt: Option<Attempt>,
    pub(super) answer: Option<Answer>,
}

/// A finished answer that can be given again.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// More than it takes in a record.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + 2 * value.len() + 8)
            .sum();
        self.body.len() + headers + 1024
    }
}

/// A record without its answer's body, which follows as it is.
#[derive(Serialize, Deserialize)]
struct Head {
    question: Question,
    phase: Phase,
    lease_until: u64,
    #[serde(default)]
    valid_before: u64,
    #[serde(default)]
    attempt: Option<Attempt>,
    answer: Option<AnswerHead>,
}

#[derive(Serialize, Deserialize)]
struct AnswerHead {
    status: u16,
    /// Values byte by byte as characters: a header may have any byte.
    headers: Vec<(String, String)>,
}

impl Record {
    pub(super) fn encode(&self) -> Bytes {
        let answer = self.answer.as_ref().map(|answer| AnswerHead {
            status: answer.status.as_u16(),
            headers: answer
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), characters(value)))
                .collect(),
        });
        let head = Head {
            question: self.question.clone(),
            phase: self.phase.clone(),
            lease_until: self.lease_until,
            valid_before: self.valid_before,
            attempt: self.attempt.clone(),
            answer,
        };
        let head = serde_json::to_vec(&head)
            .expect("records have text keys only, which JSON always takes");
        let body = self.answer.as_ref().map_or(&[][..], |answer| &answer.body);
        let length = (head.len() as u32).to_le_bytes();
        [&length[..], &head, body].concat().into()
    }

    pub(super) fn decode(bytes: &Bytes) -> Result<Self, StoreError> {
        let damaged = || StoreError("the record of a payment is damaged".into());
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (head, _) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let body = bytes.slice(4 + length..);
        let answer = head.answer.map(|answer| answer.with(body)).transpose()?;
        Ok(Self {
            question: head.question,
            phase: head.phase,
            lease_until: head.lease_until,
            valid_before: head.valid_before,
            attempt: head.attempt,
            answer,
        })
    }
}

impl AnswerHead {
    fn with(self, body: Bytes) -> Result<Answer, StoreError> {
        let damaged = || StoreError("the kept answer of a payment is damaged".into());
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(|_| damaged())?;
            let bytes: Option<Vec<u8>> = value
                .chars()
                .map(|character| u8::try_from(character).ok())
                .collect();
            let value = HeaderValue::from_bytes(&bytes.ok_or_else(damaged)?);
            headers.append(name, value.map_err(|_| damaged())?);
        }
        Ok(Answer {
            status: StatusCode::from_u16(self.status).map_err(|_| damaged())?,
            headers,
            body,
        })
    }
}

fn characters(value: &HeaderValue) -> String {
    value
        .as_bytes()
        .iter()
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_being_written() {
        let mut headers = HeaderMap::new();
        headers.append("x", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        headers.append("x", HeaderValue::from_static("second"));
        let record = Record {
            question: Question {
                digest: B256::repeat_byte(1),
                target: "GET /thing".into(),
                identifier: Some("pay_0123456789abcdef".into()),
            },
            phase: Phase::Paid {
                transaction: B256::repeat_byte(4),
            },
            lease_until: 7,
            valid_before: 9,
            attempt: Some(Attempt::new(8, true).unwrap()),
            answer: Some(Answer {
                status: StatusCode::CREATED,
                headers,
                body: Bytes::from_static(b"\0{}\xff"),
            }),
        };
        let bytes = record.encode();
        let read = Record::decode(&bytes).unwrap();
        assert_eq!(
            (read.question, read.phase, read.lease_until),
            (record.question, record.phase, 7)
        );
        assert_eq!(
            (read.valid_before, read.attempt),
            (record.valid_before, record.attempt)
        );
        let (read, wrote) = (read.answer.unwrap(), record.answer.unwrap());
        assert_eq!(
            (read.status, read.headers, read.body),
            (wrote.status, wrote.headers, wrote.body)
        );
        for length in 0..bytes.len() - 4 {
            assert!(Record::decode(&bytes.slice(..length)).is_err(), "{length}");
        }
    }
}
