//! The whole system on the local stage, as a user runs it: real processes, real HTTP, real payments on the development ledger.

use std::time::Duration;

use crate::common::{GRANT, PRICE, System, block_on, client, eventually, get, is_alive, kill};
use serde_json::{Value as Json, json};

const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn one_question_costs_exactly_the_price_and_nothing_is_left_behind() {
    let system = System::not_deployed();
    let events = system.succeed(&["deploy", "--json"]);
    let events: Vec<Json> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.last().unwrap()["event"], "done");
    let outputs = system.json(&["outputs", "--json"]);
    for (owner, key) in [
        ("network", "vpcId"),
        ("facilitator", "url"),
        ("x402-backend", "url"),
        ("mcp-server", "url"),
        ("agent", "runtimeArn"),
        ("agent", "runtimeId"),
        ("agent", "endpointArn"),
        ("frontend", "url"),
    ] {
        assert!(
            outputs[owner][key]
                .as_str()
                .is_some_and(|value| !value.is_empty()),
            "{owner}.{key} in {outputs}"
        );
    }

    let (wallet, ledger) = (system.wallet(), system.ledger());
    assert_eq!(
        (ledger.balance(&wallet), ledger.balance(PAY_TO)),
        (GRANT, GRANT)
    );
    let answer = system.json(&["invoke", "What is the weather in Tokyo?", "--json"]);
    assert!(
        answer["text"].as_str().unwrap().contains("Tokyo")
            && answer["text"].as_str().unwrap().contains('°'),
        "{answer}"
    );
    assert_eq!(
        answer["payments"][0]["amount"],
        PRICE.to_string(),
        "{answer}"
    );
    assert_eq!(answer["payments"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["model"], "turnpike.offline-model");
    assert_eq!(
        (ledger.balance(&wallet), ledger.balance(PAY_TO)),
        (GRANT - PRICE, GRANT + PRICE)
    );

    let again = system.run(&["deploy"]);
    assert!(again.status.success());
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("nothing to do"),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(ledger.settlements(), 1);

    assert_destroy_leaves_nothing(&system, &outputs);
}

