//! Who holds the lock of a stage, as it is written into the bucket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// One run of the tool that deploys, or wants to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// `alice@laptop`.
    pub owner: String,
    pub pid: u32,
    /// Names this run and no other.
    pub id: String,
    /// RFC 3339, UTC, like all times here, by the owner's clock.
    pub since: String,
    pub heartbeat: String,
    pub expires: String,
    /// Which machine, and since when it runs: on the same one, a process that is gone is known to be gone.
    pub machine: String,
    /// Seconds since 1970. Tells a process from a later one with its number.
    pub process_started_at: Option<u64>,
}

impl Holder {
    /// This process.
    pub fn here() -> Self {
        let pid = std::process::id();
        let names = ["USER", "LOGNAME", "USERNAME"];
        let user = names.iter().find_map(|name| std::env::var(name).ok());
        let host = System::host_name().unwrap_or_else(|_| "this-machine".to_owned());
        let random = getrandom::u64().unwrap_or_else(|_| u64::from(pid));
        let now = now();
        Self {
            owner: format!("{}@{host}", user.as_deref().unwrap_or("somebody")),
            pid,
            id: format!("{random:016x}"),
            since: now.clone(),
            heartbeat: now.clone(),
            expires: now,
            machine: machine(&host),
            process_started_at: look(pid).ok().flatten(),
        }
    }

    /// The same holder, alive now, and until `lease` from now.
    pub fn alive(&self, lease: Duration) -> Self {
        let expires = OffsetDateTime::now_utc() + lease;
        Self {
            heartbeat: now(),
            expires: expires.format(&Rfc3339).unwrap_or_default(),
            ..self.clone()
        }
    }

    /// True when the holder ran on this machine, as the same user, and its process is gone.
    pub fn is_gone(&self, me: &Self) -> bool {
        let ours = self.machine == me.machine && self.owner == me.owner;
        ours && match (look(self.pid), self.process_started_at) {
            (Ok(None), _) => true,
            // Another process may have got its number. When this one began is known to the second, more or less.
            (Ok(Some(now)), Some(then)) => now.abs_diff(then) > 2,
            (Ok(Some(_)), None) | (Err(_), _) => false,
        }
    }

    /// How long ago the holder was alive, if its clock and ours agree.
    pub fn last_seen(&self) -> Duration {
        let beat = OffsetDateTime::parse(&self.heartbeat, &Rfc3339);
        let age = beat.map(|beat| OffsetDateTime::now_utc() - beat);
        age.ok()
            .and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }

    /// `alice@laptop deploys since 12:03 UTC (process 4711), last seen 4 s ago`.
    pub fn sentence(&self, age: Duration) -> String {
        let clock = format_description!("[hour]:[minute]");
        let since = OffsetDateTime::parse(&self.since, &Rfc3339)
            .ok()
            .and_then(|since| since.format(&clock).ok())
            .unwrap_or_else(|| self.since.clone());
        format!(
            "{} deploys since {since} UTC (process {}), last seen {} s ago",
            self.owner,
            self.pid,
            age.as_secs()
        )
    }
}

fn now() -> String {
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// When the process with this number began; none when there is none.
fn look(pid: u32) -> Result<Option<u64>, sysinfo::Error> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new()?;
    let wanted = ProcessesToUpdate::Some(&[pid]);
    system.refresh_processes_specifics(wanted, true, ProcessRefreshKind::nothing());
    let process = system.process(pid);
    let running = process.filter(|process| process.status() != sysinfo::ProcessStatus::Zombie);
    Ok(running.map(sysinfo::Process::start_time))
}

/// The host, its current boot and the space that process numbers are from: containers on one host have one each.
fn machine(host: &str) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let boot = boot.unwrap_or_else(|_| System::boot_time().unwrap_or_default().to_string());
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{host} {} {}", boot.trim(), space.display())
}
