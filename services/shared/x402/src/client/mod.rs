//! Buys over HTTP 402. Nothing is signed that the policy does not allow or the budget does not hold, and one call signs at
//! most once.

mod budget;
mod choose;
mod outcome;
mod policy;
#[cfg(test)]
mod tests;
pub(crate) mod transport;

pub use budget::{Account, Limits};
pub use outcome::{Paid, PayError, Quote};
pub use policy::Policy;

use crate::asset::AssetError;
use crate::chain::Chain;
use crate::exact::Domain;
use crate::header;
use crate::store::{MemoryStore, Store};
use crate::wallet::Wallet;
use crate::wire::{
    Authorization, ExactPayload, PAYMENT_IDENTIFIER, PaymentRequired, Requirements,
    SettlementResponse, VERSION,
};
use alloy_primitives::{Address, B256, U256};
use budget::{Budget, Open};
use choose::Offered;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use transport::{Answer, Transport};
use url::Url;

/// An authorization is never valid for longer, whatever the seller proposes.
const VALID_SECONDS_MAX: u64 = 120;
/// How far a seller's clock may be behind ours.
const CLOCK_SKEW_SECONDS: u64 = 600;
/// Waits before the same payment is sent again, when its answer was lost.
const RESEND_AFTER: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// A wallet that buys within a policy and a budget.
#[derive(Clone)]
pub struct PayingClient {
    transport: Arc<dyn Transport>,
    wallet: Wallet,
    policy: Policy,
    domain: Domain,
    budget: Budget,
}

impl PayingClient {
    /// A wallet whose spending nobody else knows of, with no limit but the policy's: for tests and tools.
    ///
    /// `client` must not follow redirects: they would carry the payment elsewhere. `runtime::http::client()` does not.
    ///
    /// # Errors
    /// When the policy's asset is on no EVM chain.
    pub fn new(
        client: reqwest::Client,
        wallet: Wallet,
        policy: Policy,
    ) -> Result<Self, AssetError> {
        let store = Arc::new(MemoryStore::default());
        Self::with_budget(client, wallet, policy, Limits::NONE, store, None)
    }

    /// A wallet whose spending stays within `limits`, together with everyone who has the same wallet and `store`. `chain` says
    /// what became of payments whose answers were lost; without it they count as spent.
    ///
    /// # Errors
    /// When the policy's asset is on no EVM chain.
    pub fn with_budget(
        client: reqwest::Client,
        wallet: Wallet,
        policy: Policy,
        limits: Limits,
        store: Arc<dyn Store>,
        chain: Option<Arc<dyn Chain>>,
    ) -> Result<Self, AssetError> {
        Self::over(Arc::new(client), wallet, policy, limits, store, chain)
    }

    pub(crate) fn over(
        transport: Arc<dyn Transport>,
        wallet: Wallet,
        policy: Policy,
        limits: Limits,
        store: Arc<dyn Store>,
        chain: Option<Arc<dyn Chain>>,
    ) -> Result<Self, AssetError> {
        let domain = Domain::of(&policy.asset)?;
        let asset = policy.asset.clone();
        let budget = Budget::new(store, chain, limits, asset, domain, wallet.address());
        Ok(Self {
            transport,
            wallet,
            policy,
            domain,
            budget,
        })
    }