fn assert_destroy_leaves_nothing(system: &System, outputs: &Json) {
    let mut pids: Vec<u32> = system.processes().into_iter().map(|(_, pid)| pid).collect();
    assert!(pids.len() >= 5, "{pids:?}");
    pids.push(system.supervisor());
    let page = outputs["frontend"]["url"].as_str().unwrap().to_owned();
    assert_eq!(get(&format!("{page}/health")).0, 200);
    assert!(
        system.left_running().len() > 5,
        "the question finds what runs"
    );
    system.succeed(&["destroy"]);
    assert!(
        eventually(Duration::from_secs(5), || !pids
            .iter()
            .any(|pid| is_alive(*pid))),
        "{pids:?} are still there"
    );
    // Its ports are anyone's again by now, another test's too, so the question goes to the processes and not to the ports.
    assert_eq!(system.left_running(), Vec::<String>::new());
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn a_destroyed_system_leaves_no_wallet_behind() {
    let system = System::deployed();
    let wallet = system.wallet();
    system.succeed(&["invoke", "What is the weather in Oslo?"]);
    system.succeed(&["destroy"]);
    let left: Vec<_> = std::fs::read_dir(system.local_folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| name == "logs" || name == "supervisor.lock"),
        "{left:?}"
    );
    assert!(
        String::from_utf8_lossy(&system.run(&["destroy"]).stderr).contains("nothing was running")
    );
    system.succeed(&["deploy"]);
    let other = system.wallet();
    assert_ne!(other, wallet, "a destroyed key does not come back");
    assert_eq!(system.ledger().balance(&other), GRANT);
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn a_crashed_service_comes_back_and_is_shown() {
    let system = System::deployed();
    for owner in [
        "facilitator",
        "x402-backend",
        "mcp-server",
        "agent",
        "frontend",
    ] {
        let pid = system
            .processes()
            .into_iter()
            .find(|(name, _)| name == owner)
            .unwrap()
            .1;
        kill(pid);
        let back = || {
            system
                .processes()
                .iter()
                .any(|(name, other)| name == owner && *other != pid)
        };
        assert!(
            eventually(Duration::from_secs(20), back),
            "{owner} did not come back"
        );
    }
    assert!(eventually(Duration::from_secs(20), || system
        .run(&["status"])
        .status
        .success()));
    let status = system.succeed(&["status"]);
    assert!(status.contains("1 restarts (last: signal 9)"), "{status}");
    let answer = system.json(&["invoke", "What is the weather in Lisbon?", "--json"]);
    assert_eq!(answer["payments"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(system.ledger().settlements(), 1);
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn several_cities_are_several_payments_and_a_conversation_is_remembered() {
    let system = System::deployed();
    let session = "a-conversation-of-the-system-tests-0001";
    let answer = system.json(&[
        "invoke",
        "Compare the weather in Tokyo and Oslo",
        "--json",
        "--session",
        session,
    ]);
    assert_eq!(answer["payments"].as_array().unwrap().len(), 2, "{answer}");
    let answer = system.json(&["invoke", "And in Paris?", "--json", "--session", session]);
    assert!(
        answer["text"].as_str().unwrap().contains("Paris"),
        "{answer}"
    );
    let answer = system.json(&["invoke", "What is the weather in Atlantis?", "--json"]);
    assert_eq!(
        answer["payments"],
        json!([]),
        "an unknown city is not charged: {answer}"
    );
    assert_eq!(system.ledger().settlements(), 3);
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn the_wallet_shows_what_was_spent_and_how_to_fund_it() {
    let system = System::deployed();
    system.succeed(&["invoke", "What is the weather in Rome?"]);
    let wallet = system.json(&["wallet", "--json"]);
    assert_eq!(wallet["address"], system.wallet());
    assert_eq!(wallet["balance"], (GRANT - PRICE).to_string(), "{wallet}");
    assert_eq!(wallet["spent"], PRICE.to_string(), "{wallet}");
    let shown = system.succeed(&["wallet"]);
    for words in ["9.99 USDC", "development chain", "0.05 a call", "fund"] {
        assert!(shown.contains(words), "no `{words}` in\n{shown}");
    }
    assert_eq!(system.ledger().settlements(), 1, "looking costs nothing");
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn doors_are_shut() {
    let system = System::deployed();
    let function = system.output("mcp-server", "url");
    assert_eq!(get(&function).0, 403, "the Function URL wants a signature");
    let backend = system.output("x402-backend", "url");
    let (status, _) = get(&format!("{backend}/weather?city=Tokyo"));
    assert_eq!(status, 402, "the backend wants a payment");
    assert_eq!(get(&format!("{backend}/weather?city=Atlantis")).0, 404);
    let page = system.output("frontend", "url");
    let foreign = block_on(async {
        client()
            .post(format!("{page}/api/chat"))
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .json(&json!({ "prompt": "What is the weather in Tokyo?" }))
            .send()
            .await
    })
    .unwrap();
    assert!(
        foreign.status().is_client_error(),
        "another site must not spend: {}",
        foreign.status()
    );
    assert_eq!(system.ledger().settlements(), 0);
}

#[test]
#[ignore = "runs the whole system: cargo xtask test system"]
fn one_trace_runs_through_all_services() {
    let system = System::deployed();
    system.succeed(&["invoke", "What is the weather in Cairo?"]);
    let lines: Vec<Json> = system
        .succeed(&["logs", "--since", "5m", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let paid = lines
        .iter()
        .find(|line| line["owner"] == "facilitator" && line["fields"]["path"] == "/settle");
    let trace =
        paid.unwrap_or_else(|| panic!("no settlement among {} lines", lines.len()))["traceId"]
            .as_str()
            .unwrap();
    let traced = system.succeed(&["logs", "--since", "5m", "--trace", trace, "--json"]);
    for owner in ["agent", "mcp-server", "x402-backend", "facilitator"] {
        let found = traced
            .lines()
            .any(|line| serde_json::from_str::<Json>(line).unwrap()["owner"] == owner);
        assert!(found, "{owner} is not in the trace:\n{traced}");
    }
    let key_form = |line: &&Json| {
        let text = line.to_string();
        text.split(|letter: char| !letter.is_ascii_hexdigit())
            .any(|word| word.len() == 64 && text.contains("secret"))
    };
    assert!(
        lines.iter().find(key_form).is_none(),
        "a log line holds something like a key"
    );
}
