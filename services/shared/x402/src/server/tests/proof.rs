//! When an answer counts as paid for: the seller beside a token that anybody may use, and facilitators of every kind.

use super::shop::Reply;
use crate::chain::Chain;
use crate::exact::Domain;
use crate::facilitator::{Facilitator, FacilitatorError, Order};
use crate::sequences::chain::Token;
use crate::sequences::clock::set_clock;
use crate::sequences::faults::Faults;
use crate::server::{Price, Sale, Seller};
use crate::store::MemoryStore;
use crate::wallet::Wallet;
use crate::wire::{Authorization, SettlementResponse, VerifyResponse};
use crate::{Address, Asset, B256, U256, header, reason};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

const NETWORK: &str = "eip155:31337";
const SELLER: Address = Address::repeat_byte(2);
const NOW: u64 = 1_795_000_000;

/// What a facilitator does with an order, and says of it.
type Settle = fn(&Token, &Authorization) -> Result<SettlementResponse, FacilitatorError>;

struct Scripted {
    token: Token,
    settle: Settle,
    /// Turns of the others before it does anything.
    turns: usize,
}

impl Facilitator for Scripted {
    /// As the reference's version 1: it looks at no nonce.
    fn verify<'a>(
        &'a self,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<VerifyResponse, FacilitatorError>> {
        Box::pin(std::future::ready(Ok(VerifyResponse {
            is_valid: true,
            invalid_reason: None,
            payer: None,
        })))
    }

    fn settle<'a>(
        &'a self,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<SettlementResponse, FacilitatorError>> {
        Box::pin(async {
            crate::sequences::turns(self.turns).await;
            let authorization = &order.request.payment_payload.payload.authorization;
            (self.settle)(&self.token, authorization)
        })
    }
}

fn success(transaction: impl ToString) -> SettlementResponse {
    SettlementResponse {
        success: true,
        error_reason: None,
        payer: None,
        transaction: transaction.to_string(),
        network: NETWORK.into(),
        extra: None,
    }
}

fn failure(reason: &str) -> SettlementResponse {
    SettlementResponse {
        success: false,
        error_reason: Some(reason.into()),
        ..success("")
    }
}

/// A failure that names a transaction where ours does.
fn naming(reason: &str, transaction: B256) -> SettlementResponse {
    let extra = [("transaction".to_owned(), json!(transaction))];
    SettlementResponse {
        extra: Some(extra.into_iter().collect()),
        ..failure(reason)
    }
}

/// Settles, and knows nothing of what others have settled.
fn honest(
    token: &Token,
    authorization: &Authorization,
) -> Result<SettlementResponse, FacilitatorError> {
    Ok(match token.transfer(authorization) {
        Ok(transaction) => success(transaction),
        Err(_) => failure(reason::TRANSACTION_FAILED),
    })
}

/// A buyer, a token, and shops of one owner.
struct Town {
    token: Token,
    wallet: Wallet,
    asset: Asset,
    max_timeout_seconds: u64,
    /// Whether shops can look at the token; otherwise the facilitator's word is all they have.
    is_chain_known: bool,
    answers: Arc<AtomicUsize>,
}

impl Town {
    fn new() -> Self {
        set_clock(NOW);
        let token = Token::new(Faults::new(1));
        let wallet = Wallet::random().unwrap();
        token.open_account(wallet.address());
        let asset = Asset {
            network: NETWORK.into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        };
        Self {
            token,
            wallet,
            asset,
            max_timeout_seconds: 60,
            is_chain_known: true,
            answers: Arc::default(),
        }
    }

    fn price(&self) -> Price {
        Price {
            asset: self.asset.clone(),
            amount: U256::from(10),
            pay_to: SELLER,
            max_timeout_seconds: self.max_timeout_seconds,
        }
    }

    /// A shop with a memory of its own.
    fn shop(&self, settle: Settle) -> Router {
        self.slow_shop(settle, 0)
    }

