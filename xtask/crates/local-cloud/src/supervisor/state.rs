//! What a supervisor leaves on disk: one file per stack, and one that says where it answers.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::aws::Credentials;
use crate::folder::{Folder, write_json};
use crate::processes::note;
use crate::resources::Made;
use cloud::StackRequest;

/// A stack as it stands: enough to make it again, with the same names and ports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub request: StackRequest,
    pub resources: Vec<Made>,
}

/// How to reach a supervisor: `supervisor.json`, readable by its user alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contact {
    pub pid: u32,
    /// `http://127.0.0.1:PORT`: all AWS APIs, and the control API under `/_turnpike/`.
    pub endpoint: String,
    pub control_token: String,
    /// Which build of the tool it is.
    pub build: String,
    /// Signs what a person does to the local AWS.
    pub operator: Credentials,
}

/// Reads a state file. One that is damaged is set aside, so that it stops nothing and nothing is lost; one that is not
/// there is none.
pub(crate) fn read<T: for<'a> Deserialize<'a>>(folder: &Folder, path: &Path) -> Option<T> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            note(
                folder,
                "ERROR",
                "a state file cannot be read",
                &[
                    ("file", path.display().to_string()),
                    ("error", error.to_string()),
                ],
            );
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            set_aside(folder, path, &error.to_string());
            None
        }
    }
}

/// Renames a damaged file to `<name>.damaged` and says so.
pub(super) fn set_aside(folder: &Folder, path: &Path, problem: &str) {
    let aside = path.with_extension("json.damaged");
    let moved = std::fs::rename(path, &aside);
    let outcome = moved.map_or_else(
        |error| error.to_string(),
        |()| format!("set aside as {}", aside.display()),
    );
    note(
        folder,
        "ERROR",
        "a state file is damaged",
        &[
            ("file", path.display().to_string()),
            ("problem", problem.to_owned()),
            ("outcome", outcome),
        ],
    );
}

/// The records of all stacks, sorted by name.
pub(super) fn read_stacks(folder: &Folder) -> anyhow::Result<Vec<Record>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder.stacks()).context("cannot list the stacks")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.iter().filter_map(|path| read(folder, path)).collect())
}

pub(super) fn write_stack(folder: &Folder, record: &Record) -> anyhow::Result<()> {
    write_json(&folder.stack(&record.request.name), record)
}
