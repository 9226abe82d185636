//! `x402-axum` sells GET /weather for 10000 atomic units. FACILITATOR_URL, CHAIN, ASSET and PAY_TO say how.

use alloy_primitives::{Address, U256};
use axum::Router;
use axum::routing::get;
use x402_axum::X402Middleware;
use x402_chain_eip155::V2Eip155Exact;
use x402_chain_eip155::chain::{AssetTransferMethod, Eip155ChainReference, Eip155TokenDeployment};
use x402_types::chain::DeployedTokenAmount;

#[tokio::main]
async fn main() {
    let variable = |name: &str| std::env::var(name).expect(name);
    let token = Eip155TokenDeployment {
        chain_reference: Eip155ChainReference::new(variable("CHAIN").parse().expect("a number")),
        address: variable("ASSET").parse().expect("an address"),
        decimals: 6,
        transfer_method: AssetTransferMethod::Eip3009 {
            name: "USDC".into(),
            version: "2".into(),
        },
    };
    let pay_to: Address = variable("PAY_TO").parse().expect("an address");
    let price = V2Eip155Exact::price_tag(
        pay_to,
        DeployedTokenAmount {
            amount: U256::from(10_000),
            token,
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let payments = X402Middleware::new(&variable("FACILITATOR_URL"))
        .with_base_url(url.parse().expect("a URL"));
    let weather = || async { axum::Json(serde_json::json!({ "temperatureCelsius": 21 })) };
    let router = Router::new().route(
        "/weather",
        get(weather).layer(payments.with_price_tag(price)),
    );
    println!("listening on {url}");
    axum::serve(listener, router).await.expect("it serves");
}
