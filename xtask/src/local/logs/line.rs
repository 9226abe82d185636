//! One line of a log, and how it is read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One line of a service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogLine {
    /// Whose log it is: `agent`, `supervisor`.
    pub(crate) owner: String,
    /// A line that has no time of its own has that of the line before it.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) timestamp: OffsetDateTime,
    /// `INFO`, `WARN`, `ERROR`...; empty for a line that is not JSON.
    pub(crate) level: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    /// What else the line says.
    pub(crate) fields: Map<String, Value>,
}

/// A JSON line by its fields; any other line is its own message.
pub(super) fn parse(owner: &str, text: &str, last_time: OffsetDateTime) -> LogLine {
    let mut fields = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        _ => {
            return LogLine {
                owner: owner.to_owned(),
                timestamp: last_time,
                level: String::new(),
                message: text.to_owned(),
                trace_id: None,
                fields: Map::new(),
            };
        }
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    let timestamp = take("timestamp")
        .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
        .unwrap_or(last_time);
    let (level, message, trace_id) = (
        take("level").unwrap_or_default(),
        take("message").unwrap_or_default(),
        take("trace_id"),
    );
    fields.remove("service");
    LogLine {
        owner: owner.to_owned(),
        timestamp,
        level,
        message,
        trace_id,
        fields,
    }
}
