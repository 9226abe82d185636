//! What a wallet never does, seen from the ledger: our buyer, our seller and our facilitator in one process.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use axum::Router;
use axum::routing::get;
use facilitator::ledger::Ledger;
use std::sync::Arc;
use url::Url;
use x402::client::{Limits, PayError, PayingClient, Policy};
use x402::facilitator::HttpFacilitator;
use x402::server::{Price, Sale, Seller};
use x402::store::MemoryStore;
use x402::wallet::Wallet;
use x402::{Address, Asset, U256};

const PRICE: u64 = 10_000;
const GRANT: u64 = 10_000_000;

struct Market {
    ledger: Ledger,
    shop: Url,
    price: Price,
    wallet: Wallet,
    _folder: tempfile::TempDir,
}

async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).unwrap()
}

impl Market {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asset = Asset {
            network: "eip155:31337".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        let price = Price {
            asset: asset.clone(),
            amount: U256::from(PRICE),
            pay_to: Address::repeat_byte(2),
            max_timeout_seconds: 60,
        };
        let sale = Sale::new([price.clone()], "A thing", "text/plain");
        let file = folder.path().join("ledger.ndjson");
        let ledger = Ledger::open(&file, asset, U256::from(GRANT)).unwrap();
        let bank = serve(facilitator::router(ledger.clone())).await;
        let facilitator = HttpFacilitator::new(runtime::http::client(), &bank);
        let payment = Seller::new(Arc::new(facilitator)).layer(&sale).unwrap();
        let thing = get(|| async { "a thing" }).layer(payment);
        let shop = serve(Router::new().route("/thing", thing)).await;
        Self {
            ledger,
            shop: shop.join("thing").unwrap(),
            price,
            wallet: Wallet::random().unwrap(),
            _folder: folder,
        }
    }

    fn buyer(&self, origin: &Url, limits: Limits) -> PayingClient {
        let policy = Policy {
            origin: origin.origin(),
            asset: self.price.asset.clone(),
            pay_to: self.price.pay_to,
            amount_max: self.price.amount,
        };
        let (client, store) = (runtime::http::client(), Arc::new(MemoryStore::default()));
        PayingClient::with_budget(client, self.wallet.clone(), policy, limits, store, None).unwrap()
    }

    fn spent(&self) -> u64 {
        GRANT - self.ledger.balance(self.wallet.address()).to::<u64>()
    }
}

#[tokio::test]
async fn a_session_and_a_day_cost_no_more_than_their_limits() {
    let market = Market::open().await;
    let limits = Limits {
        session_max: U256::from(2 * PRICE),
        day_max: U256::from(3 * PRICE),
    };
    let buyer = market.buyer(&market.shop, limits);
    let buy = |session: &'static str| buyer.get_in_session(session, market.shop.clone());
    let refused = |outcome: Result<_, PayError>| match outcome {
        Err(PayError::LimitReached { which, .. }) => which,
        other => panic!("{:?}", other.map(drop)),
    };
    buy("one").await.unwrap();
    buy("one").await.unwrap();
    assert_eq!(refused(buy("one").await), "session");
    buy("two").await.unwrap();
    assert_eq!(refused(buy("two").await), "day");
    assert_eq!(market.spent(), 3 * PRICE);
}

#[tokio::test]
async fn nobody_else_is_paid_whatever_they_ask() {
    let market = Market::open().await;
    let elsewhere = Url::parse("http://shop.example/").unwrap();
    let outcome = market
        .buyer(&elsewhere, Limits::NONE)
        .get(market.shop.clone())
        .await;
    assert!(
        matches!(outcome, Err(PayError::NotAllowed { what: "origin", .. })),
        "{outcome:?}"
    );
    assert_eq!(market.spent(), 0);
}
