//! What a route costs, and the 402 that says so. All but the URL and the reason is written once, when the router is built.

use crate::asset::{Asset, AssetError};
use crate::exact::Domain;
use crate::wire::{Requirements, SCHEME_EXACT};
use crate::{header, reason};
use alloy_primitives::{Address, U256};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const EXPOSED: HeaderValue =
    HeaderValue::from_static("PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE");

/// The entry of a route in the price table.
#[derive(Debug, Clone)]
pub struct Sale {
    pub asset: Asset,
    /// Atomic units of the asset.
    pub amount: U256,
    pub pay_to: Address,
    /// How long a buyer's authorization should be valid.
    pub max_timeout_seconds: u64,
    /// For people: what is sold.
    pub description: String,
    /// Of the answer: `application/json`.
    pub mime_type: String,
}

impl Sale {
    /// The offer as x402 version 2 writes it.
    pub fn requirements(&self) -> Requirements {
        let mut extra = Map::new();
        extra.insert("name".into(), self.asset.name.clone().into());
        extra.insert("version".into(), self.asset.version.clone().into());
        Requirements {
            scheme: SCHEME_EXACT.into(),
            network: self.asset.network.clone(),
            amount: self.amount,
            asset: self.asset.address,
            pay_to: self.pay_to,
            max_timeout_seconds: self.max_timeout_seconds,
            extra: Some(extra),
        }
    }
}

/// A sale made ready to serve.
pub(super) struct Offer {
    pub(super) requirements: Requirements,
    pub(super) domain: Domain,
    pub(super) network_v1: Option<&'static str>,
    v2: Document,
    v1: Option<Document>,
}

/// JSON with two gaps, for the reason and the URL.
struct Document {
    before_reason: String,
    between: String,
    after_url: String,
}

impl Document {
    /// `reason` comes before `url` in `value`, each marked by its placeholder.
    fn new(json: &str) -> Self {
        let (before_reason, rest) = json.split_once("\"@reason\"").unwrap_or((json, ""));
        let (between, after_url) = rest.split_once("\"@url\"").unwrap_or((rest, ""));
        Self {
            before_reason: before_reason.into(),
            between: between.into(),
            after_url: after_url.into(),
        }
    }

    fn fill(&self, reason: &str, url: &str) -> String {
        let url = Value::from(url).to_string();
        let parts = [
            &self.before_reason,
            "\"",
            reason,
            "\"",
            &self.between,
            &url,
            &self.after_url,
        ];
        parts.concat()
    }
}

impl Offer {
    pub(super) fn new(sale: &Sale) -> Result<Self, AssetError> {
        let requirements = sale.requirements();
        let network_v1 = sale.asset.network_v1();
        let v2 = Document::new(&document_v2(sale, &requirements));
        let v1 =
            network_v1.map(|network| Document::new(&document_v1(sale, &requirements, network)));
        Ok(Self {
            domain: Domain::of(&sale.asset)?,
            requirements,
            network_v1,
            v2,
            v1,
        })
    }

    /// The 402: the offer in the header for version 2, in the body for version 1 where the network has a name in it. Elsewhere
    /// the body repeats the header in clear for whoever calls by hand.
    pub(super) fn payment_required(&self, reason: &str, url: &str) -> Response {
        let json = self.v2.fill(reason, url);
        let header = header::encode_json(json.as_bytes());
        let body = self.v1.as_ref().map_or(json, |v1| v1.fill(reason, url));
        let mut response = refusal(StatusCode::PAYMENT_REQUIRED, body);
        response
            .headers_mut()
            .insert(header::PAYMENT_REQUIRED, header);
        response
    }

    /// The offer that a payment names must be ours, in every field that decides about money.
    pub(super) fn matches(&self, accepted: &Requirements) -> Result<(), &'static str> {
        let ours = &self.requirements;
        if accepted.scheme != ours.scheme {
            return Err(reason::UNSUPPORTED_SCHEME);
        }
        if accepted.network != ours.network {
            return Err(reason::INVALID_NETWORK);
        }
        let extra_kept = ours.extra.iter().flatten().all(|(key, value)| {
            // Buyers may add keys of their own.
            accepted.extra.as_ref().and_then(|extra| extra.get(key)) == Some(value)
        });
        let same = accepted.amount == ours.amount
            && accepted.asset == ours.asset
            && accepted.pay_to == ours.pay_to
            && accepted.max_timeout_seconds == ours.max_timeout_seconds;
        if same && extra_kept {
            Ok(())
        } else {
            Err(reason::INVALID_REQUIREMENTS)
        }
    }
}

/// An answer in JSON that says no. It may be kept by nobody: the next request may be paid.
pub(super) fn refusal(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

/// The URL of a path of ours as the caller sees it. `Host` comes from the caller, who can only mislead himself by it.
pub fn public_url(headers: &HeaderMap, path: &str) -> String {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if header(X_FORWARDED_PROTO) == Some("https") {
        "https"
    } else {
        "http"
    };
    [scheme, "://", header(HOST).unwrap_or("localhost"), path].concat()
}

pub(super) fn request_url(request: &Request) -> String {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    public_url(request.headers(), path)
}

/// Written by hand in this order, because `serde_json` sorts keys and the reason's gap has to come before the URL's.
fn document_v2(sale: &Sale, requirements: &Requirements) -> String {
    let description = Value::from(sale.description.as_str());
    let mime_type = Value::from(sale.mime_type.as_str());
    let accepts = serde_json::to_string(&[requirements])
        .expect("the wire types have text keys only, which JSON always takes");
    let extensions = json!({ crate::wire::PAYMENT_IDENTIFIER: {
        "info": { "required": false },
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "required": { "type": "boolean" },
                "id": { "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[a-zA-Z0-9_-]+$" },
            },
            "required": ["required"],
        },
    }});
    format!(
        r#"{{"x402Version":2,"error":"@reason","resource":{{"url":"@url","description":{description},"mimeType":{mime_type}}},"accepts":{accepts},"extensions":{extensions}}}"#
    )
}

fn document_v1(sale: &Sale, requirements: &Requirements, network: &str) -> String {
    let offer = json!({
        "scheme": requirements.scheme,
        "network": network,
        "maxAmountRequired": requirements.amount.to_string(),
        "description": sale.description,
        "mimeType": sale.mime_type,
        "payTo": requirements.pay_to.to_checksum(None),
        "maxTimeoutSeconds": requirements.max_timeout_seconds,
        "asset": requirements.asset.to_checksum(None),
        "extra": requirements.extra,
    })
    .to_string();
    let fields = offer.trim_start_matches('{');
    format!(r#"{{"x402Version":1,"error":"@reason","accepts":[{{"resource":"@url",{fields}]}}"#)
}
