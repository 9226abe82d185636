//! The list of what passes and what does not, and why.

use std::collections::BTreeMap;

const LIST: &str = include_str!("scenarios.txt");

/// Checks of one scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

/// By server, revision and scenario.
pub(crate) struct Expected(BTreeMap<[&'static str; 3], (Counts, &'static str)>);

impl Expected {
    pub(crate) fn read() -> Self {
        let lines = LIST
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| entry(line).unwrap_or_else(|| panic!("scenarios.txt: {line:?}")))
                .collect(),
        )
    }

    /// A result as the list would hold it. The reason comes from the list, if it has one.
    pub(crate) fn line(
        &self,
        server: &str,
        revision: &str,
        scenario: &str,
        counts: Counts,
    ) -> String {
        let reason = self
            .0
            .get(&[server, revision, scenario])
            .map_or("", |(_, reason)| reason);
        let Counts { passed, failed } = counts;
        format!("{server} {revision} {scenario} {passed}/{failed} {reason}")
            .trim_end()
            .to_owned()
            + "\n"
    }

    /// The lines that are only in the list (`-`) or only in `found` (`+`).
    pub(crate) fn difference(&self, server: &str, found: &str) -> String {
        let prefix = format!("{server} ");
        let listed = || LIST.lines().filter(|line| line.starts_with(&prefix));
        let gone = listed()
            .filter(|line| !found.lines().any(|other| other == *line))
            .map(|line| format!("-{line}\n"));
        let new = found
            .lines()
            .filter(|line| !listed().any(|other| other == *line))
            .map(|line| format!("+{line}\n"));
        gone.chain(new).collect()
    }

    pub(crate) fn check_reasons(&self) {
        for (name @ [_, revision, scenario], (counts, reason)) in &self.0 {
            let holds = match *reason {
                "" => counts.failed == 0,
                // What the real server has no tool for must pass where the tool exists.
                "fixture" => {
                    let there = self.0.get(&["fixtures", *revision, *scenario]);
                    counts.failed > 0
                        && name[0] == "real"
                        && there.is_some_and(|(counts, _)| counts.failed == 0)
                }
                "session" | "extension" => counts.failed > 0,
                _ => false,
            };
            assert!(holds, "scenarios.txt: {name:?} {counts:?} {reason:?}");
        }
    }
}

fn entry(line: &'static str) -> Option<([&'static str; 3], (Counts, &'static str))> {
    let mut words = line.split(' ');
    let name = [words.next()?, words.next()?, words.next()?];
    let (passed, failed) = words.next()?.split_once('/')?;
    let counts = Counts {
        passed: passed.parse().ok()?,
        failed: failed.parse().ok()?,
    };
    Some((name, (counts, words.next().unwrap_or_default())))
}

/// Reads `✓ ping: 2 passed, 0 failed`.
pub(crate) fn summary_line(line: &str) -> Option<(String, Counts)> {
    let (scenario, counts) = line.strip_prefix(['✓', '✗'])?.trim().split_once(": ")?;
    let (passed, failed) = counts.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some((
        scenario.to_owned(),
        Counts {
            passed: passed.parse().ok()?,
            failed: failed.parse().ok()?,
        },
    ))
}
