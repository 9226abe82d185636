//! Settles on a chain: a transaction for each payment, sent once, followed until its receipt shows the exact transfer.
//!
//! The token itself refuses a second transfer for one nonce. What this module adds is certainty about what has happened: an
//! answer "not settled" means that nothing moved and nothing will.

mod fees;
mod flight;
mod journal;
mod node;
mod shared;
mod token;
mod traffic;
mod transaction;

pub use transaction::{NotAKey, SettlementKey};

use crate::rules::Rules;
use alloy_primitives::{Address, B256};
use journal::{Journal, Known, Unfinished};
use node::Node;
use shared::Shared;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use traffic::{Boarded, Outcome, Progress, Ticket, id};
use url::Url;
use x402::chain::RpcError;
use x402::store::{Store, StoreError};
use x402::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use x402::{Asset, AssetError, reason};

/// How to settle.
pub struct Settings {
    pub node_url: Url,
    pub key: SettlementKey,
    /// Where transactions are written down before they are sent.
    pub store: Arc<dyn Store>,
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
    Store(#[from] StoreError),
    #[error(transparent)]
    Asset(#[from] AssetError),
}

/// Settlement of one token on its chain. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Chain {
    shared: Arc<Shared>,
}

impl Chain {
    /// Reads the journal, and takes up what was under way.
    ///
    /// # Errors
    /// When the journal cannot be read, or the asset is on no EVM chain.
    pub async fn open(asset: Asset, settings: Settings) -> Result<Self, OpenError> {
        let chain_id = asset.chain_id()?;
        let name = format!("{chain_id}/{}", settings.key.address());
        let (journal, unfinished) = Journal::open(settings.store, &name).await?;
        let next_nonce = unfinished
            .iter()
            .flat_map(|unfinished| &unfinished.attempts)
            .map(|attempt| attempt.account_nonce + 1)
            .max();
        let shared = Shared {
            chain_id,
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
        for one in unfinished {
            chain.take_up(one);
        }
        Ok(chain)
    }

    /// Sends a settlement on its way, from its beginning or from where somebody left it.
    ///
    /// # Errors
    /// The payment is under way already, or is none.
    fn begin(&self, settlement: Unfinished) -> Result<watch::Receiver<Progress>, Boarded> {
        let Some(data) = flight::call(&settlement.payload) else {
            return Err(Boarded::Refused(reason::SIGNATURE));
        };
        let (progress, receiver) = watch::channel(Progress {
            transaction: settlement.attempts.last().map(|attempt| attempt.hash),
            outcome: None,
        });
        let authorization = &settlement.payload.authorization;
        {
            let mut traffic = self.shared.traffic();
            if let Some(boarded) = traffic.known(authorization, settlement.digest) {
                return Err(boarded);
            }
            let ticket = Ticket {
                digest: settlement.digest,
                progress: receiver.clone(),
            };
            traffic.flights.insert(id(authorization), ticket);
        }
        self.shared.launch(settlement, data, progress);
        Ok(receiver)
    }

    fn take_up(&self, settlement: Unfinished) -> Boarded {
        let transaction = settlement.attempts.last().map(|attempt| attempt.hash);
        match self.begin(settlement) {
            Ok(receiver) => {
                tracing::info!(?transaction, "a settlement is taken up again");
                Boarded::Joined(receiver)
            }
            Err(boarded) => boarded,
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
    pub async fn ready(&self) -> Result<(), RpcError> {
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
        let progress = match self.board(request).await {
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

    async fn board(&self, request: &FacilitatorRequest) -> Boarded {
        let payload = &request.payment_payload.payload;
        let digest = self.shared.rules.digest(&payload.authorization);
        // First what is known: a settlement may end after the payment's window has.
        if let Some(boarded) = self.shared.traffic().known(&payload.authorization, digest) {
            return boarded;
        }
        match self.shared.journal.find(digest).await {
            Ok(Some(Known::Settled(transaction))) => return Boarded::Settled(transaction),
            Ok(Some(Known::Open(unfinished))) => return self.take_up(*unfinished),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "nothing is sent that cannot be written down");
                return Boarded::Refused(reason::UNEXPECTED_SETTLE);
            }
        }
        if let Err(reason) = self.shared.rules.check(request) {
            return Boarded::Refused(reason);
        }
        self.shared.rules.forget(&digest);
        self.begin(Unfinished::new(digest, payload.clone()))
            .map_or_else(|boarded| boarded, Boarded::First)
    }
}
