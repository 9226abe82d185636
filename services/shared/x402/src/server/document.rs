//! The JSON of a 402, in both versions, with gaps for what each request fills in.

use super::description::resource;
use super::offer::Offer;
use super::price::Sale;
use crate::header;
use http::HeaderValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// JSON with a gap for the reason, and after it one or more for the URL.
pub(super) struct Document {
    before_reason: String,
    /// What stands before, between and after the URLs.
    around_urls: Vec<String>,
    /// What stands after the last URL, in base64. It is most of a 402 and the same in each, so it is encoded once.
    end: String,
}

impl Document {
    fn new(before_reason: &str, around_urls: Vec<String>) -> Self {
        let end = around_urls.last().map_or("", String::as_str);
        Self {
            before_reason: before_reason.to_owned(),
            end: header::to_base64(end.as_bytes()),
            around_urls,
        }
    }

    /// `reason` needs no escaping: it is a code of ours.
    pub(super) fn fill(&self, reason: &str, url: &str) -> String {
        let end = self.around_urls.last().map_or("", String::as_str);
        [&self.start(reason, url), end].concat()
    }

    /// The same as a header. White space before the end, which JSON allows, lets base64 be written in two pieces.
    pub(super) fn header(&self, reason: &str, url: &str) -> HeaderValue {
        let mut start = self.start(reason, url);
        while !start.len().is_multiple_of(3) {
            start.push(' ');
        }
        let encoded = [header::to_base64(start.as_bytes()).as_str(), &self.end].concat();
        HeaderValue::try_from(encoded).expect("base64 is visible ASCII")
    }

    /// All but the end.
    fn start(&self, reason: &str, url: &str) -> String {
        let url = Value::from(url).to_string();
        let (_, before) = self
            .around_urls
            .split_last()
            .unwrap_or((&self.before_reason, &[]));
        let mut start = [&self.before_reason, "\"", reason, "\""].concat();
        for piece in before {
            start.push_str(piece);
            start.push_str(&url);
        }
        start
    }
}

/// Written by hand in this order, because `serde_json` sorts keys and the reason's gap has to come before the URL's.
pub(super) fn v2(sale: &Sale, offers: &[Arc<Offer>]) -> Document {
    let resource = Value::from(resource(sale)).to_string();
    let requirements: Vec<_> = offers.iter().map(|offer| &offer.requirements).collect();
    let accepts = serde_json::to_string(&requirements)
        .expect("the wire types have text keys only, which JSON always takes");
    let mut extensions = json!({ crate::wire::PAYMENT_IDENTIFIER: {
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
    if let Some(discovery) = &sale.listing.discovery {
        extensions["bazaar"] = discovery.bazaar();
    }
    Document::new(
        r#"{"x402Version":2,"error":"#,
        vec![
            r#","resource":{"url":"#.to_owned(),
            format!(
                r#",{},"accepts":{accepts},"extensions":{extensions}}}"#,
                resource.trim_start_matches('{')
            ),
        ],
    )
}

/// `None` where no network has a name in version 1.
pub(super) fn v1(sale: &Sale, offers: &[Arc<Offer>]) -> Option<Document> {
    let mut around_urls = Vec::new();
    let mut before = r#","accepts":[{"resource":"#.to_owned();
    for offer in offers {
        let Some(network) = offer.network_v1 else {
            continue;
        };
        let requirements = &offer.requirements;
        let mut fields = json!({
            "scheme": requirements.scheme,
            "network": network,
            "maxAmountRequired": requirements.amount.to_string(),
            "description": sale.listing.description,
            "mimeType": sale.mime_type,
            "payTo": requirements.pay_to.to_checksum(None),
            "maxTimeoutSeconds": requirements.max_timeout_seconds,
            "asset": requirements.asset.to_checksum(None),
            "extra": requirements.extra,
        });
        if let Some(discovery) = &sale.listing.discovery {
            fields["outputSchema"] = discovery.output_schema();
        }
        let fields = fields.to_string();
        around_urls.push(before);
        before = format!(r#",{},{{"resource":"#, fields.trim_start_matches('{'));
    }
    let end = before.strip_suffix(r#",{"resource":"#)?;
    around_urls.push(format!("{end}]}}"));
    let start = r#"{"x402Version":1,"error":"#;
    Some(Document::new(start, around_urls))
}
