use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use url::Url;

/// Reads settings from environment variables and collects everything that is wrong with them, so that a person sees all
/// problems in one message. A reader that meets a problem returns a harmless placeholder; [`Environment::finish`] then
/// refuses. An empty variable counts as a missing one.
#[derive(Debug)]
pub struct Environment {
    source: Source,
    problems: Vec<Problem>,
}

#[derive(Debug)]
enum Source {
    Process,
    Pairs(BTreeMap<String, String>),
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable.
    pub name: String,
    /// What is wrong and what would be right, as the end of a sentence.
    pub text: String,
}

/// All settings that are wrong. `Display` gives one line for each, after a line that counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// Where a service listens, from `HOST` and `PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Environment {
    /// The environment of this process.
    pub fn process() -> Self {
        Self {
            source: Source::Process,
            problems: Vec::new(),
        }
    }

    /// A made-up environment, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            source: Source::Pairs(pairs),
            problems: Vec::new(),
        }
    }

    /// The value, or `None` when it is missing or empty.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        let value = match &self.source {
            Source::Pairs(pairs) => pairs.get(name).cloned(),
            Source::Process => match std::env::var_os(name).map(|value| value.into_string()) {
                Some(Ok(value)) => Some(value),
                Some(Err(_)) => {
                    self.problem(name, "is not valid UTF-8");
                    return Some(String::new());
                }
                None => None,
            },
        };
        value.filter(|value| !value.is_empty())
    }

    /// The value. Missing is a problem, and gives an empty text.
    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problem(name, "is missing");
            String::new()
        })
    }

    /// The value, read as a `T`; `default` stands in for a missing one. `None` only after a problem was recorded.
    pub fn parse<T: FromStr>(&mut self, name: &str, default: Option<&str>) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let Some(text) = self.optional(name).or_else(|| default.map(str::to_owned)) else {
            self.problem(name, "is missing");
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, format!("{text:?} cannot be used: {error}"));
                None
            }
        }
    }

    /// Like [`Environment::parse`] with a placeholder: `T::default()` after a problem.
    pub fn parse_or_default<T: FromStr + Default>(&mut self, name: &str, default: Option<&str>) -> T
    where
        T::Err: fmt::Display,
    {
        self.parse(name, default).unwrap_or_default()
    }

    /// One of a few words, for example `open` or `key`. After a problem the first word is returned.
    pub fn one_of(&mut self, name: &str, words: &[&'static str]) -> &'static str {
        let value = self.required(name);
        if let Some(word) = words.iter().find(|word| **word == value) {
            return word;
        }
        if !value.is_empty() {
            self.problem(
                name,
                format!("{value:?} is not one of: {}", words.join(", ")),
            );
        }
        words.first().copied().unwrap_or_default()
    }

    /// An absolute `http` or `https` URL with a host and without a user or password.
    pub fn url(&mut self, name: &str) -> Url {
        let text = self.required(name);
        if !text.is_empty() {
            match Url::parse(&text) {
                Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                    self.problem(
                        name,
                        format!("{text:?} must begin with http:// or https://"),
                    );
                }
                Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                    self.problem(name, "must not contain a user name or a password");
                }
                Ok(url) => return url,
                Err(error) => self.problem(name, format!("{text:?} is not a URL: {error}")),
            }
        }
        Url::parse("http://invalid.invalid/").expect("a constant that parses")
    }

    /// `HOST` (127.0.0.1 when missing) and `PORT` (8080 when missing).
    pub fn address(&mut self) -> Address {
        let host = self
            .optional("HOST")
            .unwrap_or_else(|| "127.0.0.1".to_owned());
        Address {
            host,
            port: self.parse_or_default("PORT", Some("8080")),
        }
    }

    /// Records a problem that the caller found.
    pub fn problem(&mut self, name: &str, text: impl Into<String>) {
        self.problems.push(Problem {
            name: name.to_owned(),
            text: text.into(),
        });
    }

    /// Ends the reading. Errors hold every problem met so far.
    pub fn finish(self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(self.problems))
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(formatter, "1 setting is wrong")?,
            count => write!(formatter, "{count} settings are wrong")?,
        }
        self.0
            .iter()
            .try_for_each(|problem| write!(formatter, "\n  {}: {}", problem.name, problem.text))
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Environment};
    use expect_test::expect;

    #[test]
    fn every_problem_is_in_one_message() {
        let mut environment = Environment::from_pairs([
            ("EMPTY", ""),
            ("PORT", "70000"),
            ("SCHEME", "ftp://example.com"),
            ("RELATIVE", "/weather"),
            ("USER", "https://me:word@example.com"),
            ("WORD", "ajar"),
        ]);
        assert_eq!(environment.required("EMPTY"), "");
        assert_eq!(environment.optional("EMPTY"), None);
        environment.address();
        for name in ["SCHEME", "RELATIVE", "USER", "ABSENT"] {
            assert_eq!(environment.url(name).as_str(), "http://invalid.invalid/");
        }
        assert_eq!(environment.one_of("WORD", &["open", "key"]), "open");
        environment.problem("OTHER", "is odd");
        expect![[r#"
            8 settings are wrong
              EMPTY: is missing
              PORT: "70000" cannot be used: number too large to fit in target type
              SCHEME: "ftp://example.com" must begin with http:// or https://
              RELATIVE: "/weather" is not a URL: relative URL without a base
              USER: must not contain a user name or a password
              ABSENT: is missing
              WORD: "ajar" is not one of: open, key
              OTHER: is odd"#]]
        .assert_eq(
            &environment
                .finish()
                .expect_err("there are problems")
                .to_string(),
        );
    }

    #[test]
    fn good_settings_are_read_and_defaults_stand_in() {
        let mut environment =
            Environment::from_pairs([("URL", "https://example.com/mcp"), ("STEPS", "3")]);
        assert_eq!(
            environment.address(),
            Address {
                host: "127.0.0.1".into(),
                port: 8080
            }
        );
        assert_eq!(environment.url("URL").path(), "/mcp");
        assert_eq!(environment.parse::<u8>("STEPS", Some("8")), Some(3));
        assert_eq!(environment.parse::<u8>("TOKENS", Some("8")), Some(8));
        assert_eq!(environment.finish(), Ok(()));
    }

    #[test]
    fn an_address_prints_as_a_socket_address() {
        assert_eq!(
            Address {
                host: "::1".into(),
                port: 80
            }
            .to_string(),
            "[::1]:80"
        );
        assert_eq!(
            Address {
                host: "0.0.0.0".into(),
                port: 80
            }
            .to_string(),
            "0.0.0.0:80"
        );
    }
}
