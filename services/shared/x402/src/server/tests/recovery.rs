//! What happens to the money when an answer, an instance or the facilitator is lost.

use super::shop::{Fault, Shop};
use crate::chain::PaymentState;
use crate::sequences::clock::set_clock;
use crate::server::Flow;
use crate::store::{Change, Entry, FileStore, MemoryStore, Stamp, Store, StoreError};
use crate::{header, reason};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NETWORK: &str = "eip155:31337";

fn file(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(FileStore::open(&folder.path().join("payments")).unwrap())
}

fn faults(shop: &Shop, faults: &[Fault]) {
    shop.ledger.faults.lock().unwrap().extend_from_slice(faults);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_after_a_restart_and_charged_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::open(NETWORK, file(&folder), Flow::AnswerFirst);
    let payment = shop.identified();
    let first = shop.pay("/thing", &payment).await;
    shop.router = shop.instance(file(&folder), Flow::AnswerFirst);
    let second = shop.pay("/thing", &payment).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(
        (&first.body, &first.headers[header::PAYMENT_RESPONSE]),
        (&second.body, &second.headers[header::PAYMENT_RESPONSE])
    );
    assert_eq!(shop.counts(), (1, 1));
    // Another question with the same payment, and a replay without an identifier, get nothing.
    assert_eq!(shop.pay("/thing?other", &payment).await.status, 402);
    let plain = shop.good();
    assert_eq!(shop.pay("/thing", &plain).await.status, 200);
    shop.router = shop.instance(file(&folder), Flow::AnswerFirst);
    assert_eq!(shop.pay("/thing", &plain).await.error(), reason::NONCE_USED);
    assert_eq!(shop.counts(), (2, 2));
}

#[tokio::test]
async fn an_unknown_settlement_is_found_out_after_a_restart() {
    for flow in [Flow::AnswerFirst, Flow::SettleFirst] {
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Shop::open(NETWORK, file(&folder), flow);
        let payment = shop.good();
        faults(&shop, &[Fault::AnswerLost, Fault::Silent]);
        let unknown = shop.pay("/thing", &payment).await;
        assert_eq!(unknown.status, 502, "{unknown:?}");
        assert!(unknown.body.contains("settlementUnknown"));
        shop.router = shop.instance(file(&folder), flow);
        let found = shop.pay("/thing", &payment).await;
        assert_eq!((found.status, found.body.as_str()), (200, "answer 1"));
        assert_eq!(shop.counts(), (1, 1), "{flow:?}");
    }
}

#[tokio::test]
async fn a_used_nonce_alone_is_no_proof_of_payment() {
    let shop = Shop::new(NETWORK);
    shop.ledger.forgetful.store(true, Ordering::SeqCst);
    let payment = shop.good();
    // The payment is made, and the facilitator says later only that the nonce is used: so would it for a cancelled one.
    faults(&shop, &[Fault::AnswerLost]);
    assert_eq!(shop.pay("/thing", &payment).await.status, 502);
    *shop.ledger.state.lock().unwrap() = Some(PaymentState::Void);
    let cancelled = shop.pay("/thing", &payment).await;
    assert_eq!(cancelled.status, 402);

    let payment = shop.good();
    faults(&shop, &[Fault::AnswerLost]);
    let transaction = crate::B256::repeat_byte(2);
    let at = crate::now_seconds();
    *shop.ledger.state.lock().unwrap() = Some(PaymentState::Paid { transaction, at });
    let paid = shop.pay("/thing", &payment).await;
    assert_eq!(paid.status, 200);
    assert_eq!(
        paid.header(&header::PAYMENT_RESPONSE)["transaction"],
        transaction.to_string()
    );
}

#[tokio::test]
async fn settle_first_charges_before_the_handler_runs_and_owes_a_failed_answer() {
    let shop = Shop::open(NETWORK, Arc::new(MemoryStore::default()), Flow::SettleFirst);
    faults(&shop, &[Fault::RefuseSettle]);
    assert_eq!(shop.pay("/thing", &shop.good()).await.status, 402);
    assert_eq!(
        shop.counts(),
        (0, 0),
        "nothing runs for a payment that fails"
    );

    let payment = shop.identified();
    shop.failing.store(true, Ordering::SeqCst);
    let failed = shop.pay("/thing", &payment).await;
    assert_eq!(failed.status, 500);
    assert_eq!(failed.header(&header::PAYMENT_RESPONSE)["success"], true);
    shop.failing.store(false, Ordering::SeqCst);
    let owed = shop.pay("/thing", &payment).await;
    let again = shop.pay("/thing", &payment).await;
    assert_eq!((owed.status, again.status), (200, 200));
    assert_eq!(owed.body, again.body);
    assert_eq!(shop.counts(), (2, 1), "charged once");
}

