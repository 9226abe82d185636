//! Whether a process is ready, as its template says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use http::{Method, Uri};

use super::launcher::command;
use crate::http_client::{Client, call};
use crate::resources::{Health, ProcessPlan};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);

pub(super) fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Waits until the process is ready; an error says what it still lacked when its time was over.
pub(super) async fn ready(
    client: &Client,
    plan: &ProcessPlan,
    environment: &BTreeMap<String, String>,
    port: u16,
) -> Result<(), String> {
    let health = &plan.health;
    let mut last = "nothing was tried".to_owned();
    let waiting = async {
        if health.path.is_none() && health.command.is_none() {
            // Nothing to ask: a process that lives on for a moment has started.
            tokio::time::sleep(PAUSE_MAX).await;
            return;
        }
        let mut step = Step::Connect;
        let mut pause = PAUSE_MIN;
        loop {
            let attempt = match step {
                // Connecting costs nothing, unlike starting the check's command again and again.
                Step::Connect if health.path.is_some() => connects(port).await,
                Step::Connect => Ok(()),
                Step::Command => passes(health, plan, environment).await,
                Step::Path => answers(client, health, port).await,
                Step::Done => return,
            };
            match attempt {
                Ok(()) => step = step.next(),
                Err(problem) => {
                    last = problem;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    };
    let limit = Duration::from_secs(u64::from(health.timeout_seconds.max(1)));
    tokio::time::timeout(limit, waiting)
        .await
        .map_err(|_| format!("not healthy after {} s: {last}", limit.as_secs()))
}

/// What a process has to show, one after the other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Connect,
    Command,
    Path,
    Done,
}

impl Step {
    fn next(self) -> Self {
        match self {
            Self::Connect => Self::Command,
            Self::Command => Self::Path,
            Self::Path | Self::Done => Self::Done,
        }
    }
}

async fn connects(port: u16) -> Result<(), String> {
    let address = address(port);
    tokio::net::TcpStream::connect(address)
        .await
        .map(drop)
        .map_err(|_| format!("nothing listens on {address} (HOST and PORT say where to)"))
}

async fn passes(
    health: &Health,
    plan: &ProcessPlan,
    environment: &BTreeMap<String, String>,
) -> Result<(), String> {
    let Some((program, arguments)) = &health.command else {
        return Ok(());
    };
    let mut check = command(program, arguments, &plan.directory, environment);
    check
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let said = |output: &[u8]| String::from_utf8_lossy(output).trim().to_owned();
    match tokio::time::timeout(ANSWER, check.output()).await {
        Err(_) => Err("the health check's command takes too long".to_owned()),
        Ok(Err(error)) => Err(format!(
            "the health check's command does not start: {error}"
        )),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(format!(
            "the health check's command fails ({}): {}{}",
            output.status,
            said(&output.stdout),
            said(&output.stderr)
        )),
    }
}

/// One request to the health path; no path is healthy.
pub(super) async fn answers(client: &Client, health: &Health, port: u16) -> Result<(), String> {
    let Some(path) = &health.path else {
        return Ok(());
    };
    let uri: Uri = format!("http://{}{path}", address(port))
        .parse()
        .map_err(|error| format!("{path} is not a path: {error}"))?;
    match tokio::time::timeout(ANSWER, call(client, Method::GET, &uri, None, Vec::new())).await {
        Err(_) => Err(format!(
            "GET {path} takes longer than {} s",
            ANSWER.as_secs()
        )),
        Ok(Err(error)) => Err(format!("GET {path}: {error:#}")),
        Ok(Ok((status, _))) if matches_code(&health.codes, status.as_u16()) => Ok(()),
        Ok(Ok((status, _))) => Err(format!("GET {path} answers {status}, not {}", health.codes)),
    }
}

/// A target group's matcher: `200`, `200,204`, `200-299`.
fn matches_code(codes: &str, status: u16) -> bool {
    codes
        .split(',')
        .any(|part| match part.trim().split_once('-') {
            Some((first, last)) => {
                first.parse().is_ok_and(|first: u16| first <= status)
                    && last.parse().is_ok_and(|last: u16| status <= last)
            }
            None => part.trim().parse() == Ok(status),
        })
}

#[cfg(test)]
mod tests {
    use super::matches_code;

    #[test]
    fn matchers_are_read_as_elb_does() {
        for (codes, status, right) in [
            ("200", 200, true),
            ("200,204", 204, true),
            ("200-299", 250, true),
            ("200", 201, false),
            ("", 200, false),
        ] {
            assert_eq!(matches_code(codes, status), right, "{codes} {status}");
        }
    }
}
