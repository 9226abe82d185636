//! What Lambda writes between a function's own lines: starts, ends and bills, as text or as JSON.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use cloud::{LogLine, PLATFORM};

/// The words that such a line of text begins with.
const BEGINNINGS: [&str; 5] = [
    "START RequestId:",
    "END RequestId:",
    "REPORT RequestId:",
    "INIT_START ",
    "XRAY TraceId:",
];

/// The line if the platform wrote it, `None` if the function did.
pub(super) fn parse(owner: &str, text: &str, time: OffsetDateTime) -> Option<LogLine> {
    let mut line = LogLine::plain(owner, "", time);
    line.level = PLATFORM.to_owned();
    if BEGINNINGS.iter().any(|word| text.starts_with(word)) {
        let words: Vec<&str> = text.split_whitespace().collect();
        line.message = words.join(" ");
        return Some(line);
    }
    if !text.starts_with('{') {
        return None;
    }
    let Ok(Value::Object(mut event)) = serde_json::from_str(text) else {
        return None;
    };
    let kind = event.get("type")?.as_str()?.strip_prefix("platform.")?;
    line.message = kind.to_owned();
    if let Some(Value::Object(record)) = event.remove("record") {
        flatten(record, &mut line.fields);
    }
    Some(line)
}

/// Names and figures; the lists of spans and the trace header are for other readers.
fn flatten(record: Map<String, Value>, fields: &mut Map<String, Value>) {
    for (name, value) in record {
        match value {
            Value::Object(metrics) => flatten(metrics, fields),
            Value::Array(_) | Value::Null => {}
            value => drop(fields.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn platform_lines_are_told_from_the_functions_own() {
        let lines = [
            "START RequestId: 6f7f0961 Version: $LATEST\n",
            "REPORT RequestId: 6f7f0961\tDuration: 1.83 ms\tBilled Duration: 2 ms\tMemory Size: 256 MB\tMax Memory Used: 21 MB\n",
            r#"{"time":"2026-11-22T12:00:00.000Z","type":"platform.start","record":{"requestId":"6f7f0961","version":"$LATEST"}}"#,
            r#"{"time":"2026-11-22T12:00:00.010Z","type":"platform.report","record":{"requestId":"6f7f0961","metrics":{"durationMs":1.83,"billedDurationMs":2,"maxMemoryUsedMB":21},"spans":[{"name":"responseLatency"}],"status":"success"}}"#,
            r#"{"timestamp":"2026-11-22T12:00:00.005Z","level":"INFO","message":"tools/call","type":"request"}"#,
            "STARTED without the platform",
            "{not json",
        ];
        let told: Vec<String> = lines
            .iter()
            .map(
                |text| match parse("mcp-server", text, OffsetDateTime::UNIX_EPOCH) {
                    Some(line) => {
                        let fields: Vec<String> = line.field_words().collect();
                        format!("{} | {}", line.message, fields.join(" "))
                    }
                    None => "its own".to_owned(),
                },
            )
            .collect();
        expect![[r#"
            START RequestId: 6f7f0961 Version: $LATEST | 
            REPORT RequestId: 6f7f0961 Duration: 1.83 ms Billed Duration: 2 ms Memory Size: 256 MB Max Memory Used: 21 MB | 
            start | requestId=6f7f0961 version=$LATEST
            report | billedDurationMs=2 durationMs=1.83 maxMemoryUsedMB=21 requestId=6f7f0961 status=success
            its own
            its own
            its own"#]]
        .assert_eq(&told.join("\n"));
    }
}
