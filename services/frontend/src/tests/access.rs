use http::{StatusCode, header};
use serde_json::json;

use super::{KEY, TestServer, chat, cookie_of, form, get, json, text, with};

#[tokio::test]
async fn with_a_key_nothing_works_before_sign_in() {
    let server = TestServer::with_key().await;
    let page = server.send(get("/")).await;
    assert_eq!(
        (page.status(), page.headers()[header::LOCATION].as_bytes()),
        (StatusCode::SEE_OTHER, &b"/sign-in"[..])
    );
    for request in [get("/api/wallet"), chat(&json!({"prompt": "hello"}))] {
        let response = server.send(request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(json(response).await["error"]["action"], "signIn");
    }
    assert!(server.agent.calls.lock().unwrap().is_empty());
    assert_eq!(server.send(get("/health")).await.status(), StatusCode::OK);
    assert!(
        text(server.send(get("/sign-in")).await)
            .await
            .contains("access-key-input")
    );
}

#[tokio::test]
async fn the_right_key_opens_and_signing_out_closes() {
    let server = TestServer::with_key().await;
    let wrong = server.send(form("/sign-in", "key=wrong")).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(!wrong.headers().contains_key(header::SET_COOKIE));
    assert!(text(wrong).await.contains("That is not the access key"));

    let right = server
        .send(with(
            form("/sign-in", &format!("key=%20{KEY}")),
            "x-forwarded-proto",
            "https",
        ))
        .await;
    let set = right.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{set}"
    );
    let cookie = cookie_of(&right);
    let page = server.send(with(get("/"), "cookie", &cookie)).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(text(page).await.contains("sign-out-button"));
    assert_eq!(
        server
            .send(with(get("/api/wallet"), "cookie", &cookie))
            .await
            .status(),
        StatusCode::OK
    );
    assert_eq!(
        server
            .send(with(get("/sign-in"), "cookie", &cookie))
            .await
            .status(),
        StatusCode::SEE_OTHER
    );

    let out = server
        .send(with(form("/sign-out", ""), "cookie", &cookie))
        .await;
    assert!(
        out.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .starts_with("turnpike_visit=; Path=/; Max-Age=0")
    );
}

#[tokio::test]
async fn forged_cookies_open_nothing() {
    let server = TestServer::with_key().await;
    let good = server.cookie().await;
    let mut forged = good.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == '0' { '1' } else { '0' });
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
    let open = cookie_of(&TestServer::open().await.send(get("/")).await);
    for cookie in [forged, unsigned, open, "turnpike_visit=".into()] {
        let response = server
            .send(with(get("/api/wallet"), "cookie", &cookie))
            .await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{cookie}");
    }
    // Another process of the same stage has the same key and knows the cookie.
    let other = TestServer::with_key().await;
    assert_eq!(
        other
            .send(with(get("/api/wallet"), "cookie", &good))
            .await
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn wrong_keys_are_limited_for_each_address() {
    let server = TestServer::with_key().await;
    let try_key = |key: &str, from: &str| {
        with(
            form("/sign-in", &format!("key={key}")),
            "x-forwarded-for",
            from,
        )
    };
    for _ in 0..5 {
        let response = server.send(try_key("wrong", "made up, 203.0.113.7")).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    let limited = server
        .send(try_key(KEY, "something else, 203.0.113.7"))
        .await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers().contains_key(header::RETRY_AFTER));
    assert!(text(limited).await.contains("Too many wrong keys"));
    assert_eq!(
        server.send(try_key(KEY, "203.0.113.8")).await.status(),
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn other_sites_cannot_use_the_wallet() {
    let server = TestServer::open().await;
    let hello = || chat(&json!({"prompt": "hello"}));
    let refused = [
        with(hello(), "origin", "https://evil.example"),
        with(hello(), "sec-fetch-site", "cross-site"),
        with(get("/api/wallet"), "sec-fetch-site", "same-site"),
        with(form("/sign-in", "key=x"), "origin", "null"),
        with(form("/sign-out", ""), "origin", "https://evil.example"),
    ];
    for request in refused {
        let response = server.send(request).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(json(response).await["error"]["code"], "crossSite");
    }
    let renamed = with(
        with(hello(), "host", "evil.example"),
        "origin",
        "http://evil.example",
    );
    assert_eq!(
        server.send(renamed).await.status(),
        StatusCode::MISDIRECTED_REQUEST
    );
    assert!(server.agent.calls.lock().unwrap().is_empty());
    let own = with(
        with(hello(), "origin", "http://127.0.0.1:8080"),
        "sec-fetch-site",
        "same-origin",
    );
    assert_eq!(server.send(own).await.status(), StatusCode::OK);
    // A link on another site may lead here: the page itself does nothing by being opened.
    assert_eq!(
        server
            .send(with(get("/"), "sec-fetch-site", "cross-site"))
            .await
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_assets_are_kept() {
    let server = TestServer::open().await;
    for path in [
        "/",
        "/health",
        "/api/wallet",
        "/nowhere",
        "/assets/x/none.js",
    ] {
        let response = server.send(get(path)).await;
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
    let secure = server
        .send(with(get("/"), "x-forwarded-proto", "https"))
        .await;
    assert!(
        secure
            .headers()
            .contains_key(header::STRICT_TRANSPORT_SECURITY)
    );
    let page = text(secure).await;
    assert!(!page.contains("{{") && page.contains("data-prompt-length-max=\"4000\""));
    let assets: Vec<_> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(assets.len(), 5);
    for asset in assets {
        let response = server.send(get(asset)).await;
        assert_eq!(response.status(), StatusCode::OK, "{asset}");
        assert_eq!(
            response.headers()[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
    }
}
