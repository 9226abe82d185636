use http_body_util::BodyExt;

use super::*;
use crate::http_client;
use crate::resources::{Action, Listener};
use std::sync::atomic::AtomicBool;

/// A balancer in front of a router, on a port of its own.
async fn front(target: Option<axum::Router>) -> (Front, u16) {
    let (sender, address) = watch::channel(None);
    if let Some(router) = target {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        sender.send_replace(Some(listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let listener = bind(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let plan = BalancerPlan {
        logical_id: "B".to_owned(),
        arn: "b".to_owned(),
        port,
        idle_timeout_seconds: 1,
        listener: Some(Listener {
            arn: "l".to_owned(),
            default_action: Action::Forward {
                target_group: "t".to_owned(),
            },
            rules: Vec::new(),
        }),
    };
    let routing = Routing {
        plan,
        targets: BTreeMap::from([("t".to_owned(), vec![Target::new(address)])]),
        hold: false,
    };
    let shared = Arc::new(RwLock::new(routing));
    (
        Front::open(listener, router(shared, http_client::client())).unwrap(),
        port,
    )
}

async fn request(port: u16, path: &str) -> http::Response<axum::body::Body> {
    let request = http::Request::builder()
        .uri(format!("http://127.0.0.1:{port}{path}"))
        .header("x-forwarded-for", "10.0.0.1")
        .body(axum::body::Body::empty())
        .unwrap();
    http_client::client()
        .request(request)
        .await
        .unwrap()
        .map(axum::body::Body::new)
}

async fn text(response: http::Response<axum::body::Body>) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

#[tokio::test]
async fn headers_are_added_as_a_load_balancer_does() {
    let echo = axum::Router::new().fallback(|headers: http::HeaderMap| async move {
        [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "host",
        ]
        .map(|name| headers[name].to_str().unwrap().to_owned())
        .join(" ")
    });
    let (front, port) = front(Some(echo)).await;
    assert_eq!(
        text(request(port, "/").await).await,
        format!("10.0.0.1, 127.0.0.1 http {port} 127.0.0.1:{port}")
    );
    front.close(Duration::from_secs(1)).await;
    assert!(bind(port).is_ok());
}

#[tokio::test]
async fn streams_pass_piece_by_piece() {
    let stream = || async {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(1);
        tokio::spawn(async move {
            for number in 0..3 {
                sender
                    .send(Ok(format!("data: {number}\n\n")))
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        axum::body::Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver))
    };
    let (front, port) = front(Some(axum::Router::new().fallback(stream))).await;
    let begun = Instant::now();
    let mut body = request(port, "/").await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "data: 0\n\n");
    assert!(
        begun.elapsed() < Duration::from_millis(140),
        "the first piece came with the others"
    );
    assert_eq!(
        body.collect().await.unwrap().to_bytes(),
        "data: 1\n\ndata: 2\n\n"
    );
    front.close(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_goes_wrong_is_said_as_a_load_balancer_says_it() {
    let slow = axum::Router::new().fallback(|| tokio::time::sleep(Duration::from_secs(5)));
    let (slow, slow_port) = front(Some(slow)).await;
    let (none, none_port) = front(None).await;
    for (port, status, title) in [
        (slow_port, 504, "504 Gateway Time-out"),
        (none_port, 503, "503 Service Temporarily Unavailable"),
    ] {
        let response = request(port, "/").await;
        assert_eq!(
            (
                response.status().as_u16(),
                response.headers()["content-type"].to_str().unwrap()
            ),
            (status, "text/html")
        );
        assert!(text(response).await.contains(title));
    }
    slow.close(Duration::ZERO).await;
    none.close(Duration::ZERO).await;
}

#[tokio::test]
async fn what_is_open_when_a_port_is_closed_may_end_within_its_time() {
    for (patience, ends) in [(20_000, true), (50, false)] {
        let ended = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&ended);
        let slow = axum::Router::new().fallback(async move || {
            tokio::time::sleep(Duration::from_secs(2)).await;
            tell.store(true, Ordering::Release);
        });
        let listener = bind(0).unwrap();
        let front = Front::open(listener, slow).unwrap();
        let port = front.port;
        let idle = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();
        let asked = tokio::spawn(request(port, "/"));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        front.close(Duration::from_millis(patience)).await;
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "an idle connection is not waited for"
        );
        assert_eq!(ended.load(Ordering::Acquire), ends);
        assert!(bind(port).is_ok());
        drop((idle, asked));
    }
}
