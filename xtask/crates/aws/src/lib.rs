//! AWS: one file per service that the tool talks to.

mod artifacts;
mod changes;
mod clock;
pub mod cloudformation;
pub mod control;
mod diagnosis;
pub mod ecr;
pub mod ecs;
pub mod errors;
pub mod explain;
mod health;
pub mod inventory;
pub mod lock;
pub mod logs;
mod removal;
pub mod s3;
pub mod secrets;
mod smoke;
mod stage;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod testing;

pub use sign_in::Aws;
pub use stage::AwsStage;
