//! Effects: cargo, cross compiling, the registry; and images and zips of the services.

pub mod cargo;
pub mod cross;
pub mod git;
pub mod packing;
pub mod registry;
