//! Which ports load balancers and Function URLs get.

use std::collections::BTreeMap;
use std::net::TcpListener;

use anyhow::Context;

use crate::balancer;

/// The page that people open has a port that they can remember.
const FRONTEND_PORT: u16 = 3000;
/// Every other load balancer and Function URL gets the first free port from here on.
const FIRST_PORT: u16 = 4300;

/// Ports that were bound for resources which are about to be made.
pub(super) type Reserved = BTreeMap<String, TcpListener>;

/// Binds the port that is wanted, else the first that is free.
pub(super) fn bind_first(owner: &str, wanted: Option<u16>) -> anyhow::Result<TcpListener> {
    let preferred = (owner == "frontend").then_some(FRONTEND_PORT);
    // Tests run side by side and would take each other's ports while a supervisor restarts.
    let usual = if cfg!(test) {
        0..0
    } else {
        FIRST_PORT..FIRST_PORT + 500
    };
    let candidates = wanted.into_iter().chain(preferred).chain(usual).chain([0]);
    candidates
        .map(balancer::bind)
        .find_map(Result::ok)
        .context("no free port on 127.0.0.1")
}