    fn slow_shop(&self, settle: Settle, turns: usize) -> Router {
        let token = self.token.clone();
        let facilitator = Scripted {
            token: token.clone(),
            settle,
            turns,
        };
        let chain: Arc<dyn Chain> = Arc::new(token);
        let store = Arc::new(MemoryStore::default());
        let mut seller = Seller::with_store(Arc::new(facilitator), store);
        if self.is_chain_known {
            seller = seller.with_chain(NETWORK, chain);
        }
        let sale = Sale::new([self.price()], "A thing", "text/plain");
        let answers = self.answers.clone();
        let handler = move || async move {
            answers.fetch_add(1, Ordering::SeqCst);
            "a thing"
        };
        Router::new().route("/", get(handler).layer(seller.layer(&sale).unwrap()))
    }

    fn authorization(&self) -> Authorization {
        let mut nonce = B256::ZERO;
        getrandom::fill(nonce.as_mut_slice()).unwrap();
        Authorization {
            from: self.wallet.address(),
            to: SELLER,
            value: U256::from(10),
            valid_after: U256::ZERO,
            valid_before: U256::from(NOW + 60),
            nonce,
        }
    }

    async fn pay(&self, shop: &Router, authorization: &Authorization) -> Reply {
        let domain = Domain::of(&self.asset).unwrap();
        let payment = json!({
            "x402Version": 2,
            "accepted": self.price().requirements(),
            "payload": { "signature": self.wallet.sign(authorization, domain), "authorization": authorization },
        });
        let request = Request::builder()
            .uri("/")
            .header("host", "shop.test")
            .header(header::PAYMENT_SIGNATURE, header::encode(&payment));
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = shop.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

#[tokio::test]
async fn a_settlement_that_the_chain_does_not_show_buys_nothing() {
    let lies: [(&str, Settle); 7] = [
        ("made up", |_, _| Ok(success(B256::repeat_byte(0xee)))),
        ("none", |_, _| Ok(success(""))),
        ("no hash", |_, _| Ok(success("0x1234"))),
        ("a word", |_, _| Ok(success("settled"))),
        ("another network", |token, authorization| {
            let mut answer = honest(token, authorization)?;
            answer.network = "eip155:8453".into();
            Ok(answer)
        }),
        ("of another payment", |token, authorization| {
            let other = Authorization {
                nonce: B256::repeat_byte(0x77),
                ..authorization.clone()
            };
            Ok(success(token.transfer(&other).unwrap()))
        }),
        ("a transfer to another", |token, authorization| {
            let other = Authorization {
                to: Address::repeat_byte(5),
                ..authorization.clone()
            };
            Ok(success(token.transfer(&other).unwrap()))
        }),
    ];
    for (name, lie) in lies {
        let town = Town::new();
        let reply = town.pay(&town.shop(lie), &town.authorization()).await;
        assert!(matches!(reply.status, 402 | 502), "{name}: {reply:?}");
        assert!(!reply.body.contains("a thing"), "{name}");
    }
    let town = Town::new();
    let reply = town.pay(&town.shop(honest), &town.authorization()).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "a thing"));
}

#[tokio::test]
async fn a_nonce_that_paid_oneself_or_was_taken_back_buys_nothing() {
    let tricks: [Settle; 2] = [
        |token, authorization| {
            let to_oneself = Authorization {
                to: authorization.from,
                value: U256::from(1),
                ..authorization.clone()
            };
            // Taken once, however often he tries.
            token.transfer(&to_oneself).ok();
            honest(token, authorization)
        },
        |token, authorization| {
            token.cancel(authorization.from, authorization.nonce);
            honest(token, authorization)
        },
    ];
    for trick in tricks {
        let town = Town::new();
        let (shop, authorization) = (town.shop(trick), town.authorization());
        for _ in 0..3 {
            let reply = town.pay(&shop, &authorization).await;
            assert_eq!(reply.status, 402, "{reply:?}");
        }
        assert_eq!(town.token.balance(SELLER), U256::ZERO);
    }
}

