//! BuildKit's reports, as lines for people.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};

use words::error::Failure;

/// As much of what a failed step wrote as fits a screen.
const LINES_KEPT: usize = 20;

/// What has been said so far: BuildKit repeats itself.
#[derive(Debug, Default)]
pub(super) struct Progress {
    started: BTreeSet<String>,
    finished: BTreeSet<String>,
    /// What steps wrote, by step.
    lines: BTreeMap<String, VecDeque<String>>,
    /// The step that failed.
    failed: Option<Vertex>,
}

impl Progress {
    pub(super) fn take(&mut self, status: &StatusResponse, each: &mut impl FnMut(&str)) {
        for step in &status.vertexes {
            let inside = ["[internal]", "copy /context"]
                .iter()
                .any(|start| step.name.starts_with(start));
            if step.started.is_some() && !inside && self.started.insert(step.digest.clone()) {
                each(&step.name);
            }
            if step.completed.is_some() && self.finished.insert(step.digest.clone()) {
                if !step.error.is_empty() {
                    self.failed = Some(step.clone());
                } else if !inside {
                    each(&format!("{}: {}", step.name, how(step)));
                }
            }
        }
        for log in &status.logs {
            let text = String::from_utf8_lossy(&log.msg);
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                each(&format!("  {line}"));
                let kept = self.lines.entry(log.vertex.clone()).or_default();
                kept.push_back(line.to_owned());
                if kept.len() > LINES_KEPT {
                    kept.pop_front();
                }
            }
        }
    }

    /// The end of a build that failed.
    pub(super) fn failure(&self, place: &str, error: &bollard::errors::Error) -> anyhow::Error {
        let Some(step) = &self.failed else {
            let text = error.to_string();
            let text = text.trim_start_matches("Docker stream error: ");
            let problem = format!("{place}: the engine did not build it: {text}");
            return Failure::new(problem, "the engine's own words are above").into();
        };
        let mut problem = format!("{place}: {}: {}", step.name, step.error);
        for line in self.lines.get(&step.digest).into_iter().flatten() {
            problem.push_str(&format!("\n  {line}"));
        }
        let hint = if step.name.contains("load metadata") {
            "is the base image's name right, and can this machine reach its registry?"
        } else {
            "the step runs inside of the image, for its platform; a foreign one needs qemu (Debian: apt-get install qemu-user-static)"
        };
        Failure::new(problem, hint).into()
    }
}

fn how(step: &Vertex) -> String {
    if step.cached {
        return "from the cache".to_owned();
    }
    let (Some(started), Some(completed)) = (&step.started, &step.completed) else {
        return "done".to_owned();
    };
    let milliseconds = (completed.seconds - started.seconds) * 1000
        + i64::from(completed.nanos - started.nanos) / 1_000_000;
    format!("{:.1} s", milliseconds as f64 / 1000.0)
}
