//! What a seller says of itself, so that lists of paid APIs can show it: a data file beside the service. The service offers what
//! stands in it, and `cargo xtask check` holds the same rules against the file before anything is deployed.
//!
//! The form is that of the specification (`specs/extensions/bazaar.md` of x402-foundation/x402) and of the npm package
//! `@x402/extensions`, whose limits are kept here too: what it would drop in silence is refused.

mod error;
mod example;
mod obstacle;
mod other_price;
mod schema;
#[cfg(test)]
mod tests;

pub use error::ListingError;
pub use obstacle::{Obstacle, is_development};
pub use other_price::{DECIMALS_MAX, OtherPrice, PRICES_MAX};

use error::Which;
use serde::Deserialize;
use serde_json::{Value, json};
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

/// What is sold, and by whom.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listing {
    /// For people: what is sold. At most 500 characters.
    #[serde(default)]
    pub description: String,
    /// At most 32 characters of ASCII.
    pub service_name: Option<String>,
    /// At most five, each at most 32 characters of ASCII.
    #[serde(default)]
    pub tags: Vec<String>,
    pub icon_url: Option<String>,
    /// Without it no list of paid APIs shows the route.
    pub discovery: Option<Discovery>,
}

/// How the route is asked and what it answers. What is sold is asked for by GET: a payment buys a path and a query.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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

impl Listing {
    /// Reads the file. Its rules are another matter: [`Listing::problems`].
    ///
    /// # Errors
    /// When it is not JSON, or has unknown members; the error has the line.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// All that a list or a hosted facilitator would refuse or drop.
    pub fn problems(&self) -> Vec<ListingError> {
        let mut problems = Vec::new();
        // As JavaScript counts, which is never less than characters.
        let length = self.description.encode_utf16().count();
        if length > DESCRIPTION_MAX {
            problems.push(ListingError::Description(length));
        }
        if self
            .service_name
            .as_deref()
            .is_some_and(|name| !is_label(name))
        {
            problems.push(ListingError::ServiceName);
        }
        if !are_tags(&self.tags) {
            problems.push(ListingError::Tags);
        }
        if self
            .icon_url
            .as_deref()
            .is_some_and(|url| !is_icon_url(url))
        {
            problems.push(ListingError::IconUrl);
        }
        if let Some(discovery) = &self.discovery {
            problems.extend(discovery.problems());
        }
        problems
    }
}

impl Discovery {
    /// `extensions.bazaar`: `schema` describes `info`.
    pub fn bazaar(&self) -> Value {
        json!({
            "info": {
                "input": { "type": "http", "method": "GET", "queryParams": self.query },
                "output": { "type": "json", "example": self.answer },
            },
            "schema": self.schema(),
        })
    }

    /// The same as version 1 has it in each offer, where it is short.
    pub fn output_schema(&self) -> Value {
        json!({
            "input": { "type": "http", "method": "GET", "discoverable": true, "queryParams": self.query },
            "output": self.answer,
        })
    }

    /// The whole schema, in which the two of the file are parts.
    fn schema(&self) -> Value {
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
            "$schema": DIALECT,
            "type": "object",
            "properties": { "input": input, "output": output },
            "required": ["input"],
        })
    }

    /// The schemas stand alone and are schemas, and each example fits its own: a hosted facilitator holds `info` against `schema`,
    /// and lists nothing that does not fit.
    fn problems(&self) -> Vec<ListingError> {
        let whole = self.schema();
        let parts = [
            (Which::Query, &self.query_schema, &self.query),
            (Which::Answer, &self.answer_schema, &self.answer),
        ];
        let mut problems = Vec::new();
        for (which, schema, example) in parts {
            if let Some(reference) = schema::foreign_reference(schema) {
                problems.push(ListingError::Reference(which, reference));
                continue;
            }
            let faults = schema::faults(schema, &whole);
            if !faults.is_empty() {
                let faults = faults.into_iter();
                problems.extend(faults.map(|fault| fault.of(which)));
                continue;
            }
            if matches!(which, Which::Query) && !example.is_object() {
                problems.push(ListingError::Query);
                continue;
            }
            let misfits = example::misfits(example, schema, &whole).into_iter();
            problems.extend(misfits.map(|text| ListingError::Example(which, text)));
        }
        problems
    }

    /// Whether an answer is what `answerSchema` says.
    ///
    /// # Errors
    /// What does not fit, with its place in the answer.
    pub fn describes(&self, answer: &Value) -> Result<(), Vec<String>> {
        let misfits = example::misfits(answer, &self.answer_schema, &self.schema());
        match misfits.is_empty() {
            true => Ok(()),
            false => Err(misfits),
        }
    }
}

/// A name or a tag.
fn is_label(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn are_tags(tags: &[String]) -> bool {
    let twice = |(index, tag): (usize, &String)| {
        tags.iter()
            .take(index)
            .any(|other| other.eq_ignore_ascii_case(tag))
    };
    tags.len() <= TAGS_MAX
        && tags.iter().all(|tag| is_label(tag))
        && !tags.iter().enumerate().any(twice)
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
