//! A small workspace with one service that needs nothing but the standard library.

#[path = "../shared/templates.rs"]
mod templates;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use templates::copy_templates;

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

/// An HTTP server that says GREETING to everybody, and takes START milliseconds to begin.
const PROGRAM: &str = r#"use std::io::{Read, Write};
fn main() {
    if std::env::args().nth(1).is_some() {
        return;
    }
    let port = std::env::var("PORT").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(START));
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let body = "GREETING";
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
}
"#;

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A workspace with the repository's own templates, and its service.
pub(crate) fn workspace(greeting: &str, start_milliseconds: u32) -> TempDir {
    let workspace = tempfile::tempdir().unwrap();
    let folder = workspace.path();
    copy_templates(folder);
    write(folder, "Cargo.toml", ROOT);
    write(folder, "services/page/Cargo.toml", MANIFEST);
    write(folder, "services/page/Dockerfile", DOCKERFILE);
    write_program(folder, greeting, start_milliseconds);
    workspace
}

pub(crate) fn write_program(folder: &Path, greeting: &str, start_milliseconds: u32) {
    let program = PROGRAM.replace("GREETING", greeting);
    let program = program.replace("START", &start_milliseconds.to_string());
    write(folder, "services/page/src/main.rs", &program);
}

/// The tool in such a workspace.
#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
pub(crate) fn xtask(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("TURNPIKE_LOCAL_DIR", folder.join("local"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("NO_COLOR", "1")
        .env_remove("CI")
        .stdin(Stdio::null());
    command
}
