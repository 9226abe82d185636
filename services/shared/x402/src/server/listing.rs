//! What a seller says of itself, so that lists of paid APIs can show it: the extension `bazaar`, and the service's name and tags.
//!
//! The form is that of the specification (`specs/extensions/bazaar.md` of x402-foundation/x402) and of the npm package
//! `@x402/extensions`, whose limits are kept here too: what it would drop in silence is refused when the router is built.

use super::price::{Sale, SaleError};
use crate::Asset;
use serde_json::{Map, Value, json};
use url::{Host, Url};

/// More makes every payment fail at one hosted facilitator (x402-foundation/x402#2789).
const DESCRIPTION_MAX: usize = 500;
const NAME_MAX: usize = 32;
const TAGS_MAX: usize = 5;
const ICON_URL_MAX: usize = 2048;
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const LOCAL_HOSTS: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "ip6-loopback",
];

/// Whose API it is.
#[derive(Debug, Clone, Default)]
pub struct ServiceMetadata {
    /// At most 32 characters of ASCII.
    pub name: Option<String>,
    /// At most five, each at most 32 characters of ASCII.
    pub tags: Vec<String>,
    pub icon_url: Option<String>,
}

/// How the route is asked and what it answers. What is sold is asked for by GET: a payment buys a path and a query.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Query parameters of an example, by name.
    pub query: Value,
    /// JSON Schema of all query parameters as one object.
    pub query_schema: Value,
    /// The answer of the example, in JSON.
    pub answer: Value,
    /// JSON Schema of the answer.
    pub answer_schema: Value,
}

impl Discovery {
    /// `extensions.bazaar`: `schema` describes `info`.
    pub(super) fn bazaar(&self) -> Value {
        let input = json!({
            "type": "object",
            "properties": {
                "type": { "type": "string", "const": "http" },
                "method": { "type": "string", "enum": ["GET"] },
                "queryParams": self.query_schema,
            },
            "required": ["type", "method"],
            "additionalProperties": false,
        });
        let output = json!({
            "type": "object",
            "properties": { "type": { "type": "string" }, "example": self.answer_schema },
            "required": ["type"],
        });
        json!({
            "info": {
                "input": { "type": "http", "method": "GET", "queryParams": self.query },
                "output": { "type": "json", "example": self.answer },
            },
            "schema": {
                "$schema": DIALECT,
                "type": "object",
                "properties": { "input": input, "output": output },
                "required": ["input"],
            },
        })
    }

    /// The same as version 1 has it in each offer, where it is short.
    pub(super) fn output_schema(&self) -> Value {
        json!({
            "input": { "type": "http", "method": "GET", "discoverable": true, "queryParams": self.query },
            "output": self.answer,
        })
    }
}

/// The members of `resource` beside its URL.
pub(super) fn resource(sale: &Sale) -> Map<String, Value> {
    let mut resource = Map::new();
    resource.insert("description".into(), sale.description.as_str().into());
    resource.insert("mimeType".into(), sale.mime_type.as_str().into());
    if let Some(name) = &sale.service.name {
        resource.insert("serviceName".into(), name.as_str().into());
    }
    if !sale.service.tags.is_empty() {
        resource.insert("tags".into(), sale.service.tags.clone().into());
    }
    if let Some(url) = &sale.service.icon_url {
        resource.insert("iconUrl".into(), url.as_str().into());
    }
    resource
}

/// What a list or a hosted facilitator would refuse or drop.
pub(super) fn check(sale: &Sale) -> Result<(), SaleError> {
    // As JavaScript counts, which is never less than characters.
    let length = sale.description.encode_utf16().count();
    if length > DESCRIPTION_MAX {
        return Err(SaleError::Description(length));
    }
    if sale
        .service
        .name
        .as_deref()
        .is_some_and(|name| !is_label(name))
    {
        return Err(SaleError::ServiceName);
    }
    let tags = &sale.service.tags;
    let twice = |(index, tag): (usize, &String)| {
        tags.iter()
            .take(index)
            .any(|other| other.eq_ignore_ascii_case(tag))
    };
    if tags.len() > TAGS_MAX
        || !tags.iter().all(|tag| is_label(tag))
        || tags.iter().enumerate().any(twice)
    {
        return Err(SaleError::Tags);
    }
    if sale
        .service
        .icon_url
        .as_deref()
        .is_some_and(|url| !is_icon_url(url))
    {
        return Err(SaleError::IconUrl);
    }
    let schemas = sale
        .discovery
        .iter()
        .flat_map(|discovery| [&discovery.query_schema, &discovery.answer_schema]);
    match schemas.into_iter().find_map(foreign_reference) {
        Some(reference) => Err(SaleError::Reference(reference)),
        None => Ok(()),
    }
}

/// A name or a tag.
fn is_label(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_icon_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    text.len() <= ICON_URL_MAX
        && !text.chars().any(char::is_control)
        && matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && matches!(url.host(), Some(Host::Domain(name)) if !LOCAL_HOSTS.contains(&name))
}

/// A `$ref` or `$id` to anywhere but the schema itself.
fn foreign_reference(schema: &Value) -> Option<String> {
    match schema {
        Value::Array(items) => items.iter().find_map(foreign_reference),
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            let local = value.as_str().is_some_and(|text| text.starts_with('#'));
            if (key == "$ref" || key == "$id") && !local {
                return Some(
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                );
            }
            foreign_reference(value)
        }),
        _ => None,
    }
}

/// What keeps the route at `url`, as buyers see it, out of the lists of hosted facilitators. Each is a sentence for the seller.
///
/// Their rules: <https://docs.cdp.coinbase.com/x402/bazaar>; an entry appears some minutes after a payment was settled by the
/// facilitator that keeps the list, from a buyer that echoes `resource` and `extensions`.
pub fn listing_problems(sale: &Sale, url: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let url = Url::parse(url).ok();
    if url.as_ref().is_none_or(|url| url.scheme() != "https") {
        problems.push("its URL does not begin with https://; lists take no other".to_owned());
    }
    let public = match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => {
            let ending = name.rsplit('.').next().unwrap_or_default();
            name.contains('.') && !["local", "localhost", "internal", "test"].contains(&ending)
        }
        _ => false,
    };
    if !public {
        problems.push("its host is no public name; lists cannot reach it".to_owned());
    }
    if sale.description.trim().is_empty() {
        problems.push("it has no description".to_owned());
    }
    if sale.discovery.is_none() {
        problems.push("it does not say how it is asked (`discovery` of its sale)".to_owned());
    }
    let development = |asset: &Asset| matches!(asset.chain_id(), Ok(1337 | 31337) | Err(_));
    if sale.prices.iter().all(|price| development(&price.asset)) {
        problems.push(
            "its only network is a development chain; no hosted facilitator settles there"
                .to_owned(),
        );
    }
    problems
}