    /// What was spent so far, after a look at what has become of open payments.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn account(&self, session: &str) -> Result<Account, PayError> {
        self.budget.account(session).await
    }

    pub fn limits(&self) -> Limits {
        self.budget.limits
    }

    pub fn address(&self) -> Address {
        self.wallet.address()
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Asks for the price. Never signs, and does not apply the price limit.
    ///
    /// # Errors
    /// As `PayError` says; `NotForSale` when the answer is no 402.
    pub async fn quote(&self, url: Url) -> Result<Quote, PayError> {
        self.policy.check_url(&url)?;
        let answer = self.send(&url, None).await.map_err(PayError::Http)?;
        if answer.status != StatusCode::PAYMENT_REQUIRED {
            return Err(PayError::NotForSale {
                status: answer.status,
            });
        }
        let offered = self.offer(&url, &answer)?;
        Ok(Quote {
            amount: offered.requirements.amount,
            requirements: offered.requirements,
            resource: url.into(),
        })
    }

    /// `get_in_session` for whoever has no sessions.
    ///
    /// # Errors
    /// As `PayError` says.
    pub async fn get(&self, url: Url) -> Result<Paid, PayError> {
        self.get_in_session("", url).await
    }

    /// Gets a resource and pays for it if it costs something. Pays at most once: when the answer to the payment is lost, the
    /// identical payment is sent again.
    ///
    /// # Errors
    /// As `PayError` says.
    pub async fn get_in_session(&self, session: &str, url: Url) -> Result<Paid, PayError> {
        self.policy.check_url(&url)?;
        let free = self.send(&url, None).await.map_err(PayError::Http)?;
        if free.status != StatusCode::PAYMENT_REQUIRED {
            return Ok(Paid {
                status: free.status,
                body: free.body,
                receipt: None,
            });
        }
        let offered = self.offer(&url, &free)?;
        self.policy.check_price(offered.requirements.amount)?;
        let authorization = self.authorize(&offered.requirements)?;
        let open = Open::new(
            authorization.value,
            authorization.to,
            authorization.valid_before.saturating_to(),
            url.to_string(),
            session,
        );
        self.budget
            .reserve(authorization.nonce, open.clone())
            .await?;
        let payment = self.payment(&offered, &authorization);
        let mut outcome = self.pay(&url, &payment, &authorization).await;
        if let Ok(paid) = &mut outcome
            && let Some(transaction) = paid.transaction.take()
        {
            let receipt = self.budget.receipt(&open, transaction);
            if let Err(error) = self.budget.paid(authorization.nonce, &receipt).await {
                // It stays set aside, and is looked up on the chain later.
                tracing::error!(%error, nonce = %authorization.nonce, "a receipt cannot be kept");
            }
            paid.answer.receipt = Some(receipt);
        }
        outcome.map(|paid| paid.answer)
    }

    /// Sends one payment until it is answered.
    async fn pay(
        &self,
        url: &Url,
        payment: &HeaderValue,
        authorization: &Authorization,
    ) -> Result<Sent, PayError> {
        let mut lost = String::new();
        let mut owed = None;
        for attempt in 0..=RESEND_AFTER.len() {
            match self.send(url, Some(payment)).await {
                Ok(answer) if !is_failure(answer.status) => {
                    // A seller that delivers without a receipt holds the signed authorization all the same: count it as paid.
                    let transaction = transaction(&answer).unwrap_or_default();
                    return Ok(Sent::new(answer, Some(transaction)));
                }
                // Charged, and not delivered: it is owed to whoever sends the same payment again.
                Ok(answer) if transaction(&answer).is_some() => {
                    let transaction = transaction(&answer);
                    owed = Some(Sent::new(answer, transaction));
                }
                // Once an answer was lost, a refusal proves nothing: it may be for the payment that went through.
                Ok(answer) if attempt == 0 && !may_be_settled(&answer) => return refused(answer),
                Ok(answer) => lost = format!("the seller answered {}", answer.status),
                Err(problem) => lost = problem,
            }
            if let Some(pause) = RESEND_AFTER.get(attempt) {
                crate::sleep(*pause).await;
            }
        }
        owed.ok_or(PayError::OutcomeUnknown {
            nonce: authorization.nonce,
            valid_before: authorization.valid_before.saturating_to(),
            problem: lost,
        })
    }

    async fn send(&self, url: &Url, payment: Option<&HeaderValue>) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        runtime::trace::inject(&mut headers);
        if let Some(payment) = payment {
            let mut payment = payment.clone();
            payment.set_sensitive(true);
            headers.insert(header::PAYMENT_SIGNATURE, payment);
        }
        self.transport.get(url, headers).await
    }

    fn offer(&self, url: &Url, answer: &Answer) -> Result<Offered, PayError> {
        let value = answer.headers.get(header::PAYMENT_REQUIRED);
        let value = value
            .ok_or_else(|| PayError::Malformed("the 402 has no PAYMENT-REQUIRED header".into()))?;
        let required: PaymentRequired = header::decode(value.as_bytes())
            .map_err(|error| PayError::Malformed(error.to_string()))?;
        choose::choose(&self.policy, url, required)
    }

    fn authorize(&self, requirements: &Requirements) -> Result<Authorization, PayError> {
        let mut nonce = B256::ZERO;
        getrandom::fill(nonce.as_mut_slice()).map_err(|error| PayError::Http(error.to_string()))?;
        let now = crate::now_seconds();
        let seconds = requirements.max_timeout_seconds.min(VALID_SECONDS_MAX);
        Ok(Authorization {
            from: self.wallet.address(),
            to: requirements.pay_to,
            value: requirements.amount,
            valid_after: U256::from(now.saturating_sub(CLOCK_SKEW_SECONDS)),
            valid_before: U256::from(now + seconds),
            nonce,
        })
    }

    /// The payment as a header. The offer and the resource go back as they came.
    fn payment(&self, offered: &Offered, authorization: &Authorization) -> HeaderValue {
        let signature = self.wallet.sign(authorization, self.domain);
        let payload = ExactPayload {
            signature,
            authorization: authorization.clone(),
        };
        let mut document = json!({
            "x402Version": VERSION,
            "resource": offered.resource,
            "accepted": offered.accepted,
            "payload": payload,
        });
        if let Some(mut extensions) = offered.extensions.clone() {
            identify(&mut extensions, authorization.nonce);
            document["extensions"] = Value::Object(extensions);
        }
        header::encode(&document)
    }
}

