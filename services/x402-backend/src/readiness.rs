//! Whether the facilitator settles what is sold here. Without that, every payment would be refused, and nothing else would show.

use crate::config::Config;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use x402::facilitator::{HttpFacilitator, Support};
use x402::wire::SCHEME_EXACT;

#[cfg(test)]
mod tests;

/// How long an answer is good for. Anybody may ask us, and it must not become a way to make us ask somebody else.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(5);
/// Between two questions to a facilitator that gave no answer at start.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the facilitator says of a network: the first that it does not settle on, or the first of all.
#[derive(Clone)]
struct Answer {
    network: String,
    support: Support,
}

/// Asks the facilitator, and remembers for a few seconds what it said.
#[derive(Clone)]
pub(crate) struct Readiness {
    facilitator: HttpFacilitator,
    /// For our own log; in an answer it would tell the world where our own facilitator is.
    address: String,
    /// Of every price.
    networks: Vec<String>,
    last: Arc<Mutex<Option<(Instant, Answer)>>>,
}

impl Readiness {
    pub(crate) fn new(config: &Config, client: reqwest::Client) -> Self {
        let mut networks: Vec<String> = Vec::new();
        for price in config.prices() {
            if !networks.contains(&price.asset.network) {
                networks.push(price.asset.network);
            }
        }
        Self {
            facilitator: config.facilitator(client),
            address: config.facilitator_url.to_string(),
            networks,
            last: Arc::default(),
        }
    }

    /// What is asked for, and what is wrong with it; both begin with "the facilitator".
    ///
    /// # Errors
    /// When it does not settle it, or did not say.
    pub(crate) async fn ask(&self) -> Result<String, String> {
        let Answer { network, support } = self.answer().await;
        match support {
            Support::Supported => Ok(format!(
                "the facilitator settles {SCHEME_EXACT} on {}",
                self.networks.join(", ")
            )),
            Support::NotSupported(kinds) => {
                Err(format!("the facilitator {}", no(&network, &kinds)))
            }
            Support::Unknown(error) => Err(error.to_string()),
        }
    }

    /// All who ask at the same time wait for one answer.
    async fn answer(&self) -> Answer {
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < ANSWER_AGE_MAX
        {
            return answer.clone();
        }
        let answer = self.ask_now().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }

    async fn ask_now(&self) -> Answer {
        for network in &self.networks {
            let support = self.facilitator.supports(network, SCHEME_EXACT).await;
            if !matches!(support, Support::Supported) {
                let network = network.clone();
                return Answer { network, support };
            }
        }
        Answer {
            network: self.networks.first().cloned().unwrap_or_default(),
            support: Support::Supported,
        }
    }

    /// Asks before anything is sold. One that is away is asked again in the background, until it has said yes or no.
    ///
    /// # Errors
    /// When it says that it does not settle what is sold here.
    pub(crate) async fn at_start(&self) -> Result<(), runtime::Error> {
        let facilitator = &self.address;
        let Answer { network, support } = self.ask_now().await;
        match support {
            Support::Supported => {
                tracing::info!(facilitator, networks = ?self.networks, "the facilitator settles what is sold here");
                Ok(())
            }
            Support::NotSupported(kinds) => Err(format!(
                "the facilitator {facilitator} {}. Name another in FACILITATOR_URL (the stage's facilitator_url), or sell on a \
                 network of its list",
                no(&network, &kinds)
            )
            .into()),
            Support::Unknown(error) => {
                tracing::warn!(facilitator, %error, "not known whether the facilitator settles what is sold here");
                tokio::spawn(self.clone().ask_until_known());
                Ok(())
            }
        }
    }

    async fn ask_until_known(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            let facilitator = &self.address;
            let Answer { network, support } = self.ask_now().await;
            match support {
                Support::Supported => {
                    tracing::info!(facilitator, "the facilitator settles what is sold here");
                    return;
                }
                Support::NotSupported(kinds) => {
                    let error = no(&network, &kinds);
                    tracing::error!(facilitator, error, "every payment will be refused");
                    return;
                }
                Support::Unknown(error) => {
                    tracing::debug!(facilitator, %error, "the facilitator is asked again later");
                }
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn no(network: &str, kinds: &[String]) -> String {
    let kinds = match kinds {
        [] => " nothing".to_owned(),
        kinds => format!(": {}", kinds.join(", ")),
    };
    format!("does not settle {SCHEME_EXACT} on {network} (x402 version 2); it settles{kinds}")
}
