//! `x402-reqwest` buys URL with KEY, and prints status, body and receipt.

use std::sync::Arc;

use alloy_signer_local::PrivateKeySigner;
use serde_json::json;
use x402_chain_eip155::V2Eip155ExactClient;
use x402_reqwest::{ReqwestWithPayments, ReqwestWithPaymentsBuild, X402Client};

#[tokio::main]
async fn main() {
    let variable = |name: &str| std::env::var(name).expect(name);
    let signer: PrivateKeySigner = variable("KEY").parse().expect("KEY is a key");
    let payments = X402Client::new().register(V2Eip155ExactClient::new(Arc::new(signer)));
    let client = reqwest::Client::new().with_payments(payments).build();
    let response = client.get(variable("URL")).send().await.expect("an answer");
    let status = response.status().as_u16();
    let receipt = response
        .headers()
        .get("payment-response")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body: serde_json::Value = response.json().await.expect("JSON");
    println!(
        "{}",
        json!({ "status": status, "body": body, "receiptHeader": receipt })
    );
}