/// An answer, and the transaction that paid for it.
struct Sent {
    answer: Paid,
    transaction: Option<String>,
}

impl Sent {
    fn new(answer: Answer, transaction: Option<String>) -> Self {
        let answer = Paid {
            status: answer.status,
            body: answer.body,
            receipt: None,
        };
        Self {
            answer,
            transaction,
        }
    }
}

/// Names the payment, where the seller offers to give a lost answer again.
fn identify(extensions: &mut Map<String, Value>, nonce: B256) {
    if let Some(info) = extensions
        .get_mut(PAYMENT_IDENTIFIER)
        .and_then(|extension| extension.get_mut("info")?.as_object_mut())
    {
        info.insert(
            "id".into(),
            format!("pay_{}", hex::encode(&nonce[..16])).into(),
        );
    }
}

fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Whether a failed answer leaves open if the payment was made. A seller like ours says so by a code; an answer of no known
/// form comes from something between us and the seller.
fn may_be_settled(answer: &Answer) -> bool {
    if !matches!(answer.status.as_u16(), 409 | 502 | 503 | 504) {
        return false;
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(Value::as_str);
    code.is_none_or(|code| code == "settlementUnknown" || code == "paymentInProgress")
}

/// The seller's refusal of a payment, or its failure to answer. It says that neither is charged; the budget believes the chain.
fn refused(answer: Answer) -> Result<Sent, PayError> {
    if answer.status == StatusCode::PAYMENT_REQUIRED {
        let reason = refusal_reason(&answer, settlement(&answer));
        return Err(PayError::Refused { reason });
    }
    Ok(Sent::new(answer, None))
}

/// Where the money went, if the seller says that it has it.
fn transaction(answer: &Answer) -> Option<String> {
    settlement(answer)
        .filter(|settlement| settlement.success)
        .map(|settlement| settlement.transaction)
}

fn settlement(answer: &Answer) -> Option<SettlementResponse> {
    header::decode(answer.headers.get(header::PAYMENT_RESPONSE)?.as_bytes()).ok()
}

fn refusal_reason(answer: &Answer, settlement: Option<SettlementResponse>) -> String {
    let required = || {
        let value = answer.headers.get(header::PAYMENT_REQUIRED)?;
        header::decode::<PaymentRequired>(value.as_bytes())
            .ok()?
            .error
    };
    settlement
        .and_then(|settlement| settlement.error_reason)
        .or_else(required)
        .unwrap_or_else(|| "no reason given".into())
}
