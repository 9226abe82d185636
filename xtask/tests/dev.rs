//! `dev` in a small workspace with one service that needs nothing but the standard library: what is saved runs, what does not
//! compile changes nothing, and Ctrl-C leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "terminal/small.rs"]
mod small;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use small::{write, xtask};

/// What the service answers, if it answers.
fn greeting(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nhost: page\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split("\r\n\r\n").nth(1)?.to_owned())
}

#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends `dev` whatever happens to the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn what_is_saved_runs_and_ctrl_c_leaves_nothing() {
    let workspace = small::workspace("one", 0);
    let folder = workspace.path();
    let program = |greeting: &str| small::write_program(folder, greeting, 0);

    let log = fs::File::create(folder.join("dev.log")).unwrap();
    let dev = xtask(folder, &["dev"])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut dev = Running(dev);
    let said = || fs::read_to_string(folder.join("dev.log")).unwrap();
    let address = wait_for("the page's address", || {
        let said = said();
        let url = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("open "))?;
        Some(url.trim().strip_prefix("http://")?.to_owned())
    });
    assert_eq!(greeting(&address).unwrap(), "one");

    program("two");
    wait_for("the new greeting", || {
        greeting(&address).filter(|text| text == "two")
    });

    write(
        folder,
        "services/page/src/main.rs",
        "fn main() { this does not compile }",
    );
    wait_for("the error", || {
        said().contains("cargo could not build").then_some(())
    });
    assert_eq!(
        greeting(&address).unwrap(),
        "two",
        "what ran before goes on"
    );

    program("three");
    wait_for("the greeting after the error", || {
        greeting(&address).filter(|text| text == "three")
    });

    let pid = rustix::process::Pid::from_raw(i32::try_from(dev.0.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = wait_for("the end", || dev.0.try_wait().unwrap());
    assert!(status.success(), "{}", said());
    assert!(greeting(&address).is_none(), "the port is still open");
}
