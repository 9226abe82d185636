//! DynamoDB: the tables of the templates, as the crate `tables` keeps them. Here is who may ask.

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tables::{Definition, Refusal, Request, Tables};

use super::Aws;
use super::access::{Caller, lock};
use super::error::AwsError;

const TARGET: &str = "DynamoDB_20120810.";
const JSON: &str = "application/x-amz-json-1.0";
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The tables, once there is one: their file is opened for the first.
#[derive(Default)]
pub(super) struct Served(Mutex<Option<Arc<Tables>>>);

impl Served {
    pub(super) fn put(&self, file: &Path, table: Definition) -> anyhow::Result<()> {
        let mut tables = lock(&self.0);
        let served = match &*tables {
            Some(served) => served.clone(),
            None => {
                let opened = Tables::open(file).context(
                    "the tables of this stage are lost, or another process has them open; remove the file to begin with empty ones",
                )?;
                tables.insert(Arc::new(opened)).clone()
            }
        };
        drop(tables);
        served.put(table)
    }

    pub(super) fn remove(&self, table: &str, for_good: bool) -> anyhow::Result<()> {
        self.served()
            .map_or(Ok(()), |served| served.remove(table, for_good))
    }

    fn served(&self) -> Option<Arc<Tables>> {
        lock(&self.0).clone()
    }
}

pub(super) async fn call(aws: &Aws, caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let operation = target.strip_prefix(TARGET).unwrap_or(target);
    if body.len() > BODY_BYTES_MAX {
        let message = format!("The request is larger than {BODY_BYTES_MAX} bytes.");
        let error = AwsError::new(
            StatusCode::BAD_REQUEST,
            "RequestEntityTooLargeException",
            message,
        );
        return error.into_response();
    }
    let request = match Request::parse(operation, body) {
        Ok(request) => request,
        Err(refusal) => return refused(&refusal),
    };
    // Permission comes first: who may not ask must not learn what exists.
    for (action, table) in request.permissions() {
        let resource = format!(
            "arn:aws:dynamodb:{}:{}:table/{}",
            aws.inner.region,
            aws.inner.account,
            table.unwrap_or("*")
        );
        if let Err(error) = aws.authorize(caller, action, &resource, &[]) {
            return error.for_json_protocol().into_response();
        }
    }
    let answer = match aws.inner.tables.served() {
        Some(tables) => tables.run(request).await,
        None => Err(Refusal::no_table()),
    };
    match answer {
        Ok(answer) => ([(CONTENT_TYPE, JSON)], answer.to_string()).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = if refusal.is_internal() {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::BAD_REQUEST
    };
    let body = refusal.body().to_string();
    (status, [(CONTENT_TYPE, JSON)], body).into_response()
}
