//! Behind a proxy: what asks AWS goes through the one that the environment names, and nothing else does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use assert_cmd::Command;

/// A proxy that writes down whom it is to reach and reaches nobody. RFC 9110, 9.3.6: `CONNECT host:port`.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(stream.try_clone().unwrap())
                    .read_line(&mut line)
                    .unwrap();
                seen.lock().unwrap().push(line.trim().to_owned());
                drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// What `plan` of a stage on AWS says, with these variables.
fn plan(variables: &[(&str, &str)]) -> String {
    let nothing = tempfile::tempdir().unwrap();
    let nothing = nothing.path().join("no-settings");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["status", "--stage", "dev"])
        .current_dir(root)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| {
            name == "PATH" || name == "HOME" || name == "CARGO_HOME" || name == "RUSTUP_HOME"
        }))
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "only-for-tests")
        .env("AWS_CONFIG_FILE", &nothing)
        .env("AWS_SHARED_CREDENTIALS_FILE", &nothing)
        .env("AWS_MAX_ATTEMPTS", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn aws_is_asked_through_the_proxy() {
    let proxy = Proxy::start();
    let told = plan(&[("HTTPS_PROXY", &proxy.address)]);
    let asked = proxy.asked();
    assert!(
        !asked.is_empty()
            && asked
                .iter()
                .all(|line| line.starts_with("CONNECT sts.us-west-2.amazonaws.com:443 ")),
        "{asked:?} {told}"
    );
    assert!(told.contains("cannot sign in to AWS"), "{told}");
}

#[test]
fn this_machine_is_asked_directly() {
    let proxy = Proxy::start();
    let nobody = "http://127.0.0.1:9";
    let told = plan(&[
        ("HTTP_PROXY", &proxy.address),
        ("HTTPS_PROXY", &proxy.address),
        ("AWS_ENDPOINT_URL", nobody),
    ]);
    assert_eq!(proxy.asked(), Vec::<String>::new(), "{told}");
}

#[test]
fn no_proxy_is_respected() {
    let proxy = Proxy::start();
    // A host that no resolver knows, so that nothing is sent to AWS.
    let told = plan(&[
        ("HTTPS_PROXY", &proxy.address),
        ("NO_PROXY", "aws.invalid"),
        ("AWS_ENDPOINT_URL", "https://sts.aws.invalid"),
    ]);
    assert_eq!(proxy.asked(), Vec::<String>::new(), "{told}");
}
