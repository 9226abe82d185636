//! The first questions to a stage that was just deployed, as its users would ask them. Nothing is bought.

mod paths;
pub mod shop;

pub use cloud::SmokeCheck as Check;
pub use paths::paths;
