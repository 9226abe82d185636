//! Whose settlement it is.

use super::*;
use crate::claim::IdempotencyKey;
use std::time::Duration;
use x402::wire::SettlementResponse;

fn key(text: &str) -> Option<IdempotencyKey> {
    IdempotencyKey::parse(text)
}

#[track_caller]
fn assert_used(answer: &SettlementResponse, transaction: Option<&str>) {
    assert_eq!(answer.error_reason.as_deref(), Some(reason::NONCE_USED));
    assert!(!answer.success && answer.transaction.is_empty());
    let named = answer.extra.as_ref().map(|extra| &extra["transaction"]);
    assert_eq!(named.and_then(|named| named.as_str()), transaction);
}

#[tokio::test]
async fn only_the_sale_that_began_it_hears_of_its_success() {
    let fixture = Fixture::new();
    let request = fixture.request(1, |_| {});
    let (ours, theirs) = (key("sale-1"), key("sale-2"));
    let ledger = fixture.open();
    let first = ledger.settle(&request, ours.as_ref()).await;
    assert!(first.success, "{first:?}");
    let check = async |ledger: &Ledger| {
        assert_eq!(ledger.settle(&request, ours.as_ref()).await, first);
        assert_used(&ledger.settle(&request, theirs.as_ref()).await, None);
        assert_used(&ledger.settle(&request, None).await, None);
        // The key alone is not enough: the request has to ask for this payment.
        let mut other = request.clone();
        other.payment_requirements.amount += U256::from(1);
        let answer = ledger.settle(&other, ours.as_ref()).await;
        assert_eq!(answer.error_reason.as_deref(), Some(reason::VALUE_MISMATCH));
        assert_eq!(ledger.height(), 1);
    };
    check(&ledger).await;
    drop(ledger);
    check(&fixture.open()).await;
}

#[tokio::test]
async fn a_settlement_without_a_key_is_no_keys() {
    let fixture = Fixture::new();
    let request = fixture.request(1, |_| {});
    let ledger = fixture.open();
    let first = ledger.settle(&request, None).await;
    assert_used(
        &ledger.settle(&request, None).await,
        Some(&first.transaction),
    );
    assert_used(&ledger.settle(&request, key("sale-1").as_ref()).await, None);
    drop(ledger);
    // Written as before there were keys.
    let written = std::fs::read_to_string(fixture.path()).unwrap();
    assert!(!written.contains("idempotencyKey"), "{written}");
    let ledger = fixture.open();
    assert_used(
        &ledger.settle(&request, None).await,
        Some(&first.transaction),
    );
}

#[tokio::test]
async fn what_was_settled_in_time_is_told_after_its_window() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let soon = U256::from(x402::now_seconds() + x402::exact::SETTLE_MARGIN_SECONDS + 1);
    let request = fixture.request(1, |a| a.valid_before = soon);
    let ours = key("sale-1");
    let first = ledger.settle(&request, ours.as_ref()).await;
    assert!(first.success, "{first:?}");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let late = fixture.request(2, |a| a.valid_before = soon);
    let refused = ledger.settle(&late, None).await;
    assert_eq!(refused.error_reason.as_deref(), Some(reason::VALID_BEFORE));
    assert_eq!(ledger.settle(&request, ours.as_ref()).await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sales_of_one_payment_one_succeeds() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let request = Arc::new(fixture.request(1, |_| {}));
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (ledger, request) = (ledger.clone(), request.clone());
            // Each sale asks twice.
            let key = key(&format!("sale-{}", number / 2));
            tokio::spawn(async move { (number / 2, ledger.settle(&request, key.as_ref()).await) })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        let (sale, answer) = task.await.unwrap();
        if answer.success {
            winners.push(sale);
        } else {
            assert_used(&answer, None);
        }
    }
    assert_eq!(winners.len(), 2, "{winners:?}");
    assert_eq!(winners[0], winners[1]);
    assert_eq!(ledger.height(), 1);
}

#[tokio::test]
async fn a_nonce_that_paid_for_something_else_names_no_transaction() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let mut elsewhere = fixture.request(1, |a| a.to = Address::repeat_byte(7));
    elsewhere.payment_requirements.pay_to = Address::repeat_byte(7);
    assert!(ledger.settle(&elsewhere, None).await.success);
    let request = fixture.request(1, |_| {});
    assert_used(&ledger.settle(&request, None).await, None);
    assert_used(&ledger.settle(&request, key("sale-1").as_ref()).await, None);
    assert_eq!(ledger.balance(seller()), U256::from(GRANT));
}
