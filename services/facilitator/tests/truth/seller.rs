//! A seller on a bare socket, a real ledger behind our facilitator's routes, and buyers with a budget and a chain to ask.

use crate::answers::Answer;
use facilitator::ledger::Ledger;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use x402::chain::Rpc;
use x402::client::{Limits, PayingClient, Policy};
use x402::store::MemoryStore;
use x402::wallet::Wallet;
use x402::wire::{FacilitatorRequest, PaymentPayload, SettlementResponse};
use x402::{Address, Asset, U256, header};

pub(crate) const PRICE: u64 = 10_000;
pub(crate) const VALID_SECONDS: u64 = 30;
/// Less than a buyer waits otherwise: one of the sellers never says a word.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const GRANT: u64 = 10_000_000;
const PAY_TO: Address = Address::repeat_byte(2);

/// When a seller that was sent a payment has it settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settles {
    Never,
    /// Before it answers.
    First,
    /// So long after it was sent the payment; it answers at once.
    After(Duration),
}

pub(crate) struct Market {
    pub(crate) ledger: Ledger,
    bank: Url,
    asset: Asset,
    _folder: tempfile::TempDir,
}

impl Market {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asset = Asset {
            network: "eip155:31337".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        let file = folder.path().join("ledger.ndjson");
        let ledger = Ledger::open(&file, asset.clone(), U256::from(GRANT)).unwrap();
        let (listener, bank) = listen("").await;
        let router = facilitator::router(ledger.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            ledger,
            bank,
            asset,
            _folder: folder,
        }
    }

    pub(crate) async fn seller(&self, settles: Settles, answer: &'static Answer) -> Seller {
        let (listener, url) = listen("thing").await;
        let seller = Seller {
            url,
            seen: Arc::default(),
            settles,
            answer,
            bank: self.bank.clone(),
            asset: self.asset.clone(),
        };
        let serving = seller.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        seller
    }

    /// With a wallet of its own.
    pub(crate) fn buyer(&self, url: &Url) -> PayingClient {
        let policy = Policy {
            origin: url.origin(),
            asset: self.asset.clone(),
            pay_to: PAY_TO,
            amount_max: U256::from(PRICE),
        };
        let http = runtime::http::client();
        let chain = Arc::new(Rpc::new(http.clone(), self.bank.clone()));
        let (wallet, store) = (Wallet::random().unwrap(), Arc::new(MemoryStore::default()));
        PayingClient::with_budget(http, wallet, policy, Limits::NONE, store, Some(chain))
            .unwrap()
            .answering_within(ANSWER_WITHIN)
    }
}

async fn listen(path: &str) -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{path}", listener.local_addr().unwrap());
    (listener, Url::parse(&url).unwrap())
}

#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) url: Url,
    seen: Arc<Mutex<BTreeSet<String>>>,
    settles: Settles,
    answer: &'static Answer,
    bank: Url,
    asset: Asset,
}

impl Seller {
    /// How many different ones it was sent.
    pub(crate) fn signatures(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let payment = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("payment-signature")
                .then_some(value)
        });
        let Some(payment) = payment else {
            let offer = header::encode(&self.offer());
            let offer = offer.to_str().unwrap();
            let answer = format!(
                "HTTP/1.1 402 Payment Required\r\npayment-required: {offer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            drop(stream.write_all(answer.as_bytes()).await);
            return;
        };
        let payment: PaymentPayload = header::decode(payment.as_bytes()).unwrap();
        let signature = payment.payload.signature.clone();
        let is_new = self.seen.lock().unwrap().insert(signature);
        let mut transaction = None;
        match self.settles {
            Settles::Never => {}
            Settles::First => transaction = Some(self.settle(&payment).await),
            Settles::After(time) if is_new => {
                let seller = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(time).await;
                    seller.settle(&payment).await;
                });
            }
            Settles::After(_) => {}
        }
        let offer = self.offer();
        self.answer
            .send(stream, transaction.as_deref(), &offer)
            .await;
    }

    /// Returns the transaction, of now or earlier.
    async fn settle(&self, payment: &PaymentPayload) -> String {
        let request = FacilitatorRequest {
            x402_version: 2,
            payment_payload: payment.clone(),
            payment_requirements: payment.accepted.clone().unwrap(),
        };
        let request = runtime::http::client()
            .post(self.bank.join("settle").unwrap())
            .json(&request);
        let settled: SettlementResponse = request.send().await.unwrap().json().await.unwrap();
        let earlier = settled.extra.as_ref();
        let earlier = earlier.and_then(|extra| extra["transaction"].as_str());
        match settled.success {
            true => settled.transaction,
            false => earlier.unwrap_or_else(|| panic!("{settled:?}")).to_owned(),
        }
    }

    fn offer(&self) -> serde_json::Value {
        json!({
            "x402Version": 2,
            "error": "payment required",
            "resource": { "url": self.url.as_str() },
            "accepts": [{
                "scheme": "exact", "network": self.asset.network, "amount": PRICE.to_string(),
                "asset": self.asset.address, "payTo": PAY_TO, "maxTimeoutSeconds": VALID_SECONDS,
                "extra": { "name": self.asset.name, "version": self.asset.version },
            }],
            "extensions": { "payment-identifier": { "info": { "required": false } } },
        })
    }
}
