//! A CloudFormation template as a tree with lines. What it means is for `check` and for the local cloud to say.
//!
//! A package of its own because it is compiled with optimisation: reading every template is otherwise most of a check.

mod error;
mod node;
mod pieces;
mod read;
mod references;

pub use error::{Result, TemplateError};
pub use node::{Entry, Kind, Node};
pub use pieces::{Piece, pieces};
pub use references::{names, same, same_at};

/// The sections that a template may have.
pub const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Hooks",
    "Rules",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
];
