//! Programs that a test starts, and ends with itself.
#![expect(clippy::disallowed_methods, reason = "a test plays the user")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

pub(crate) struct Process {
    child: Child,
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Process {
    /// Starts a program with nothing of our environment but PATH.
    pub(crate) fn start(program: &str, arguments: &[&str], environment: &[(&str, String)]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // A pipe that nobody empties would stop the program.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                sender.send(line).ok();
            }
        });
        let lines = Mutex::new(lines);
        Self { child, lines }
    }

    /// What follows `marker` on the first line that has it.
    #[track_caller]
    pub(crate) fn line_with(&self, marker: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let line = self
                .lines
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(60))
                .unwrap_or_else(|_| panic!("no `{marker}` in {seen:#?}"));
            if let Some((_, rest)) = line.split_once(marker) {
                return rest.to_owned();
            }
            seen.push(line);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end and returns its stdout.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str], environment: &[(&str, String)]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}\n{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

/// Where the suite has put a tool.
#[track_caller]
pub(crate) fn tool(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; run: cargo xtask test payments"))
}

pub(crate) fn tests_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
