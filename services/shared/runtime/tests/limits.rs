//! The limits of the server over real sockets: clients that never finish, that are too slow, too many or too large, and
//! those that only look like it.

#![expect(clippy::unwrap_used, reason = "a test may stop here")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use runtime::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const GET: &[u8] = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
/// More than anything here takes, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ten pieces, 100 ms apart.
async fn stream() -> Body {
    Body::from_stream(futures_util::stream::iter(0..10).then(async |_| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece "))
    }))
}

/// As much as the client takes, up to 256 MiB.
async fn flood() -> Body {
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    Body::from_stream(futures_util::stream::iter(
        (0..256).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
    ))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    "slow"
}

/// Short ones; a test says what it wants otherwise.
fn limits() -> Limits {
    Limits {
        headers: Duration::from_millis(500),
        body: Duration::from_millis(500),
        idle: PATIENCE,
        write: PATIENCE,
        ..Limits::default()
    }
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn server(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/health", get(async || "well"))
        .route("/stream", get(stream))
        .route("/flood", get(flood))
        .route("/slow", get(slow))
        .route("/echo", post(async |body: Bytes| body));
    let stop = CancellationToken::new();
    tokio::spawn(runtime::serve_within(
        limits,
        listener,
        router,
        stop.clone(),
    ));
    Server { address, stop }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which this has been sent.
    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Everything that comes for one request on a connection of its own.
    async fn ask(&self, bytes: &[u8]) -> String {
        rest(self.send(bytes).await).await
    }
}

/// Everything until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is as good as an end.
    let _reset = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the server closes");
    String::from_utf8(bytes).unwrap()
}

/// What comes up to the end of one small answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"well") {
        let mut part = [0; 1024];
        let length = timeout(PATIENCE, stream.read(&mut part))
            .await
            .unwrap()
            .unwrap();
        assert!(
            length > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend_from_slice(&part[..length]);
    }
    String::from_utf8(bytes).unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

#[tokio::test]
async fn four_hundred_half_requests_are_closed_and_others_served_meanwhile() {
    let server = server(Limits {
        headers: Duration::from_secs(2),
        ..limits()
    })
    .await;
    let began = Instant::now();
    let mut half = Vec::new();
    for index in 0..400 {
        let sent: &[u8] = match index % 3 {
            0 => b"",
            1 => b"GET /health HT",
            _ => b"GET /health HTTP/1.1\r\nhost: a\r\nx-one: ",
        };
        half.push(server.send(sent).await);
    }
    // A byte now and then does not buy time.
    let mut trickle = server.send(b"GET /health HTTP/1.1\r\nx: ").await;
    let trickling = tokio::spawn(async move {
        while trickle.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    while began.elapsed() < Duration::from_secs(1) {
        assert_eq!(status(&server.ask(GET_AND_CLOSE).await), "200");
    }
    for stream in half {
        assert_eq!(rest(stream).await, "");
    }
    timeout(PATIENCE, trickling).await.unwrap().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(status(&server.ask(GET_AND_CLOSE).await), "200");
}

#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let server = server(limits()).await;
    for headers in [
        "content-length: 10\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}");
        let told = server.ask(request.as_bytes()).await;
        assert_eq!(status(&told), "408", "{told}");
        assert!(told.contains("body_too_slow"), "{told}");
    }
    // A handler that asks for no body does not wait for it.
    let request = b"GET /health HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
    assert_eq!(
        status(&answer(&mut server.send(request).await).await),
        "200"
    );
}

#[tokio::test]
async fn a_large_body_is_answered_413() {
    let server = server(Limits {
        body_bytes: 1000,
        ..limits()
    })
    .await;
    let fits = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1000\r\n\r\n{}",
        "x".repeat(1000)
    );
    assert_eq!(status(&server.ask(fits.as_bytes()).await), "200");
    let chunk = format!("3e9\r\n{}\r\n", "x".repeat(1001));
    for headers in [
        "content-length: 1001\r\n\r\n".to_owned(),
        format!("transfer-encoding: chunked\r\n\r\n{chunk}"),
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}");
        let told = server.ask(request.as_bytes()).await;
        assert_eq!(status(&told), "413", "{told}");
        assert!(told.contains("body_too_large"), "{told}");
    }
}

