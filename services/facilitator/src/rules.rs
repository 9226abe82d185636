//! The rules for every payment, on the ledger and on a chain: version, scheme, network, token, signature, recipient, amount, window.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq as _;
use x402::exact::{self, Domain};
use x402::wire::{Authorization, ExactPayload, FacilitatorRequest, SCHEME_EXACT, VERSION};
use x402::{Address, Asset, AssetError, B256, reason};

/// Signatures that were found good, so that settling does not recover again what verifying just did.
const KNOWN_MAX: usize = 4096;

/// The rules for one token.
pub(crate) struct Rules {
    asset: Asset,
    domain: Domain,
    /// Who may be paid; anybody when there is no list.
    pay_to_allowed: Option<Vec<Address>>,
    known: Mutex<HashMap<B256, String>>,
}

impl Rules {
    /// # Errors
    /// When the asset is on no EVM chain.
    pub(crate) fn new(
        asset: Asset,
        pay_to_allowed: Option<Vec<Address>>,
    ) -> Result<Self, AssetError> {
        Ok(Self {
            domain: Domain::of(&asset)?,
            asset,
            pay_to_allowed,
            known: Mutex::default(),
        })
    }

    pub(crate) fn asset(&self) -> &Asset {
        &self.asset
    }

    /// Names an authorization, checked or not.
    pub(crate) fn digest(&self, authorization: &Authorization) -> B256 {
        exact::digest(authorization, self.domain)
    }

    /// That a request is for our token, and that the payment is what it asks for. Nothing in here changes with time, so it holds
    /// for payments that were settled as well. Returns the digest, which names the authorization.
    ///
    /// # Errors
    /// The reason code of the first thing that is wrong.
    pub(crate) fn check_terms(&self, request: &FacilitatorRequest) -> Result<B256, &'static str> {
        let asset = &self.asset;
        let (payment, wanted) = (&request.payment_payload, &request.payment_requirements);
        if request.x402_version != VERSION || payment.x402_version != VERSION {
            return Err(reason::INVALID_VERSION);
        }
        let accepted = payment.accepted.as_ref().ok_or(reason::INVALID_PAYLOAD)?;
        if wanted.scheme != SCHEME_EXACT || accepted.scheme != SCHEME_EXACT {
            return Err(reason::UNSUPPORTED_SCHEME);
        }
        let (Some(name), Some(version)) = (wanted.extra_text("name"), wanted.extra_text("version"))
        else {
            return Err(reason::MISSING_DOMAIN);
        };
        if wanted.network != asset.network || accepted.network != asset.network {
            return Err(reason::NETWORK_MISMATCH);
        }
        if wanted.asset != asset.address {
            return Err(reason::NO_CONTRACT);
        }
        if name != asset.name || version != asset.version {
            return Err(reason::SIGNATURE);
        }
        let authorization = &payment.payload.authorization;
        exact::check_price(authorization, wanted.pay_to, wanted.amount)?;
        // Moving it costs gas.
        if authorization.value.is_zero() {
            return Err(reason::AUTHORIZATION_VALUE);
        }
        let allowed = self.pay_to_allowed.as_ref();
        if allowed.is_some_and(|allowed| !allowed.contains(&authorization.to)) {
            return Err(reason::PAY_TO_NOT_ALLOWED);
        }
        Ok(self.digest(authorization))
    }

    /// Everything that does not depend on balances and used nonces, for an account that is a key. Returns the digest.
    ///
    /// # Errors
    /// The reason code of the first thing that is wrong.
    pub(crate) fn check(&self, request: &FacilitatorRequest) -> Result<B256, &'static str> {
        let digest = self.check_terms(request)?;
        self.check_signed(digest, &request.payment_payload.payload)?;
        Ok(digest)
    }

    /// That the key of the account has signed, and that it can be settled now.
    ///
    /// # Errors
    /// The reason code of the first thing that is wrong.
    pub(crate) fn check_signed(
        &self,
        digest: B256,
        payload: &ExactPayload,
    ) -> Result<(), &'static str> {
        if self.was_signed(&digest, payload) {
            return self.check_window(payload);
        }
        exact::check_signature(payload, self.domain)?;
        self.check_window(payload)?;
        self.remember(digest, payload);
        Ok(())
    }

    /// # Errors
    /// The reason code when it cannot be settled now.
    pub(crate) fn check_window(&self, payload: &ExactPayload) -> Result<(), &'static str> {
        // The seller decides how long a payment may be valid: the token remembers a nonce forever.
        exact::check_window(&payload.authorization, u64::MAX, x402::now_seconds())
    }

    /// Whether the key was found to have made this very signature, a moment ago.
    pub(crate) fn was_signed(&self, digest: &B256, payload: &ExactPayload) -> bool {
        let given = payload.signature.as_bytes();
        // A signature is money to whoever guesses it.
        let known = self.known();
        known
            .get(digest)
            .is_some_and(|known| known.as_bytes().ct_eq(given).into())
    }

    /// A payment that is being settled is not looked at again.
    pub(crate) fn forget(&self, digest: &B256) {
        self.known().remove(digest);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<B256, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: B256, payload: &ExactPayload) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(digest, payload.signature.clone());
    }
}
