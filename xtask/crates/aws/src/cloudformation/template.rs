//! A template on its way to CloudFormation. It carries the hash of everything that the stack was made from as an output, which
//! comes back with every description of the stack and goes back with a rollback.
//!
//! Not a tag: CloudFormation hands a stack's tags on to its resources, so a new value would touch each of them.

/// Larger ones have to be in S3. Characters count as bytes.
const INLINE_BYTES_MAX: usize = 51_200;
pub(super) const HASH_OUTPUT: &str = "TurnpikeInputs";

/// Where CloudFormation finds the template.
#[derive(Debug, Clone)]
pub enum TemplateBody {
    Inline(String),
    /// In S3, already stamped.
    Url(String),
}

/// The template with the hash of the stack's inputs as its first output.
pub fn stamped(template: &str, inputs_hash: &str) -> String {
    let output = format!(
        "  {HASH_OUTPUT}:\n    Description: What this stack was made from, as a hash\n    Value: \"{inputs_hash}\"\n"
    );
    let mut result = String::with_capacity(template.len() + output.len());
    let mut done = false;
    for line in template.split_inclusive('\n') {
        result.push_str(line);
        if line.trim_end() == "Outputs:" && !done {
            result.push_str(if line.ends_with('\n') { "" } else { "\n" });
            result.push_str(&output);
            done = true;
        }
    }
    if !done {
        result.push_str(if result.ends_with('\n') { "" } else { "\n" });
        result.push_str("Outputs:\n");
        result.push_str(&output);
    }
    result
}

/// True when the stamped template is too large to go along with a request.
pub fn needs_url(stamped: &str) -> bool {
    stamped.len() > INLINE_BYTES_MAX
}
