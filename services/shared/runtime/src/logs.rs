//! JSON log lines with every field at the top level, so that one query language finds all of them.

use std::fmt;
use std::io::Write as _;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use crate::{Environment, text, trace};

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

/// A field that is longer is cut: what foreign parties say is in some of them.
const FIELD_CHARACTERS_MAX: usize = 8_000;

/// The MCP library tells each step of each request at level INFO.
const FILTER_DEFAULT: &str = "info,rmcp=warn";

/// The filter in `LOG`, in the syntax of `tracing_subscriber::EnvFilter`; when it is missing, `info` for our own lines.
pub(crate) fn filter(environment: &mut Environment) -> EnvFilter {
    let text = environment
        .optional("LOG")
        .unwrap_or_else(|| FILTER_DEFAULT.to_owned());
    EnvFilter::builder().parse(&text).unwrap_or_else(|error| {
        environment.problem(
            "LOG",
            format!("{text:?} is not a log filter such as `info` or `info,agent=debug`: {error}"),
        );
        EnvFilter::default()
    })
}

/// Sends log lines to stdout from now on, a panic among them.
pub(crate) fn install(service: &'static str, filter: EnvFilter) {
    let lines = JsonLines {
        service,
        write: |line: &[u8]| std::io::stdout().lock().write_all(line),
    };
    if tracing::subscriber::set_global_default(Registry::default().with(lines.with_filter(filter)))
        .is_err()
    {
        tracing::warn!("logs were set up twice");
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(
            location,
            "panic: {}",
            panic.payload_as_str().unwrap_or("(no text)")
        );
    }));
}

struct JsonLines<W> {
    service: &'static str,
    write: W,
}

/// Fields of a span, kept with it until an event happens inside.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&[u8]) -> std::io::Result<()> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(SpanFields(fields.0));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(known)) = span.extensions_mut().get_mut()
        {
            let mut fields = Fields(std::mem::take(known));
            values.record(&mut fields);
            *known = fields.0;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(SpanFields(known)) = span.extensions().get() {
                fields.0.extend(known.clone());
            }
        }
        event.record(&mut fields);
        let line = self.line(event, fields.0, OffsetDateTime::now_utc());
        // There is nowhere to report that the log itself cannot be written.
        let _written = (self.write)(&line);
    }
}

impl<W> JsonLines<W> {
    fn line(
        &self,
        event: &Event<'_>,
        mut fields: Map<String, Value>,
        now: OffsetDateTime,
    ) -> Vec<u8> {
        let metadata = event.metadata();
        let mut line = Vec::with_capacity(256);
        put(
            &mut line,
            "timestamp",
            &now.format(TIMESTAMP).unwrap_or_default().into(),
        );
        put(&mut line, "level", &metadata.level().as_str().into());
        put(&mut line, "service", &self.service.into());
        put(
            &mut line,
            "message",
            &fields
                .remove("message")
                .unwrap_or_else(|| metadata.name().into()),
        );
        if let Some(context) = trace::current() {
            put(&mut line, "trace_id", &context.trace_id().into());
            put(&mut line, "span_id", &context.span_id().into());
        }
        if *metadata.level() > Level::INFO {
            put(&mut line, "target", &metadata.target().into());
        }
        for (name, value) in &fields {
            put(&mut line, name, value);
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

fn put(line: &mut Vec<u8>, name: &str, value: &Value) {
    line.push(if line.is_empty() { b'{' } else { b',' });
    // Writing JSON to memory does not fail.
    let _written = write!(line, "{}:{value}", Value::from(name));
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        let name = if OWN_NAMES.contains(&name) {
            format!("{name}_")
        } else {
            name.to_owned()
        };
        self.0.insert(name, value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, text::clean_lines(value, FIELD_CHARACTERS_MAX));
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
        let value = format!("{value:?}");
        self.put(field, text::clean_lines(&value, FIELD_CHARACTERS_MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use expect_test::expect;

    /// The lines that `work` logs, without their timestamps.
    fn lines(filter: &str, work: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let write = {
            let written = Arc::clone(&written);
            move |line: &[u8]| written.lock().unwrap().write_all(line)
        };
        let layer = JsonLines {
            service: "agent",
            write,
        }
        .with_filter(EnvFilter::new(filter));
        tracing::subscriber::with_default(Registry::default().with(layer), work);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let without_time = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            let timestamp = value["timestamp"].as_str().unwrap();
            assert_eq!(
                (timestamp.len(), &timestamp[10..11], &timestamp[23..]),
                (24, "T", "Z")
            );
            line.replace(timestamp, "") + "\n"
        };
        text.lines().map(without_time).collect()
    }

    #[test]
    fn fields_of_events_and_spans_are_flat() {
        let text = lines("info", || {
            let span = tracing::info_span!("call", tool = "get_price", ok = tracing::field::Empty);
            span.in_scope(|| {
                span.record("ok", true);
                tracing::info!(count = 3_u64, ratio = 0.5, error = %std::io::Error::other("a \"b\"\n"), "called {}", 1);
                tracing::warn!(tool = "get_wallet", service = "clash", "inner wins");
                tracing::debug!("not shown");
            });
        });
        expect![[r#"
            {"timestamp":"","level":"INFO","service":"agent","message":"called 1","count":3,"error":"a \"b\"\n","ok":true,"ratio":0.5,"tool":"get_price"}
            {"timestamp":"","level":"WARN","service":"agent","message":"inner wins","ok":true,"service_":"clash","tool":"get_wallet"}
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn what_foreign_parties_say_is_cut_and_clean() {
        let text = lines("info", || {
            let said = "red \u{1b}[31mtext\u{202e}".to_owned() + &"x".repeat(3_000_000);
            tracing::info!(said, shown = %said, "heard: {said}");
        });
        assert!(text.len() < 4 * FIELD_CHARACTERS_MAX, "{}", text.len());
        assert!(
            text.contains("heard: red textxx")
                && !text.contains("u001b")
                && !text.contains('\u{202e}')
        );
    }

    #[test]
    fn lines_carry_the_trace_and_details_their_target() {
        let text = lines("debug", || {
            let context = trace::TraceContext::parse(
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            )
            .unwrap();
            trace::scope_sync(context, || tracing::debug!("inside"));
        });
        expect![[r#"
            {"timestamp":"","level":"DEBUG","service":"agent","message":"inside","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","target":"runtime::logs::tests"}
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn a_wrong_filter_is_a_problem_with_the_setting() {
        let mut environment = Environment::from_pairs([("LOG", "info,,=,")]);
        let _filter = filter(&mut environment);
        assert!(
            environment
                .finish()
                .unwrap_err()
                .to_string()
                .contains("LOG: \"info,,=,\" is not a log filter")
        );
    }
}
