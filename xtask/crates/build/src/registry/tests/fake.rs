//! A registry that is a map, keeps a diary, and fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode};
use base64::Engine;
use bytes::Bytes;

use super::super::digest;

#[derive(Debug, Default)]
pub(super) struct Inside {
    requests: Vec<String>,
    /// By path.
    stored: BTreeMap<String, Bytes>,
    uploads: BTreeMap<String, Vec<u8>>,
    pub bytes_received: usize,
    /// So many pieces are kept by half, and answered with 503.
    pub halves: u32,
    /// So many uploads are lost before their second piece.
    pub forget: u32,
    /// What the registry says it stored.
    pub digest_of_manifest: Option<String>,
    /// Tokens instead of passwords.
    pub bearer: bool,
    /// Passwords are wanted, and good for so many requests.
    pub password: Option<u32>,
    /// The credential in use, and for how many more requests it is good.
    current: (String, u32),
    /// Credentials that have run out.
    spent: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Fake {
    pub address: String,
    inside: Arc<Mutex<Inside>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap().to_string(),
            inside: Arc::default(),
        };
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path().to_owned();
    let authorization = parts
        .headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    let mut inside = fake.state();
    if path == "/token" {
        // A token is good as long as a password is, and names nobody.
        let token = format!("token-{}", inside.spent.len());
        return respond(StatusCode::OK, &[], format!("{{\"token\":\"{token}\"}}"));
    }
    inside.requests.push(format!("{} {path}", parts.method));
    if !inside.lets_in(authorization.as_deref()) {
        let challenge = if inside.bearer {
            format!(
                "Bearer realm=\"http://{}/token\",service=\"s\"",
                fake.address
            )
        } else {
            "Basic realm=\"r\"".to_owned()
        };
        return respond(
            StatusCode::UNAUTHORIZED,
            &[("www-authenticate", &challenge)],
            "",
        );
    }
    let query = parts.uri.query().unwrap_or_default();
    if path.contains("/blobs/uploads/") {
        let length: usize = body.len();
        inside.bytes_received += length;
        return inside.upload(&parts.method, &path, query, body);
    }
    match parts.method {
        Method::PUT => {
            let found = digest(&body);
            let said = inside
                .digest_of_manifest
                .clone()
                .unwrap_or_else(|| found.clone());
            let folder = path.rsplit_once('/').unwrap().0;
            inside
                .stored
                .insert(format!("{folder}/{found}"), body.clone());
            inside.stored.insert(path, body);
            respond(StatusCode::CREATED, &[("docker-content-digest", &said)], "")
        }
        _ => match inside.stored.get(&path) {
            Some(bytes) => {
                let found = digest(bytes);
                respond(
                    StatusCode::OK,
                    &[("docker-content-digest", &found)],
                    bytes.clone(),
                )
            }
            None => respond(StatusCode::NOT_FOUND, &[], ""),
        },
    }
}

impl Inside {
    fn lets_in(&mut self, authorization: Option<&str>) -> bool {
        let Some(uses) = self.password else {
            return true;
        };
        let Some(text) = authorization else {
            return false;
        };
        let credential = match text.split_once(' ').unwrap() {
            ("Basic", text) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                String::from_utf8(bytes.unwrap()).unwrap()
            }
            (_, text) => text.to_owned(),
        };
        if self.spent.contains(&credential) {
            return false;
        }
        if self.current.0 != credential {
            self.current = (credential.clone(), uses);
        }
        if self.current.1 == 0 {
            self.spent.push(credential);
            return false;
        }
        self.current.1 -= 1;
        true
    }

    fn upload(&mut self, method: &Method, path: &str, query: &str, body: Bytes) -> Response<Body> {
        if method == Method::POST {
            let place = format!("{path}{}", self.requests.len());
            self.uploads.insert(place.clone(), Vec::new());
            return respond(StatusCode::ACCEPTED, &[("location", &place)], "");
        }
        if self.forget > 0
            && self
                .uploads
                .get(path)
                .is_some_and(|bytes| !bytes.is_empty())
        {
            self.forget -= 1;
            self.uploads.remove(path);
        }
        let Some(bytes) = self.uploads.get_mut(path) else {
            return respond(StatusCode::NOT_FOUND, &[], "");
        };
        let half = method == Method::PATCH && self.halves > 0;
        let taken = if half { body.len() / 2 } else { body.len() };
        bytes.extend_from_slice(&body[..taken]);
        if half {
            self.bytes_received -= body.len() - taken;
            self.halves -= 1;
            return respond(StatusCode::SERVICE_UNAVAILABLE, &[], "");
        }
        if method == Method::PUT {
            let wanted = query.strip_prefix("digest=").unwrap().replace("%3A", ":");
            let found = digest(bytes);
            if found != wanted {
                return respond(StatusCode::BAD_REQUEST, &[], "");
            }
            let folder = path.split("/uploads/").next().unwrap();
            let whole = Bytes::from(bytes.clone());
            self.stored.insert(format!("{folder}/{found}"), whole);
            return respond(
                StatusCode::CREATED,
                &[("docker-content-digest", &found)],
                "",
            );
        }
        let range = format!("0-{}", bytes.len().saturating_sub(1));
        respond(
            StatusCode::ACCEPTED,
            &[("location", path), ("range", &range)],
            "",
        )
    }
}

fn respond(status: StatusCode, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}