#[tokio::test]
async fn twenty_at_once_at_two_instances_buy_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    for (store, other) in [(file(&folder), file(&folder)), {
        let shared: Arc<dyn Store> = Arc::new(MemoryStore::default());
        (shared.clone(), shared)
    }] {
        let shop = Shop::open(NETWORK, store.clone(), Flow::AnswerFirst);
        let instances = [shop.router.clone(), shop.instance(other, Flow::AnswerFirst)];
        for payment in [shop.good(), shop.identified()] {
            let before = shop.counts();
            let replies = (0..20).map(|index| {
                let sent = shop.at(&instances[index % 2]);
                let payment = payment.clone();
                async move { sent.pay("/thing", &payment).await }
            });
            let replies: Vec<_> = replies.collect();
            let replies = futures_util::future::join_all(replies).await;
            let paid = replies.iter().filter(|reply| reply.status == 200).count();
            assert!(paid >= 1);
            assert_eq!(shop.counts(), (before.0 + 1, before.1 + 1));
        }
    }
}

#[tokio::test]
async fn what_was_paid_in_time_is_answered_after_the_time() {
    let shop = Shop::new(NETWORK);
    let mut authorization = shop.authorization();
    authorization.valid_before = crate::U256::from(crate::now_seconds() + 7);
    let mut payment = shop.payment(&authorization);
    payment["extensions"] = identifier();
    assert_eq!(shop.pay("/thing", &payment).await.status, 200);
    let late = shop.payment(&authorization);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let again = shop.pay("/thing", &payment).await;
    assert_eq!((again.status, again.body.as_str()), (200, "answer 1"));
    assert_eq!(shop.pay("/thing", &late).await.status, 402);
    assert_eq!(shop.counts(), (1, 1));
}

fn identifier() -> Value {
    serde_json::json!({ "payment-identifier": { "info": { "id": "pay_in_time_0123456789" } } })
}

/// Two instances whose clocks are a minute apart: the second goes on with what the first has in hand.
#[tokio::test]
async fn what_another_instance_goes_on_with_is_not_called_uncharged() {
    let now = crate::now_seconds();
    set_clock(now);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let shop = Shop::open(NETWORK, store.clone(), Flow::AnswerFirst);
    let other = shop.instance(store, Flow::AnswerFirst);
    let mut authorization = shop.authorization();
    authorization.valid_before = crate::U256::from(now + 115);
    let mut payment = shop.payment(&authorization);
    payment["extensions"] = identifier();
    let first = shop.pay("/thing", &payment);
    let second = async {
        crate::sequences::turns(5).await;
        set_clock(now + 61);
        let at_other = shop.at(&other);
        let reply = at_other.pay("/thing", &payment).await;
        set_clock(now);
        reply
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(shop.counts().1, 1);
    assert!(!first.body.contains("not charged"), "{first:?}");
    let again = shop.pay("/thing", &payment).await;
    assert_eq!((again.status, again.body), (200, second.body));
}

/// Takes two changes and fails at the third, which notes that the answer is given.
#[derive(Default)]
struct FailsAtTheNote {
    store: MemoryStore,
    changes: AtomicUsize,
}

impl Store for FailsAtTheNote {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        self.store.get(key)
    }

    fn change(
        &self,
        changes: Vec<Change>,
        stamp: Stamp,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        match self.changes.fetch_add(1, Ordering::SeqCst) {
            2 => Box::pin(std::future::ready(Err(StoreError("no room".into())))),
            _ => self.store.change(changes, stamp),
        }
    }

    fn value_bytes_max(&self) -> usize {
        self.store.value_bytes_max()
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_noted_is_not_given_twice() {
    let now = crate::now_seconds();
    set_clock(now);
    let shop = Shop::open(
        NETWORK,
        Arc::new(FailsAtTheNote::default()),
        Flow::AnswerFirst,
    );
    let payment = shop.good();
    let mut replies = Vec::new();
    // While somebody has it in hand, after that, and once more.
    for seconds in [0, 1, 121, 122] {
        set_clock(now + seconds);
        replies.push(shop.pay("/thing", &payment).await);
    }
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [500, 402, 200, 402], "{replies:?}");
    assert_eq!(shop.counts(), (1, 1));
}
