//! Which processes are ours, on disk: what a supervisor that died leaves behind is found and ended by the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::folder::{Folder, remove_file, write_json};

/// One process that was started. A pid alone may have gone to somebody else since; together with the time it began and
/// the program it runs, it can't have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    pid: u32,
    start_time: u64,
    executable: PathBuf,
}

/// Remembers a process until [`forget`].
pub(super) fn remember(folder: &Folder, pid: u32) -> anyhow::Result<()> {
    let mut system = processes()?;
    if let Some(record) = look(&mut system, pid) {
        write_json(&path(folder, pid), &record)?;
    }
    Ok(())
}

pub(super) fn forget(folder: &Folder, pid: u32) -> anyhow::Result<()> {
    remove_file(&path(folder, pid))
}

fn processes() -> anyhow::Result<System> {
    System::new().context("cannot look at this machine's processes")
}

fn path(folder: &Folder, pid: u32) -> PathBuf {
    folder.processes().join(format!("{pid}.json"))
}

fn refresh_kind() -> ProcessRefreshKind {
    ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .without_tasks()
}

/// The process with this pid as it is now.
fn look(system: &mut System, pid: u32) -> Option<Record> {
    let pid = sysinfo::Pid::from_u32(pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, refresh_kind());
    record_of(system.process(pid)?)
}

fn record_of(process: &sysinfo::Process) -> Option<Record> {
    // A zombie holds nothing any more and cannot be killed again.
    if process.status() == sysinfo::ProcessStatus::Zombie {
        return None;
    }
    Some(Record {
        pid: process.pid().as_u32(),
        start_time: process.start_time(),
        executable: process.exe().map(Path::to_owned).unwrap_or_default(),
    })
}

/// Ends what an earlier supervisor of this folder left behind, and returns how many processes that were. Must only be
/// called by whoever holds the folder's lock.
///
/// Ours is a process whose program lies in the folder's images or code (a process that was started but not yet recorded
/// is found like this), or one that a record fits in all three points.
pub(crate) fn reap(folder: &Folder) -> anyhow::Result<usize> {
    let mut system = processes()?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, refresh_kind());
    let recorded = read_records(folder);
    let homes = [folder.images(), folder.code()];
    let mut found: Vec<Record> = system
        .processes()
        .values()
        .filter_map(record_of)
        .filter(|record| {
            homes.iter().any(|home| record.executable.starts_with(home))
                || recorded.iter().any(|(_, known)| known == record)
        })
        .collect();
    let count = found.len();
    for (signal, patience) in [
        (Signal::TERM, Duration::from_secs(3)),
        (Signal::KILL, Duration::from_secs(5)),
    ] {
        found.retain(|record| is_there(&mut system, record));
        found.iter().for_each(|record| end(record.pid, signal));
        let until = Instant::now() + patience;
        while !found.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
            found.retain(|record| is_there(&mut system, record));
        }
    }
    for (path, _) in recorded {
        remove_file(&path)?;
    }
    anyhow::ensure!(
        found.is_empty(),
        "cannot end what an earlier local cloud left behind: {:?}",
        found.iter().map(|record| record.pid).collect::<Vec<_>>()
    );
    Ok(count)
}

fn is_there(system: &mut System, record: &Record) -> bool {
    look(system, record.pid).as_ref() == Some(record)
}

fn read_records(folder: &Folder) -> Vec<(PathBuf, Record)> {
    let Ok(entries) = fs::read_dir(folder.processes()) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let record = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            Some((path, record))
        })
        .collect()
}

/// Signals a process and its whole group. One that has gone meanwhile does not matter.
pub(super) fn end(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _gone = kill_process_group(pid, signal).or_else(|_| kill_process(pid, signal));
    }
}
