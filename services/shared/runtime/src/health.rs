use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::Environment;
use crate::run::{Service, say};

/// Container platforms kill a check that takes longer than a few seconds; this answers before they do.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The `health` subcommand: an image built FROM scratch has no curl. Plain blocking sockets keep it at a millisecond.
pub(crate) fn command(service: Service) -> ExitCode {
    let mut environment = Environment::process();
    let port = environment.address().port;
    let result = match environment.finish() {
        Ok(()) => check(
            SocketAddr::from(([127, 0, 0, 1], port)),
            service.health_path,
        ),
        Err(problems) => Err(problems.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(
                std::io::stderr(),
                &format!("{} is not healthy: {problem}", service.name),
            );
            ExitCode::FAILURE
        }
    }
}

fn check(address: SocketAddr, path: &str) -> Result<(), String> {
    let status =
        status_line(address, path).map_err(|error| format!("http://{address}{path}: {error}"))?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("http://{address}{path} answered {status:?}")),
    }
}

fn status_line(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // One write: a server that answers early must not find more of the request on its way.
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: health\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 64];
    let mut length = 0;
    while length < start.len() && !start[..length].contains(&b'\n') {
        match stream.read(&mut start[length..])? {
            0 => break,
            count => length += count,
        }
    }
    let text = String::from_utf8_lossy(&start[..length]);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    fn answer(text: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let _length = stream.read(&mut request).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_200_is_healthy() {
        assert_eq!(
            super::check(answer("HTTP/1.1 200 OK\r\n\r\n"), "/health"),
            Ok(())
        );
        for bad in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "", "200"] {
            assert!(super::check(answer(bad), "/health").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_closed_port_is_named() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let problem = super::check(address, "/ping").unwrap_err();
        assert!(
            problem.starts_with(&format!("http://{address}/ping: ")),
            "{problem}"
        );
    }
}
