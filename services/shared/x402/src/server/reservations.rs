//! Which payments are spoken for. A payment is reserved before the handler runs, so that one signature sent many times at
//! once buys one answer.

use alloy_primitives::{Address, B256};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long an outcome is remembered. After that the facilitator's record of used nonces refuses a replay.
const REMEMBER_SECONDS: u64 = 600;
const PURGE_EVERY_SECONDS: u64 = 10;
/// Beyond this many remembered bytes answers are delivered but not kept for a second delivery.
const BYTES_KEPT_MAX: usize = 64 * 1024 * 1024;
const ENTRIES_MAX: usize = 200_000;

/// A payment's identity on its chain. Network and asset are those of the price table; the nonce is the payer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) domain: crate::exact::Domain,
    pub(super) payer: Address,
    pub(super) nonce: B256,
}

/// What was asked for with the payment: a second delivery is for the same question only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) digest: B256,
    pub(super) target: String,
    /// The `payment-identifier` by which the buyer announced that it may ask again.
    pub(super) identifier: Option<String>,
}

/// A finished answer that can be given again.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn response(&self) -> Response {
        let mut response = Response::new(self.body.clone().into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

enum State {
    /// The handler runs, or the settlement does.
    Open,
    /// Paid. `None` when the answer was too much to keep.
    Settled(Option<Answer>),
    /// The facilitator was asked to settle and gave no usable answer. The handler's answer waits for the truth.
    Unknown(Answer),
}

struct Entry {
    question: Question,
    state: State,
    decided_at: u64,
}

#[derive(Default)]
struct Book {
    entries: HashMap<Key, Entry>,
    identifiers: HashMap<(Address, String), Key>,
    bytes_kept: usize,
    next_purge: u64,
}

/// Shared by all sold routes of a process.
#[derive(Clone, Default)]
pub(super) struct Reservations {
    book: Arc<Mutex<Book>>,
}

/// What `reserve` found.
pub(super) enum Reserved {
    /// Ours: go on. Dropping the hold gives the payment free again.
    New(Hold),
    /// The settlement was left open; find out with this hold, and deliver this answer if it was paid.
    Reconcile(Hold, Answer),
    /// Paid, and asked for again by the same request.
    Again(Answer),
    /// The same request is under way.
    Busy,
    /// Spent, or being spent, on something else.
    Used,
    /// The buyer's identifier belongs to another payment.
    IdentifierTaken,
    Full,
}

impl Reservations {
    fn book(&self) -> MutexGuard<'_, Book> {
        // The book is consistent between statements, so a panic elsewhere does not spoil it.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reserve(&self, key: Key, question: Question, now: u64) -> Reserved {
        let mut book = self.book();
        book.purge(now);
        let Some(entry) = book.entries.get_mut(&key) else {
            return self.open(&mut book, key, question, now);
        };
        if entry.question != question {
            return Reserved::Used;
        }
        if let State::Unknown(answer) = &entry.state {
            let answer = answer.clone();
            entry.state = State::Open;
            book.bytes_kept = book.bytes_kept.saturating_sub(answer.body.len());
            return Reserved::Reconcile(self.hold(key, Some(answer.clone())), answer);
        }
        match (&entry.state, &question.identifier) {
            // Without an identifier a second sending is a replay, as it is for the reference server.
            (_, None) | (State::Settled(None), _) => Reserved::Used,
            (State::Settled(Some(answer)), _) => Reserved::Again(answer.clone()),
            (State::Open | State::Unknown(_), _) => Reserved::Busy,
        }
    }

    fn open(&self, book: &mut Book, key: Key, question: Question, now: u64) -> Reserved {
        if book.entries.len() >= ENTRIES_MAX {
            return Reserved::Full;
        }
        if let Some(identifier) = &question.identifier {
            let name = (key.payer, identifier.clone());
            if book.identifiers.contains_key(&name) {
                return Reserved::IdentifierTaken;
            }
            book.identifiers.insert(name, key);
        }
        book.entries.insert(
            key,
            Entry {
                question,
                state: State::Open,
                decided_at: now,
            },
        );
        Reserved::New(self.hold(key, None))
    }

    fn hold(&self, key: Key, unknown: Option<Answer>) -> Hold {
        Hold {
            reservations: self.clone(),
            key,
            on_drop: unknown.map_or(OnDrop::Release, OnDrop::Unknown),
        }
    }

    fn decide(&self, key: &Key, state: State, now: u64) {
        let mut book = self.book();
        let state = match state {
            State::Settled(Some(answer))
                if book.bytes_kept + answer.body.len() > BYTES_KEPT_MAX =>
            {
                drop(answer);
                State::Settled(None)
            }
            state => state,
        };
        book.bytes_kept += kept_bytes(&state);
        if let Some(entry) = book.entries.get_mut(key) {
            entry.state = state;
            entry.decided_at = now;
        }
    }
}

fn kept_bytes(state: &State) -> usize {
    match state {
        State::Settled(Some(answer)) | State::Unknown(answer) => answer.body.len(),
        State::Open | State::Settled(None) => 0,
    }
}

impl Book {
    fn purge(&mut self, now: u64) {
        if now < self.next_purge {
            return;
        }
        self.next_purge = now + PURGE_EVERY_SECONDS;
        let bytes_kept = &mut self.bytes_kept;
        self.entries.retain(|_, entry| {
            let keep =
                matches!(entry.state, State::Open) || entry.decided_at + REMEMBER_SECONDS > now;
            if !keep {
                *bytes_kept = bytes_kept.saturating_sub(kept_bytes(&entry.state));
            }
            keep
        });
        let entries = &self.entries;
        self.identifiers.retain(|_, key| entries.contains_key(key));
    }

    fn release(&mut self, key: &Key) {
        if let Some(identifier) = self
            .entries
            .remove(key)
            .and_then(|entry| entry.question.identifier)
        {
            self.identifiers.remove(&(key.payer, identifier));
        }
    }
}

enum OnDrop {
    Release,
    Unknown(Answer),
    Nothing,
}

/// The right to use a reserved payment. Whatever ends the work early, a panic included, ends the hold in the safe way: free
/// again before the settlement was asked for, unknown after.
pub(super) struct Hold {
    reservations: Reservations,
    key: Key,
    on_drop: OnDrop,
}

impl Hold {
    /// From here on the payment may have been settled.
    pub(super) fn settling(&mut self, answer: Answer) {
        self.on_drop = OnDrop::Unknown(answer);
    }

    /// It was settled.
    pub(super) fn settled(mut self, answer: Answer) {
        self.on_drop = OnDrop::Nothing;
        self.reservations.decide(
            &self.key,
            State::Settled(Some(answer)),
            crate::now_seconds(),
        );
    }

    /// It was certainly not settled.
    pub(super) fn release(mut self) {
        self.on_drop = OnDrop::Release;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.on_drop, OnDrop::Nothing) {
            OnDrop::Nothing => {}
            OnDrop::Release => self.reservations.book().release(&self.key),
            OnDrop::Unknown(answer) => {
                self.reservations
                    .decide(&self.key, State::Unknown(answer), crate::now_seconds())
            }
        }
    }
}
