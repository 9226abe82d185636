//! JSON log lines with every field at the top level, so that one query language finds all of them.

mod line;
mod output;

use std::cell::Cell;

use time::OffsetDateTime;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use self::line::Fields;
use self::output::Output;
use crate::{Environment, trace};

pub(crate) use self::output::gather;

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
        write: |line: &[u8], is_urgent| Output::stdout().write(line, is_urgent),
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

/// `write` takes a whole line, and whether it may not wait.
struct JsonLines<W> {
    service: &'static str,
    write: W,
}

/// Kept with a span until an event happens inside.
struct SpanFields(Fields);

#[derive(Default)]
struct Scratch {
    fields: Fields,
    line: Vec<u8>,
}

thread_local! {
    /// Used again by the next line of this thread. Empty while a line is made: what makes a value may log itself.
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&[u8], bool) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(known)) = span.extensions_mut().get_mut()
        {
            values.record(known);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let Scratch { fields, line } = &mut scratch;
        fields.clear();
        line.clear();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(SpanFields(known)) = span.extensions().get() {
                fields.extend(known);
            }
        }
        event.record(fields);
        let (metadata, now) = (event.metadata(), OffsetDateTime::now_utc());
        line::write(line, self.service, metadata, trace::current(), fields, now);
        (self.write)(line, *metadata.level() <= Level::WARN);
        SCRATCH.set(Some(scratch));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::line::FIELD_CHARACTERS_MAX;
    use super::*;
    use expect_test::expect;
    use serde_json::Value;

    /// The lines that `work` logs, without their timestamps.
    fn lines(filter: &str, work: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let write = {
            let written = Arc::clone(&written);
            move |line: &[u8], _is_urgent| written.lock().unwrap().extend_from_slice(line)
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
