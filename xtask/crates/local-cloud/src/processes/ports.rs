//! Ports of 127.0.0.1 for processes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::bail;

/// Below the range that Linux and macOS take for outgoing connections: nothing grabs such a port between choosing it and
/// the process's own bind.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

/// Hands out free ports, each to one process at a time.
#[derive(Debug)]
pub(crate) struct Ports {
    next: Mutex<u16>,
}

impl Ports {
    /// Starts somewhere in the range, so that two local clouds on one machine seldom meet.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 2];
        // Without randomness the search starts at the first port, which is as good.
        let _ = getrandom::fill(&mut bytes);
        Self {
            next: Mutex::new(FIRST + u16::from_ne_bytes(bytes) % (LAST - FIRST)),
        }
    }

    /// A port that nobody listens on and that has not been handed out for a long while.
    pub(crate) fn take(&self) -> anyhow::Result<u16> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in FIRST..=LAST {
            let port = *next;
            *next = if port >= LAST { FIRST } else { port + 1 };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        bail!("every port of 127.0.0.1 from {FIRST} to {LAST} is taken")
    }
}
