//! What keeps a route out of the lists of hosted facilitators, though nothing is wrong with it.
//!
//! Their rules: <https://docs.cdp.coinbase.com/x402/bazaar>; an entry appears some minutes after a payment was settled by the
//! facilitator that keeps the list, from a buyer that echoes `resource` and `extensions`.

use crate::Listing;
use url::{Host, Url};

/// Endings of names that mean something only on one network or one machine.
const PRIVATE_ENDINGS: &[&str] = &["local", "localhost", "internal", "test"];
/// The CAIP-2 names of the chains that development nodes make.
const DEVELOPMENT: &[&str] = &["eip155:1337", "eip155:31337"];

/// The end of a sentence about the route, for the seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("its URL does not begin with https://; lists take no other")]
    NoHttps,
    #[error("its host is not a public name; lists cannot reach it")]
    PrivateHost,
    #[error("it has no description")]
    NoDescription,
    #[error("it does not say how it is asked (`discovery` of its listing)")]
    NoDiscovery,
    #[error("its only network is a development chain; no hosted facilitator settles there")]
    DevelopmentOnly,
}

impl Obstacle {
    /// Of the route's URL, as buyers see it.
    pub fn of_url(url: &str) -> Vec<Self> {
        let url = Url::parse(url).ok();
        let mut obstacles = Vec::new();
        if url.as_ref().is_none_or(|url| url.scheme() != "https") {
            obstacles.push(Self::NoHttps);
        }
        let public = match url.as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => {
                let ending = name.rsplit('.').next().unwrap_or_default();
                name.contains('.') && !PRIVATE_ENDINGS.contains(&ending)
            }
            _ => false,
        };
        if !public {
            obstacles.push(Self::PrivateHost);
        }
        obstacles
    }

    /// Of what the route says of itself.
    pub fn of_listing(listing: &Listing) -> Vec<Self> {
        let mut obstacles = Vec::new();
        if listing.description.trim().is_empty() {
            obstacles.push(Self::NoDescription);
        }
        if listing.discovery.is_none() {
            obstacles.push(Self::NoDiscovery);
        }
        obstacles
    }

    /// Of all networks that it can be paid on, by their CAIP-2 names.
    pub fn of_networks<'a>(networks: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let only = networks.into_iter().all(is_development);
        only.then_some(Self::DevelopmentOnly)
    }
}

/// Whether money is worth nothing on the network with this CAIP-2 name, because everybody can make it.
pub fn is_development(network: &str) -> bool {
    DEVELOPMENT.contains(&network)
}
