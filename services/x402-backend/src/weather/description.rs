//! How the weather is asked for and what comes back, for programs that have never seen it. The 402 and `/.well-known/x402` say the
//! same, because both are made here.

use super::{CITY_CHARACTERS_MAX, Kind, Report};
use serde_json::{Value, json};
use x402::server::Discovery;

pub(crate) const CITY_DESCRIPTION: &str = "Name of a city, in any case";
const CITY_EXAMPLE: &str = "Tokyo";

/// JSON Schema of the query's one parameter.
pub(crate) fn city_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": CITY_CHARACTERS_MAX })
}

/// For lists of paid APIs. Kept short: it goes with every 402, in a header.
pub(crate) fn discovery() -> Discovery {
    let mut city = city_schema();
    city["description"] = CITY_DESCRIPTION.into();
    Discovery {
        query: json!({ "city": CITY_EXAMPLE }),
        query_schema: json!({
            "type": "object",
            "properties": { "city": city },
            "required": ["city"],
        }),
        answer: json!(example()),
        answer_schema: json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "country": { "type": "string", "description": "ISO 3166 code" },
                "temperatureCelsius": { "type": "number" },
                "conditions": { "type": "string" },
                "month": { "type": "string", "description": "Of a climateNormal" },
                "source": { "type": "string" },
                "kind": { "enum": [Kind::ClimateNormal, Kind::Observation] },
                "note": { "type": "string" },
            },
            "required": ["city", "country", "temperatureCelsius", "conditions", "source", "kind"],
        }),
    }
}

fn example() -> Report {
    Report {
        city: CITY_EXAMPLE.to_owned(),
        country: "JP".to_owned(),
        temperature_celsius: 15.2,
        conditions: "partly cloudy".to_owned(),
        month: None,
        source: "open-meteo.com".to_owned(),
        kind: Kind::Observation,
        note: None,
    }
}
