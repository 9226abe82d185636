//! kill -9 at random moments, while questions are being paid for: the system comes back, no money appears or vanishes, and
//! no question is paid twice. Three rounds of each kind; with TURNPIKE_TEST_THOROUGH ten.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::common::{GRANT, Ledger, PRICE, System, eventually, kill};
use serde_json::Value as Json;

const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
const CITIES: [&str; 5] = ["Tokyo", "Oslo", "Lisbon", "Cairo", "Sydney"];

fn rounds() -> u64 {
    if std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some() {
        10
    } else {
        3
    }
}

/// A fixed sequence that looks random, so that a failing round can be run again.
struct Moments(u64);

impl Moments {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pause(&mut self, milliseconds_max: u64) -> u64 {
        let milliseconds = self.below(milliseconds_max);
        std::thread::sleep(Duration::from_millis(milliseconds));
        milliseconds
    }
}

fn ask(system: &System, city: &str) -> Child {
    let question = format!("What is the weather in {city}?");
    let mut command = system.command(&["invoke", &question, "--json"]);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The transactions of the receipts in an answer; none when there is no answer.
fn receipts(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let answer: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let payments = answer["payments"].as_array().cloned().unwrap_or_default();
    payments
        .iter()
        .map(|payment| payment["transaction"].as_str().unwrap().to_owned())
        .collect()
}

/// What must hold after every round.
struct Books {
    wallet: String,
    asked: u64,
    receipts: Vec<String>,
}

impl Books {
    #[track_caller]
    fn check(&self, ledger: &Ledger, round: &str) {
        let (left, earned) = (ledger.balance(&self.wallet), ledger.balance(PAY_TO));
        assert_eq!(
            left + earned,
            2 * GRANT,
            "{round}: money appeared or vanished"
        );
        let settled = ledger.settlements();
        assert_eq!(
            GRANT - left,
            settled * PRICE,
            "{round}: what was spent is not what was settled"
        );
        assert!(
            settled <= self.asked,
            "{round}: {settled} settlements for {} questions",
            self.asked
        );
        let mut distinct = self.receipts.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(
            distinct.len(),
            self.receipts.len(),
            "{round}: one payment was given as a receipt twice"
        );
        assert!(
            settled >= distinct.len() as u64,
            "{round}: {} receipts, but {settled} settlements",
            distinct.len()
        );
    }
}

/// One question that must be answered and paid, once.
#[track_caller]
fn works(system: &System, books: &mut Books, round: &str) {
    let before = system.ledger().settlements();
    books.asked += 1;
    let transactions = receipts(ask(system, "Tokyo"));
    assert_eq!(
        transactions.len(),
        1,
        "{round}: the system does not answer any more"
    );
    books.receipts.extend(transactions);
    assert_eq!(system.ledger().settlements(), before + 1, "{round}");
    books.check(&system.ledger(), round);
}

fn books(system: &System) -> Books {
    Books {
        wallet: system.wallet(),
        asked: 0,
        receipts: Vec::new(),
    }
}

#[test]
#[ignore = "kills processes for minutes: cargo xtask test faults"]
fn any_service_may_die_at_any_moment() {
    let system = System::deployed();
    let mut books = books(&system);
    for (index, owner) in [
        "facilitator",
        "x402-backend",
        "mcp-server",
        "agent",
        "frontend",
    ]
    .into_iter()
    .enumerate()
    {
        let mut moments = Moments(index as u64 + 1);
        for round in 0..rounds() {
            books.asked += 1;
            let question = ask(&system, CITIES[index]);
            let moment = moments.pause(400);
            let round = format!("{owner}, round {round}, killed after {moment} ms");
            let Some((_, pid)) = system
                .processes()
                .into_iter()
                .find(|(name, _)| name == owner)
            else {
                panic!("{round}: it does not run");
            };
            kill(pid);
            books.receipts.extend(receipts(question));
            let back = || {
                let running = system.processes();
                running
                    .iter()
                    .any(|(name, other)| name == owner && *other != pid)
                    && system.run(&["status"]).status.success()
            };
            assert!(
                eventually(Duration::from_secs(45), back),
                "{round}: it did not come back"
            );
            works(&system, &mut books, &round);
        }
    }
}

#[test]
#[ignore = "kills processes for minutes: cargo xtask test faults"]
fn the_supervisor_may_die_at_any_moment() {
    let system = System::deployed();
    let mut books = books(&system);
    let mut moments = Moments(101);
    for round in 0..rounds() {
        books.asked += 1;
        let before: Vec<u32> = system.processes().into_iter().map(|(_, pid)| pid).collect();
        let question = ask(&system, CITIES[0]);
        let moment = moments.pause(600);
        let round = format!("supervisor, round {round}, killed after {moment} ms");
        kill(system.supervisor());
        books.receipts.extend(receipts(question));
        system.succeed(&["deploy"]);
        let left = || before.iter().any(|pid| crate::common::is_alive(*pid));
        assert!(
            eventually(Duration::from_secs(5), || !left()),
            "{round}: processes of the old supervisor are left"
        );
        works(&system, &mut books, &round);
    }
}

#[test]
#[ignore = "kills processes for minutes: cargo xtask test faults"]
fn a_deploy_may_die_at_any_moment() {
    let mut moments = Moments(202);
    let system = System::not_deployed();
    for round in 0..rounds() {
        let mut deploy = system
            .command(&["deploy"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = moments.pause(4000);
        let round = format!("deploy, round {round}, killed after {moment} ms");
        kill(deploy.id());
        deploy.wait().unwrap();
        system.succeed(&["deploy"]);
        let mut books = books(&system);
        works(&system, &mut books, &round);
        system.succeed(&["destroy"]);
    }
}
