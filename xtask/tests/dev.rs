//! `dev` in a small workspace with one service that needs nothing but the standard library: what is saved runs, what does not
//! compile changes nothing, and Ctrl-C leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const ROOT: &str = r#"[workspace]
resolver = "3"
members = ["services/*"]

[workspace.metadata]
project = "small"

[workspace.metadata.stages.local]
cloud = "local"
"#;

const MANIFEST: &str = r#"[package]
name = "page"
version = "0.1.0"
edition = "2024"

[package.metadata.service]
kind = "fargate"
public = true
"#;

const DOCKERFILE: &str = r#"FROM scratch
COPY --chmod=0555 page /page
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s CMD ["/page", "health"]
ENTRYPOINT ["/page"]
"#;

/// An HTTP server that says GREETING to everybody.
const PROGRAM: &str = r#"use std::io::{Read, Write};
fn main() {
    if std::env::args().nth(1).is_some() {
        return;
    }
    let port = std::env::var("PORT").unwrap();
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let body = "GREETING";
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
}
"#;

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
fn xtask(folder: &Path, verb: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .arg(verb)
        .current_dir(folder)
        .env("TURNPIKE_LOCAL_DIR", folder.join("local"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

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
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
    for entry in fs::read_dir(templates).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        write(
            folder,
            &format!("templates/{name}"),
            &fs::read_to_string(&path).unwrap(),
        );
    }
    write(folder, "Cargo.toml", ROOT);
    write(folder, "services/page/Cargo.toml", MANIFEST);
    write(folder, "services/page/Dockerfile", DOCKERFILE);
    let program = |greeting: &str| {
        write(
            folder,
            "services/page/src/main.rs",
            &PROGRAM.replace("GREETING", greeting),
        )
    };
    program("one");

    let log = fs::File::create(folder.join("dev.log")).unwrap();
    let dev = xtask(folder, "dev")
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
