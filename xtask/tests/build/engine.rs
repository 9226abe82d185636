//! The Docker builder, and what the engine makes of our images: on a small workspace.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::containers::{Rubbish, docker, docker_with, host, load};
use crate::templates::copy_templates;
use crate::workspace::{run, workspace, write, xtask};

/// A Dockerfile that only an engine builds, on an image that it has already.
const BASED: &str = r#"FROM BASE AS first
USER 0:0
RUN ["/backend"]
FROM first
ARG OTHER_URL
ENV OTHER=${OTHER_URL}
COPY --chmod=0555 page /page
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=2s CMD ["/page", "health"]
ENTRYPOINT ["/page"]
"#;

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path());
    let locked = run(folder.path(), "cargo", &["generate-lockfile", "--offline"]);
    assert!(locked.status.success());
    folder
}

#[track_caller]
fn built(folder: &Path, arguments: &[&str]) -> Vec<Json> {
    let all = [&["build", "--json"], arguments].concat();
    let output = xtask(folder, &all);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn config(root: &Path, row: &Json) -> Json {
    let folder = root.join(row["path"].as_str().unwrap());
    let list: Json =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let config = folder.join(
        list[0]["Config"]
            .as_str()
            .unwrap_or_else(|| list[0]["config"].as_str().unwrap()),
    );
    serde_json::from_slice(&fs::read(config).unwrap()).unwrap()
}

#[test]
#[ignore = "needs a cross-compiler and a Docker engine: cargo xtask test images"]
fn both_builders_make_the_same_image_and_a_base_image_makes_the_engine_the_builder() {
    let folder = prepared();
    let folder = folder.path();
    let mut rubbish = Rubbish::default();

    let embedded = built(folder, &["backend"]);
    let by_engine = built(
        folder,
        &["backend", "--builder", "docker", "--out", "second"],
    );
    let again = built(
        folder,
        &["backend", "--builder", "docker", "--out", "third"],
    );
    assert_eq!(config(folder, &embedded[0])["config"], {
        let mut settings = config(folder, &by_engine[0])["config"].take();
        // Old engines write it, and it says nothing.
        settings.as_object_mut().unwrap().remove("OnBuild");
        settings
    });
    assert_eq!(by_engine[0]["digest"], again[0]["digest"]);

    // The first image becomes the base of the second one.
    let name = load(Path::new(embedded[0]["path"].as_str().unwrap()));
    rubbish.images.push(name.clone());
    write(
        folder,
        "services/page/Dockerfile",
        &BASED.replace("BASE", &name),
    );
    let based = built(folder, &["page", "--set", "OTHER_URL=http://one/"]);
    let settings = config(folder, &based[0]);
    assert_eq!(settings["config"]["User"], "65532:65532");
    assert_eq!(settings["architecture"], "arm64");
    let loaded = load(Path::new(based[0]["path"].as_str().unwrap()));
    rubbish.images.push(loaded.clone());
    // The program runs as what it was built for, and the base's files are there.
    assert_eq!(
        docker(&["run", "--rm", "--network", "none", &loaded]),
        "hello"
    );
    let words = [
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "/backend",
        &loaded,
    ];
    assert_eq!(docker(&words), "hello");

    is_read_without_an_engine(folder, &name);
}

#[track_caller]
fn is_read_without_an_engine(folder: &Path, name: &str) {
    // Rendering and `plan --offline` read it without an engine; the local stage and `--builder embedded` refuse it by its line,
    // and so does a plan that compares with what runs here.
    copy_templates(folder);
    for arguments in [&["render"][..], &["plan", "--offline"]] {
        let output = xtask(folder, arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let line = format!("services/page/Dockerfile:1: FROM {name} needs the Docker engine");
    for (arguments, words) in [
        (vec!["deploy"], line.as_str()),
        (vec!["plan"], line.as_str()),
        (
            vec![
                "build",
                "page",
                "--set",
                "OTHER_URL=http://one/",
                "--builder",
                "embedded",
            ],
            "services/page/Dockerfile:1: FROM",
        ),
    ] {
        let output = xtask(folder, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test images"]
fn without_an_engine_the_line_that_needs_one_is_named() {
    let folder = prepared();
    let folder = folder.path();
    write(
        folder,
        "services/page/Dockerfile",
        &BASED.replace("BASE", "debian:12"),
    );
    let arguments = ["build", "page", "--set", "OTHER_URL=http://one/"];
    let output = duct::cmd(env!("CARGO_BIN_EXE_xtask"), arguments)
        .dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "services/page/Dockerfile:1: FROM debian:12 needs the Docker engine",
        "no Docker engine answers at unix:///nowhere/docker.sock",
        "hint: start the Docker engine",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
#[ignore = "needs a cross-compiler, a registry and a Docker engine: cargo xtask test images"]
fn the_engine_pulls_and_runs_what_was_pushed() {
    let folder = prepared();
    let folder = folder.path();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let settings = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        folder.join("registry").display()
    );
    write(folder, "registry.yml", &settings);
    let program = std::env::var("TURNPIKE_TEST_REGISTRY").expect("cargo xtask test images");
    let registry = duct::cmd!(program, "serve", folder.join("registry.yml"))
        .stdout_null()
        .stderr_null()
        .unchecked()
        .start()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    for _ in 0..100 {
        if std::net::TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let push = || {
        let arguments = ["build", "backend", "--json", "--push", &address];
        let output = xtask(folder, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let rows: Json = serde_json::from_slice(&output.stdout).unwrap();
        (rows[0]["pushed"].as_str().unwrap().to_owned(), said)
    };
    let (name, first) = push();
    assert!(!first.contains(" 0 of "), "{first}");
    let (again, second) = push();
    assert_eq!(name, again);
    assert!(second.contains("0 of 4 blobs sent, 0 bytes"), "{second}");
    let mut rubbish = Rubbish::default();
    rubbish.images.push(name.clone());
    let pulled = docker_with(
        &["pull", "--quiet", "--platform=linux/arm64", &name],
        Vec::new(),
    );
    assert!(
        pulled.status.success(),
        "{} at {}",
        String::from_utf8_lossy(&pulled.stderr),
        host()
    );
    assert_eq!(
        docker(&["run", "--rm", "--network", "none", &name]),
        "hello"
    );
    registry.kill().unwrap();
}
