//! AWS: one file per service that the tool talks to.

mod clock;
pub mod cloudformation;
pub mod control;
pub mod ecr;
pub mod ecs;
pub mod errors;
pub mod explain;
pub mod inventory;
pub mod lock;
pub mod logs;
pub mod s3;
pub mod secrets;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod testing;

pub use sign_in::Aws;
