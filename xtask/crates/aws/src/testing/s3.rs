//! S3 as a stand-in: one bucket in memory, with conditional writes decided under one lock.
//!
//! | condition | nothing there | that version | another version |
//! | --- | --- | --- | --- |
//! | PUT, If-None-Match: * | 200 | 412 | 412 |
//! | PUT, If-Match: version | 404 `NoSuchKey` | 200 | 412 |
//! | DELETE, If-Match: version | 412 | 204 | 412 |
//!
//! A delete marker counts as nothing there; two writes at once may be told 409 `ConditionalRequestConflict`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>, and `conditional-deletes.html` beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::{Fault, Shared, answer, broken, serve};
use crate::Aws;

#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub objects: BTreeMap<String, Stored>,
    /// Versions and delete markers, for emptying: key, version, whether it is a marker.
    pub versions: Vec<(String, String, bool)>,
    pub calls: Vec<String>,
    /// By method: `PUT`.
    pub faults: Vec<(String, Fault)>,
    writes: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub bytes: Bytes,
    pub etag: String,
    /// By how many seconds it is older than it is.
    pub aged: i64,
    written: OffsetDateTime,
}

pub(crate) async fn start() -> (Aws, Shared<Bucket>) {
    let bucket = Shared::new(Bucket::default());
    let router = Router::new().fallback(handle).with_state(bucket.clone());
    (serve(router).await, bucket)
}

async fn handle(State(bucket): State<Shared<Bucket>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10 << 20).await.unwrap();
    let mut bucket = bucket.lock();
    let (method, query) = (parts.method.clone(), parts.uri.query().unwrap_or_default());
    bucket.calls.push(format!("{method} {}", parts.uri.path()));
    let planned = bucket
        .faults
        .iter()
        .position(|(name, _)| *name == method.as_str());
    let fault = planned.map(|index| bucket.faults.remove(index).1);
    if matches!(fault, Some(Fault::LostBefore)) {
        return broken();
    }
    if let Some(Fault::Refused {
        status,
        code,
        message,
    }) = fault
    {
        return refusal(status, code, message);
    }
    let key = parts.uri.path().splitn(3, '/').nth(2).unwrap_or_default();
    let result = match method {
        Method::GET if query.contains("versions") => bucket.list_versions(),
        Method::POST => bucket.delete_many(&body),
        Method::GET | Method::HEAD => bucket.read(key),
        Method::PUT => bucket.write(key, body, &parts.headers),
        _ => bucket.remove(key, &parts.headers),
    };
    match fault {
        Some(Fault::LostAfter) => broken(),
        Some(Fault::BrokenOff) => broken_off(),
        _ => result,
    }
}

/// An answer whose head arrives, and not the whole of its body.
fn broken_off() -> Response {
    let begin = futures_util::stream::once(async { Ok(Bytes::from_static(b"wh")) });
    let end = futures_util::stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("the connection is cut"))
    });
    Response::builder()
        .header("content-length", "5")
        .body(Body::from_stream(begin.chain(end)))
        .unwrap()
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    answer(
        status,
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    )
}

fn http_date(moment: OffsetDateTime) -> String {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    moment.format(&form).unwrap()
}

impl Bucket {
    fn allows(&self, key: &str, headers: &HeaderMap) -> bool {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let found = self.objects.get(key);
        header("if-none-match").is_none_or(|_| found.is_none())
            && header("if-match").is_none_or(|etag| found.is_some_and(|found| found.etag == etag))
    }

    fn read(&self, key: &str) -> Response {
        let Some(found) = self.objects.get(key) else {
            return refusal(404, "NoSuchKey", "The specified key does not exist.");
        };
        let written = found.written - time::Duration::seconds(found.aged);
        Response::builder()
            .header("etag", &found.etag)
            .header("last-modified", http_date(written))
            .body(Body::from(found.bytes.clone()))
            .unwrap()
    }

    fn write(&mut self, key: &str, bytes: Bytes, headers: &HeaderMap) -> Response {
        if headers.contains_key("if-match") && !self.objects.contains_key(key) {
            return refusal(404, "NoSuchKey", "The specified key does not exist.");
        }
        if !self.allows(key, headers) {
            return refusal(
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            );
        }
        let sum = STANDARD.encode(Sha256::digest(&bytes));
        if headers
            .get("x-amz-checksum-sha256")
            .is_none_or(|said| said != &sum)
        {
            return refusal(400, "BadDigest", "the checksum is another");
        }
        self.writes += 1;
        let etag = format!("\"{}\"", self.writes);
        let stored = Stored {
            bytes,
            etag: etag.clone(),
            aged: 0,
            written: OffsetDateTime::now_utc(),
        };
        self.objects.insert(key.to_owned(), stored);
        Response::builder()
            .header("etag", etag)
            .body(Body::empty())
            .unwrap()
    }

    fn remove(&mut self, key: &str, headers: &HeaderMap) -> Response {
        if !self.allows(key, headers) {
            return refusal(
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            );
        }
        self.objects.remove(key);
        Response::builder().status(204).body(Body::empty()).unwrap()
    }

    fn list_versions(&self) -> Response {
        let xml: String = self
            .versions
            .iter()
            .take(1000)
            .map(|(key, version, marker)| {
                let kind = if *marker { "DeleteMarker" } else { "Version" };
                format!("<{kind}><Key>{key}</Key><VersionId>{version}</VersionId></{kind}>")
            })
            .collect();
        answer(
            200,
            format!(
                "<ListVersionsResult><IsTruncated>{}</IsTruncated>{xml}</ListVersionsResult>",
                self.versions.len() > 1000
            ),
        )
    }

    fn delete_many(&mut self, body: &[u8]) -> Response {
        let text = String::from_utf8_lossy(body).into_owned();
        self.versions
            .retain(|(_, version, _)| !text.contains(&format!("<VersionId>{version}</VersionId>")));
        answer(200, "<DeleteResult></DeleteResult>".to_owned())
    }
}
