//! Settles on a chain: a transaction for each payment, sent once, followed until its receipt shows the exact transfer.
//!
//! The token itself refuses a second transfer for one nonce. What this module adds is certainty about what has happened: an
//! answer "not settled" means that nothing moved and nothing will.

mod fees;
mod flight;
mod journal;
mod node;
mod token;
mod transaction;

pub use node::NodeError;
pub use transaction::{NotAKey, SettlementKey};

use crate::file::FileError;
use crate::rules::Rules;
use alloy_primitives::{Address, B256};
use flight::Flight;
use journal::{Journal, Past};
use node::Node;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use url::Url;
use x402::wire::{Authorization, FacilitatorRequest, SettlementResponse, VerifyResponse};
use x402::{Asset, AssetError, reason};

/// Outcomes that are remembered; beyond that the chain is asked.
const SETTLED_MAX: usize = 20_000;

/// How to settle.
#[derive(Debug)]
pub struct Settings {
    pub node_url: Url,
    pub key: SettlementKey,
    /// The journal of transactions that were sent.
    pub file: PathBuf,
    /// The most that a unit of gas may cost, in wei.
    pub fee_cap: u64,
    /// A transaction that is in no block by then is replaced by one with higher fees.
    pub replace_after: Duration,
    /// By then whoever asks has an answer, if only that the settlement is under way. Sellers wait 90 s.
    pub answer_within: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Asset(#[from] AssetError),
}

/// Settlement of one token on its chain. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Chain {
    shared: Arc<Shared>,
}

struct Shared {
    rules: Rules,
    chain_id: u64,
    node: Node,
    key: SettlementKey,
    fee_cap: u64,
    replace_after: Duration,
    answer_within: Duration,
    journal: Journal,
    /// The account nonce after the last one that was used; none before the first.
    next_nonce: tokio::sync::Mutex<Option<u64>>,
    checked: OnceCell<()>,
    traffic: Mutex<Traffic>,
}

#[derive(Default)]
struct Traffic {
    /// By payer and nonce: of two authorizations with one nonce, one at most is ever sent at a time.
    flights: HashMap<(Address, B256), Ticket>,
    settled: HashMap<B256, B256>,
}

#[derive(Clone)]
struct Ticket {
    digest: B256,
    progress: watch::Receiver<Progress>,
}

/// What is known of a settlement so far.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    transaction: Option<B256>,
    outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// This transaction of ours moved the money.
    Settled(B256),
    /// Exactly this transfer had been made before, by this transaction.
    Earlier(B256),
    /// Nothing moved, and nothing will.
    Failed(&'static str),
    /// The next start may send it.
    Unknown,
}

/// What to answer a request to settle.
enum Boarded {
    /// It began with this request.
    First(watch::Receiver<Progress>),
    /// It was under way.
    Joined(watch::Receiver<Progress>),
    Settled(B256),
    Refused(&'static str),
}

impl Chain {
    /// Reads the journal, or makes it, and takes up what was under way.
    ///
    /// # Errors
    /// When the journal cannot be used, or the asset is on no EVM chain.
    pub fn open(asset: Asset, settings: Settings) -> Result<Self, OpenError> {
        let (journal, past) = Journal::open(&settings.file)?;
        let next_nonce = past
            .unfinished
            .iter()
            .flat_map(|unfinished| &unfinished.attempts)
            .map(|attempt| attempt.account_nonce + 1)
            .max();
        let shared = Shared {
            chain_id: asset.chain_id()?,
            rules: Rules::new(asset)?,
            node: Node::new(runtime::http::client(), settings.node_url),
            key: settings.key,
            fee_cap: settings.fee_cap,
            replace_after: settings.replace_after,
            answer_within: settings.answer_within,
            journal,
            next_nonce: tokio::sync::Mutex::new(next_nonce),
            checked: OnceCell::new(),
            traffic: Mutex::default(),
        };
        let chain = Self {
            shared: Arc::new(shared),
        };
        chain.resume(past);
        Ok(chain)
    }

