//! The numbers of a manifest that a platform sells.

/// How large a service is to be.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub cpu_units: u32,
    pub memory_mib: u32,
    pub timeout_seconds: u32,
}

/// A number that the platform does not take.
#[derive(Debug, PartialEq, Eq)]
pub struct SizeProblem {
    /// The manifest's key: `memory_mib`.
    pub key: &'static str,
    pub text: String,
    pub fix: String,
}
