//! What is wrong with a template, where, and the way out.

use std::fmt;

/// One thing that is wrong in a stack's rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Line in the rendered template, counted from 1; 0 when the fault is not at one place.
    pub line: usize,
    /// The resource, parameter or output it is about; empty when it is about the whole template.
    pub subject: String,
    pub problem: String,
    pub fix: String,
}

impl TemplateError {
    pub fn new(line: usize, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            line,
            subject: String::new(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }

    /// Names the resource, parameter or output, unless an inner one has been named already.
    pub fn about(mut self, subject: &str) -> Self {
        if self.subject.is_empty() {
            subject.clone_into(&mut self.subject);
        }
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(formatter, "line {}: ", self.line)?;
        }
        if !self.subject.is_empty() {
            write!(formatter, "{}: ", self.subject)?;
        }
        write!(formatter, "{}", self.problem)?;
        if !self.fix.is_empty() {
            write!(formatter, "\n    fix: {}", self.fix)?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

pub type Result<T> = std::result::Result<T, TemplateError>;