#[tokio::test]
async fn one_payment_at_many_sellers_of_one_owner_buys_one_answer() {
    for turns in [0, 3, 10] {
        let town = Town::new();
        let authorization = town.authorization();
        let shops: Vec<_> = (0..5).map(|_| town.slow_shop(honest, turns)).collect();
        let at_once = shops.iter().map(|shop| town.pay(shop, &authorization));
        let mut replies = futures_util::future::join_all(at_once).await;
        for shop in &shops {
            replies.push(town.pay(shop, &authorization).await);
        }
        let paid = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(paid, 1, "{replies:?}");
        assert_eq!(town.token.balance(SELLER), U256::from(10));
    }
}

#[tokio::test]
async fn a_payment_that_somebody_else_has_sent_is_not_called_uncharged() {
    let town = Town::new();
    let authorization = town.authorization();
    let front_run: Settle = |token, authorization| {
        token.transfer(authorization).unwrap();
        honest(token, authorization)
    };
    let reply = town.pay(&town.shop(front_run), &authorization).await;
    assert_eq!(reply.status, 402);
    assert!(!reply.body.contains("nothing was charged"), "{reply:?}");

    // Coinbase calls a spent nonce an invalid payload; others look at the balance or simulate first.
    let words: [Settle; 4] = [
        |token, authorization| refuses(token, authorization, reason::INVALID_PAYLOAD),
        |token, authorization| refuses(token, authorization, reason::SIMULATION_FAILED),
        |token, authorization| refuses(token, authorization, reason::INSUFFICIENT_BALANCE),
        |token, authorization| refuses(token, authorization, "insufficient_funds"),
    ];
    for refuses in words {
        let town = Town::new();
        let authorization = town.authorization();
        let reply = town.pay(&town.shop(refuses), &authorization).await;
        assert_eq!(reply.status, 402);
        assert!(!reply.body.contains("nothing was charged"), "{reply:?}");
        // Of a nonce that nobody has used it is true.
        let refused: Settle = |_, _| Ok(failure(reason::INVALID_PAYLOAD));
        let reply = town.pay(&town.shop(refused), &town.authorization()).await;
        assert!(reply.body.contains("nothing was charged"), "{reply:?}");
    }
}

/// Refuses with this reason a payment that somebody else has just made.
fn refuses(
    token: &Token,
    authorization: &Authorization,
    reason: &str,
) -> Result<SettlementResponse, FacilitatorError> {
    token.transfer(authorization).unwrap();
    Ok(failure(reason))
}

/// The reference facilitator names a transaction that reverted, and ours one that waits for a block.
#[tokio::test]
async fn a_failure_that_names_a_transaction_is_no_success() {
    let failures: [(&str, Settle); 4] = [
        ("reverted", |_, _| {
            Ok(SettlementResponse {
                transaction: B256::repeat_byte(0xee).to_string(),
                ..failure("invalid_transaction_state")
            })
        }),
        ("waiting", |_, _| {
            Ok(naming(reason::SETTLEMENT_PENDING, B256::repeat_byte(0xee)))
        }),
        ("a word of its own", |_, _| {
            Ok(naming("broadcast", B256::repeat_byte(0xee)))
        }),
        ("used for oneself", |token, authorization| {
            let to_himself = Authorization {
                to: authorization.from,
                ..authorization.clone()
            };
            match token.transfer(&to_himself) {
                Ok(_) => Err(FacilitatorError::NoAnswer("lost".into())),
                Err(reason) => {
                    let used = token.transaction(authorization.from, authorization.nonce);
                    Ok(naming(reason, used.unwrap()))
                }
            }
        }),
    ];
    for is_chain_known in [true, false] {
        for (name, settle) in failures {
            let mut town = Town::new();
            town.is_chain_known = is_chain_known;
            let (shop, authorization) = (town.shop(settle), town.authorization());
            for _ in 0..3 {
                let reply = town.pay(&shop, &authorization).await;
                assert!(matches!(reply.status, 402 | 502), "{name}: {reply:?}");
            }
            assert_eq!(town.token.balance(SELLER), U256::ZERO);
        }
    }
}

