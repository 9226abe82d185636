//! Against a registry made of a map, and against Debian's docker-registry where TURNPIKE_TEST_REGISTRY names its program.

mod fake;
mod real;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::*;
use fake::Fake;

/// Small pieces and short waits.
fn limits() -> Limits {
    Limits {
        chunk_bytes: 100_000,
        uploads_at_once: 3,
        attempts: 8,
        first_wait: Duration::from_millis(2),
    }
}

/// An image of layers of these sizes; no two bytes in a row are the same.
fn image(sizes: &[usize]) -> Image {
    let bytes = |seed: usize, size: usize| -> Vec<u8> {
        let mut state = seed as u32 + 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..size).map(|_| next()).collect()
    };
    let mut blobs: Vec<Blob> = sizes
        .iter()
        .enumerate()
        .map(|(seed, size)| Blob::new(bytes(seed, *size)))
        .collect();
    let described = |blob: &Blob, kind: &str| {
        serde_json::json!({
            "mediaType": format!("application/vnd.docker.{kind}"),
            "size": blob.bytes.len(),
            "digest": blob.digest(),
        })
    };
    let layers: Vec<serde_json::Value> = blobs
        .iter()
        .map(|blob| described(blob, "image.rootfs.diff.tar.gzip"))
        .collect();
    let config = Blob::new(&br#"{"architecture":"arm64","os":"linux"}"#[..]);
    let media_type = "application/vnd.docker.distribution.manifest.v2+json".to_owned();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(&config, "container.image.v1+json"),
        "layers": layers,
    });
    blobs.push(config);
    Image {
        manifest: manifest.to_string().into(),
        media_type,
        blobs,
    }
}

/// Hands out passwords, each good until the registry wants the next one.
#[derive(Debug, Default)]
struct Passwords {
    refused: AtomicU32,
}

impl Login for Passwords {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>> {
        let number = if refused {
            self.refused.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            self.refused.load(Ordering::SeqCst)
        };
        Box::pin(std::future::ready(Ok(Some(Credentials {
            name: "tester".to_owned(),
            password: format!("password-{number}"),
        }))))
    }
}

#[tokio::test]
async fn the_second_push_is_one_request() {
    let fake = Fake::start().await;
    let registry = Registry::new(&fake.address, Arc::new(Anonymous), limits()).unwrap();
    let image = image(&[10, 350_000, 10]);
    let pushed = registry.push("turnpike/agent", "v1", &image).await.unwrap();
    assert_eq!(pushed.blobs_sent, 4);
    assert_eq!(pushed.digest, digest(&image.manifest));
    let before = fake.requests().len();
    let again = registry.push("turnpike/agent", "v1", &image).await.unwrap();
    assert_eq!((again.blobs_sent, again.bytes_sent), (0, 0));
    assert_eq!(
        fake.requests()[before..],
        ["HEAD /v2/turnpike/agent/manifests/v1"]
    );
    let other = registry.push("turnpike/agent", "v2", &image).await.unwrap();
    assert_eq!(other.blobs_sent, 0, "another tag needs a manifest only");
    let found = registry
        .manifest("turnpike/agent", &pushed.digest)
        .await
        .unwrap();
    assert_eq!(found, Some(image.manifest));
    let none = registry.manifest_digest("turnpike/agent", "v9").await;
    assert_eq!(none.unwrap(), None);
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off() {
    let fake = Fake::start().await;
    // Two pieces arrive by half only, and then the registry says that it is in trouble.
    fake.state().halves = 2;
    let registry = Registry::new(&fake.address, Arc::new(Anonymous), limits()).unwrap();
    let image = image(&[1_000_000]);
    registry.push("a/b", "v1", &image).await.unwrap();
    let begun = fake
        .requests()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(begun, 2, "one upload for each blob: {:#?}", fake.requests());
    assert_eq!(fake.state().bytes_received, 1_000_000 + 37);
}

#[tokio::test]
async fn a_lost_upload_begins_again_and_a_broken_one_ends() {
    let fake = Fake::start().await;
    fake.state().forget = 1;
    let registry = Registry::new(&fake.address, Arc::new(Anonymous), limits()).unwrap();
    let image = image(&[300_000]);
    registry.push("a/b", "v1", &image).await.unwrap();
    let wrong = Image {
        manifest: Bytes::from_static(b"{}"),
        ..image.clone()
    };
    fake.state().digest_of_manifest = Some("sha256:0".to_owned());
    let error = registry.push("a/b", "v2", &wrong).await.unwrap_err();
    assert!(
        error.to_string().contains("stored sha256:0 instead of"),
        "{error:#}"
    );
}

#[tokio::test]
async fn passwords_and_tokens_that_run_out_are_fetched_anew() {
    for bearer in [false, true] {
        let fake = Fake::start().await;
        fake.state().bearer = bearer;
        // Each one is good for three requests.
        fake.state().password = Some(3);
        let login = Arc::new(Passwords::default());
        let one_by_one = Limits {
            uploads_at_once: 1,
            ..limits()
        };
        let registry = Registry::new(&fake.address, login.clone(), one_by_one).unwrap();
        let pushed = registry.push("a/b", "v1", &image(&[10, 20, 30])).await;
        assert_eq!(pushed.unwrap().blobs_sent, 4, "bearer: {bearer}");
        assert!(login.refused.load(Ordering::SeqCst) > 1 || bearer);
    }
}

#[tokio::test]
async fn a_login_that_is_never_good_is_an_error_that_says_so() {
    let fake = Fake::start().await;
    fake.state().password = Some(0);
    let login = Arc::new(Passwords::default());
    let registry = Registry::new(&fake.address, login, limits()).unwrap();
    let error = registry.push("a/b", "v1", &image(&[1])).await.unwrap_err();
    assert!(error.to_string().contains("401 Unauthorized"), "{error:#}");
    let anonymous = Registry::new(&fake.address, Arc::new(Anonymous), limits()).unwrap();
    let error = anonymous.push("a/b", "v1", &image(&[1])).await.unwrap_err();
    assert!(
        error.to_string().ends_with("/a/b is not open to everybody"),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let few = Limits {
        attempts: 2,
        ..limits()
    };
    let registry = Registry::new("127.0.0.1:1", Arc::new(Anonymous), few).unwrap();
    let error = registry.push("a/b", "v1", &image(&[1])).await.unwrap_err();
    assert!(
        error.to_string().contains("cannot reach 127.0.0.1:1/a/b"),
        "{error:#}"
    );
}

#[test]
fn an_image_goes_in_clear_over_loopback_only() {
    let table = [
        ("127.0.0.1:5000", Ok("http://127.0.0.1:5000/")),
        ("localhost:5000", Ok("http://localhost:5000/")),
        ("[::1]:5000", Ok("http://[::1]:5000/")),
        ("https://127.0.0.1:5000", Ok("https://127.0.0.1:5000/")),
        (
            "1.dkr.ecr.us-west-2.amazonaws.com",
            Ok("https://1.dkr.ecr.us-west-2.amazonaws.com/"),
        ),
        (
            "http://10.0.0.1:5000",
            Err("the registry address `http://10.0.0.1:5000` would send the image in clear"),
        ),
        (
            "ftp://a",
            Err("the registry address `ftp://a` would send the image in clear"),
        ),
        ("", Err("the registry address `` is none")),
    ];
    for (text, expected) in table {
        let found = address::parse_address(text).map_err(|error| error.to_string());
        let found = found.as_ref().map(url::Url::as_str).map_err(String::as_str);
        assert_eq!(found, expected, "{text}");
    }
}
