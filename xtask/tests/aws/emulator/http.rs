//! One HTTP request at a time, over TCP or a socket in the file system, without an async runtime.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value as Json;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends to `http://host:port/path` or, with a path in the file system between brackets, `unix:[/socket]/path`.
///
/// # Errors
/// Nobody answers there in time, or not with HTTP.
pub(crate) fn send(method: &str, url: &str, body: &str) -> std::io::Result<Answer> {
    let head = |path: &str, host: &str| {
        format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let refused = || std::io::Error::other(format!("{url} is not an address"));
    let answer = if let Some(rest) = url.strip_prefix("unix:[") {
        let (socket, path) = rest.split_once(']').ok_or_else(refused)?;
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        exchange(stream, &head(path, "docker"))?
    } else {
        let rest = url.strip_prefix("http://").ok_or_else(refused)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        exchange(
            stream,
            &head(if path.is_empty() { "/" } else { path }, host),
        )?
    };
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let raw = &answer[end + 4..];
    let chunked = head
        .lines()
        .any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = if chunked {
        join_chunks(raw)?
    } else {
        raw.to_vec()
    };
    Some(Answer { status, body })
}

fn join_chunks(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = raw.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).ok()?, 16).ok()?;
        let rest = &raw[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        raw = rest.get(size + 2..)?;
    }
}
