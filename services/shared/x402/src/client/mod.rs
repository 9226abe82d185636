//! Buys over HTTP 402. Nothing is signed that the policy does not allow or the budget does not hold, and one call signs at
//! most once.

mod answer;
mod budget;
mod choose;
mod deadline;
mod outcome;
mod policy;
mod purchase;
#[cfg(test)]
mod tests;
pub(crate) mod transport;

pub use answer::ReceiptFault;
pub use budget::{Account, Limits};
pub use outcome::{Answered, Paid, PayError, Quote, chargeable_until, utc_minute};
pub use policy::Policy;

use crate::asset::AssetError;
use crate::chain::Chain;
use crate::exact::Domain;
use crate::header;
use crate::store::{MemoryStore, Store};
use crate::wallet::Wallet;
use crate::wire::{
    Authorization, ExactPayload, PAYMENT_IDENTIFIER, PaymentRequired, Requirements, VERSION,
};
use alloy_primitives::{Address, B256, U256};
use budget::{Budget, Open};
use choose::Offered;
use deadline::Deadline;
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
/// The longest time for a purchase. A seller answers within 45 seconds, and the caller of a purchase waits 60.
const ANSWER_WITHIN: Duration = Duration::from_secs(50);

/// A wallet that buys within a policy and a budget.
#[derive(Clone)]
pub struct PayingClient {
    transport: Arc<dyn Transport>,
    wallet: Wallet,
    policy: Policy,
    domain: Domain,
    budget: Budget,
    answer_within: Duration,
}

/// A payment that is about to leave.
struct Signed {
    nonce: B256,
    header: HeaderValue,
}

impl PayingClient {
    /// A wallet whose spending is recorded by this process alone, with no limit but the policy's: for tests and tools.
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
            answer_within: ANSWER_WITHIN,
        })
    }

    /// Ends each purchase within this time instead of 50 seconds, the questions to the chain among them. What is not decided
    /// by then is `OutcomeUnknown`.
    pub fn answering_within(mut self, time: Duration) -> Self {
        self.answer_within = time;
        self
    }

    /// What was spent so far, after a look at what has become of open payments.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn account(&self, session: &str) -> Result<Account, PayError> {
        self.budget.account(session).await
    }

    /// The most that may be spent, in atomic units.
    pub fn limits(&self) -> Limits {
        self.budget.limits
    }

    /// The wallet's account.
    pub fn address(&self) -> Address {
        self.wallet.address()
    }

    /// What the wallet may pay for.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Asks for the price. Never signs, and does not apply the price limit.
    ///
    /// # Errors
    /// As `PayError` says; `NotForSale` when the status is not 402.
    pub async fn quote(&self, url: Url) -> Result<Quote, PayError> {
        self.policy.check_url(&url)?;
        let answer = self.send(&url, None, self.answer_within).await;
        let answer = answer.map_err(PayError::Http)?;
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

    /// `get_in_session` for callers without sessions.
    ///
    /// # Errors
    /// As `PayError` says.
    pub async fn get(&self, url: Url) -> Result<Paid, PayError> {
        self.get_in_session("", url).await
    }

    /// Gets a resource and pays for it if it costs something. Signs at most once: when the answer to the payment is lost, the
    /// identical payment is sent again. What the seller says of a payment is compared with the chain.
    ///
    /// # Errors
    /// As `PayError` says.
    pub async fn get_in_session(&self, session: &str, url: Url) -> Result<Paid, PayError> {
        self.policy.check_url(&url)?;
        let deadline = Deadline::after(self.answer_within);
        // Nothing is signed unless the seller has most of the time left to settle and answer.
        let time_to_ask = self.answer_within / 3;
        let asked = self.send(&url, None, time_to_ask);
        let (free, ()) = futures_util::future::join(asked, self.budget.confirm()).await;
        let free = free.map_err(PayError::Http)?;
        if free.status != StatusCode::PAYMENT_REQUIRED {
            return Ok(Paid {
                status: free.status,
                body: free.body,
                receipt: None,
                fault: None,
            });
        }
        let offered = self.offer(&url, &free)?;
        self.policy.check_price(offered.requirements.amount)?;
        let (authorization, open) = self
            .set_aside(session, &url, &offered.requirements, deadline)
            .await?;
        let signed = self.sign(&offered, &authorization);
        self.buy(&url, &signed, &open, deadline).await
    }

    /// An authorization that is not signed yet, and its amount out of the budget.
    async fn set_aside(
        &self,
        session: &str,
        url: &Url,
        requirements: &Requirements,
        deadline: Deadline,
    ) -> Result<(Authorization, Open), PayError> {
        let late = || PayError::Http("it took too long to name its price".into());
        let left = deadline.left_before(self.answer_within / 2);
        let authorization = self.authorize(requirements)?;
        let open = Open::new(
            authorization.value,
            authorization.to,
            authorization.valid_before.saturating_to(),
            url.to_string(),
            session,
        );
        let reserve = self.budget.reserve(authorization.nonce, open.clone());
        // An amount that was set aside and not signed for comes back by itself, when its time is over.
        crate::within(left, reserve).await.ok_or_else(late)??;
        Ok((authorization, open))
    }

    async fn send(
        &self,
        url: &Url,
        payment: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        runtime::trace::inject(&mut headers);
        if let Some(payment) = payment {
            let mut payment = payment.clone();
            payment.set_sensitive(true);
            headers.insert(header::PAYMENT_SIGNATURE, payment);
        }
        crate::within(limit, self.transport.get(url, headers))
            .await
            .unwrap_or_else(|| Err("it took too long".into()))
    }

    fn offer(&self, url: &Url, answer: &Answer) -> Result<Offered, PayError> {
        let value = answer.headers.get(header::PAYMENT_REQUIRED);
        let value = value
            .ok_or_else(|| PayError::Malformed("the 402 has no PAYMENT-REQUIRED header".into()))?;
        let required: PaymentRequired = header::decode_offer(value.as_bytes())
            .map_err(|error| PayError::Malformed(runtime::text::clean(&error.to_string(), 200)))?;
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
    fn sign(&self, offered: &Offered, authorization: &Authorization) -> Signed {
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
        Signed {
            nonce: authorization.nonce,
            header: header::encode(&document),
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
