//! The JSON of a 402, in both versions, with gaps for what each request fills in.

use super::listing;
use super::offer::Offer;
use super::price::Sale;
use serde_json::{Value, json};
use std::sync::Arc;

/// JSON with a gap for the reason, and after it one or more for the URL.
pub(super) struct Document {
    before_reason: String,
    /// What stands before, between and after the URLs.
    around_urls: Vec<String>,
}

impl Document {
    /// `reason` needs no escaping: it is a code of ours.
    pub(super) fn fill(&self, reason: &str, url: &str) -> String {
        let url = Value::from(url).to_string();
        let urls = self.around_urls.join(&url);
        [&self.before_reason, "\"", reason, "\"", &urls].concat()
    }
}

/// Written by hand in this order, because `serde_json` sorts keys and the reason's gap has to come before the URL's.
pub(super) fn v2(sale: &Sale, offers: &[Arc<Offer>]) -> Document {
    let resource = Value::from(listing::resource(sale)).to_string();
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
    if let Some(discovery) = &sale.discovery {
        extensions["bazaar"] = discovery.bazaar();
    }
    Document {
        before_reason: r#"{"x402Version":2,"error":"#.to_owned(),
        around_urls: vec![
            r#","resource":{"url":"#.to_owned(),
            format!(
                r#",{},"accepts":{accepts},"extensions":{extensions}}}"#,
                resource.trim_start_matches('{')
            ),
        ],
    }
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
            "description": sale.description,
            "mimeType": sale.mime_type,
            "payTo": requirements.pay_to.to_checksum(None),
            "maxTimeoutSeconds": requirements.max_timeout_seconds,
            "asset": requirements.asset.to_checksum(None),
            "extra": requirements.extra,
        });
        if let Some(discovery) = &sale.discovery {
            fields["outputSchema"] = discovery.output_schema();
        }
        let fields = fields.to_string();
        around_urls.push(before);
        before = format!(r#",{},{{"resource":"#, fields.trim_start_matches('{'));
    }
    let end = before.strip_suffix(r#",{"resource":"#)?;
    around_urls.push(format!("{end}]}}"));
    Some(Document {
        before_reason: r#"{"x402Version":1,"error":"#.to_owned(),
        around_urls,
    })
}
