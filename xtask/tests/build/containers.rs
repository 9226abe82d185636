//! The Docker engine as a person uses it: by its client, on the command line.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// The address of the engine that the suite found.
pub(crate) fn host() -> String {
    std::env::var("TURNPIKE_TEST_DOCKER_HOST").expect("cargo xtask test images")
}

/// Docker's client with these words, and something on its stdin.
pub(crate) fn docker_with(words: &[&str], stdin: Vec<u8>) -> Output {
    let debian = Path::new("/usr/bin/docker");
    let client = if debian.is_file() {
        debian
    } else {
        Path::new("docker")
    };
    duct::cmd(client, words)
        .env("DOCKER_HOST", host())
        .env("DOCKER_BUILDKIT", "1")
        .stdin_bytes(stdin)
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap()
}

/// What the client answers on its stdout.
#[track_caller]
pub(crate) fn docker(words: &[&str]) -> String {
    succeeded(words, &docker_with(words, Vec::new()))
}

#[track_caller]
fn succeeded(words: &[&str], output: &Output) -> String {
    assert!(
        output.status.success(),
        "docker {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Gives the engine an image from its OCI layout, and returns the name that the layout gives it.
#[track_caller]
pub(crate) fn load(layout: &Path) -> String {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all(".", layout).unwrap();
    let words = ["load", "--quiet"];
    let said = succeeded(&words, &docker_with(&words, archive.into_inner().unwrap()));
    said.rsplit(' ').next().unwrap().to_owned()
}

/// Containers, images and a network that go away.
#[derive(Debug, Default)]
pub(crate) struct Rubbish {
    pub(crate) containers: Vec<String>,
    pub(crate) images: Vec<String>,
    pub(crate) networks: Vec<String>,
}

impl Drop for Rubbish {
    fn drop(&mut self) {
        for container in &self.containers {
            if std::thread::panicking() {
                let logs = docker_with(&["logs", "--tail", "20", container], Vec::new());
                let text = [logs.stdout, logs.stderr].concat();
                std::io::Write::write_all(&mut std::io::stderr(), &text).unwrap_or_default();
            }
            drop(docker_with(&["rm", "--force", container], Vec::new()));
        }
        for image in &self.images {
            drop(docker_with(&["rmi", "--force", image], Vec::new()));
        }
        for network in &self.networks {
            drop(docker_with(&["network", "rm", network], Vec::new()));
        }
    }
}

/// Waits until the container is healthy, as its own image defines that.
#[track_caller]
pub(crate) fn wait_until_healthy(container: &str) {
    let end = Instant::now() + Duration::from_secs(180);
    loop {
        let state = docker(&[
            "inspect",
            "--format",
            "{{.State.Status}} {{.State.Health.Status}}",
            container,
        ]);
        if state == "running healthy" {
            return;
        }
        assert!(
            Instant::now() < end && state.starts_with("running"),
            "{container} is {state}"
        );
        // The engine has no call that waits for it.
        std::thread::sleep(Duration::from_millis(500));
    }
}
