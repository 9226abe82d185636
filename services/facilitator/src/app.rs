use crate::chain::{Chain, Settings, SettlementKey};
use crate::config::{Config, OnChain, Settlement};
use crate::hosts::Hosts;
use crate::ledger::Ledger;
use crate::{IdempotencyKey, routes};
use std::time::Duration;
use x402::Asset;
use x402::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};

/// Several blocks on any chain that we know.
const REPLACE_AFTER: Duration = Duration::from_secs(20);

/// Where payments are settled.
#[derive(Clone)]
pub enum SettlementBackend {
    Ledger(Ledger),
    Chain(Chain),
}

impl From<Ledger> for SettlementBackend {
    fn from(ledger: Ledger) -> Self {
        Self::Ledger(ledger)
    }
}

impl From<Chain> for SettlementBackend {
    fn from(chain: Chain) -> Self {
        Self::Chain(chain)
    }
}

impl SettlementBackend {
    pub(crate) fn asset(&self) -> &Asset {
        match self {
            Self::Ledger(ledger) => ledger.asset(),
            Self::Chain(chain) => chain.asset(),
        }
    }

    pub(crate) async fn verify(&self, request: &FacilitatorRequest) -> VerifyResponse {
        match self {
            Self::Ledger(ledger) => ledger.verify(request),
            Self::Chain(chain) => chain.verify(request).await,
        }
    }

    pub(crate) async fn settle(
        &self,
        request: &FacilitatorRequest,
        key: Option<&IdempotencyKey>,
    ) -> SettlementResponse {
        match self {
            Self::Ledger(ledger) => ledger.settle(request, key).await,
            Self::Chain(chain) => chain.settle(request, key).await,
        }
    }
}

/// Opens the ledger or the chain's journal, and serves until the process is asked to stop.
///
/// # Errors
/// When the ledger or the journal cannot be opened, the chain is another one than configured, or the port is taken.
pub async fn serve(config: Config) -> Result<(), runtime::Error> {
    let mut hosts = Hosts::any();
    let backend = match config.settlement {
        Settlement::Ledger {
            file,
            grant,
            hosts: names,
        } => {
            let ledger = Ledger::open(&file, config.asset, grant)?;
            tracing::info!(file = %file.display(), settlements = ledger.height(), "ledger open");
            hosts = Hosts::near(names);
            SettlementBackend::Ledger(ledger)
        }
        Settlement::Chain(on_chain) => {
            SettlementBackend::Chain(open_chain(config.asset, on_chain).await?)
        }
    };
    runtime::serve(&config.address, routes::router_for(backend, hosts)).await
}

async fn open_chain(asset: Asset, settings: OnChain) -> Result<Chain, runtime::Error> {
    if settings.pay_to_allowed.is_none() {
        tracing::warn!(
            "PAY_TO_ALLOWED is not set: this account pays the gas of transfers to anybody"
        );
    }
    let settings = Settings {
        node_url: settings.node_url,
        key: SettlementKey::from_hex(settings.key.expose())?,
        store: settings.journal.open().await?,
        pay_to_allowed: settings.pay_to_allowed,
        factories_allowed: settings.factories_allowed,
        fee_cap: settings.fee_cap,
        replace_after: REPLACE_AFTER,
        answer_within: settings.answer_within,
    };
    let chain = Chain::open(asset, settings).await?;
    tracing::info!(account = %chain.address(), "settling on the chain; this account pays the gas");
    // A node that is away now may be back for the first payment; one of another chain never helps.
    match chain.ready().await {
        Err(error @ x402::chain::RpcError::Refused { .. }) => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "the chain cannot be reached yet"),
        Ok(()) => {}
    }
    Ok(chain)
}
