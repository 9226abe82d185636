//! One line of a log, how it is read, and which lines are wanted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use words::text::clean_lines;

/// Of a message or a field: what strangers say is in some of them.
pub const CHARACTERS_MAX: usize = 10_000;

/// One line of a service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Whose log it is: `agent`, `supervisor`.
    pub owner: String,
    /// A line that has no time of its own has that of the line before it.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// `INFO`, `WARN`, `ERROR`...; empty for a line that is not JSON.
    pub level: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// What else the line says.
    pub fields: Map<String, Value>,
}

/// The level of what the platform says about a service (a function's start and its bill), as opposed to the service.
pub const PLATFORM: &str = "PLATFORM";

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Whose logs; empty means every service's.
    pub owners: Vec<String>,
    pub since: Option<OffsetDateTime>,
    pub trace_id: Option<String>,
}

impl LogQuery {
    pub fn wants(&self, line: &LogLine) -> bool {
        self.since.is_none_or(|since| line.timestamp >= since)
            && self
                .trace_id
                .as_ref()
                .is_none_or(|trace| line.trace_id.as_ref() == Some(trace))
            && !(line.message.is_empty() && line.fields.is_empty())
    }
}

impl LogLine {
    /// A line that is its own message.
    pub fn plain(owner: &str, text: &str, time: OffsetDateTime) -> Self {
        Self {
            owner: owner.to_owned(),
            timestamp: time,
            level: String::new(),
            message: text.to_owned(),
            trace_id: None,
            fields: Map::new(),
        }
    }

    /// What else the line says, for a person: `status=200`.
    pub fn field_words(&self) -> impl Iterator<Item = String> {
        let fields = self.fields.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
        let trace = self.trace_id.iter().map(|trace| format!("trace={trace}"));
        fields.chain(trace)
    }

    /// A line in short, for a screen that is about something else: `12:00:01 ERROR cannot start error=...`.
    pub fn in_short(&self) -> String {
        let (hour, minute, second) = self.timestamp.time().as_hms();
        let mut words = vec![format!("{hour:02}:{minute:02}:{second:02}")];
        words.extend([self.level.clone(), self.message.clone()]);
        words.extend(self.field_words());
        words.retain(|word| !word.is_empty());
        clean_lines(&words.join(" "), CHARACTERS_MAX).into_owned()
    }
}

/// A JSON line by its fields; any other line is its own message.
pub fn parse(owner: &str, text: &str, last_time: OffsetDateTime) -> LogLine {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else {
        return LogLine::plain(owner, text, last_time);
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
