//! Processes of the local cloud: started with exactly their environment, watched, restarted, ended, and found again.

mod child;
mod function;
mod health;
mod keeper;
mod launcher;
mod life;
mod log_file;
mod ports;
mod records;

pub(crate) use function::FunctionStarter;
pub(crate) use keeper::{FirstFailure, Keeper};
pub(crate) use launcher::Launcher;
pub(crate) use log_file::{SIZE_MAX, bound, note};
pub(crate) use ports::Ports;
pub(crate) use records::reap;
