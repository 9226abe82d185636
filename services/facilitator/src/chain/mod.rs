//! Settles on a chain: a transaction for each payment, sent once, followed until its receipt shows the exact transfer.
//!
//! The token itself refuses a second transfer for one nonce. What this module adds is certainty about what has happened: an
//! answer "not settled" means that nothing moved and nothing will.

mod answer;
mod draft;
mod fees;
mod journal;
mod memory;
mod node;
mod ongoing;
mod settlement_task;
mod shared;
mod signer;
mod token;
mod transaction;

pub use transaction::{NotAKey, SettlementKey};

use crate::claim::{self, Asker, IdempotencyKey};
use crate::rules::Rules;
use alloy_primitives::Address;
use answer::{Reply, answer_to, wait};
use journal::{Journal, Known, Unfinished};
use memory::Memory;
use node::Node;
use ongoing::{Admission, OngoingSettlement, Progress, id};
use shared::Shared;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;
use url::Url;
use x402::chain::RpcError;
use x402::store::{Store, StoreError};
use x402::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use x402::{Asset, AssetError, reason};

/// How to settle.
pub struct Settings {
    pub node_url: Url,
    pub key: SettlementKey,
    /// Where transactions are recorded before they are sent.
    pub store: Arc<dyn Store>,
    /// Who may be paid; anybody when there is no list.
    pub pay_to_allowed: Option<Vec<Address>>,
    /// Contracts that may deploy a smart wallet at our expense, when it pays for the first time (ERC-6492).
    pub factories_allowed: Vec<Address>,
    /// The most that a unit of gas may cost, in wei.
    pub fee_cap: u64,
    /// A transaction that is in no block by then is replaced by one with higher fees.
    pub replace_after: Duration,
    /// By then whoever asks has an answer, if only that the settlement is under way.
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
            rules: Rules::new(asset, settings.pay_to_allowed)?,
            node: Node::new(runtime::http::client(), settings.node_url),
            key: settings.key,
            factories_allowed: settings.factories_allowed,
            fee_cap: settings.fee_cap,
            replace_after: settings.replace_after,
            answer_within: settings.answer_within,
            journal,
            next_nonce: tokio::sync::Mutex::new(next_nonce),
            checked: OnceCell::new(),
            ongoing: Mutex::default(),
            memory: Memory::default(),
        };
        let chain = Self {
            shared: Arc::new(shared),
        };
        for one in unfinished {
            chain.take_up(one, Asker::Same);
        }
        Ok(chain)
    }

    /// Starts a settlement, or resumes one from where it was left.
    ///
    /// # Errors
    /// The payment is under way already, or its signature cannot be read.
    fn begin(&self, settlement: Unfinished) -> Result<watch::Receiver<Progress>, Admission> {
        let Some(call) =
            token::settlement(self.asset().address, &settlement.payload, settlement.form)
        else {
            return Err(Admission::Refused(reason::SIGNATURE));
        };
        let (progress, receiver) = watch::channel(Progress {
            transaction: settlement.attempts.last().map(|attempt| attempt.hash),
            outcome: None,
        });
        let authorization = &settlement.payload.authorization;
        {
            let mut ongoing = self.shared.ongoing();
            let key = settlement.key.as_ref();
            if let Some(admission) = ongoing.known(authorization, settlement.digest, key) {
                return Err(admission);
            }
            let settlement = OngoingSettlement {
                digest: settlement.digest,
                key: settlement.key.clone(),
                progress: receiver.clone(),
            };
            ongoing.by_payment.insert(id(authorization), settlement);
        }
        self.shared.start(settlement, call, progress);
        Ok(receiver)
    }

    /// Takes up what was begun before. Who asks for it now need not be who began it.
    fn take_up(&self, settlement: Unfinished, asker: Asker) -> Admission {
        let transaction = settlement.attempts.last().map(|attempt| attempt.hash);
        match self.begin(settlement) {
            Ok(receiver) => {
                tracing::info!(?transaction, "resuming a settlement");
                Admission::Joined(receiver, asker)
            }
            // Another request has just resumed it, under the same key.
            Err(Admission::Joined(receiver, _)) => Admission::Joined(receiver, asker),
            Err(admission) => admission,
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
        let asked = tokio::time::timeout(self.shared.answer_within, self.would_settle(request));
        let checked = asked.await.unwrap_or(Err(reason::UNEXPECTED_VERIFY));
        let payer = request.payment_payload.payload.authorization.from;
        VerifyResponse {
            is_valid: checked.is_ok(),
            invalid_reason: checked.err().map(str::to_owned),
            payer: Some(payer.to_checksum(None)),
        }
    }

    async fn would_settle(&self, request: &FacilitatorRequest) -> Result<(), &'static str> {
        let (rules, payload) = (&self.shared.rules, &request.payment_payload.payload);
        let digest = rules.check_terms(request)?;
        let form = self
            .shared
            .signed_by(digest, payload)
            .await
            .map_err(|no| no.reason(reason::UNEXPECTED_VERIFY))?;
        rules.check_window(payload)?;
        if let Some(reason) = self.shared.memory.refusal() {
            return Err(reason);
        }
        self.shared.simulate(payload, form).await
    }

    /// Moves the money, once. `key` names the sale: the first one that asks for a settlement is told of its success as often as
    /// it asks, and no other one is told of a transaction that it could take for its own.
    pub async fn settle(
        &self,
        request: &FacilitatorRequest,
        key: Option<&IdempotencyKey>,
    ) -> SettlementResponse {
        let deadline = Instant::now() + self.shared.answer_within;
        // Nothing is begun before the last step of this, which waits for nobody.
        let admission = tokio::time::timeout_at(deadline, self.admit(request, key));
        let answer = match admission.await {
            Err(_) => Reply::Pending(None),
            Ok(Admission::Refused(reason)) => Reply::Refused(reason),
            Ok(Admission::First(receiver)) => {
                let asker = claim::asker(key, key);
                answer_to(wait(receiver, deadline).await, asker, true)
            }
            Ok(Admission::Joined(_, Asker::Other) | Admission::Settled(_, Asker::Other)) => {
                Reply::Used(None)
            }
            Ok(Admission::Joined(receiver, asker)) => {
                answer_to(wait(receiver, deadline).await, asker, false)
            }
            Ok(Admission::Settled(hash, Asker::Same)) => Reply::Success(hash),
            Ok(Admission::Settled(hash, Asker::Unnamed)) => Reply::Used(Some(hash)),
        };
        answer.into_response(request, self.asset())
    }

    async fn admit(&self, request: &FacilitatorRequest, key: Option<&IdempotencyKey>) -> Admission {
        let payload = &request.payment_payload.payload;
        let digest = match self.shared.rules.check_terms(request) {
            Ok(digest) => digest,
            Err(reason) => return Admission::Refused(reason),
        };
        // First what is known: a settlement may end after the payment's window has.
        let known = self
            .shared
            .ongoing()
            .known(&payload.authorization, digest, key);
        if let Some(admission) = known {
            return admission;
        }
        match self.shared.journal.find(digest).await {
            Ok(Some(Known::Settled(transaction, began))) => {
                return Admission::Settled(transaction, claim::asker(began.as_ref(), key));
            }
            Ok(Some(Known::Open(unfinished))) => {
                let asker = claim::asker(unfinished.key.as_ref(), key);
                return self.take_up(*unfinished, asker);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "nothing is sent: the settlement cannot be recorded");
                return Admission::Refused(reason::UNEXPECTED_SETTLE);
            }
        }
        let form = match self.shared.signed_by(digest, payload).await {
            Ok(form) => form,
            Err(no) => return Admission::Refused(no.reason(reason::UNEXPECTED_SETTLE)),
        };
        if let Err(reason) = self.shared.rules.check_window(payload) {
            return Admission::Refused(reason);
        }
        self.shared.rules.forget(&digest);
        let settlement = Unfinished::new(digest, payload.clone(), key.cloned(), form);
        self.begin(settlement)
            .map_or_else(|admission| admission, Admission::First)
    }
}
