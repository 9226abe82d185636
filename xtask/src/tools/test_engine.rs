//! Finds a Docker engine for tests: one that answers, and that runs images for 64-bit Arm.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value as Json;

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Where Linux says which programs of another processor it can start, and by what.
const ARM_PROGRAMS: &str = "/proc/sys/fs/binfmt_misc/qemu-aarch64";
const PATIENCE: Duration = Duration::from_secs(10);
const ENGINE_FIX: &str = "on Debian: apt-get install docker.io, start dockerd, and name its socket in DOCKER_HOST if it is not the default one";

/// The engine's address as `DOCKER_HOST` has it.
///
/// # Errors
/// No engine answers there, or it cannot run such images; and what to do.
pub(super) fn find() -> anyhow::Result<String> {
    let host = std::env::var("DOCKER_HOST")
        .ok()
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| DEFAULT_HOST.to_owned());
    let about = engine(&host)
        .with_context(|| format!("no Docker engine answers at {host}; {ENGINE_FIX}"))?;
    let emulated = std::fs::read_to_string(ARM_PROGRAMS).is_ok_and(|entry| can_start(&entry));
    anyhow::ensure!(
        runs_arm(&about) || emulated,
        "the Docker engine at {host} cannot run images for 64-bit Arm; on Debian: apt-get install qemu-user-static, \
         mount binfmt_misc and register /usr/lib/binfmt.d/qemu-aarch64.conf there, as .ci/run does"
    );
    Ok(host)
}

/// True when the entry is switched on, and its interpreter is held open for containers that do not have it (flag F).
fn can_start(entry: &str) -> bool {
    let mut lines = entry.lines();
    lines.next() == Some("enabled")
        && lines.any(|line| {
            line.strip_prefix("flags: ")
                .is_some_and(|flags| flags.contains('F'))
        })
}

fn runs_arm(about: &Json) -> bool {
    matches!(about["Architecture"].as_str(), Some("aarch64" | "arm64"))
}

/// What the engine says about itself.
fn engine(host: &str) -> anyhow::Result<Json> {
    let request = b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n";
    let answer = if let Some(path) = host.strip_prefix("unix://") {
        let stream = UnixStream::connect(Path::new(path))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, request)?
    } else if let Some(address) = host.strip_prefix("tcp://") {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, request)?
    } else {
        anyhow::bail!("an address begins with unix:// or tcp://");
    };
    body(&answer)
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> std::io::Result<String> {
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn body(answer: &str) -> anyhow::Result<Json> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer is not HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    anyhow::ensure!(status.contains(" 200 "), "it answered {status}");
    serde_json::from_str(body).context("the answer is not JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_counts_when_containers_find_it() {
        let entry = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\noffset 0\n";
        assert!(can_start(entry));
        assert!(!can_start(&entry.replace("enabled", "disabled")));
        assert!(!can_start(&entry.replace("POF", "OC")));
        assert!(!can_start(""));
    }

    #[test]
    fn an_engine_says_what_it_is() {
        let answer = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Architecture\":\"aarch64\"}";
        assert!(runs_arm(&body(answer).unwrap()));
        assert!(!runs_arm(
            &body(&answer.replace("aarch64", "x86_64")).unwrap()
        ));
        assert!(body(&answer.replace("200 OK", "500 No")).is_err());
        assert!(body("SSH-2.0").is_err());
    }

    #[test]
    fn nothing_there_is_said_with_the_way_out() {
        let error = engine("unix:///nonexistent/docker.sock").unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
        assert!(engine("ssh://somewhere").is_err());
    }
}
