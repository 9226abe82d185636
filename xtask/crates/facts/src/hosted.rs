//! What is known of hosted facilitators before they are asked. What they settle changes: only what is certain is refused, and the
//! service asks `/supported` itself when it starts.

use url::Url;

use super::money::Wrong;

struct Hosted {
    host: &'static str,
    name: &'static str,
    /// What it settled when it was looked up.
    networks: &'static [&'static str],
    /// Where that is written.
    source: &'static str,
    /// It is for test networks, by its own word.
    test_networks_only: bool,
    /// Nothing is settled, and not even `/supported` answered, without one.
    needs_key: bool,
}

const HOSTED: &[Hosted] = &[
    // Looked up on 2026-11-30; "for testnet", says its own page.
    Hosted {
        host: "www.x402.org",
        name: "x402.org",
        networks: &["eip155:84532"],
        source: "https://github.com/x402-foundation/x402/blob/main/typescript/site/app/facilitator/index.ts",
        test_networks_only: true,
        needs_key: false,
    },
    // Looked up on 2026-11-30.
    Hosted {
        host: "api.cdp.coinbase.com",
        name: "Coinbase's facilitator",
        networks: &[
            "eip155:8453",
            "eip155:84532",
            "eip155:137",
            "eip155:42161",
            "eip155:143",
            "eip155:480",
            "eip155:4801",
        ],
        source: "https://docs.cdp.coinbase.com/x402/network-support",
        test_networks_only: false,
        needs_key: true,
    },
];

/// Chains where money is worth something: Ethereum, Optimism, BNB, Polygon, Monad, World, Sei, Base, Arbitrum, Avalanche.
const MAIN_NETWORKS: &[&str] = &[
    "eip155:1",
    "eip155:10",
    "eip155:56",
    "eip155:137",
    "eip155:143",
    "eip155:480",
    "eip155:1329",
    "eip155:8453",
    "eip155:42161",
    "eip155:43114",
];

/// A host that sends everybody on to another one: 308, as the bare host of x402.org answers. No payment is sent after it.
const MOVED: &[(&str, &str)] = &[("x402.org", "www.x402.org")];

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn of(url: &str) -> Option<&'static Hosted> {
    let host = host(url)?;
    HOSTED.iter().find(|hosted| hosted.host == host)
}

/// A URL that only redirects.
pub(crate) fn elsewhere(name: &str, url: &str) -> Option<Wrong> {
    let host = host(url)?;
    let (_, there) = MOVED.iter().find(|(moved, _)| *moved == host)?;
    let instead = url.replacen(&host, there, 1);
    let text = format!("{name} is `{url}`, which only redirects, and no payment is sent after it");
    Some((text, format!("write {instead}")))
}

/// Why a payment on this network is never settled there.
pub(crate) fn refusal(url: &str, network: &str) -> Option<Wrong> {
    let hosted = of(url)?;
    let refused = hosted.test_networks_only && MAIN_NETWORKS.contains(&network);
    refused.then(|| {
        let text = format!("{} settles on test networks only", hosted.name);
        let fix = format!(
            "sell on {}, or name another facilitator",
            hosted.networks.join(" or ")
        );
        (text, fix)
    })
}

/// Why nothing is settled there without a key.
pub(crate) fn needs_key(url: &str) -> Option<String> {
    let hosted = of(url)?;
    let why = || format!("{}, which answers nobody without a key", hosted.name);
    hosted.needs_key.then(why)
}

/// Networks that were not on its list.
pub(crate) fn unlisted(url: &str, networks: &[String]) -> Option<String> {
    let hosted = of(url)?;
    let is_unlisted = |network: &&String| !hosted.networks.contains(&network.as_str());
    let unlisted: Vec<&str> = networks
        .iter()
        .filter(is_unlisted)
        .map(String::as_str)
        .collect();
    (!unlisted.is_empty()).then(|| {
        format!(
            "{} settled on {} when it was looked up, not on {} ({})",
            hosted.name,
            hosted.networks.join(", "),
            unlisted.join(", "),
            hosted.source
        )
    })
}
