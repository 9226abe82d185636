//! Words for people: errors with file, line and fix; output; the rows at a terminal.

pub mod error;
pub mod output;
pub mod question;
#[path = "../../../../services/shared/runtime/src/text.rs"]
pub mod text;
