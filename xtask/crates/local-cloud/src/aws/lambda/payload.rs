//! Payload format 2.0 of Function URLs: an HTTP request as a JSON event, and a JSON answer as an HTTP response.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::super::access::Caller;

/// Facts of a request that its HTTP form does not hold.
pub(super) struct Origin<'a> {
    pub caller: &'a Caller,
    pub account: &'a str,
    pub source: IpAddr,
    pub request_id: &'a str,
    pub trace_id: &'a str,
    pub now: OffsetDateTime,
}

pub(super) fn event(parts: &Parts, body: &Bytes, origin: &Origin<'_>) -> Value {
    let header = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let domain = header(HOST);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.uri.path(),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(parts, origin),
        "requestContext": {
            "accountId": origin.account,
            "apiId": domain.split(['.', ':']).next(),
            "authorizer": { "iam": {
                "accessKey": origin.caller.access_key_id, "accountId": origin.account, "callerId": origin.caller.role.name,
                "cognitoIdentity": null, "principalOrgId": null, "userArn": origin.caller.principal(), "userId": origin.caller.role.name,
            } },
            "domainName": domain,
            "domainPrefix": domain.split(['.', ':']).next(),
            "http": {
                "method": parts.method.as_str(), "path": parts.uri.path(), "protocol": "HTTP/1.1",
                "sourceIp": origin.source.to_string(), "userAgent": header(USER_AGENT),
            },
            "requestId": origin.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": origin.now.format(format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000")).unwrap_or_default(),
            "timeEpoch": origin.now.unix_timestamp() * 1000 + i64::from(origin.now.millisecond()),
        },
        "isBase64Encoded": false,
    });
    let query = query(parts.uri.query().unwrap_or_default());
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query);
    }
    let cookies: Vec<&str> = parts
        .headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "))
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    match text(parts, body) {
        _ if body.is_empty() => {}
        Some(text) => event["body"] = json!(text),
        None => {
            event["body"] = json!(STANDARD.encode(body));
            event["isBase64Encoded"] = json!(true);
        }
    }
    event
}

/// Lower-case names, values joined by commas. The signature stays outside: the function must not be able to use it.
fn headers(parts: &Parts, origin: &Origin<'_>) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in &parts.headers {
        if [AUTHORIZATION, COOKIE].contains(name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        let entry = joined.entry(name.as_str().to_owned());
        entry
            .and_modify(|before| *before = format!("{before},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined.insert("x-forwarded-for".to_owned(), origin.source.to_string());
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined.insert("x-amzn-trace-id".to_owned(), origin.trace_id.to_owned());
    joined
}

/// Values of a repeated name are joined by commas.
fn query(raw: &str) -> Map<String, Value> {
    let mut joined = Map::new();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
        let value = match joined.get(&*name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        joined.insert(name.into_owned(), Value::String(value));
    }
    joined
}

/// The body as text if its type says that it is one.
fn text<'a>(parts: &Parts, body: &'a Bytes) -> Option<&'a str> {
    let content_type = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_text = essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || [
            "application/json",
            "application/javascript",
            "application/xml",
        ]
        .contains(&&*essence);
    let plain = is_text && !parts.headers.contains_key(CONTENT_ENCODING);
    plain.then(|| std::str::from_utf8(body).ok()).flatten()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP response that a function's answer stands for; `Err` says what is wrong with it.
pub(super) fn response(answer: &Bytes) -> Result<Response, String> {
    let value: Value = serde_json::from_slice(answer)
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    if value.get("statusCode").is_none() {
        // Lambda takes such an answer for the body.
        let body = value
            .as_str()
            .map_or_else(|| answer.clone(), |text| Bytes::from(text.to_owned()));
        let mut response = Response::new(Body::from(body));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let answer: Answer = serde_json::from_value(value)
        .map_err(|error| format!("the answer does not fit payload format 2.0: {error}"))?;
    let body = match (answer.body, answer.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(text), false) => Bytes::from(text),
        (Some(text), true) => STANDARD
            .decode(text)
            .map_err(|error| format!("the answer's body is not base64: {error}"))?
            .into(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code)
        .map_err(|_| format!("the status {} does not exist", answer.status_code))?;
    for (name, value) in answer.headers {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let wrong = |_| format!("the header `{name}` is not valid");
        let (name, value) = (
            name.parse::<HeaderName>()
                .map_err(|_| format!("the header name `{name}` is not valid"))?,
            HeaderValue::try_from(value).map_err(wrong)?,
        );
        response.headers_mut().insert(name, value);
    }
    for cookie in answer.cookies {
        response.headers_mut().append(
            SET_COOKIE,
            HeaderValue::try_from(cookie).map_err(|_| "a cookie is not a valid header value")?,
        );
    }
    response
        .headers_mut()
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    Ok(response)
}
