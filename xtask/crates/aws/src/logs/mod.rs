//! CloudWatch Logs: the lines of several groups, merged by time, once or without end.

mod cursor;
mod platform;
mod recent;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use futures_util::Stream;
use futures_util::future::join_all;
use time::OffsetDateTime;

use cloud::{LogLine, LogQuery, parse_log_line};
use cursor::Cursor;

use super::errors::Refusal;

/// How often a followed group is asked. Five groups every two seconds stay well below what an account may ask.
const POLL: Duration = Duration::from_secs(2);
const POLL_MAX: Duration = Duration::from_secs(30);
/// After so many rounds without an answer, some minutes, a person should know.
const TROUBLES_MAX: u32 = 10;
/// Streams that the platform fills with spans and its own telemetry.
const TELEMETRY_STREAMS: [&str; 2] = ["otel-rt-logs", "spans"];

/// One log group and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub owner: String,
    pub name: String,
    /// The only stream that is wanted of it, or all of them.
    pub stream: Option<String>,
}

/// The log service of one account and region.
#[derive(Debug, Clone)]
pub struct Logs {
    client: Client,
}

/// Why a group could not be read.
#[derive(Debug)]
struct Trouble {
    error: anyhow::Error,
    /// It may be over in a moment: a limit, a server's fault, a lost connection.
    passes: bool,
}

impl Logs {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The lines that are there, oldest first.
    ///
    /// # Errors
    /// A group cannot be read. One that does not exist has no lines, which is not an error.
    pub async fn read(&self, groups: &[Group], query: &LogQuery) -> anyhow::Result<Vec<LogLine>> {
        let (lines, trouble) = Reader::new(self, groups, query).next_batch().await;
        match trouble {
            Some(trouble) => Err(trouble.error),
            None => Ok(lines),
        }
    }

    /// The lines that are there, then every new one, without end but for an error that does not pass.
    pub fn follow(
        &self,
        groups: &[Group],
        query: &LogQuery,
    ) -> impl Stream<Item = anyhow::Result<LogLine>> + Send + use<> {
        self.follow_every(POLL, groups, query)
    }

    fn follow_every(
        &self,
        poll: Duration,
        groups: &[Group],
        query: &LogQuery,
    ) -> impl Stream<Item = anyhow::Result<LogLine>> + Send + use<> {
        let state = Follower {
            reader: Reader::new(self, groups, query),
            batch: Vec::new().into_iter(),
            poll,
            wait: Duration::ZERO,
            troubles: 0,
            end: None,
        };
        futures_util::stream::unfold(state, |mut state| async move {
            state.next().await.map(|item| (item, state))
        })
    }

    /// Asks one group once, over all pages, and hands over what was not handed over before.
    async fn round(
        &self,
        group: &Group,
        query: &LogQuery,
        cursor: &mut Cursor,
    ) -> (Vec<LogLine>, Option<Trouble>) {
        let mut lines = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .client
                .filter_log_events()
                .log_group_name(&group.name)
                .set_log_stream_names(group.stream.clone().map(|stream| vec![stream]))
                .start_time(cursor.start())
                .set_filter_pattern(query.trace_id.as_deref().and_then(pattern))
                .set_next_token(token.take())
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if error.code() == Some("ResourceNotFoundException") => break,
                Err(error) => return (lines, Some(trouble(&group.name, &error))),
            };
            for event in page.events.unwrap_or_default() {
                lines.extend(line(group, cursor, event).filter(|line| query.wants(line)));
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        cursor.finish_round(millis(OffsetDateTime::now_utc()));
        (lines, None)
    }
}

/// Remembers how far each group has been read.
#[derive(Debug)]
struct Reader {
    logs: Logs,
    groups: Vec<(Group, Cursor)>,
    query: LogQuery,
}

impl Reader {
    fn new(logs: &Logs, groups: &[Group], query: &LogQuery) -> Self {
        let since = query.since.map_or(0, millis);
        Self {
            logs: logs.clone(),
            groups: groups
                .iter()
                .filter(|group| query.owners.is_empty() || query.owners.contains(&group.owner))
                .map(|group| (group.clone(), Cursor::new(since)))
                .collect(),
            query: LogQuery {
                // The cursor sees to it, by the time at which a line arrived; its own clock may differ.
                since: None,
                ..query.clone()
            },
        }
    }

    /// What is new in all groups, merged by time, and the first trouble if there was any.
    async fn next_batch(&mut self) -> (Vec<LogLine>, Option<Trouble>) {
        let (logs, query) = (&self.logs, &self.query);
        let rounds = self
            .groups
            .iter_mut()
            .map(|(group, cursor)| logs.round(group, query, cursor));
        let mut lines = Vec::new();
        let mut trouble = None;
        for (found, problem) in join_all(rounds).await {
            lines.extend(found);
            // What does not pass is what has to be told.
            if trouble.as_ref().is_none_or(|first: &Trouble| first.passes) {
                trouble = problem.or(trouble);
            }
        }
        // Stable: lines of one service with the same time keep their order.
        lines.sort_by_key(|line| line.timestamp);
        (lines, trouble)
    }
}

#[derive(Debug)]
struct Follower {
    reader: Reader,
    batch: std::vec::IntoIter<LogLine>,
    poll: Duration,
    wait: Duration,
    /// How many rounds in a row met trouble.
    troubles: u32,
    /// `Some` once there is nothing more to ask; holds the reason until it has been told.
    end: Option<Option<Trouble>>,
}

impl Follower {
    async fn next(&mut self) -> Option<anyhow::Result<LogLine>> {
        loop {
            if let Some(line) = self.batch.next() {
                return Some(Ok(line));
            }
            if let Some(reason) = &mut self.end {
                return reason.take().map(|trouble| Err(trouble.error));
            }
            tokio::time::sleep(self.wait).await;
            let (lines, trouble) = self.reader.next_batch().await;
            self.batch = lines.into_iter();
            match trouble {
                None => (self.wait, self.troubles) = (self.poll, 0),
                Some(trouble) if trouble.passes && self.troubles < TROUBLES_MAX => {
                    self.troubles += 1;
                    self.wait = (self.wait * 2).clamp(self.poll, POLL_MAX);
                }
                Some(trouble) => self.end = Some(Some(trouble)),
            }
        }
    }
}

/// A line of ours or of the platform; none for one that came before.
fn line(group: &Group, cursor: &mut Cursor, event: FilteredLogEvent) -> Option<LogLine> {
    let stream = event.log_stream_name.unwrap_or_default();
    if TELEMETRY_STREAMS.contains(&stream.as_str()) {
        return None;
    }
    let time = event.timestamp.unwrap_or_default();
    let text = event.message.unwrap_or_default();
    let id = event
        .event_id
        .unwrap_or_else(|| format!("{stream} {time} {text}"));
    if !cursor.take(&id, time) {
        return None;
    }
    let timestamp = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let text = text.trim_end();
    Some(
        platform::parse(&group.owner, text, timestamp)
            .unwrap_or_else(|| parse_log_line(&group.owner, text, timestamp)),
    )
}

/// Lets the service look for a trace; nothing for an id that would have to be quoted, since every line is looked at here too.
fn pattern(trace_id: &str) -> Option<String> {
    let plain = !trace_id.is_empty()
        && trace_id
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    plain.then(|| format!("\"{trace_id}\""))
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

fn trouble<E>(group: &str, error: &SdkError<E>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let refusal = Refusal::of(error);
    Trouble {
        passes: refusal.passing || refusal.is("LimitExceededException"),
        error: refusal.into_error(&format!("read the log group {group}")),
    }
}
