//! ARG, ENV and LABEL: names and values.

use super::FileChange;
use super::stage::{Done, Stage, Text, known};
use crate::words;

impl Stage<'_> {
    pub(super) fn arg(&mut self, arguments: &str) -> Done {
        let mut shown = Vec::new();
        for word in words::split(arguments, self.escape) {
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name, Some(default)),
                None => (word.as_str(), None),
            };
            if name.is_empty() || name.contains(['"', '\'', '$', '\0']) {
                return Err(format!(
                    "ARG {word}: `{name}` is not a name; write ARG NAME or ARG NAME=default"
                ));
            }
            let value = match (self.scope.given(name), default) {
                (Some(""), _) => {
                    return Err(format!(
                        "ARG {name} is empty; give {name} a value in the service's args"
                    ));
                }
                (Some(given), _) => Some(given.to_owned()),
                (None, Some(default)) => Some(self.arg_default(default, &shown)?),
                (None, None) if self.begun => self.scope.inherited(name),
                // Before FROM a name alone only announces it.
                (None, None) => continue,
            };
            let Some(value) = value else {
                let fix = format!(
                    "add {name} to [package.metadata.service.args], or a default: ARG {name}=..."
                );
                return Err(format!("ARG {name} has no value; {fix}"));
            };
            if self.begun {
                self.scope.set_arg(name, value.clone());
            } else {
                self.scope.set_global(name, value.clone());
            }
            shown.push((name.to_owned(), value));
        }
        // What stands before FROM is not a part of the stage's history.
        let text = if self.begun {
            Text::Args(shown)
        } else {
            Text::Silent
        };
        Ok((text, FileChange::None))
    }

    /// A default cannot use an ARG of its own line: old engines see the value from before the line, new ones the new value.
    fn arg_default(&self, default: &str, line: &[(String, String)]) -> Result<String, String> {
        let same_line = std::cell::Cell::new(false);
        let value = words::expand(default, self.escape, &|name| {
            same_line.set(same_line.get() || line.iter().any(|(known, _)| known == name));
            if self.begun {
                self.scope.lookup(name)
            } else {
                self.scope.lookup_global(name)
            }
        });
        if same_line.get() {
            return Err(format!(
                "ARG: `{default}` uses an ARG of the same line; give each its own line"
            ));
        }
        value
    }

    pub(super) fn env(&mut self, arguments: &str) -> Done {
        let pairs = self.pairs("ENV", arguments)?;
        let text = shown("ENV", &pairs);
        for (name, value) in pairs {
            if name.contains('=') {
                return Err(format!("ENV: `{name}` is not a name of a variable"));
            }
            self.scope.set_env(&name, value.clone());
            let environment = &mut self.image.config.environment;
            match environment.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1 = value,
                None => environment.push((name, value)),
            }
        }
        known(text)
    }

    pub(super) fn label(&mut self, arguments: &str) -> Done {
        let pairs = self.pairs("LABEL", arguments)?;
        let text = shown("LABEL", &pairs);
        self.image.config.labels.extend(pairs);
        known(text)
    }

    /// `A=1 B="x y"`, or the old form `A the rest`. All pairs of a line see the values from before it.
    fn pairs(&self, instruction: &str, text: &str) -> Result<Vec<(String, String)>, String> {
        let words = words::split(text, self.escape);
        let pairs: Vec<(&str, &str)> = match words.first() {
            Some(first) if first.contains('=') => {
                let pair = |word: &'_ String| word.split_once('=').is_some();
                if let Some(word) = words.iter().find(|word| !pair(word)) {
                    return Err(format!(
                        "{instruction}: `{word}` is not NAME=value; a value with spaces stands in quotes"
                    ));
                }
                words
                    .iter()
                    .filter_map(|word| word.split_once('='))
                    .collect()
            }
            _ => match text.trim().split_once(char::is_whitespace) {
                Some((name, value)) => vec![(name, value.trim())],
                None => {
                    return Err(format!(
                        "{instruction} {text} has no value; write {instruction} {text}=..."
                    ));
                }
            },
        };
        let mut expanded = Vec::new();
        for (name, value) in pairs {
            let name = self.expand(name)?;
            if name.is_empty() {
                return Err(format!("{instruction}: `={value}` has no name"));
            }
            let value = self.expand(value)?;
            if name.contains('\0') || value.contains('\0') {
                return Err(format!("{instruction} {name}: a zero byte ends a string"));
            }
            expanded.push((name, value));
        }
        Ok(expanded)
    }
}

fn shown(instruction: &str, pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!(" {name}={value}"));
    format!("{instruction}{}", pairs.collect::<String>())
}
