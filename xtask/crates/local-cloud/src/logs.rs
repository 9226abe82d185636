//! Reads the logs of services from a point in time, merged, and follows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::Stream;
use time::OffsetDateTime;

use super::folder::Folder;
use cloud::{LogLine, LogQuery, parse_log_line};

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// The lines that are there, oldest first.
pub fn read_logs(folder: &Path, query: &LogQuery) -> Vec<LogLine> {
    Reader::new(folder, query, true).next_batch()
}

/// The lines that are there, then every new one as it comes, without end.
pub fn follow_logs(folder: &Path, query: &LogQuery) -> impl Stream<Item = LogLine> + use<> {
    let reader = Reader::new(folder, query, true);
    let start = (reader, Vec::new().into_iter());
    futures_util::stream::unfold(start, |(mut reader, mut batch)| async move {
        loop {
            if let Some(line) = batch.next() {
                return Some((line, (reader, batch)));
            }
            batch = reader.next_batch().into_iter();
            if batch.len() == 0 {
                tokio::time::sleep(POLL).await;
            }
        }
    })
}

/// Remembers how far each log has been read.
struct Reader {
    folder: Option<Folder>,
    query: LogQuery,
    positions: BTreeMap<PathBuf, Position>,
    /// True until the first batch: only then are moved logs (`.1`) read as well.
    first: bool,
}

#[derive(Debug, Clone)]
struct Position {
    inode: u64,
    offset: u64,
    last_time: OffsetDateTime,
}

impl Reader {
    fn new(folder: &Path, query: &LogQuery, first: bool) -> Self {
        Self {
            folder: Folder::find(folder),
            query: query.clone(),
            positions: BTreeMap::new(),
            first,
        }
    }

    /// Everything that was written since the last batch, merged by time.
    fn next_batch(&mut self) -> Vec<LogLine> {
        let Some(folder) = self.folder.clone() else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        for owner in owners(&folder, &self.query) {
            let path = folder.log(&owner);
            if self.first {
                self.read(&owner, &path.with_extension("ndjson.1"), &mut lines);
            }
            self.read(&owner, &path, &mut lines);
        }
        self.first = false;
        // Stable: lines of one service with the same time keep their order.
        lines.sort_by_key(|line| line.timestamp);
        lines
    }

    fn read(&mut self, owner: &str, path: &Path, lines: &mut Vec<LogLine>) {
        let Ok(mut file) = File::open(path) else {
            return;
        };
        let Ok(metadata) = file.metadata() else {
            return;
        };
        let start = Position {
            inode: metadata.ino(),
            offset: 0,
            last_time: OffsetDateTime::UNIX_EPOCH,
        };
        let position = self
            .positions
            .entry(path.to_owned())
            .or_insert_with(|| start.clone());
        // Another file, or one that is shorter than it was: it was begun anew.
        if position.inode != start.inode || metadata.len() < position.offset {
            *position = Position {
                last_time: position.last_time,
                ..start
            };
        }
        if file.seek(SeekFrom::Start(position.offset)).is_err() {
            return;
        }
        let mut reader = BufReader::new(file);
        let mut bytes = Vec::new();
        // A line without its end is still being written: it is read the next time.
        while reader
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|read| read > 0)
            && bytes.ends_with(b"\n")
        {
            position.offset += bytes.len() as u64;
            let line = parse_log_line(
                owner,
                String::from_utf8_lossy(&bytes).trim_end(),
                position.last_time,
            );
            bytes.clear();
            position.last_time = line.timestamp;
            if self.query.wants(&line) {
                lines.push(line);
            }
        }
    }
}

fn owners(folder: &Folder, query: &LogQuery) -> BTreeSet<String> {
    if !query.owners.is_empty() {
        return query.owners.iter().cloned().collect();
    }
    let Ok(entries) = std::fs::read_dir(folder.logs()) else {
        return BTreeSet::new();
    };
    entries
        .filter_map(|entry| {
            Some(
                entry
                    .ok()?
                    .file_name()
                    .to_str()?
                    .strip_suffix(".ndjson")?
                    .to_owned(),
            )
        })
        .filter(|owner| owner != "supervisor")
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use futures_util::StreamExt;

    use super::*;

    fn write(folder: &Folder, owner: &str, text: &str) {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.log(owner))
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn at(second: u32, message: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-22T12:00:{second:02}.000Z\",\"level\":\"INFO\",\"service\":\"x\",\"message\":\"{message}\",\"trace_id\":\"t{second}\",\"status\":200}}\n"
        )
    }

    fn messages(lines: &[LogLine]) -> String {
        lines
            .iter()
            .map(|line| format!("{}:{}", line.owner, line.message))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn logs_are_merged_by_time_and_filtered() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::create(temporary.path()).unwrap();
        write(
            &folder,
            "a",
            &format!("{}panicked\n{}", at(1, "one"), at(3, "three")),
        );
        write(
            &folder,
            "b",
            &format!("{}{}half", at(2, "two"), at(4, "four")),
        );
        write(&folder, "supervisor", &at(1, "hidden"));
        let all = LogQuery::default();
        let lines = read_logs(temporary.path(), &all);
        assert_eq!(messages(&lines), "a:one a:panicked b:two a:three b:four");
        assert_eq!(
            (
                lines[0].trace_id.as_deref(),
                &lines[0].fields["status"],
                lines[0].fields.len()
            ),
            (Some("t1"), &serde_json::Value::from(200), 1)
        );
        let since = LogQuery {
            since: Some(lines[3].timestamp),
            ..all.clone()
        };
        assert_eq!(
            messages(&read_logs(temporary.path(), &since)),
            "a:three b:four"
        );
        let trace = LogQuery {
            trace_id: Some("t2".to_owned()),
            ..all.clone()
        };
        assert_eq!(messages(&read_logs(temporary.path(), &trace)), "b:two");
        assert_eq!(
            messages(&read_logs(
                temporary.path(),
                &LogQuery {
                    owners: vec!["supervisor".to_owned()],
                    ..all
                }
            )),
            "supervisor:hidden"
        );
    }

    #[tokio::test]
    async fn following_goes_on_over_new_services_and_cut_logs() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::create(temporary.path()).unwrap();
        write(&folder, "a", &at(1, "one"));
        let mut lines = Box::pin(follow_logs(temporary.path(), &LogQuery::default()));
        assert_eq!(lines.next().await.unwrap().message, "one");
        write(&folder, "b", &at(2, "two"));
        assert_eq!(lines.next().await.unwrap().message, "two");
        OpenOptions::new()
            .write(true)
            .open(folder.log("a"))
            .unwrap()
            .set_len(0)
            .unwrap();
        write(&folder, "a", &at(3, "x"));
        assert_eq!(
            tokio::time::timeout(Duration::from_secs(5), lines.next())
                .await
                .unwrap()
                .unwrap()
                .message,
            "x"
        );
    }
}