/// By a facilitator that calls each payment settled that was ever made.
#[tokio::test]
async fn a_payment_from_before_the_sale_was_anothers() {
    let settled_before: Settle = |token, authorization| {
        token.transfer(authorization).ok();
        let transaction = token.transaction(authorization.from, authorization.nonce);
        Ok(success(transaction.unwrap()))
    };
    let mut town = Town::new();
    town.max_timeout_seconds = 3600;
    let mut authorization = town.authorization();
    authorization.valid_before = U256::from(NOW + 3600);
    let (first, second) = (town.shop(settled_before), town.shop(settled_before));
    assert_eq!(town.pay(&first, &authorization).await.status, 200);
    set_clock(NOW + 100);
    for _ in 0..3 {
        let reply = town.pay(&second, &authorization).await;
        assert_eq!(reply.status, 402, "{reply:?}");
    }
}

#[tokio::test]
async fn without_an_identifier_a_slow_settlement_is_answered_once() {
    let town = Town::new();
    let (shop, authorization) = (town.slow_shop(honest, 400), town.authorization());
    let first = town.pay(&shop, &authorization);
    let again = async {
        let mut statuses = Vec::new();
        for seconds in [11, 22, 32, 61] {
            crate::sequences::turns(40).await;
            set_clock(NOW + seconds);
            statuses.push(town.pay(&shop, &authorization).await.status);
        }
        // The authorization has not ended for the chain.
        set_clock(NOW + 50);
        statuses
    };
    let (first, again) = tokio::join!(first, again);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(again, [402; 4]);
    for seconds in [51, 200, 700] {
        set_clock(NOW + seconds);
        assert_eq!(town.pay(&shop, &authorization).await.status, 402);
    }
    assert_eq!(town.answers.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_payment_holds_longer_than_it_is_remembered() {
    for seconds in [121, 3600, 1_000_000_000_000] {
        let town = Town::new();
        let authorization = Authorization {
            valid_before: U256::from(NOW + seconds),
            ..town.authorization()
        };
        let reply = town.pay(&town.shop(honest), &authorization).await;
        assert_eq!(
            (reply.status, reply.error().as_str()),
            (402, reason::VALID_BEFORE)
        );
    }
    // A facilitator that settles again whatever it is asked: the record is there until the end of the authorization and beyond.
    let forgetful: Settle = |token, authorization| {
        token.transfer(authorization).ok();
        let transaction = token.transaction(authorization.from, authorization.nonce);
        Ok(success(transaction.unwrap()))
    };
    for (max_timeout_seconds, is_chain_known) in [
        (60, true),
        (3600, true),
        (86_400, true),
        (3600, false),
        (86_400, false),
    ] {
        let mut town = Town::new();
        town.max_timeout_seconds = max_timeout_seconds;
        town.is_chain_known = is_chain_known;
        let (shop, mut authorization) = (town.shop(forgetful), town.authorization());
        authorization.valid_before = U256::from(NOW + max_timeout_seconds + 60);
        assert_eq!(town.pay(&shop, &authorization).await.status, 200);
        for part in 1..=50 {
            set_clock(NOW + part * (max_timeout_seconds + 200) / 50);
            let reply = town.pay(&shop, &authorization).await;
            assert_eq!(reply.status, 402, "part {part}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_took_is_given_once_without_an_identifier_too() {
    let town = Town::new();
    let (shop, authorization) = (town.slow_shop(honest, 50), town.authorization());
    let hasty = crate::sequences::within(20, town.pay(&shop, &authorization));
    assert!(hasty.await.is_none());
    crate::sequences::turns(200).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(town.pay(&shop, &authorization).await.status);
    }
    assert_eq!(statuses, [200, 402, 402]);
    assert_eq!(town.answers.load(Ordering::SeqCst), 1, "made once");
}
