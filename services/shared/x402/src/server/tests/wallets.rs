//! Payments that only the chain can judge: those of smart wallets.

use super::shop::{Fault, Shop};
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn for_a_smart_wallet_nothing_is_made_before_its_money_is_there() {
    let shop = Shop::new("eip155:31337");
    shop.ledger.contracts.store(true, Ordering::SeqCst);
    let mut payment = shop.good();
    payment["payload"]["signature"] = json!("0x1234");

    // The wallet says yes to whoever verifies, and no to whoever settles.
    shop.ledger.faults.lock().unwrap().push(Fault::RefuseSettle);
    assert_eq!(shop.pay("/thing", &payment).await.status, 402);
    assert_eq!(shop.counts(), (0, 0), "no answer was made");

    let reply = shop.pay("/thing", &payment).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "answer 1"));
    assert_eq!(shop.counts(), (1, 1));

    // Where a key decides, the answer is made first.
    shop.ledger.faults.lock().unwrap().push(Fault::RefuseSettle);
    assert_eq!(shop.pay("/thing", &shop.good()).await.status, 402);
    assert_eq!(shop.counts(), (2, 1));
}
