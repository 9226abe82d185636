use std::sync::Mutex;

use expect_test::expect;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};

use super::*;
use crate::stand_in::{Asked, StandIn, refusal};

const START: i64 = 1_800_000_000_000;

fn group(owner: &str) -> Group {
    Group {
        owner: owner.to_owned(),
        name: format!("/ecs/{owner}"),
        stream: None,
    }
}

fn event(id: &str, offset: i64, message: &str) -> Json {
    json!({"eventId": id, "timestamp": START + offset, "message": message, "logStreamName": "one"})
}

fn messages(lines: &[LogLine]) -> String {
    let words = lines
        .iter()
        .map(|line| format!("{}:{}", line.owner, line.message));
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn groups_are_merged_over_all_their_pages() {
    let service = StandIn::start(|asked: &Asked| {
        let name = asked.body["logGroupName"].as_str().unwrap();
        let answer = match (name, asked.body["nextToken"].as_str()) {
            ("/ecs/a", None) => json!({"events": [event("1", 0, "one"), event("4", 3, "four")], "nextToken": "next"}),
            // A page may be empty and not be the last.
            ("/ecs/a", Some("next")) => json!({"events": [], "nextToken": "last"}),
            ("/ecs/a", Some("last")) => json!({"events": [event("5", 4, "five")]}),
            ("/ecs/b", None) => json!({"events": [
                event("2", 1, r#"{"timestamp":"2027-01-15T08:00:00.001Z","level":"INFO","service":"b","message":"two","status":402}"#),
                event("3", 2, "REPORT RequestId: x\tDuration: 2 ms\n"),
                json!({"eventId": "9", "timestamp": START, "message": "{}", "logStreamName": "otel-rt-logs"}),
            ]}),
            _ => return refusal(400, "ResourceNotFoundException", "The specified log group does not exist."),
        };
        (200, answer)
    })
    .await;
    let logs = Logs::new(&service.config());
    let query = LogQuery {
        since: Some(OffsetDateTime::from_unix_timestamp(START / 1000).unwrap()),
        ..LogQuery::default()
    };
    let groups = [group("a"), group("b"), group("gone")];
    let lines = logs.read(&groups, &query).await.unwrap();
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let fields: Vec<String> = line.field_words().collect();
            format!(
                "{} {:8} {} {}",
                line.owner,
                line.level,
                line.message,
                fields.join(" ")
            )
        })
        .collect();
    expect![[r#"
        a          one 
        b INFO     two status=402
        b PLATFORM REPORT RequestId: x Duration: 2 ms 
        a          four 
        a          five "#]]
    .assert_eq(&told.join("\n"));
    assert!(
        service
            .asked()
            .iter()
            .all(|asked| asked.body["startTime"] == START)
    );
}

#[tokio::test]
async fn the_service_looks_for_a_trace_and_so_do_we() {
    let service = StandIn::start(|_: &Asked| {
        let of = |trace: &str| {
            format!(r#"{{"level":"INFO","message":"m {trace}","trace_id":"{trace}"}}"#)
        };
        // It may find the words elsewhere in a line.
        let events = [
            event("1", 0, &of("4bf92f35")),
            event("2", 1, &of("other")),
            event("3", 2, "4bf92f35"),
        ];
        (200, json!({ "events": events }))
    })
    .await;
    let logs = Logs::new(&service.config());
    let query = LogQuery {
        owners: vec!["b".to_owned()],
        trace_id: Some("4bf92f35".to_owned()),
        ..LogQuery::default()
    };
    let lines = logs.read(&[group("a"), group("b")], &query).await.unwrap();
    assert_eq!(messages(&lines), "b:m 4bf92f35");
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "one group, one page");
    assert_eq!(asked[0].operation, "FilterLogEvents");
    assert_eq!(asked[0].body["logGroupName"], "/ecs/b");
    assert_eq!(asked[0].body["filterPattern"], "\"4bf92f35\"");
    let mut one = group("a");
    one.stream = Some("a/a/0123".to_owned());
    let last = logs
        .last_lines(&one, 2, OffsetDateTime::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(messages(&last), "a:m other a:4bf92f35");
    assert_eq!(service.asked()[1].body["logStreamNames"][0], "a/a/0123");
}

/// Every poll sees everything so far, some of it late; between polls the service throttles, and pages break off.
#[tokio::test]
async fn following_loses_nothing_and_repeats_nothing() {
    let polls = Mutex::new(0);
    let service = StandIn::start(move |asked: &Asked| {
        let mut poll = polls.lock().unwrap();
        *poll += 1;
        let start = asked.body["startTime"].as_i64().unwrap();
        let mut events = vec![event("1", 0, "one"), event("2", 10, "two")];
        if *poll >= 3 {
            events.push(event("late", 5, "late"));
        }
        match *poll {
            2 => return refusal(400, "ThrottlingException", "Rate exceeded"),
            4 => {
                return (
                    200,
                    json!({"events": [event("3", 20, "three")], "nextToken": "broken"}),
                );
            }
            5 => return refusal(503, "ServiceUnavailableException", "later"),
            6.. => events.extend([event("3", 20, "three"), event("4", 120_000, "four")]),
            _ => {}
        }
        events.retain(|event| event["timestamp"].as_i64().unwrap() >= start);
        (200, json!({ "events": events }))
    })
    .await;
    let logs = Logs::new(&service.config());
    let lines = logs.follow_every(
        Duration::from_millis(1),
        &[group("a")],
        &LogQuery::default(),
    );
    let lines: Vec<LogLine> = lines.map(Result::unwrap).take(5).collect().await;
    assert_eq!(messages(&lines), "a:one a:two a:late a:three a:four");
}

#[tokio::test]
async fn following_ends_where_waiting_does_not_help() {
    let service = StandIn::start(|asked: &Asked| match asked.body["logGroupName"].as_str() {
        Some("/ecs/a") => (200, json!({"events": [event("1", 0, "one")]})),
        _ => refusal(
            400,
            "AccessDeniedException",
            "not authorized to perform: logs:FilterLogEvents",
        ),
    })
    .await;
    let logs = Logs::new(&service.config());
    let query = LogQuery::default();
    let groups = [group("a"), group("b")];
    let items: Vec<String> = logs
        .follow_every(Duration::from_millis(1), &groups, &query)
        .map(|item| item.map_or_else(|error| format!("{error:#}"), |line| line.message))
        .collect()
        .await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(items[0], "one", "what was read is told before");
    assert!(
        items[1].starts_with("cannot read the log group /ecs/b: not authorized"),
        "{}",
        items[1]
    );
}
