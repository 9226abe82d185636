//! What every payment keeps to, whatever it is settled on: version, scheme, network, token, signature, recipient, amount, window.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use x402::exact::{self, Domain};
use x402::wire::{Authorization, FacilitatorRequest, SCHEME_EXACT, VERSION};
use x402::{Asset, AssetError, B256, reason};

/// Signatures that were found good, so that settling does not recover again what verifying just did.
const KNOWN_MAX: usize = 4096;

/// The rules for one token.
pub(crate) struct Rules {
    asset: Asset,
    domain: Domain,
    known: Mutex<HashMap<B256, String>>,
}

impl Rules {
    /// # Errors
    /// When the asset is on no EVM chain.
    pub(crate) fn new(asset: Asset) -> Result<Self, AssetError> {
        Ok(Self {
            domain: Domain::of(&asset)?,
            asset,
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

    /// Everything that does not depend on balances and used nonces. Returns the digest, which names the authorization.
    ///
    /// # Errors
    /// The reason code of the first thing that is wrong.
    pub(crate) fn check(&self, request: &FacilitatorRequest) -> Result<B256, &'static str> {
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
        let digest = self.digest(&payment.payload.authorization);
        let known = self.known().get(&digest) == Some(&payment.payload.signature);
        if !known {
            exact::check_signature(&payment.payload, self.domain)?;
        }
        exact::check_terms(
            &payment.payload.authorization,
            wanted.pay_to,
            wanted.amount,
            // How long a payment may hold is the seller's affair: the token remembers a nonce for ever.
            u64::MAX,
            x402::now_seconds(),
        )?;
        if !known {
            self.remember(digest, payment.payload.signature.clone());
        }
        Ok(digest)
    }

    /// A payment that is being settled is not looked at again.
    pub(crate) fn forget(&self, digest: &B256) {
        self.known().remove(digest);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<B256, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: B256, signature: String) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(digest, signature);
    }
}
