use expect_test::{ExpectFile, expect, expect_file};
use serde_json::{Value, json};
use x402::U256;

use crate::market::{KEY, Market};
use crate::support::{Server, settings};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn post(url: &str, body: &Value) -> reqwest::Response {
    let request = runtime::http::client()
        .post(format!("{url}/mcp"))
        .json(body);
    let request = request
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .header("traceparent", format!("00-{TRACE_ID}-00f067aa0ba902b7-01"));
    request.send().await.unwrap()
}

async fn ask(url: &str, method: &str, params: Value) -> Value {
    let response = post(
        url,
        &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
    )
    .await;
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json::<Value>().await.unwrap()
}

/// The result of a tool: what it structured, or its words when it failed.
async fn call(url: &str, name: &str, arguments: Value) -> Result<Value, String> {
    let result = ask(
        url,
        "tools/call",
        json!({"name": name, "arguments": arguments}),
    )
    .await["result"]
        .take();
    let text = result["content"][0]["text"].as_str().unwrap().to_owned();
    if result["isError"] == true {
        assert!(result.get("structuredContent").is_none());
        return Err(text);
    }
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        result["structuredContent"]
    );
    Ok(result["structuredContent"].clone())
}

fn check(value: &Value, url: &str, expected: &ExpectFile) {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    expected.assert_eq(&text.replace(url, "http://market"));
}