#[tokio::test]
async fn large_headers_are_answered_431() {
    let server = server(limits()).await;
    let of_length = |length| {
        format!(
            "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n",
            "x".repeat(length)
        )
    };
    assert_eq!(
        status(&server.ask(of_length(32 * 1024).as_bytes()).await),
        "200"
    );
    let told = server
        .ask(&of_length(80 * 1024).as_bytes()[..70 * 1024])
        .await;
    assert_eq!(status(&told), "431", "{told}");
}

#[tokio::test]
async fn a_kept_connection_closes_after_its_time_and_not_before() {
    let server = server(Limits {
        idle: Duration::from_secs(2),
        ..limits()
    })
    .await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        assert_eq!(status(&answer(&mut stream).await), "200");
        // Longer than headers may take.
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let began = Instant::now();
    assert_eq!(rest(stream).await, "");
    assert!(
        (500..5000).contains(&began.elapsed().as_millis()),
        "{:?}",
        began.elapsed()
    );

    // What begins on a kept connection has the time of headers.
    let mut stream = server.send(GET).await;
    answer(&mut stream).await;
    stream.write_all(b"GET /hea").await.unwrap();
    let began = Instant::now();
    assert_eq!(rest(stream).await, "");
    assert!(
        (300..1500).contains(&began.elapsed().as_millis()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn requests_in_one_go_are_answered_in_order() {
    let server = server(limits()).await;
    let told = server
        .ask(&[GET, b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n", GET_AND_CLOSE].concat())
        .await;
    assert_eq!(told.matches("HTTP/1.1 200").count(), 3, "{told}");
    assert!(
        told.find("slow").unwrap() > told.find("well").unwrap(),
        "{told}"
    );
    assert!(told.ends_with("well"), "{told}");
}

#[tokio::test]
async fn what_the_service_takes_its_time_for_is_not_cut() {
    let server = server(Limits {
        idle: Duration::from_millis(300),
        write: Duration::from_millis(300),
        ..limits()
    })
    .await;
    for (path, text) in [("/slow", "slow"), ("/stream", "piece ")] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let told = server.ask(request.as_bytes()).await;
        assert!(told.contains("200 OK") && told.contains(text), "{told}");
        assert!(
            path == "/slow" || told.matches(text).count() == 10,
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_left() {
    let server = server(Limits {
        write: Duration::from_millis(500),
        ..limits()
    })
    .await;
    let request = b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut idle = server.send(request).await;
    let reading = server.send(request).await;
    tokio::time::sleep(Duration::from_millis(2000)).await;
    // What the kernel holds can still be read; then it ends, far from whole.
    let mut taken = 0;
    let mut part = vec![0; 1 << 20];
    while let Ok(length) = timeout(PATIENCE, idle.read(&mut part))
        .await
        .expect("it was left")
    {
        if length == 0 {
            break;
        }
        taken += length;
    }
    assert!(taken < 64 << 20, "{taken}");
    drop(reading);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_health_checks_are_not() {
    let server = server(Limits {
        connections: 3,
        ..limits()
    })
    .await;
    let busy = b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = server.send(busy).await;
        // Its answer has begun: the connection is taken.
        let mut part = [0; 64];
        assert!(stream.read(&mut part).await.unwrap() > 0);
        streams.push(stream);
    }
    let told = server.ask(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(status(&told), "503", "{told}");
    assert!(told.contains("retry-after: 1"), "{told}");
    assert_eq!(status(&server.ask(GET).await), "200");
    drop(streams);
    // There is room again.
    let began = Instant::now();
    while status(
        &server
            .ask(b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await,
    ) != "200"
    {
        assert!(began.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn idle_connections_make_room() {
    let server = server(Limits {
        connections: 3,
        ..limits()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut stream = server.send(GET).await;
        answer(&mut stream).await;
        idle.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let told = server
        .ask(b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert_eq!(status(&told), "200", "{told}");
    for stream in idle {
        assert_eq!(rest(stream).await, "");
    }
}
