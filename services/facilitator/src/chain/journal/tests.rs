use super::*;
use crate::chain::token::Form;
use crate::chain::transaction::{Fees, SettlementKey, Transaction};
use crate::claim::IdempotencyKey;
use x402::store::MemoryStore;
use x402::wire::Authorization;
use x402::{Address, U256};

fn payload(number: u64) -> ExactPayload {
    let authorization = Authorization {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::from(10_000),
        valid_after: U256::ZERO,
        valid_before: U256::from(x402::now_seconds() + 60),
        nonce: B256::from(U256::from(number)),
    };
    let text = serde_json::json!({ "signature": format!("0x{}", "11".repeat(65)), "authorization": authorization });
    serde_json::from_value(text).unwrap()
}

fn attempt(nonce: u64, most: u64) -> Attempt {
    let fees = Fees { tip: 1, most };
    let transaction = Transaction {
        chain_id: 31337,
        nonce,
        fees,
        gas: 100_000,
        to: Address::repeat_byte(3),
        data: vec![1, 2, 3],
    };
    let key = SettlementKey::from_hex(&"11".repeat(32)).unwrap();
    Attempt::new(nonce, 100_000, fees, transaction.sign(&key))
}

fn begun(number: u64) -> Unfinished {
    let digest = B256::from(U256::from(number));
    let mut begun = Unfinished::new(digest, payload(number), None, Form::Key);
    begun.attempts.push(attempt(number, 10));
    begun
}

async fn open(store: &Arc<MemoryStore>) -> (Journal, Vec<Unfinished>) {
    Journal::open(store.clone(), "31337/0x1").await.unwrap()
}

#[tokio::test]
async fn what_has_not_ended_is_found_again() {
    let store = Arc::new(MemoryStore::default());
    let (journal, found) = open(&store).await;
    assert!(found.is_empty());
    let (mut first, mut second, mut third) = (begun(1), begun(2), begun(3));
    for settlement in [&mut first, &mut second, &mut third] {
        assert!(journal.sending(settlement).await.unwrap());
    }
    first.attempts.push(attempt(1, 20));
    assert!(journal.sending(&mut first).await.unwrap());
    let transaction = B256::repeat_byte(9);
    journal.ended(&second, End::Settled(transaction)).await;
    journal.ended(&third, End::Nothing).await;

    let (journal, found) = open(&store).await;
    assert_eq!(found, [first]);
    let known = journal.find(second.digest).await.unwrap();
    assert!(matches!(known, Some(Known::Settled(hash, None)) if hash == transaction));
    // What failed may be tried anew.
    assert!(journal.find(third.digest).await.unwrap().is_none());
    assert!(journal.sending(&mut begun(3)).await.unwrap());
}

#[tokio::test]
async fn of_two_facilitators_one_has_a_settlement_in_hand() {
    let store = Arc::new(MemoryStore::default());
    let ((one, _), (other, _)) = (open(&store).await, open(&store).await);
    let (mut first, mut second) = (begun(1), begun(2));
    assert!(one.sending(&mut first).await.unwrap());
    // Its list is not the newest any more, which is not a reason to stop.
    assert!(other.sending(&mut second).await.unwrap());
    assert!(!other.sending(&mut begun(1)).await.unwrap());

    // Taken up by the other, a settlement is not the first one's to replace.
    let (third, found) = open(&store).await;
    assert_eq!(found.len(), 2);
    let Some(Known::Open(mut taken)) = third.find(first.digest).await.unwrap() else {
        panic!("it is open");
    };
    taken.attempts.push(attempt(1, 20));
    assert!(third.sending(&mut taken).await.unwrap());
    first.attempts.push(attempt(1, 30));
    assert!(!one.sending(&mut first).await.unwrap());
    one.ended(&first, End::Nothing).await;
    assert_eq!(open(&store).await.1.len(), 2);
    third.ended(&taken, End::Nothing).await;
    assert_eq!(open(&store).await.1, [second]);
}

#[tokio::test]
async fn many_at_once_are_all_listed() {
    let store = Arc::new(MemoryStore::default());
    let (journal, _) = open(&store).await;
    let all: Vec<u64> = (0..100).collect();
    let written = all.iter().map(|number| {
        let journal = &journal;
        async move { journal.sending(&mut begun(*number)).await.unwrap() }
    });
    assert!(
        futures_util::future::join_all(written)
            .await
            .iter()
            .all(|written| *written)
    );
    assert_eq!(open(&store).await.1.len(), 100);
}

#[tokio::test]
async fn a_record_of_before_there_were_keys_is_read() {
    let store = Arc::new(MemoryStore::default());
    let (journal, _) = open(&store).await;
    let mut old = begun(1);
    assert!(journal.sending(&mut old).await.unwrap());
    let written = store.get(&key(old.digest)).await.unwrap().unwrap();
    let written: serde_json::Value = serde_json::from_slice(&written.value).unwrap();
    let fields: Vec<&String> = written.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["attempts", "payload", "transaction"]);
    assert_eq!(open(&store).await.1, [old]);
}

#[tokio::test]
async fn a_key_and_a_form_are_found_again_and_a_strangers_transfer_is_no_keys() {
    let store = Arc::new(MemoryStore::default());
    let (journal, _) = open(&store).await;
    let ours = IdempotencyKey::parse("sale-1");
    let with_key = |number| {
        let mut settlement = begun(number);
        settlement.key = ours.clone();
        settlement.form = Form::Contract;
        settlement
    };
    let (mut open_, mut settled, mut foreign) = (with_key(1), with_key(2), with_key(3));
    for settlement in [&mut open_, &mut settled, &mut foreign] {
        assert!(journal.sending(settlement).await.unwrap());
    }
    let transaction = B256::repeat_byte(9);
    journal.ended(&settled, End::Settled(transaction)).await;
    journal.ended(&foreign, End::Foreign(transaction)).await;
    let (journal, found) = open(&store).await;
    assert_eq!(found, [open_]);
    for (settlement, expected) in [(settled, ours), (foreign, None)] {
        let known = journal.find(settlement.digest).await.unwrap();
        let Some(Known::Settled(hash, key)) = known else {
            panic!("it is settled");
        };
        assert_eq!((hash, key), (transaction, expected));
    }
}
