use super::*;
use std::io::Write;
use std::path::PathBuf;
use x402::exact::Domain;
use x402::reason;
use x402::wallet::Wallet;
use x402::wire::{Authorization, ExactPayload, PaymentPayload, Requirements};

const GRANT: u64 = 50_000;
const PRICE: u64 = 10_000;

fn asset() -> Asset {
    x402::testing::development_asset()
}

fn seller() -> Address {
    "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
        .parse()
        .unwrap()
}

struct Fixture {
    folder: tempfile::TempDir,
    wallet: Wallet,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            wallet: Wallet::random().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.ndjson")
    }

    fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Ledger, FileError> {
        self.try_open_for(asset())
    }

    fn try_open_for(&self, asset: Asset) -> Result<Ledger, FileError> {
        // The writer's thread of a dropped ledger may hold the lock for a moment longer.
        for _ in 0..200 {
            match Ledger::open(&self.path(), asset.clone(), U256::from(GRANT)) {
                Err(FileError::Locked { .. }) => {
                    std::thread::sleep(std::time::Duration::from_millis(5))
                }
                other => return other,
            }
        }
        Ledger::open(&self.path(), asset, U256::from(GRANT))
    }

    /// A good request with nonce `nonce`, changed before it is signed.
    fn request(&self, nonce: u8, change: impl FnOnce(&mut Authorization)) -> FacilitatorRequest {
        let now = x402::now_seconds();
        let mut authorization = Authorization {
            from: self.wallet.address(),
            to: seller(),
            value: U256::from(PRICE),
            valid_after: U256::from(now - 60),
            valid_before: U256::from(now + 60),
            nonce: B256::repeat_byte(nonce),
        };
        change(&mut authorization);
        let signature = self
            .wallet
            .sign(&authorization, Domain::of(&asset()).unwrap());
        let extra = [
            ("name".to_owned(), "USDC".into()),
            ("version".to_owned(), "2".into()),
        ];
        let requirements = Requirements {
            scheme: "exact".into(),
            network: asset().network,
            amount: U256::from(PRICE),
            asset: asset().address,
            pay_to: seller(),
            max_timeout_seconds: 60,
            extra: Some(extra.into_iter().collect()),
        };
        FacilitatorRequest {
            x402_version: 2,
            payment_payload: PaymentPayload {
                x402_version: 2,
                resource: None,
                accepted: Some(requirements.clone()),
                scheme: None,
                network: None,
                payload: ExactPayload {
                    signature,
                    authorization,
                },
                extensions: None,
            },
            payment_requirements: requirements,
        }
    }
}

#[tokio::test]
async fn every_bad_payment_is_refused_and_moves_nothing() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let now = x402::now_seconds();
    let mut forged = fixture.request(9, |_| {});
    forged.payment_payload.payload.authorization.value = U256::from(PRICE - 1);
    forged.payment_requirements.amount = U256::from(PRICE - 1);
    let mut network = fixture.request(9, |_| {});
    network.payment_requirements.network = "eip155:84532".into();
    let mut token = fixture.request(9, |_| {});
    token.payment_requirements.asset = seller();
    let mut domain = fixture.request(9, |_| {});
    domain.payment_requirements.extra = None;
    let mut scheme = fixture.request(9, |_| {});
    scheme.payment_requirements.scheme = "upto".into();
    let mut version = fixture.request(9, |_| {});
    version.x402_version = 3;
    let mut nothing = fixture.request(9, |a| a.value = U256::ZERO);
    nothing.payment_requirements.amount = U256::ZERO;
    let mut dear = fixture.request(9, |a| a.value = U256::from(GRANT + 1));
    dear.payment_requirements.amount = U256::from(GRANT + 1);
    let other = Wallet::random().unwrap().address();
    for (request, expected) in [
        (forged, reason::SIGNATURE),
        (fixture.request(9, |a| a.from = other), reason::SIGNATURE),
        (
            fixture.request(9, |a| a.valid_before = U256::from(now + 2)),
            reason::VALID_BEFORE,
        ),
        (
            fixture.request(9, |a| a.valid_after = U256::from(now + 30)),
            reason::VALID_AFTER,
        ),
        (
            fixture.request(9, |a| a.value = U256::from(PRICE - 1)),
            reason::VALUE_MISMATCH,
        ),
        (
            fixture.request(9, |a| a.value = U256::from(PRICE + 1)),
            reason::VALUE_MISMATCH,
        ),
        (
            fixture.request(9, |a| a.to = other),
            reason::RECIPIENT_MISMATCH,
        ),
        (network, reason::NETWORK_MISMATCH),
        (token, reason::NO_CONTRACT),
        (domain, reason::MISSING_DOMAIN),
        (scheme, reason::UNSUPPORTED_SCHEME),
        (version, reason::INVALID_VERSION),
        (nothing, reason::AUTHORIZATION_VALUE),
        (dear, reason::INSUFFICIENT_BALANCE),
    ] {
        let verified = ledger.verify(&request);
        assert_eq!(
            (verified.is_valid, verified.invalid_reason.as_deref()),
            (false, Some(expected))
        );
        let settled = ledger.settle(&request, None).await;
        assert_eq!(
            (settled.success, settled.error_reason.as_deref()),
            (false, Some(expected))
        );
        assert_eq!(settled.transaction, "");
    }
    assert_eq!(ledger.height(), 0);
    assert_eq!(ledger.balance(fixture.wallet.address()), U256::from(GRANT));
}

