//! A small workspace, and the tool in it.

use std::fs;
use std::path::Path;
use std::process::Output;

const ROOT: &str = r#"[workspace]
resolver = "3"
members = ["services/*"]

[workspace.metadata]
project = "small"

[workspace.metadata.stages.local]
cloud = "local"

[profile.image]
inherits = "release"
strip = true
"#;

const CARGO_CONFIG: &str = "[target.aarch64-unknown-linux-musl]\nlinker = \"rust-lld\"\n";

const DOCKERFILE: &str = r#"FROM scratch
ARG OTHER_URL=none
ENV OTHER=${OTHER_URL}
COPY --chmod=0555 NAME /NAME
COPY words /words
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s CMD ["/NAME", "health"]
ENTRYPOINT ["/NAME"]
"#;

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A backend that is an image, a function that is a zip, and a page that links to the backend.
pub(crate) fn workspace(folder: &Path) {
    write(folder, "Cargo.toml", ROOT);
    write(folder, ".cargo/config.toml", CARGO_CONFIG);
    let services = [
        ("backend", "kind = \"fargate\"\n"),
        ("function", "kind = \"lambda\"\n"),
        (
            "page",
            "kind = \"fargate\"\n[package.metadata.service.args]\nOTHER_URL = { link = \"backend.url\" }\n",
        ),
    ];
    for (name, facts) in services {
        let package =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        write(
            folder,
            &format!("services/{name}/Cargo.toml"),
            &format!("{package}[package.metadata.service]\n{facts}"),
        );
        write(
            folder,
            &format!("services/{name}/src/main.rs"),
            "fn main() { println!(\"hello\"); }\n",
        );
        write(
            folder,
            &format!("services/{name}/Dockerfile"),
            &DOCKERFILE.replace("NAME", name),
        );
        write(folder, &format!("services/{name}/words"), "some words\n");
    }
}

pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    run_in(folder, program, arguments, &[])
}

/// [`run`] with variables of the environment.
#[expect(clippy::disallowed_methods, reason = "a test plays the user")]
pub(crate) fn run_in(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("TURNPIKE_LOCAL_DIR", folder.join("local"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("NO_COLOR", "1")
        .env(
            "DOCKER_HOST",
            std::env::var("TURNPIKE_TEST_DOCKER_HOST").unwrap_or_default(),
        )
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

pub(crate) fn xtask(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, env!("CARGO_BIN_EXE_xtask"), arguments)
}
