//! Effects: cargo, cross compiling, the Docker engine, the registry; and images and zips of the services.

pub mod cargo;
pub mod cross;
pub mod docker;
pub mod git;
pub mod packing;
pub mod registry;
