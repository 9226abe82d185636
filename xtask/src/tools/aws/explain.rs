//! What well-known failures of AWS mean, and the way out. A table of texts, nothing else.

/// A failure that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) meaning: String,
    pub(crate) fix: String,
}

/// Looks an error text (code and message, or a resource's reason) up; none when nothing more is known than AWS said.
pub(crate) fn explain(_text: &str) -> Option<Explanation> {
    None
}