/// The limits are the wallet's, and a session has its own within them.
#[tokio::test]
async fn what_a_session_and_a_day_may_spend_is_never_passed() {
    let (market, shop) = Market::open(10_000, KEY).await;
    let limits = [("SESSION_LIMIT", "0.02"), ("DAY_LIMIT", "0.03")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let server = Server::start(settings(&shop).into_iter().chain(limits));
    let url = server.url().await;
    let buy = async |session: &str| {
        let parameters = json!({
            "name": "get_weather",
            "arguments": {"city": "Tokyo"},
            "_meta": {"baggage": format!("other=1, session.id={session};secret=0")},
        });
        let result = ask(&url, "tools/call", parameters).await["result"].take();
        result["content"][0]["text"].as_str().unwrap().to_owned()
    };
    for _ in 0..2 {
        assert!(buy("one").await.contains("transaction"));
    }
    let refused = buy("one").await;
    assert!(refused.contains("in this session"), "{refused}");
    assert!(buy("two").await.contains("transaction"));
    let refused = buy("three").await;
    assert!(refused.contains("in this day"), "{refused}");
    assert_eq!(market.spent(), U256::from(30_000));
    let wallet = call(&url, "get_wallet", json!({})).await.unwrap();
    assert_eq!(wallet["spentToday"], "30000");
    assert_eq!(wallet["receipts"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_weather_is_bought_with_a_receipt_and_the_wallet_shows_it() {
    let (market, shop) = Market::open(10_000, KEY).await;
    let server = Server::start(settings(&shop));
    let url = server.url().await;

    let price = call(&url, "get_price", json!({})).await.unwrap();
    assert_eq!(market.spent(), U256::ZERO);
    let weather = call(&url, "get_weather", json!({"city": "Tokyo"}))
        .await
        .unwrap();
    assert_eq!(market.spent(), U256::from(10_000));
    let wallet = call(&url, "get_wallet", json!({})).await.unwrap();
    let transaction = weather["payment"]["transaction"].as_str().unwrap();
    assert_eq!(transaction.len(), 66);
    let answers = json!([price, weather, wallet]).to_string();
    let answers = answers.replace(transaction, "(transaction)");
    check(
        &serde_json::from_str(&answers).unwrap(),
        &shop,
        &expect_file!["answers.json"],
    );

    // One read serves every call, the trace goes on to the shop, and the key is nowhere in the log.
    assert_eq!(*market.secret_reads.lock().unwrap(), 1);
    let traceparents = market.traceparents.lock().unwrap().clone();
    assert!(
        traceparents.len() >= 3 && traceparents.iter().all(|header| header[3..35] == *TRACE_ID),
        "{traceparents:?}"
    );
    let log = server.terminate().await;
    assert!(
        log.contains(r#""message":"paid""#) && log.contains(TRACE_ID),
        "{log}"
    );
    assert!(!log.to_lowercase().contains(&KEY[..16]), "{log}");
}

/// A sentence without what differs from run to run: hashes and times.
fn shown(sentence: &str) -> String {
    let words = sentence.split_inclusive([' ', ')', ';', ':']);
    let words = words.map(|word| match word.as_bytes() {
        [b'(', ..] | [b'0', b'x', ..] if word.len() > 60 => "(transaction)".to_owned(),
        [_, _, b':'] => "HH:".to_owned(),
        [b'0'..=b'9', b'0'..=b'9', b' '] => "MM ".to_owned(),
        _ => word.to_owned(),
    });
    words.collect()
}

#[tokio::test]
async fn what_cannot_be_bought_costs_nothing_and_is_explained() {
    let (market, shop) = Market::open(10_000, KEY).await;
    let server = Server::start(settings(&shop));
    let url = server.url().await;
    let mut sentences = Vec::new();
    for arguments in [
        json!({"city": " "}),
        json!({"city": "a".repeat(101)}),
        json!({}),
    ] {
        sentences.push(call(&url, "get_weather", arguments).await.unwrap_err());
    }
    // The signature has left: that the seller refuses does not make it worthless.
    let refused = call(&url, "get_weather", json!({"city": "Atlantis"})).await;
    sentences.push(shown(&refused.unwrap_err()));
    assert_eq!(market.spent(), U256::ZERO);
    let wallet = call(&url, "get_wallet", json!({})).await.unwrap();
    assert_eq!(
        (&wallet["open"], &wallet["spentToday"]),
        (&json!("10000"), &json!("10000"))
    );
    let until = wallet["openUntil"].as_str().unwrap();
    assert!(until.len() == 20 && until.ends_with('Z'), "{until}");
    // An answer that nobody can read has been paid for all the same, and the words say so.
    let unreadable = call(&url, "get_weather", json!({"city": "Nonsense"})).await;
    sentences.push(shown(&unreadable.unwrap_err()));
    assert_eq!(market.spent(), U256::from(10_000));
    expect![[r#"
        Nothing was paid: `city` must be the name of a city, of 1 to 100 characters.
        Nothing was paid: `city` must be the name of a city, of 1 to 100 characters.
        failed to deserialize parameters: missing field `city`
        The weather service says: No weather is known for Atlantis. 0.01 USDC may still be charged until HH:MM UTC: the seller answered 404 Not Found. Until then the amount counts as spent. Do not buy the same again before HH:MM UTC; after it, get_wallet shows whether it was charged.
        The weather service sent an answer that cannot be read. 0.01 USDC were paid for it, according to the seller (transaction (transaction)."#]].assert_eq(&sentences.join("\n"));
}

#[tokio::test]
async fn what_a_seller_says_reaches_the_model_cut_and_clean() {
    let (market, shop) = Market::open(10_000, KEY).await;
    let server = Server::start(settings(&shop));
    let url = server.url().await;
    let weather = call(&url, "get_weather", json!({"city": "Babel"}))
        .await
        .unwrap();
    let refused = call(&url, "get_weather", json!({"city": "Pandemonium"})).await;
    for said in [weather.to_string(), refused.unwrap_err()] {
        assert!(said.len() < 4_000, "{} bytes", said.len());
        assert!(said.contains("redxx") && said.contains("[cut]"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.contains("u001b"));
    }
    assert_eq!(market.spent(), U256::from(10_000));
    let log = server.terminate().await;
    assert!(log.lines().all(|line| line.len() < 20_000));
}

#[tokio::test]
async fn a_price_above_the_limit_is_refused_before_anything_is_signed() {
    let (market, shop) = Market::open(50_001, KEY).await;
    let server = Server::start(settings(&shop));
    let url = server.url().await;
    let sentence = call(&url, "get_weather", json!({"city": "Tokyo"}))
        .await
        .unwrap_err();
    expect!["Nothing was paid: the price of 0.050001 USDC is above the wallet's limit of 0.05 USDC for one call. Only the operator can raise it."].assert_eq(&sentence);
    assert_eq!(
        call(&url, "get_price", json!({})).await.unwrap()["withinLimit"],
        false
    );
    assert_eq!(market.spent(), U256::ZERO);
}

#[tokio::test]
async fn a_wallet_key_that_is_none_is_named_and_not_shown() {
    let wrong = format!("{}zz", &KEY[..62]);
    for (secret, part) in [
        (
            wrong.as_str(),
            "must be 64 hexadecimal characters, and the secret has 64 characters, some of them not hexadecimal",
        ),
        (
            &KEY[..40],
            "must be 64 hexadecimal characters, and the secret has 40 characters.",
        ),
        (&"0".repeat(64), "but is out of range"),
        ("", "no such secret"),
    ] {
        let (_market, shop) = Market::open(10_000, secret).await;
        let server = Server::start(settings(&shop));
        let sentence = call(&server.url().await, "get_wallet", json!({}))
            .await
            .unwrap_err();
        assert!(sentence.contains(part), "{sentence}");
        let told = sentence + &server.terminate().await;
        assert!(!told.contains(&KEY[..16]), "{told}");
    }
}

#[tokio::test]
async fn the_list_shows_schemas_and_which_tools_are_free() {
    let server = Server::start(settings("http://127.0.0.1:9"));
    let url = server.url().await;
    let tools = ask(&url, "tools/list", json!({})).await["result"]["tools"].take();
    check(&tools, "http://127.0.0.1:9", &expect_file!["tools.json"]);
}

#[tokio::test]
async fn only_what_exists_is_offered() {
    let server = Server::start(settings("http://127.0.0.1:9"));
    let url = server.url().await;
    let client = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let result = ask(&url, "initialize", client).await["result"].take();
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert_eq!(result["protocolVersion"], "2025-11-25");
    for method in ["prompts/list", "resources/list", "resources/templates/list"] {
        assert_eq!(
            ask(&url, method, json!({})).await["error"]["code"],
            -32601,
            "{method}"
        );
    }
    assert_eq!(
        ask(&url, "tools/call", json!({"name": "none"})).await["error"]["code"],
        -32602
    );
}

#[tokio::test]
async fn a_web_page_cannot_reach_the_wallet() {
    let server = Server::start(settings("http://127.0.0.1:9"));
    let url = server.url().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(post(&url, &ping).await.status(), 200);
    for (name, value) in [("host", "example.com"), ("origin", "https://example.com")] {
        let request = runtime::http::client()
            .post(format!("{url}/mcp"))
            .json(&ping)
            .header(name, value);
        let response = request
            .header("accept", "application/json, text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{name}");
    }
    let health = runtime::http::client()
        .get(format!("{url}/health"))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn a_signal_stops_it_in_good_order() {
    let server = Server::start(settings("http://127.0.0.1:9"));
    server.url().await;
    let log = server.terminate().await;
    assert!(
        log.contains(r#""message":"stopping","signal":"SIGTERM""#),
        "{log}"
    );
}

#[tokio::test]
async fn the_command_line() {
    let run = async |arguments: &[&str], settings: Vec<(String, String)>| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcp-server"));
        let output = command
            .args(arguments)
            .env_clear()
            .envs(settings)
            .output()
            .await
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(
        run(&["--version"], vec![]).await,
        (0, "mcp-server 0.1.0\n".into(), String::new())
    );
    assert_eq!(
        run(&["serve"], vec![]).await,
        (
            2,
            String::new(),
            "usage: mcp-server [health | --version]\n".into()
        )
    );
    let (code, _, problems) = run(&[], vec![("LOG".into(), "a,,=".into())]).await;
    assert_eq!(code, 2);
    assert!(
        problems.starts_with("mcp-server cannot start: 14 settings are wrong\n  LOG: "),
        "{problems}"
    );

    let server = Server::start(settings("http://127.0.0.1:9"));
    let url = server.url().await;
    let port = url.rsplit(':').next().unwrap().to_owned();
    assert_eq!(
        run(&["health"], vec![("PORT".into(), port)]).await,
        (0, String::new(), String::new())
    );
    let (code, _, problem) = run(&["health"], vec![("PORT".into(), "9".into())]).await;
    assert_eq!(code, 1);
    assert!(
        problem.starts_with("mcp-server is not healthy: http://127.0.0.1:9/health: "),
        "{problem}"
    );
}
