//! Reads a table of a manifest strictly: every key is known, every value has its type, and every problem has its line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use words::error::Problem;

/// One table of one manifest, as `cargo metadata` gives it.
pub(crate) struct Table<'a> {
    pub file: &'a ManifestFile,
    /// The header of the table as it is written: `package.metadata.service.args`.
    pub header: String,
    values: &'a Map<String, Json>,
    read: BTreeSet<&'a str>,
}

/// A manifest's path, and its text once a problem needs a line number.
pub(crate) struct ManifestFile {
    pub path: PathBuf,
    /// The path as people write it, from the root of the repository.
    pub shown: String,
}

impl ManifestFile {
    pub(crate) fn new(root: &Path, path: &Path) -> Self {
        let shown = path
            .strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string();
        Self {
            path: path.to_owned(),
            shown,
        }
    }

    /// A problem at a key of a table, with the line if the key can be found.
    pub(crate) fn problem(&self, header: &str, key: &str, text: String, fix: String) -> Problem {
        let place = self.place(header, key);
        Problem { place, text, fix }
    }

    /// `services/agent/Cargo.toml:12`, or without the line if the key cannot be found.
    pub(crate) fn place(&self, header: &str, key: &str) -> String {
        let line = std::fs::read_to_string(&self.path)
            .ok()
            .and_then(|manifest| line_of(&manifest, header, key));
        match line {
            Some(line) => format!("{}:{line}", self.shown),
            None => self.shown.clone(),
        }
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(file: &'a ManifestFile, header: &str, values: &'a Map<String, Json>) -> Self {
        Self {
            file,
            header: header.to_owned(),
            values,
            read: BTreeSet::new(),
        }
    }

    /// The value under a key, which counts as known from now on.
    pub(crate) fn get(&mut self, key: &'a str) -> Option<&'a Json> {
        self.read.insert(key);
        self.values.get(key)
    }

    /// A key of earlier versions: it is no longer known, and whoever still has it learns what to write.
    pub(crate) fn renamed(
        &mut self,
        old: &'a str,
        text: &str,
        fix: &str,
        problems: &mut Vec<Problem>,
    ) {
        if self.values.contains_key(old) {
            self.read.insert(old);
            problems.push(self.problem(old, text.to_owned(), fix.to_owned()));
        }
    }

    /// A text; anything else is a problem, and so is an empty one.
    pub(crate) fn text(&mut self, key: &'a str, problems: &mut Vec<Problem>) -> Option<String> {
        match self.get(key)? {
            Json::String(text) if text.trim().is_empty() => {
                problems.push(self.problem(
                    key,
                    format!("`{key}` is empty"),
                    format!("give `{key}` a value"),
                ));
                None
            }
            Json::String(text) => Some(text.clone()),
            other => {
                let fix = format!("write {key} = \"...\"");
                problems.push(self.problem(
                    key,
                    format!("`{key}` is {}, not a text", type_of(other)),
                    fix,
                ));
                None
            }
        }
    }

    /// A list of texts; none when it is absent.
    pub(crate) fn texts(&mut self, key: &'a str, problems: &mut Vec<Problem>) -> Vec<String> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let texts = value.as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        });
        texts.unwrap_or_else(|| {
            let fix = format!("write {key} = [\"...\"]");
            problems.push(self.problem(key, format!("`{key}` is not a list of texts"), fix));
            Vec::new()
        })
    }

    pub(crate) fn flag(&mut self, key: &'a str, problems: &mut Vec<Problem>) -> bool {
        match self.get(key) {
            None => false,
            Some(Json::Bool(flag)) => *flag,
            Some(other) => {
                let fix = format!("write {key} = true or {key} = false");
                problems.push(self.problem(
                    key,
                    format!("`{key}` is {}, not true or false", type_of(other)),
                    fix,
                ));
                false
            }
        }
    }

    pub(crate) fn number(
        &mut self,
        key: &'a str,
        default: u32,
        problems: &mut Vec<Problem>,
    ) -> u32 {
        match self.get(key) {
            None => default,
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or_else(|| {
                    let fix = format!("write {key} = {default}, or another number");
                    problems.push(self.problem(key, format!("`{key}` is not a whole number"), fix));
                    default
                }),
        }
    }

    pub(crate) fn table(
        &mut self,
        key: &'a str,
        problems: &mut Vec<Problem>,
    ) -> Option<&'a Map<String, Json>> {
        match self.get(key)? {
            Json::Object(table) => Some(table),
            other => {
                let fix = format!("write a table [{}.{key}]", self.header);
                problems.push(self.problem(
                    key,
                    format!("`{key}` is {}, not a table", type_of(other)),
                    fix,
                ));
                None
            }
        }
    }

    /// Reports every key that nobody has asked for.
    pub(crate) fn unknown_keys(&self, problems: &mut Vec<Problem>) {
        let known: Vec<&str> = self.read.iter().copied().collect();
        for key in self
            .values
            .keys()
            .filter(|key| !self.read.contains(key.as_str()))
        {
            let fix = match nearest(key, &known) {
                Some(near) => format!("did you mean `{near}`? known keys: {}", known.join(", ")),
                None => format!("known keys: {}", known.join(", ")),
            };
            problems.push(self.problem(
                key,
                format!("unknown key `{key}` in [{}]", self.header),
                fix,
            ));
        }
    }

    pub(crate) fn problem(&self, key: &str, text: String, fix: String) -> Problem {
        self.file.problem(&self.header, key, text, fix)
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a table",
    }
}

/// The line of `key` under `[header]`, counted from 1; a key or the whole table may also stand inline in its parent table.
fn line_of(manifest: &str, header: &str, key: &str) -> Option<usize> {
    let mut current = String::new();
    let mut of_header = None;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            current = name.trim().replace('"', "");
            if current == header || current == format!("{header}.{key}") {
                of_header = of_header.or(Some(index + 1));
            }
            if current == format!("{header}.{key}") {
                return Some(index + 1);
            }
        } else if current == header {
            let name = line
                .split('=')
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches('"');
            if name == key {
                return Some(index + 1);
            }
        }
    }
    let in_parent = || {
        let (parent, table) = header.rsplit_once('.')?;
        line_of(manifest, parent, table)
    };
    of_header.or_else(in_parent)
}

/// The known word that a mistyped one probably stands for.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, best) = known
        .iter()
        .map(|candidate| (strsim::levenshtein(word, candidate), *candidate))
        .min()?;
    (distance <= 2.max(word.len() / 3)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_under_its_header() {
        let manifest = "[package]\nname = \"a\"\n\n[package.metadata.service]\nkind = \"lambda\"\nargs = {}\n[package.metadata.service.env]\nkind = 1\n";
        assert_eq!(
            line_of(manifest, "package.metadata.service", "kind"),
            Some(5)
        );
        assert_eq!(
            line_of(manifest, "package.metadata.service.env", "kind"),
            Some(8)
        );
        assert_eq!(
            line_of(manifest, "package.metadata.service", "env"),
            Some(7)
        );
        assert_eq!(
            line_of(manifest, "package.metadata.service", "absent"),
            Some(4)
        );
        assert_eq!(
            line_of(manifest, "package.metadata.service.env.kind", "type"),
            Some(8)
        );
        assert_eq!(line_of(manifest, "workspace", "absent"), None);
    }

    #[test]
    fn a_near_miss_is_recognised() {
        assert_eq!(nearest("kinds", &["kind", "args", "env"]), Some("kind"));
        assert_eq!(nearest("agrs", &["kind", "args", "env"]), Some("args"));
        assert_eq!(nearest("completely-different", &["kind", "args"]), None);
    }
}
