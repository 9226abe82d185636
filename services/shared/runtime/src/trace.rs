//! One trace through all services: the W3C `traceparent` header in, on every log line, and out again.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The header that carries a trace from service to service.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The place of the current work in a trace. `span_id` is this service's own part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// The beginning of a new trace. The ids come from the operating system at each call: a random generator in this
    /// process would repeat its numbers in every copy of a restored snapshot.
    pub fn new() -> Self {
        // One call for both.
        let bytes: [u8; 24] = random();
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        trace_id.copy_from_slice(&bytes[..16]);
        span_id.copy_from_slice(&bytes[16..]);
        Self {
            trace_id,
            span_id,
            sampled: true,
        }
    }

    /// A new part of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span_id: random(),
            ..self
        }
    }

    /// Reads a `traceparent` value strictly as W3C Trace Context says: lower-case hex, no id of zeros, version `ff` is
    /// invalid, version `00` has exactly four fields and a later version may have more. `None` when it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (version, rest) = (hex_bytes::<1>(bytes.get(..2)?)?, bytes.get(2..)?);
        let ends_well = rest.len() == 53 || (version != [0] && rest.get(53) == Some(&b'-'));
        if version == [0xff]
            || !ends_well
            || rest[0] != b'-'
            || rest[33] != b'-'
            || rest[50] != b'-'
        {
            return None;
        }
        let trace_id = hex_bytes::<16>(&rest[1..33])?;
        let span_id = hex_bytes::<8>(&rest[34..50])?;
        let flags = hex_bytes::<1>(&rest[51..53])?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return None;
        }
        Some(Self {
            trace_id,
            span_id,
            sampled: flags[0] & 1 == 1,
        })
    }

    /// The context for serving a request: a part of the caller's trace, or of a new one when the header is missing,
    /// malformed or there more than once.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(&TRACEPARENT).iter();
        let first = values
            .next()
            .and_then(|value| value.to_str().ok())
            .and_then(Self::parse);
        match (first, values.next()) {
            (Some(caller), None) => caller.child(),
            _ => Self::new(),
        }
    }

    /// 32 hex digits.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// 16 hex digits.
    pub fn span_id(&self) -> String {
        hex::encode(self.span_id)
    }

    /// The `traceparent` value for a call that is made within this context.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).expect("hex digits and dashes are a header value")
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "00-{}-{}-{:02x}",
            self.trace_id(),
            self.span_id(),
            u8::from(self.sampled)
        )
    }
}

/// The context of the current task, if it has one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// The `traceparent` for an outgoing call of the current task, if it is part of a trace.
pub fn headers() -> Option<HeaderValue> {
    current().map(|context| context.header())
}

/// Puts the `traceparent` of the current task into the headers of an outgoing call.
pub fn inject(headers: &mut HeaderMap) {
    if let Some(value) = self::headers() {
        headers.insert(TRACEPARENT, value);
    }
}

/// Runs a future within a context. A task that is spawned does not inherit one: `spawn(scope(context, future))`.
pub async fn scope<F: Future>(context: TraceContext, future: F) -> F::Output {
    CURRENT.scope(context, future).await
}

/// [`scope`] for code that does not wait.
pub fn scope_sync<T>(context: TraceContext, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(context, work)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .expect("Linux has had getrandom(2) since 3.17, and it does not fail once booted");
    bytes
}

/// Lower-case hex digits only: `hex::decode` would take upper case, which the header does not allow.
fn hex_bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes)
        .ok()
        .map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_good_header_is_read_and_written_back() {
        assert_eq!(TraceContext::parse(GOOD).unwrap().to_string(), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert_eq!(
            TraceContext::parse(&unsampled).unwrap().to_string(),
            unsampled
        );
        // Unknown flags are dropped, later versions are read as far as they are known.
        for later in [
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
            &format!("01{}-extra", &GOOD[2..]),
        ] {
            assert_eq!(TraceContext::parse(later).unwrap().to_string(), GOOD);
        }
    }

    #[test]
    fn malformed_headers_are_refused() {
        let cases = [
            "",
            "00",
            &GOOD[..54],
            &GOOD.to_uppercase(),
            &format!("{GOOD}-extra"),
            &format!("{GOOD} "),
            &format!("ff{}", &GOOD[2..]),
            &format!("0x{}", &GOOD[2..]),
            &format!("01{}.extra", &GOOD[2..]),
            &GOOD.replace('-', "_"),
            &GOOD.replace("00f067aa0ba902b7", "0000000000000000"),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            "é0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for case in cases {
            assert_eq!(TraceContext::parse(case), None, "{case}");
        }
    }

    #[test]
    fn a_caller_is_joined_only_when_its_header_is_clear() {
        let mut headers = HeaderMap::new();
        assert_ne!(
            TraceContext::from_headers(&headers),
            TraceContext::from_headers(&headers)
        );
        headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
        let joined = TraceContext::from_headers(&headers);
        assert_eq!(joined.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(joined.span_id(), "00f067aa0ba902b7");
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_ne!(
            TraceContext::from_headers(&headers).trace_id(),
            joined.trace_id()
        );
    }

    #[tokio::test]
    async fn an_outgoing_call_carries_the_context_of_its_task() {
        let mut headers = HeaderMap::new();
        inject(&mut headers);
        assert!(headers.is_empty());
        let context = TraceContext::new();
        scope(context, async { inject(&mut headers) }).await;
        assert_eq!(headers[TRACEPARENT], context.to_string());
        assert_eq!(scope_sync(context, current), Some(context));
        assert_eq!(current(), None);
    }
}