#[tokio::test]
async fn settles_once_and_remembers_after_a_restart() {
    let fixture = Fixture::new();
    let payer = fixture.wallet.address();
    let request = fixture.request(1, |_| {});
    let ledger = fixture.open();
    assert!(ledger.verify(&request).is_valid);
    let settled = ledger.settle(&request, None).await;
    assert!(settled.success, "{settled:?}");

    let check = |ledger: &Ledger| {
        assert_eq!(ledger.balance(payer), U256::from(GRANT - PRICE));
        assert_eq!(ledger.balance(seller()), U256::from(GRANT + PRICE));
        assert_eq!(ledger.height(), 1);
    };
    for _ in 0..2 {
        let again = ledger.settle(&request, None).await;
        assert_eq!(again.error_reason.as_deref(), Some(reason::NONCE_USED));
        assert_eq!(again.extra.unwrap()["transaction"], settled.transaction);
        check(&ledger);
    }
    drop(ledger);
    let ledger = fixture.open();
    check(&ledger);
    assert_eq!(
        ledger.verify(&request).invalid_reason.as_deref(),
        Some(reason::NONCE_USED)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_settlements_of_one_payment_move_money_once() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let request = Arc::new(fixture.request(1, |_| {}));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (ledger, request) = (ledger.clone(), request.clone());
            tokio::spawn(async move { ledger.settle(&request, None).await.success })
        })
        .collect();
    let mut successes = 0;
    for task in tasks {
        successes += usize::from(task.await.unwrap());
    }
    assert_eq!((successes, ledger.height()), (1, 1));
}

#[tokio::test]
async fn an_account_cannot_spend_more_than_it_has() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let mut successes = 0;
    for nonce in 1..=8 {
        successes += u64::from(
            ledger
                .settle(&fixture.request(nonce, |_| {}), None)
                .await
                .success,
        );
    }
    assert_eq!(successes, GRANT / PRICE);
    assert_eq!(ledger.balance(fixture.wallet.address()), U256::ZERO);
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_at_any_length() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    assert!(
        ledger
            .settle(&fixture.request(1, |_| {}), None)
            .await
            .success
    );
    assert!(
        ledger
            .settle(&fixture.request(2, |_| {}), None)
            .await
            .success
    );
    drop(ledger);
    let whole = std::fs::read(fixture.path()).unwrap();
    let last_line = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for length in [last_line + 1, last_line + 40, whole.len() - 1] {
        drop(fixture.try_open());
        std::fs::write(fixture.path(), &whole[..length]).unwrap();
        let ledger = fixture.open();
        assert_eq!(ledger.height(), 1);
        assert!(
            ledger
                .settle(&fixture.request(2, |_| {}), None)
                .await
                .success,
            "the dropped payment can be settled"
        );
        drop(ledger);
        assert_eq!(fixture.open().height(), 2);
    }
}

#[tokio::test]
async fn damage_elsewhere_and_other_tokens_are_refused() {
    let fixture = Fixture::new();
    drop(fixture.open());
    drop(fixture.try_open());
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(fixture.path())
        .unwrap();
    file.write_all(b"{\"type\":\"tran\n{}\n").unwrap();
    assert!(matches!(
        fixture.try_open(),
        Err(FileError::Damaged { line: 2, .. })
    ));

    let second = Fixture::new();
    let ledger = second.open();
    assert!(matches!(
        Ledger::open(&second.path(), asset(), U256::from(GRANT)),
        Err(FileError::Locked { .. })
    ));
    drop(ledger);
    let other = Asset {
        address: seller(),
        ..asset()
    };
    assert!(matches!(
        second.try_open_for(other),
        Err(FileError::OtherToken { .. })
    ));
}

#[tokio::test]
async fn a_new_grant_is_for_new_accounts() {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    assert!(
        ledger
            .settle(&fixture.request(1, |_| {}), None)
            .await
            .success
    );
    drop(ledger);
    drop(fixture.open());
    std::thread::sleep(std::time::Duration::from_millis(50));
    let ledger = Ledger::open(&fixture.path(), asset(), U256::from(7)).unwrap();
    assert_eq!(
        ledger.balance(fixture.wallet.address()),
        U256::from(GRANT - PRICE)
    );
    assert_eq!(ledger.balance(Address::repeat_byte(3)), U256::from(7));
}

mod keys;
