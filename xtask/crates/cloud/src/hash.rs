//! One number for everything that a stack is made from. It is kept as a tag of the stack, so that a deploy of the same
//! things asks nothing but the tag.

use sha2::{Digest, Sha256};

use crate::StackRequest;

/// SHA-256 over the template and the parameters, in hex.
pub fn inputs_hash(request: &StackRequest) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(&request.template);
    for (name, value) in &request.parameters {
        part(name);
        part(value);
    }
    hex::encode(hash.finalize())
}
