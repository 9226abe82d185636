//! A terminal to run a program at, and what it shows.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;

/// Compiling on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) const CTRL_C: &[u8] = b"\x03";

pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    reader: JoinHandle<()>,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// What is left when the program has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) screen: String,
    pub(crate) bytes: Vec<u8>,
}

impl Terminal {
    /// Runs a program at a person's terminal of this size, which is its controlling terminal.
    pub(crate) fn run(mut command: Command, rows: u16, columns: u16) -> Self {
        command
            .env_remove("CI")
            .env("TERM", "xterm")
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never");
        Self::run_as_it_is(command, rows, columns)
    }

    pub(crate) fn run_as_it_is(command: Command, rows: u16, columns: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let child = pty_process::blocking::Command::from(command)
            .spawn(pts)
            .unwrap();
        let pty = Arc::new(pty);
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
        }));
        let (from, into) = (pty.clone(), seen.clone());
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The last program at the terminal has closed it when this fails.
            while let Ok(count) = (&*from).read(&mut buffer) {
                let mut seen = into.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            pty,
            child,
            seen,
            reader,
        }
    }

    /// What stands on the screen.
    pub(crate) fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen has these words, and returns the screen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words))
    }

    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended before `{what}`:\n{}", self.screen());
            assert!(Instant::now() < end, "never `{what}`:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn press(&self, keys: &[u8]) {
        (&*self.pty).write_all(keys).unwrap();
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                self.child.kill().unwrap();
                panic!("it does not end:\n{}", self.screen());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reader.join().unwrap();
        let seen = self.seen.lock().unwrap();
        Ended {
            status,
            screen: seen.parser.screen().contents(),
            bytes: seen.bytes.clone(),
        }
    }
}

impl Ended {
    /// What each escape sequence ends in: `A` moves up, `J` clears, `m` colours.
    pub(crate) fn escapes(&self) -> String {
        let mut sequences = self.bytes.split(|byte| *byte == 0x1b);
        sequences.next();
        let last = |sequence: &[u8]| sequence.iter().copied().find(u8::is_ascii_alphabetic);
        let mut found: Vec<char> = sequences.filter_map(last).map(char::from).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().collect()
    }
}
