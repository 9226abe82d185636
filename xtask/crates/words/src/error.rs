//! Errors in words: what is wrong, and the way out.

use std::fmt;
use std::process::ExitCode;

use crate::output::Output;

/// The caller's mistake, or something only the caller can fix: exit code 2.
#[derive(Debug)]
pub struct UserError {
    problem: String,
    hint: Option<String>,
}

impl UserError {
    pub fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            hint: None,
        }
    }

    /// Adds the way out: a sentence, or a command to type.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// One error out of several problems of the same kind, so that they can be fixed in one go.
    pub fn all(what: &str, problems: &[Problem]) -> Self {
        let mut text = match problems.len() {
            1 => what.to_owned(),
            count => format!("{what} ({count} problems)"),
        };
        for problem in problems {
            text.push_str(&format!("\n  {problem}"));
        }
        Self::new(text)
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for UserError {}

/// One thing that is wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the repository, with the line where it is known: `services/agent/Cargo.toml:12`.
    pub place: String,
    pub text: String,
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.text)?;
        if !self.fix.is_empty() {
            write!(formatter, "\n    fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// Something failed that the caller could not have known: exit code 1, with the way out.
#[derive(Debug)]
pub struct Failure {
    problem: String,
    hint: String,
}

impl Failure {
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for Failure {}

/// What was asked needs a part that this build of the tool was compiled without: see decision 0014.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotInThisBuild {
    /// The stage of this name is on AWS.
    Aws { stage: String },
    /// A Dockerfile, or the command line, asks for the Docker engine.
    DockerEngine,
}

impl fmt::Display for NotInThisBuild {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws { stage } => write!(
                formatter,
                "this build of the tool has no support for AWS, where the stage {stage} is"
            ),
            Self::DockerEngine => {
                formatter.write_str("this build of the tool has no support for the Docker engine")
            }
        }
    }
}

impl std::error::Error for NotInThisBuild {}

/// The way out, when the error names one.
pub fn hint(error: &anyhow::Error) -> Option<&str> {
    let user = error.downcast_ref::<UserError>();
    let failure = error.downcast_ref::<Failure>();
    user.and_then(|user| user.hint.as_deref())
        .or_else(|| failure.map(|failure| failure.hint.as_str()))
}

/// Writes the error for a person and chooses the exit code: 2 for the caller's mistake, else 1.
pub fn report(error: &anyhow::Error, out: &Output) -> ExitCode {
    out.error(&format!("{error:#}"));
    if let Some(user) = error.downcast_ref::<UserError>() {
        if let Some(hint) = &user.hint {
            out.hint(hint);
        }
        return ExitCode::from(2);
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        out.hint(&failure.hint);
    }
    ExitCode::FAILURE
}