    fn resume(&self, past: Past) {
        self.shared.traffic().settled = past.settled;
        for unfinished in past.unfinished {
            let Some(data) = flight::call(&unfinished.payload) else {
                continue;
            };
            let (progress, receiver) = watch::channel(Progress::default());
            let flight = Flight {
                shared: self.shared.clone(),
                digest: unfinished.digest,
                payload: unfinished.payload,
                data,
                attempts: unfinished.attempts,
                progress,
            };
            let transaction = flight.attempts.last().map(|attempt| attempt.hash);
            tracing::info!(?transaction, "a settlement is taken up again");
            flight
                .progress
                .send_modify(|progress| progress.transaction = transaction);
            let ticket = Ticket {
                digest: flight.digest,
                progress: receiver,
            };
            let id = id(&flight.payload.authorization);
            self.shared.traffic().flights.insert(id, ticket);
            tokio::spawn(flight.run());
        }
    }

    pub fn asset(&self) -> &Asset {
        self.shared.rules.asset()
    }

    /// The account that pays the gas.
    pub fn address(&self) -> Address {
        self.shared.key.address()
    }

    /// That the node is of the right chain and knows the token.
    ///
    /// # Errors
    /// What the node says instead.
    pub async fn ready(&self) -> Result<(), NodeError> {
        self.shared.ready().await
    }

    /// Would this payment settle now? Asks the chain by a call without a transaction.
    pub async fn verify(&self, request: &FacilitatorRequest) -> VerifyResponse {
        let payload = &request.payment_payload.payload;
        let checked = match self.shared.rules.check(request) {
            Ok(_) => self.shared.simulate(payload).await,
            Err(reason) => Err(reason),
        };
        VerifyResponse {
            is_valid: checked.is_ok(),
            invalid_reason: checked.err().map(str::to_owned),
            payer: Some(payload.authorization.from.to_checksum(None)),
        }
    }

    /// Moves the money, once. Who asks again for the same payment hears of the transaction that moved it.
    pub async fn settle(&self, request: &FacilitatorRequest) -> SettlementResponse {
        let progress = match self.board(request) {
            Boarded::First(receiver) => self.wait(receiver).await,
            Boarded::Joined(receiver) => {
                let mut progress = self.wait(receiver).await;
                // One request, one success: a second one for the same payment is a question about the first.
                if let Some(Outcome::Settled(hash)) = progress.outcome {
                    progress.outcome = Some(Outcome::Earlier(hash));
                }
                progress
            }
            Boarded::Settled(hash) => Progress {
                transaction: None,
                outcome: Some(Outcome::Earlier(hash)),
            },
            Boarded::Refused(reason) => Progress {
                transaction: None,
                outcome: Some(Outcome::Failed(reason)),
            },
        };
        self.answer(request, progress)
    }

    fn answer(&self, request: &FacilitatorRequest, progress: Progress) -> SettlementResponse {
        let payer = request.payment_payload.payload.authorization.from;
        let named = |hash: B256| Some([("transaction".to_owned(), hash.to_string().into())]);
        let (transaction, reason, extra) = match progress.outcome {
            Some(Outcome::Settled(hash)) => (hash.to_string(), None, None),
            Some(Outcome::Earlier(hash)) => (String::new(), Some(reason::NONCE_USED), named(hash)),
            Some(Outcome::Failed(reason)) => (String::new(), Some(reason), None),
            Some(Outcome::Unknown) | None => (
                String::new(),
                Some(reason::SETTLEMENT_PENDING),
                progress.transaction.and_then(named),
            ),
        };
        SettlementResponse {
            success: reason.is_none(),
            error_reason: reason.map(str::to_owned),
            payer: Some(payer.to_checksum(None)),
            transaction,
            network: self.asset().network.clone(),
            extra: extra.map(|pairs| pairs.into_iter().collect()),
        }
    }

    async fn wait(&self, mut receiver: watch::Receiver<Progress>) -> Progress {
        let landed = receiver.wait_for(|progress| progress.outcome.is_some());
        // Late or not, what counts is what is known by then.
        drop(tokio::time::timeout(self.shared.answer_within, landed).await);
        *receiver.borrow()
    }

