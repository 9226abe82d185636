//! A buyer, a price, and the orders that a seller makes of them.

use facilitator::chain::{Chain, Settings, SettlementKey};
use k256::ecdsa::SigningKey;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use x402::exact::Domain;
use x402::store::FileStore;
use x402::wallet::Wallet;
use x402::wire::{Authorization, ExactPayload, FacilitatorRequest, PaymentPayload, Requirements};
use x402::{Address, Asset, B256, U256};

pub(crate) const PRICE: u64 = 10_000;
pub(crate) const SELLER: Address = Address::repeat_byte(0x22);

pub(crate) struct Buyer {
    pub(crate) wallet: Wallet,
    /// The same for all orders of a test: with another one, a nonce is another authorization.
    valid_before: U256,
    key: SigningKey,
    asset: Asset,
}

impl Buyer {
    pub(crate) fn new(asset: &Asset) -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).unwrap();
        Self {
            valid_before: U256::from(x402::now_seconds() + 110),
            wallet: Wallet::from_hex(&hex::encode(bytes)).unwrap(),
            key: SigningKey::from_slice(&bytes).unwrap(),
            asset: asset.clone(),
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.wallet.address()
    }

    /// r, s and v of anything, as wallets never sign it.
    pub(crate) fn sign_digest(&self, digest: B256) -> [u8; 65] {
        let signed = self.key.sign_prehash_recoverable(digest.as_slice());
        let (signature, recovery) = signed.unwrap();
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + u8::from(recovery.is_y_odd());
        bytes
    }

    pub(crate) fn authorization(&self, number: u8) -> Authorization {
        Authorization {
            from: self.wallet.address(),
            to: SELLER,
            value: U256::from(PRICE),
            valid_after: U256::ZERO,
            valid_before: self.valid_before,
            nonce: B256::repeat_byte(number),
        }
    }

    pub(crate) fn order(&self, number: u8) -> FacilitatorRequest {
        self.signed(self.authorization(number))
    }

    pub(crate) fn signed(&self, authorization: Authorization) -> FacilitatorRequest {
        let signature = self
            .wallet
            .sign(&authorization, Domain::of(&self.asset).unwrap());
        let extra = [
            ("name".to_owned(), self.asset.name.clone().into()),
            ("version".to_owned(), self.asset.version.clone().into()),
        ];
        let requirements = Requirements {
            scheme: "exact".into(),
            network: self.asset.network.clone(),
            amount: U256::from(PRICE),
            asset: self.asset.address,
            pay_to: SELLER,
            max_timeout_seconds: 60,
            extra: Some(extra.into_iter().collect()),
        };
        let payment_payload = PaymentPayload {
            x402_version: 2,
            resource: None,
            accepted: Some(requirements.clone()),
            scheme: None,
            network: None,
            payload: ExactPayload {
                signature,
                authorization,
            },
            extensions: None,
        };
        FacilitatorRequest {
            x402_version: 2,
            payment_payload,
            payment_requirements: requirements,
        }
    }
}

/// A facilitator in this process, which settles on the node behind `url`.
pub(crate) async fn chain(asset: &Asset, url: &Url, folder: &Path) -> Chain {
    let settings = settings(url, folder);
    Chain::open(asset.clone(), settings).await.unwrap()
}

pub(crate) fn settings(url: &Url, folder: &Path) -> Settings {
    Settings {
        node_url: url.clone(),
        key: SettlementKey::from_hex(crate::node::KEY).unwrap(),
        store: Arc::new(FileStore::open(&folder.join("settlements")).unwrap()),
        pay_to_allowed: None,
        factories_allowed: Vec::new(),
        fee_cap: 100_000_000_000,
        replace_after: Duration::from_secs(1),
        answer_within: Duration::from_secs(20),
    }
}
