//! One line: the fields of an event and of the spans around it, as members of one JSON object.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::ops::Range;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

use crate::text;
use crate::trace::TraceContext;

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Names that a field may not take.
const OWN_NAMES: [&str; 6] = [
    "timestamp",
    "level",
    "service",
    "target",
    "trace_id",
    "span_id",
];

/// The field that `tracing` makes of an event's text.
const MESSAGE: &str = "message";

/// A field that is longer is cut: what foreign parties say is in some of them.
pub(super) const FIELD_CHARACTERS_MAX: usize = 8_000;

/// Fields by name, each with its value in JSON. Every request writes lines, so they share one allocation and no map is made.
#[derive(Default)]
pub(super) struct Fields {
    values: Vec<(&'static str, Range<usize>)>,
    json: Vec<u8>,
    /// What a value looks like before it is cut, cleaned and escaped.
    shown: String,
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.json.clear();
    }

    pub(super) fn extend(&mut self, others: &Self) {
        for (name, range) in &others.values {
            let start = self.json.len();
            self.json.extend_from_slice(&others.json[range.clone()]);
            self.insert(name, start);
        }
    }

    fn put(&mut self, field: &Field, value: impl Serialize) {
        let start = self.json.len();
        put_json(&mut self.json, &value);
        self.insert(field.name(), start);
    }

    /// The value is what was written since `start`. It takes the place of one that had the name before.
    fn insert(&mut self, name: &'static str, start: usize) {
        let range = start..self.json.len();
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = range,
            None => self.values.push((name, range)),
        }
    }

    fn put_text(&mut self, field: &Field, value: &str) {
        self.put(field, &*text::clean_lines(value, FIELD_CHARACTERS_MAX));
    }

    fn take(&mut self, name: &str) -> Option<Range<usize>> {
        let index = self.values.iter().position(|(known, _)| *known == name)?;
        Some(self.values.remove(index).1)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut shown = std::mem::take(&mut self.shown);
        shown.clear();
        // A `Debug` that fails has said what it could.
        let _written = write!(shown, "{value:?}");
        self.put_text(field, &shown);
        self.shown = shown;
    }
}

/// Appends the line of an event, its end included.
pub(super) fn write(
    line: &mut Vec<u8>,
    service: &str,
    metadata: &Metadata<'_>,
    trace: Option<TraceContext>,
    fields: &mut Fields,
    now: OffsetDateTime,
) {
    fields.values.sort_by_key(|(name, _)| *name);
    line.extend_from_slice(b"{\"timestamp\":\"");
    // Writing to memory does not fail.
    let _written = now.format_into(line, TIMESTAMP);
    let _written = write!(line, "\",\"level\":\"{}\",\"service\":", metadata.level());
    put_json(line, service);
    line.extend_from_slice(b",\"message\":");
    match fields.take(MESSAGE) {
        Some(range) => line.extend_from_slice(&fields.json[range]),
        None => put_json(line, metadata.name()),
    }
    if let Some(trace) = trace {
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        let _written = write!(
            line,
            ",\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\""
        );
    }
    if *metadata.level() > Level::INFO {
        line.extend_from_slice(b",\"target\":");
        put_json(line, metadata.target());
    }
    for (name, range) in &fields.values {
        line.push(b',');
        if OWN_NAMES.contains(name) {
            put_json(line, &format!("{name}_"));
        } else {
            put_json(line, name);
        }
        line.push(b':');
        line.extend_from_slice(&fields.json[range.clone()]);
    }
    line.extend_from_slice(b"}\n");
}

fn put_json(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Plain values are written to memory: neither can fail.
    let _written = serde_json::to_writer(json, value);
}
