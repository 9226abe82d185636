//! How much environment a platform takes.

/// The limits on the variables that a template sets. What is longer is baked into the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvironmentLimits {
    /// All names and values together, counted as JSON.
    pub bytes_max: usize,
    /// Limits on each of them.
    pub each: Option<VariableLimits>,
}

/// The limits on the number and the length of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableLimits {
    pub count_max: usize,
    pub name_bytes_max: usize,
    pub value_bytes_max: usize,
}
