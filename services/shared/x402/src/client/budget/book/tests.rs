use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Reserve { day: u64, amount: u64, session: u8 },
    Paid(usize),
    Claimed(usize),
    Release(usize),
}

/// A purchase, and the day that it counts for.
struct Counted {
    day: u64,
    amount: u64,
    session: u8,
    counts: bool,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (20_000u64..20_004, 1u64..40, 0u8..3)
            .prop_map(|(day, amount, session)| Step::Reserve { day, amount, session }),
        1 => any::<usize>().prop_map(Step::Paid),
        1 => any::<usize>().prop_map(Step::Claimed),
        2 => any::<usize>().prop_map(Step::Release),
    ]
}

fn open(day: u64, amount: u64, session: u8) -> Open {
    Open {
        day,
        ..Open::new(
            U256::from(amount),
            Address::ZERO,
            0,
            String::new(),
            name(session),
        )
    }
}

/// The first has no name, and is one for each day.
fn name(session: u8) -> &'static str {
    ["", "one", "two"][usize::from(session)]
}

fn receipt(evidence: Evidence) -> Receipt {
    Receipt {
        transaction: B256::repeat_byte(1).to_string(),
        evidence,
        ..Receipt::default()
    }
}

const LIMITS: Limits = Limits {
    session_max: U256::from_limbs([150, 0, 0, 0]),
    day_max: U256::from_limbs([100, 0, 0, 0]),
};

proptest! {
    /// Whatever the order of the days: the day goes forwards only, and what counts for it is all that was reserved since
    /// it began and never released.
    #[test]
    fn days_only_go_forwards(steps in proptest::collection::vec(step(), 1..60)) {
        let mut book = Book::default();
        let mut counted: Vec<Counted> = Vec::new();
        let mut decided = Vec::new();
        for step in steps {
            let before = book.day;
            let nonce = |index: usize| B256::from(U256::from(index).to_be_bytes());
            match step {
                Step::Reserve { day, amount, session } => {
                    let reserved = book.reserve(nonce(counted.len()), open(day, amount, session), LIMITS);
                    counted.push(Counted { day: before.max(day), amount, session, counts: reserved.is_ok() });
                }
                Step::Paid(index) | Step::Claimed(index) | Step::Release(index) if counted.is_empty() => { let _nothing_to_decide = index; }
                Step::Paid(index) => {
                    let index = index % counted.len();
                    decided.push(index);
                    book.paid(nonce(index), &receipt(Evidence::Chain), true);
                }
                Step::Claimed(index) => book.paid(nonce(index % counted.len()), &receipt(Evidence::Seller), false),
                Step::Release(index) => {
                    let index = index % counted.len();
                    book.release(nonce(index));
                    counted[index].counts &= decided.contains(&index);
                }
            }
            prop_assert!(book.day >= before, "from {before} to {}", book.day);
            let sum = |of: &dyn Fn(&Counted) -> bool| {
                U256::from(counted.iter().filter(|one| one.counts && of(one)).map(|one| one.amount).sum::<u64>())
            };
            prop_assert_eq!(book.day_spent, sum(&|one| one.day == book.day));
            prop_assert!(book.day_spent <= LIMITS.day_max);
            for session in 0..3u8 {
                let spent = book.spent_in_session(name(session));
                prop_assert_eq!(spent, sum(&|one| one.session == session && (session > 0 || one.day == book.day)));
                prop_assert!(spent <= LIMITS.session_max);
            }
        }
    }
}

#[test]
fn a_receipt_is_kept_once_and_refuted_by_the_chain() {
    let nonce = B256::repeat_byte(7);
    let mut book = Book::default();
    book.reserve(nonce, open(1, 10, 0), LIMITS).unwrap();
    assert_eq!(book.undecided().count(), 1);
    book.paid(nonce, &receipt(Evidence::Seller), false);
    assert_eq!((book.undecided().count(), book.open.len()), (0, 1));
    let mut refuted = book.clone();
    refuted.release(nonce);
    assert_eq!(refuted.day_spent, U256::ZERO);
    assert_eq!(refuted.into_receipts(), [receipt(Evidence::Refuted)]);
    book.paid(nonce, &receipt(Evidence::Chain), true);
    book.paid(nonce, &receipt(Evidence::Seller), false);
    book.release(nonce);
    assert_eq!((book.open.len(), book.day_spent), (0, U256::from(10)));
    assert_eq!(book.into_receipts(), [receipt(Evidence::Chain)]);
}

#[test]
fn receipts_that_nobody_can_confirm_do_not_stop_the_buyer() {
    let mut book = Book::default();
    for number in 0..1_000u64 {
        let nonce = B256::from(U256::from(number).to_be_bytes());
        book.reserve(nonce, open(1, 10, 0), Limits::NONE).unwrap();
        book.paid(nonce, &receipt(Evidence::Seller), false);
    }
    assert_eq!(
        (book.open.len(), book.day_spent),
        (CLAIMS_MAX, U256::from(10_000))
    );
}

#[test]
fn sessions_that_have_paid_nothing_do_not_stop_the_others() {
    let mut book = Book::default();
    let with = |session: usize| Open {
        session: session.to_string(),
        ..open(1, 10, 0)
    };
    for number in 0..2 * SESSIONS_MAX {
        let nonce = B256::from(U256::from(number).to_be_bytes());
        book.reserve(nonce, with(number), Limits::NONE).unwrap();
        book.release(nonce);
    }
    assert_eq!((book.sessions.len(), book.day_spent), (0, U256::ZERO));
}

#[test]
fn records_of_earlier_versions_are_read() {
    let text = r#"{"day":20000,"day_spent":"0x0","sessions":{},"open":{"0x0101010101010101010101010101010101010101010101010101010101010101":{"amount":"0xa","pay_to":"0x0000000000000000000000000000000000000000","valid_before":5,"resource":"r","session":"","day":20000}},"receipts":[{"amount":"1","displayAmount":"0.1","currency":"USDC","network":"n","asset":"a","payer":"p","payTo":"t","transaction":"0x1","resource":"r"}]}"#;
    let book: Book = serde_json::from_str(text).unwrap();
    assert_eq!(book.undecided().count(), 1);
    assert_eq!(book.into_receipts()[0].evidence, Evidence::Seller);
}
