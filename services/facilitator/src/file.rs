//! A file of lines that are only ever appended, each on the disk before anybody hears of it: the ledger.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tokio::sync::oneshot;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file {path} cannot be used: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the file {path} is in use by another facilitator")]
    Locked { path: PathBuf },
    #[error(
        "line {line} of the file {path} is damaged: {problem}; restore the file, or move it away to start over"
    )]
    Damaged {
        path: PathBuf,
        line: usize,
        problem: String,
    },
    #[error(
        "the ledger {path} belongs to another token ({network}, {asset}); set LEDGER_FILE to another file"
    )]
    OtherToken {
        path: PathBuf,
        network: String,
        asset: x402::Address,
    },
}

/// Opens the file for this process alone and reads its lines. A last line without its line feed is cut off: it was being
/// written when the power failed, and no caller was told of it.
pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> Result<(File, Vec<T>), FileError> {
    let io_error = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(io_error)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return Err(FileError::Locked {
                path: path.to_owned(),
            });
        }
        Err(std::fs::TryLockError::Error(source)) => return Err(io_error(source)),
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io_error)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |position| position + 1);
    if whole < bytes.len() {
        tracing::warn!(bytes = bytes.len() - whole, "dropped an incomplete line");
        file.set_len(whole as u64).map_err(io_error)?;
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
    }
    let mut records = Vec::new();
    for (index, line) in bytes[..whole]
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
    {
        let record = serde_json::from_slice(line).map_err(|error| FileError::Damaged {
            path: path.to_owned(),
            line: index + 1,
            problem: error.to_string(),
        })?;
        records.push(record);
    }
    file.sync_all().map_err(io_error)?;
    sync_folder(path).map_err(io_error)?;
    Ok((file, records))
}

/// A new file is found after a power cut only if its folder was synced too.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

pub(crate) fn append<T: Serialize>(
    file: &mut File,
    path: &Path,
    record: &T,
) -> Result<(), FileError> {
    let written = file
        .write_all(&line(record))
        .and_then(|()| file.sync_data());
    written.map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })
}

fn line<T: Serialize>(record: &T) -> Vec<u8> {
    let mut line =
        serde_json::to_vec(record).expect("records have text keys only, which JSON always takes");
    line.push(b'\n');
    line
}

/// A line on its way to the disk; the sender hears when it is there.
struct Pending {
    line: Vec<u8>,
    done: oneshot::Sender<bool>,
}

/// Writes lines in the order in which they are sent. What arrives during one sync shares the next.
pub(crate) struct Writer {
    lines: mpsc::Sender<Pending>,
}

impl Writer {
    pub(crate) fn start(mut file: File) -> io::Result<Self> {
        let (lines, receiver) = mpsc::channel::<Pending>();
        std::thread::Builder::new().name("file".into()).spawn(move || {
            let mut failed = false;
            while let Ok(first) = receiver.recv() {
                let batch: Vec<Pending> = std::iter::once(first).chain(receiver.try_iter()).collect();
                let bytes: Vec<u8> = batch.iter().flat_map(|write| &write.line).copied().collect();
                // After a failed write the file's end is uncertain: nothing may follow it.
                if !failed && let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
                    tracing::error!(%error, "the file cannot be written; no more payments are settled");
                    failed = true;
                }
                for write in batch {
                    // The caller may have disconnected.
                    write.done.send(!failed).ok();
                }
            }
        })?;
        Ok(Self { lines })
    }

    /// Queues a record at once; the receiver tells whether it reached the disk.
    pub(crate) fn send<T: Serialize>(&self, record: &T) -> oneshot::Receiver<bool> {
        self.queue(line(record))
    }

    /// Tells whether everything that was sent before reached the disk.
    pub(crate) fn barrier(&self) -> oneshot::Receiver<bool> {
        self.queue(Vec::new())
    }

    fn queue(&self, line: Vec<u8>) -> oneshot::Receiver<bool> {
        let (done, receiver) = oneshot::channel();
        // Without its thread the sender is dropped here, and the receiver says so.
        self.lines.send(Pending { line, done }).ok();
        receiver
    }
}
