use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Shared, serve};

/// A registry of one repository.
#[derive(Debug, Default)]
struct World {
    tokens: u32,
    /// How long a token is good for.
    lifetime_seconds: i64,
    /// Digest and tag.
    images: Vec<(String, Option<String>)>,
    calls: Vec<String>,
}

async fn account() -> (Aws, Shared<World>) {
    let world = Shared::new(World::default());
    let router = Router::new()
        .route("/", post(handle))
        .with_state(world.clone());
    (serve(router).await, world)
}

async fn handle(State(world): State<Shared<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = world.lock();
    let target = headers["x-amz-target"].to_str().unwrap();
    let action = target.rsplit('.').next().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    world.calls.push(action.clone());
    let refused = |code: &str| {
        (
            axum::http::StatusCode::BAD_REQUEST,
            json!({"__type": code, "message": "no"}).to_string(),
        )
            .into_response()
    };
    if action != "GetAuthorizationToken" && request["repositoryName"] != "turnpike/dev/agent" {
        return refused("RepositoryNotFoundException");
    }
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let answer = match action.as_str() {
        "GetAuthorizationToken" => {
            world.tokens += 1;
            let token = STANDARD.encode(format!("AWS:password-{}", world.tokens));
            json!({"authorizationData": [{"authorizationToken": token, "expiresAt": now + world.lifetime_seconds}]})
        }
        "DescribeImages" => {
            let wanted = &request["imageIds"][0];
            let found = world.images.iter().find(|(digest, tag)| {
                wanted["imageDigest"] == digest.as_str()
                    || tag.as_deref().is_some_and(|tag| wanted["imageTag"] == tag)
            });
            match found {
                Some((digest, _)) => json!({"imageDetails": [{"imageDigest": digest}]}),
                None => return refused("ImageNotFoundException"),
            }
        }
        "ListImages" => {
            let page = world.images.iter().take(100);
            let ids: Vec<Value> = page
                .map(|(digest, tag)| json!({"imageDigest": digest, "imageTag": tag}))
                .collect();
            json!({"imageIds": ids})
        }
        "BatchDeleteImage" => {
            let ids = request["imageIds"].clone();
            world.images.retain(|(digest, _)| {
                ids.as_array()
                    .unwrap()
                    .iter()
                    .all(|id| id["imageDigest"] != digest.as_str())
            });
            json!({"imageIds": ids, "failures": []})
        }
        _ => return refused("UnknownOperationException"),
    };
    answer.to_string().into_response()
}

#[tokio::test]
async fn passwords_are_kept_until_they_run_out_or_are_refused() {
    let (aws, world) = account().await;
    world.lock().lifetime_seconds = 12 * 3600;
    let login = EcrLogin::new(&aws);
    let password = async |refused| {
        let credentials = login.credentials(refused).await.unwrap().unwrap();
        assert_eq!(credentials.name, "AWS");
        credentials.password
    };
    let (one, other) = tokio::join!(password(false), password(false));
    assert_eq!(
        [one, other],
        ["password-1", "password-1"],
        "two pushes, one password"
    );
    assert_eq!(password(true).await, "password-2");
    assert_eq!(password(false).await, "password-2");
    // Less than half an hour is left of the next one.
    world.lock().lifetime_seconds = 20 * 60;
    assert_eq!(password(true).await, "password-3");
    assert_eq!(password(false).await, "password-4");
}

#[tokio::test]
async fn every_image_is_deleted() {
    let (aws, world) = account().await;
    let ecr = Ecr::new(&aws);
    let repository = "turnpike/dev/agent";
    let images = (0..250).map(|number| {
        (
            format!("sha256:{number}"),
            (number % 2 == 0).then(|| format!("t{number}")),
        )
    });
    world.lock().images = images.collect();
    world.lock().calls.clear();
    assert_eq!(ecr.empty_repository(repository).await.unwrap(), 250);
    assert_eq!(
        world.lock().calls.len(),
        7,
        "three pages, three deletions, one look"
    );
    assert_eq!(ecr.empty_repository("turnpike/dev/none").await.unwrap(), 0);
}

#[test]
fn the_address_and_the_repository_are_told_apart() {
    let split = |uri| split_uri(uri).ok();
    assert_eq!(
        split("123456789012.dkr.ecr.eu-west-1.amazonaws.com/turnpike/dev/agent"),
        Some((
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "turnpike/dev/agent"
        ))
    );
    assert_eq!(split("127.0.0.1:4566/a"), Some(("127.0.0.1:4566", "a")));
    assert_eq!(
        (split("agent"), split("/agent"), split("host/")),
        (None, None, None)
    );
}
