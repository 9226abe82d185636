//! The wallet and everything that needs it, made when the first call asks for it.

use std::sync::Arc;
use std::time::Duration;

use runtime::Secret;
use tokio::sync::OnceCell;
use url::Url;
use x402::chain::Rpc;
use x402::client::{Limits, PayingClient, Policy};
use x402::store::Place;
use x402::wallet::Wallet;

use crate::config::Config;

/// Hex digits of a secp256k1 key.
const KEY_LENGTH: usize = 64;

/// Reads the wallet's key once, when it is first needed: a cold start need not wait for Secrets Manager, and listing the
/// tools never does. A failure is not kept; the next call tries again.
pub struct LazyWallet {
    policy: Policy,
    limits: Limits,
    payments: Place,
    chain_rpc_url: Url,
    wallet_key_secret_arn: String,
    answer_within: Duration,
    open: OnceCell<OpenWallet>,
}

/// An open wallet: its key has been read.
pub struct OpenWallet {
    pub wallet: Wallet,
    pub client: PayingClient,
    pub http: reqwest::Client,
}

/// Why there is no wallet. None of the texts says anything about the key.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    #[error("the wallet key cannot be read from Secrets Manager: {0}")]
    Unreadable(String),
    #[error(
        "the wallet key must be {KEY_LENGTH} hexadecimal characters, and the secret has {length} characters{other}"
    )]
    NotAKey { length: usize, other: &'static str },
    #[error("there is no HTTP client: {0}")]
    Http(String),
    #[error(transparent)]
    Asset(#[from] x402::AssetError),
    #[error(transparent)]
    Payments(#[from] x402::store::StoreError),
}

impl LazyWallet {
    pub fn new(config: Config) -> Self {
        Self {
            policy: config.policy,
            limits: config.limits,
            payments: config.payments,
            chain_rpc_url: config.chain_rpc_url,
            wallet_key_secret_arn: config.wallet_key_secret_arn,
            answer_within: config.answer_within,
            open: OnceCell::new(),
        }
    }

    /// What the wallet is allowed to pay for.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// JSON-RPC of the chain that the wallet's money is on.
    pub fn chain_rpc_url(&self) -> &Url {
        &self.chain_rpc_url
    }

    /// Errors when Secrets Manager does not give the key or gives something else.
    pub async fn open(&self) -> Result<&OpenWallet, WalletError> {
        let opened = self
            .open
            .get_or_try_init(async || {
                let wallet = wallet(self.read_key().await?.expose())?;
                self.with_wallet(wallet).await
            })
            .await;
        opened.inspect_err(
            |error| tracing::error!(%error, secret = self.wallet_key_secret_arn, "no wallet"),
        )
    }

    async fn with_wallet(&self, wallet: Wallet) -> Result<OpenWallet, WalletError> {
        let http = runtime::http::client();
        // The purchase's own time limit ends a request first.
        let patient = runtime::http::client_builder()
            .timeout(self.answer_within)
            .build()
            .map_err(|error| WalletError::Http(runtime::describe(&error)))?;
        let client = PayingClient::with_budget(
            patient,
            wallet.clone(),
            self.policy.clone(),
            self.limits,
            self.payments.open().await?,
            Some(Arc::new(Rpc::new(http.clone(), self.chain_rpc_url.clone()))),
        )?
        .answering_within(self.answer_within);
        tracing::info!(address = %wallet.address(), "wallet opened");
        Ok(OpenWallet {
            wallet,
            client,
            http,
        })
    }

    async fn read_key(&self) -> Result<Secret<String>, WalletError> {
        let client = aws_sdk_secretsmanager::Client::new(&runtime::aws::config().await);
        let answer = client
            .get_secret_value()
            .secret_id(&self.wallet_key_secret_arn)
            .send()
            .await;
        let text = answer
            .map_err(|error| WalletError::Unreadable(runtime::describe(&error)))?
            .secret_string;
        text.map(Secret::new)
            .ok_or_else(|| WalletError::Unreadable("it is not text".to_owned()))
    }
}

fn wallet(key: &str) -> Result<Wallet, WalletError> {
    let refused = |other| WalletError::NotAKey {
        length: key.chars().count(),
        other,
    };
    if key.len() != KEY_LENGTH {
        return Err(refused(""));
    }
    if !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused(", some of them not hexadecimal"));
    }
    Wallet::from_hex(key).map_err(|_| refused(", but is out of range"))
}
