//! The house has floors: a module uses what lies below it and nothing above or beside. See docs/ARCHITECTURE.md.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down. Rooms on one floor do not use each other.
const FLOORS: &[&[&str]] = &[
    &["commands"],
    &["context"],
    &["plan"],
    &["check", "render", "image"],
    &["tools", "local"],
    &["cloud"],
    &["repo"],
    &["error"],
    &["output"],
];

/// Rooms that compute and touch nothing.
const PURE: &[&str] = &["check", "plan", "render", "image"];

/// What a pure room never names.
const EFFECTS: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "tokio::",
    "duct::",
    "xshell::",
    "reqwest::",
    "crate::tools",
    "crate::local",
];

#[test]
fn every_module_uses_lower_floors_only() {
    let mut broken = Vec::new();
    for (room, path, text) in rooms() {
        let floor = floor_of(&room)
            .unwrap_or_else(|| panic!("{room} has no floor: give it one in {}", file!()));
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect();
                let allowed = used == room || floor_of(&used).is_none_or(|other| other > floor);
                // `tools::files` reads templates, and hands them over in the form that `render` takes.
                let handover = room == "tools" && line.contains("crate::render::Template");
                if !allowed && !handover {
                    broken.push(format!(
                        "{}:{}: {room} uses {used}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(
        broken.is_empty(),
        "a module may use lower floors only:\n{}",
        broken.join("\n")
    );
}

#[test]
fn pure_rooms_touch_nothing() {
    let mut broken = Vec::new();
    for (room, path, text) in rooms()
        .into_iter()
        .filter(|(room, ..)| PURE.contains(&room.as_str()))
    {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            for effect in EFFECTS.iter().filter(|effect| line.contains(**effect)) {
                broken.push(format!(
                    "{}:{}: {room} names {effect}",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "a pure module touches no file, process, environment or network:\n{}",
        broken.join("\n")
    );
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Every source file of the tool with the room that it is in.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let first = path
                    .strip_prefix(&source)
                    .unwrap()
                    .iter()
                    .next()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                let room = first.trim_end_matches(".rs").to_owned();
                if room != "main" {
                    files.push((room, path.clone(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    assert!(files.len() > 20, "found only {} files", files.len());
    files
}
