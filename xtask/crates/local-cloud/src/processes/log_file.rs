//! Log files: their tails for errors, the supervisor's own lines, and a bound on their size.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::folder::Folder;

/// A log that has grown beyond this is moved to `.1`.
pub(crate) const SIZE_MAX: u64 = 16 * 1024 * 1024;

const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;

pub(super) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The last lines that were written after `start`, under a heading; empty when there are none.
pub(super) fn tail_since(path: &Path, start: u64) -> String {
    let Ok(text) = read_tail(path, start) else {
        return String::new();
    };
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let shown = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    match shown {
        [] => "\n    it wrote nothing to its log".to_owned(),
        _ => format!(
            "\n    the end of its log ({}):\n      {}",
            path.display(),
            shown.join("\n      ")
        ),
    }
}

fn read_tail(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // A log that is shorter than it was has been cut meanwhile.
    let start = if start > length { 0 } else { start };
    file.seek(SeekFrom::Start(
        start.max(length.saturating_sub(TAIL_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes one line to the supervisor's log, in the form of the services' logs.
pub(crate) fn note(folder: &Folder, level: &str, message: &str, fields: &[(&str, String)]) {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let mut line = Map::new();
    line.insert(
        "timestamp".to_owned(),
        json!(
            OffsetDateTime::now_utc()
                .format(&format)
                .unwrap_or_default()
        ),
    );
    line.insert("level".to_owned(), json!(level));
    line.insert("service".to_owned(), json!("supervisor"));
    line.insert("message".to_owned(), json!(message));
    line.extend(
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value))),
    );
    let text = format!("{}\n", Value::Object(line));
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(folder.log("supervisor"))
        .and_then(|mut file| file.write_all(text.as_bytes()));
    // A log that cannot be written must not stop what it is about.
    drop(written);
}

/// Moves every log that has grown too long to `.1` and begins it anew. The processes keep on writing to the same file; a
/// line written between the copy and the cut is lost.
pub(crate) fn bound(folder: &Folder, size_max: u64) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder.logs()).context("cannot list the logs")? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "ndjson")
            || length(&path) <= size_max
        {
            continue;
        }
        let old = path.with_extension("ndjson.1");
        fs::copy(&path, &old).with_context(|| format!("cannot copy {}", path.display()))?;
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(0))
            .with_context(|| format!("cannot cut {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_moves_and_its_writer_goes_on() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::create(temporary.path()).unwrap();
        let path = folder.log("a");
        let mut writer = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        writer.write_all(b"one\ntwo\n").unwrap();
        assert!(tail_since(&path, 4).ends_with("      two"));
        bound(&folder, 4).unwrap();
        writer.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(
            fs::read_to_string(path.with_extension("ndjson.1")).unwrap(),
            "one\ntwo\n"
        );
    }
}
