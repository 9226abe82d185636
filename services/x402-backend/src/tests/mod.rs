//! The whole sale over real sockets: this service, a facilitator with its ledger, and a paying client.

mod offers;

use crate::app::router;
use crate::config::{Config, WeatherSource};
use axum::Router;
use facilitator::ledger::Ledger;
use serde_json::Value;
use url::Url;
use x402::U256;
use x402::chain::Rpc;
use x402::client::{PayError, PayingClient, Policy};
use x402::server::Price;
use x402::store::Place;
use x402::wallet::Wallet;

const GRANT: u64 = 1_000_000;

struct Market {
    _folder: tempfile::TempDir,
    ledger: Ledger,
    shop: Url,
    facilitator: Url,
    config: Config,
}

async fn listen(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Url::parse(&url).unwrap()
}

async fn market() -> Market {
    let folder = tempfile::tempdir().unwrap();
    let asset = x402::testing::development_asset();
    let ledger = Ledger::open(
        &folder.path().join("ledger.ndjson"),
        asset.clone(),
        U256::from(GRANT),
    )
    .unwrap();
    let facilitator = listen(facilitator::router(ledger.clone())).await;
    let mut environment = runtime::Environment::from_pairs::<String, String>([]);
    let config = Config {
        address: environment.address(),
        facilitator_url: facilitator.clone(),
        facilitator_credentials: x402::facilitator::Credentials::None,
        chain_rpc_url: facilitator.clone(),
        payments: Place::Memory,
        price: Price {
            asset,
            amount: U256::from(10_000),
            pay_to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
                .parse()
                .unwrap(),
            max_timeout_seconds: 60,
        },
        more_prices: Vec::new(),
        weather_source: WeatherSource::ClimateNormals,
        answer_within: std::time::Duration::from_secs(45),
    };
    let payments = config.payments.open().await.unwrap();
    let shop = listen(router(&config, runtime::http::client(), payments).unwrap()).await;
    Market {
        _folder: folder,
        ledger,
        shop,
        facilitator,
        config,
    }
}

impl Market {
    fn buyer(&self, change: impl FnOnce(&mut Policy)) -> PayingClient {
        let mut policy = Policy {
            origin: self.shop.origin(),
            asset: self.config.price.asset.clone(),
            pay_to: self.config.price.pay_to,
            amount_max: U256::from(50_000),
        };
        change(&mut policy);
        PayingClient::new(runtime::http::client(), Wallet::random().unwrap(), policy).unwrap()
    }

    fn weather(&self, city: &str) -> Url {
        let mut url = self.shop.join("weather").unwrap();
        url.query_pairs_mut().append_pair("city", city);
        url
    }

    async fn status(&self, path: &str) -> (u16, Value) {
        let response = runtime::http::client()
            .get(self.shop.join(path).unwrap())
            .send()
            .await
            .unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }
}

#[tokio::test]
async fn an_answer_costs_exactly_its_price() {
    let market = market().await;
    let buyer = market.buyer(|_| {});
    let quote = buyer.quote(market.weather("tokyo")).await.unwrap();
    assert_eq!(quote.amount, U256::from(10_000));
    let rpc = Rpc::new(runtime::http::client(), market.facilitator.clone());
    let asset = market.config.price.asset.address;
    assert_eq!(
        rpc.balance_of(asset, buyer.address()).await.unwrap(),
        U256::from(GRANT)
    );

    for (count, city) in ["tokyo", "São Paulo", " new  york "]
        .into_iter()
        .enumerate()
    {
        let paid = buyer.get(market.weather(city)).await.unwrap();
        assert_eq!(paid.status.as_u16(), 200);
        let report: Value = serde_json::from_slice(&paid.body).unwrap();
        assert_eq!(report["kind"], "climateNormal");
        let receipt = paid.receipt.unwrap();
        assert_eq!(
            (receipt.amount.as_str(), receipt.display_amount.as_str()),
            ("10000", "0.01")
        );
        assert_eq!(receipt.transaction.len(), 66);
        let spent = 10_000 * (count as u64 + 1);
        assert_eq!(
            rpc.balance_of(asset, buyer.address()).await.unwrap(),
            U256::from(GRANT - spent)
        );
        assert_eq!(
            market.ledger.balance(market.config.price.pay_to),
            U256::from(GRANT + spent)
        );
    }
    let sent = rpc.transfers_sent(asset, buyer.address()).await.unwrap();
    assert_eq!((sent.sum, sent.count), (U256::from(30_000), 3));
}

#[tokio::test]
async fn unanswerable_questions_are_free() {
    let market = market().await;
    let buyer = market.buyer(|_| {});
    for (path, status, code) in [
        ("weather?city=", 400, "missingCity"),
        ("weather?town=Oslo", 400, "missingCity"),
        ("weather?city=%20", 400, "missingCity"),
        ("weather?city=Oslo&city=Rome", 400, "badQuery"),
        ("weather?city=Atlantis", 404, "unknownCity"),
    ] {
        let (found, body) = market.status(path).await;
        assert_eq!(
            (found, body["error"]["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
    }
    let paid = buyer.get(market.weather("Atlantis")).await.unwrap();
    assert_eq!((paid.status.as_u16(), paid.receipt), (404, None));
    assert_eq!(market.ledger.height(), 0);
}

#[tokio::test]
async fn the_buyer_signs_nothing_outside_its_policy() {
    let market = market().await;
    let url = market.weather("Oslo");
    let other = Wallet::random().unwrap().address();
    let refused = |buyer: PayingClient| {
        let url = url.clone();
        async move { buyer.get(url).await.unwrap_err() }
    };
    let error = refused(market.buyer(|policy| policy.amount_max = U256::from(9_999))).await;
    assert!(matches!(error, PayError::PriceAboveLimit { .. }), "{error}");
    for (expected, buyer) in [
        (
            "origin",
            market
                .buyer(|policy| policy.origin = Url::parse("http://other.test").unwrap().origin()),
        ),
        (
            "network",
            market.buyer(|policy| policy.asset.network = "eip155:84532".into()),
        ),
        ("asset", market.buyer(|policy| policy.asset.address = other)),
        (
            "asset name",
            market.buyer(|policy| policy.asset.name = "USD Coin".into()),
        ),
        (
            "asset version",
            market.buyer(|policy| policy.asset.version = "1".into()),
        ),
        ("recipient", market.buyer(|policy| policy.pay_to = other)),
    ] {
        let error = refused(buyer).await;
        assert!(
            matches!(&error, PayError::NotAllowed { what, .. } if *what == expected),
            "{expected}: {error}"
        );
    }
    assert_eq!(market.ledger.height(), 0);
}

#[tokio::test]
async fn without_its_facilitator_nothing_is_charged() {
    let mut market = market().await;
    market.config.facilitator_url = Url::parse("http://127.0.0.1:9/").unwrap();
    let payments = market.config.payments.open().await.unwrap();
    let router = router(&market.config, runtime::http::client(), payments).unwrap();
    market.shop = listen(router).await;
    let bought = market.buyer(|_| {}).get(market.weather("Oslo")).await;
    // The buyer has signed, and has no chain to ask.
    let Err(PayError::OutcomeUnknown { answer, .. }) = bought else {
        panic!("{bought:?}");
    };
    assert_eq!(answer.unwrap().status.as_u16(), 502);
    assert_eq!(market.ledger.height(), 0);
}
