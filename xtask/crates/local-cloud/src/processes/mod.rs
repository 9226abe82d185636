//! Processes of the local cloud: started with exactly their environment, watched, restarted, ended, and found again.

mod child;
mod function;
mod health;
mod launcher;
mod life;
mod log_file;
mod ports;
mod records;
mod supervised;

pub(crate) use function::FunctionStarter;
pub(crate) use launcher::Launcher;
pub(crate) use log_file::{SIZE_MAX, bound, note};
pub(crate) use ports::Ports;
pub(crate) use records::reap;
pub(crate) use supervised::{FirstFailure, SupervisedProcess};