    fn board(&self, request: &FacilitatorRequest) -> Boarded {
        let payload = &request.payment_payload.payload;
        let digest = self.shared.rules.digest(&payload.authorization);
        // First what is known: a settlement may end after the payment's window has.
        if let Some(boarded) = self.shared.traffic().known(&payload.authorization, digest) {
            return boarded;
        }
        if let Err(reason) = self.shared.rules.check(request) {
            return Boarded::Refused(reason);
        }
        self.shared.rules.forget(&digest);
        let Some(data) = flight::call(payload) else {
            return Boarded::Refused(reason::SIGNATURE);
        };
        let (progress, receiver) = watch::channel(Progress::default());
        let ticket = Ticket {
            digest,
            progress: receiver.clone(),
        };
        {
            let mut traffic = self.shared.traffic();
            if let Some(boarded) = traffic.known(&payload.authorization, digest) {
                return boarded;
            }
            traffic.flights.insert(id(&payload.authorization), ticket);
        }
        let flight = Flight {
            shared: self.shared.clone(),
            digest,
            payload: payload.clone(),
            data,
            attempts: Vec::new(),
            progress,
        };
        tokio::spawn(flight.run());
        Boarded::First(receiver)
    }
}

fn id(authorization: &Authorization) -> (Address, B256) {
    (authorization.from, authorization.nonce)
}

impl Traffic {
    fn known(&self, authorization: &Authorization, digest: B256) -> Option<Boarded> {
        if let Some(hash) = self.settled.get(&digest) {
            return Some(Boarded::Settled(*hash));
        }
        let ticket = self.flights.get(&id(authorization))?;
        Some(if ticket.digest == digest {
            Boarded::Joined(ticket.progress.clone())
        } else {
            // Certain about this authorization: it was never sent.
            Boarded::Refused(reason::TRANSACTION_FAILED)
        })
    }
}

impl Shared {
    fn token(&self) -> Address {
        self.rules.asset().address
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        // Nothing panics between two changes that belong together.
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ready(&self) -> Result<(), NodeError> {
        let check = async || {
            let found = self.node.chain_id().await?;
            let refused = |message: String| NodeError::Refused {
                method: "eth_chainId",
                message,
            };
            if found != self.chain_id {
                let wanted = self.chain_id;
                return Err(refused(format!("the chain is {found}, not {wanted}")));
            }
            if !self.node.has_code(self.token()).await? {
                return Err(refused(format!("there is no token at {}", self.token())));
            }
            Ok(())
        };
        self.checked.get_or_try_init(check).await.copied()
    }

    async fn simulate(&self, payload: &x402::wire::ExactPayload) -> Result<(), &'static str> {
        let authorization = &payload.authorization;
        if self.traffic().flights.contains_key(&id(authorization)) {
            return Err(reason::NONCE_USED);
        }
        let data = flight::call(payload).ok_or(reason::SIGNATURE)?;
        let asked = async {
            self.ready().await?;
            let simulated = self
                .node
                .simulate(self.key.address(), self.token(), &data)
                .await;
            Ok(match simulated {
                Ok(_) => Ok(()),
                Err(NodeError::Refused { .. }) => Err(self.why(authorization).await?),
                Err(error) => return Err(error),
            })
        };
        asked.await.unwrap_or_else(|error: NodeError| {
            tracing::warn!(%error, "payment not verified");
            Err(reason::UNEXPECTED_VERIFY)
        })
    }

    /// Why the token refuses.
    async fn why(&self, authorization: &Authorization) -> Result<&'static str, NodeError> {
        if self.node.is_used(self.token(), authorization).await? {
            return Ok(reason::NONCE_USED);
        }
        let balance = self.node.balance(self.token(), authorization.from).await?;
        Ok(if balance < authorization.value {
            reason::INSUFFICIENT_BALANCE
        } else {
            reason::SIMULATION_FAILED
        })
    }

    /// Makes an outcome known: to the journal, to later questions, and to whoever waits.
    async fn land(&self, flight: &Flight, outcome: Outcome) {
        let transaction = match outcome {
            Outcome::Settled(hash) | Outcome::Earlier(hash) => Some(hash),
            Outcome::Failed(_) | Outcome::Unknown => None,
        };
        if !flight.attempts.is_empty() && outcome != Outcome::Unknown {
            self.journal.ended(flight.digest, transaction).await;
        }
        {
            let mut traffic = self.traffic();
            if traffic.settled.len() >= SETTLED_MAX {
                traffic.settled.clear();
            }
            traffic
                .settled
                .extend(transaction.map(|hash| (flight.digest, hash)));
            traffic.flights.remove(&id(&flight.payload.authorization));
        }
        flight
            .progress
            .send_modify(|progress| progress.outcome = Some(outcome));
    }
}
