//! Nothing but its Cargo.toml: one set of features for the crates that the tool and the services share.
