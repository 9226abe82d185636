//! Reads server-sent events from bytes that may be cut anywhere.

use serde::Deserialize;

/// No event of the agent is near this; more is a fault, and must not fill the memory.
const EVENT_LENGTH_MAX: usize = 1024 * 1024;

/// One event of the agent, as it wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its `type`.
    pub(super) kind: String,
    /// All of it, as JSON in one line. Fields and numbers are not touched.
    pub(super) json: String,
}

/// Collects bytes until events are whole.
#[derive(Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    data: Option<String>,
}

/// The stream is not what the agent's contract says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("an event is longer than {EVENT_LENGTH_MAX} bytes")]
    TooLong,
    #[error("an event is not UTF-8")]
    NotText,
    #[error("an event is not a JSON object with a `type`")]
    NotAnEvent,
}

impl EventReader {
    /// Takes the next bytes, and gives the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
        let mut events = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_LENGTH_MAX {
                return Err(Malformed::TooLong);
            }
            if self.line.last() == Some(&b'\n') {
                let line = std::mem::take(&mut self.line);
                events.extend(self.end_line(line.trim_ascii_end())?);
            }
        }
        Ok(events)
    }

    /// A line is part of an event, or empty, which ends the event. Comments and fields other than `data` say nothing here.
    fn end_line(&mut self, line: &[u8]) -> Result<Option<Event>, Malformed> {
        if line.is_empty() {
            return self.data.take().map(|data| parse(&data)).transpose();
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = std::str::from_utf8(value).map_err(|_| Malformed::NotText)?;
            let data = self.data.get_or_insert_default();
            data.push_str(value);
            data.push('\n');
        }
        Ok(None)
    }
}

fn parse(data: &str) -> Result<Event, Malformed> {
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    // serde would also read a struct from a list.
    if !data.trim_start().starts_with('{') {
        return Err(Malformed::NotAnEvent);
    }
    let kind: Kind = serde_json::from_str(data).map_err(|_| Malformed::NotAnEvent)?;
    // A line feed within JSON is only space: inside a text it would be written as `\n`.
    let json = data.trim().replace(['\n', '\r'], " ");
    Ok(Event {
        kind: kind.r#type,
        json,
    })
}

#[cfg(test)]
mod tests {
    use super::{EVENT_LENGTH_MAX, Event, EventReader, Malformed};

    const STREAM: &str = ": hello\n\nevent: message\ndata: {\"type\":\"text\",\ndata: \"text\":\"13 °C\"}\n\nid: 7\r\ndata:{\"type\":\"done\"}\r\n\r\n";

    #[test]
    fn events_are_whole_wherever_the_bytes_were_cut() {
        let event = |kind: &str, json: &str| Event {
            kind: kind.into(),
            json: json.into(),
        };
        let expected = vec![
            event("text", "{\"type\":\"text\",  \"text\":\"13 °C\"}"),
            event("done", "{\"type\":\"done\"}"),
        ];
        for size in 1..=STREAM.len() {
            let mut reader = EventReader::default();
            let events: Vec<_> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|part| reader.push(part).unwrap())
                .collect();
            assert_eq!(events, expected, "in parts of {size} bytes");
        }
    }

    #[test]
    fn an_event_without_its_end_is_not_given() {
        assert_eq!(
            EventReader::default().push(b"data: {\"type\":\"done\"}\n"),
            Ok(vec![])
        );
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let refused = |text: &[u8]| EventReader::default().push(text).unwrap_err();
        assert_eq!(refused(b"data: hello\n\n"), Malformed::NotAnEvent);
        assert_eq!(refused(b"data: [\"text\"]\n\n"), Malformed::NotAnEvent);
        assert_eq!(refused(b"data: {\"type\":1}\n\n"), Malformed::NotAnEvent);
        assert_eq!(refused(b"data: \xff\n\n"), Malformed::NotText);
        assert_eq!(
            refused(&vec![b'x'; EVENT_LENGTH_MAX + 1]),
            Malformed::TooLong
        );
        assert_eq!(
            refused("data: x\n".repeat(EVENT_LENGTH_MAX).as_bytes()),
            Malformed::TooLong
        );
    }
}
