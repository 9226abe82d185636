//! `build` and `verify` on a small workspace, cross-compiled for real: the same image in any folder and any environment, another
//! one for another ARG that is used, and words for what is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::workspace::{run, run_in, workspace, write, xtask};

/// Builds everything and returns the digest of each service.
#[track_caller]
fn digests(folder: &Path, url: &str) -> Vec<(String, String)> {
    digests_in(folder, url, &[])
}

/// [`digests`] with variables of the environment.
#[track_caller]
fn digests_in(folder: &Path, url: &str, environment: &[(&str, &str)]) -> Vec<(String, String)> {
    let output = run_in(
        folder,
        env!("CARGO_BIN_EXE_xtask"),
        &["build", "--json", "--set", &format!("OTHER_URL={url}")],
        environment,
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rows: Json = serde_json::from_slice(&output.stdout).unwrap();
    let row = |row: &Json| {
        assert!(Path::new(row["sbom"].as_str().unwrap()).is_file());
        (
            row["service"].as_str().unwrap().to_owned(),
            row["digest"].as_str().unwrap().to_owned(),
        )
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test build"]
fn the_same_commit_gives_the_same_digests_in_any_folder() {
    let first = tempfile::tempdir().unwrap();
    let second = tempfile::Builder::new().prefix("it's a folder ").tempdir();
    let second = second.unwrap();
    for folder in [first.path(), second.path()] {
        workspace(folder);
        // `build` does not change a lock file.
        assert!(
            run(folder, "cargo", &["generate-lockfile", "--offline"])
                .status
                .success()
        );
    }
    // Another umask, and another day.
    let words = second.path().join("services/page/words");
    fs::set_permissions(&words, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(1_000_000);
    fs::File::options()
        .append(true)
        .open(&words)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();

    let built = digests(first.path(), "http://one/");
    assert_eq!(
        built
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["backend", "function", "page"]
    );
    assert_eq!(built, digests(second.path(), "http://one/"));
    let other = digests(second.path(), "http://two/");
    assert_eq!(
        built[..2],
        other[..2],
        "who does not use the ARG stays as it is"
    );
    assert_ne!(built[2], other[2]);

    // Of an image whose ARG changed, only the configuration and the manifest are new.
    let blobs = |folder: &Path| {
        let blobs = fs::read_dir(folder.join("target/artifacts/local/page/blobs/sha256")).unwrap();
        let mut names: Vec<_> = blobs.map(|blob| blob.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (one, two) = (blobs(first.path()), blobs(second.path()));
    assert_eq!(
        one.iter().filter(|name| !two.contains(name)).count(),
        2,
        "{one:?} {two:?}"
    );

    let reference = format!("page@{}", built[2].1);
    let verify = |url: &str| {
        xtask(
            first.path(),
            &["verify", &reference, "--set", &format!("OTHER_URL={url}")],
        )
    };
    assert!(verify("http://one/").status.success());
    let differs = verify("http://two/");
    assert_eq!(differs.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&differs.stderr).contains("which is not"));
}

/// Gives two of the services a package in common, and one of them more of it.
fn share_a_package(folder: &Path) {
    let manifest = "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nloud = []\n";
    write(folder, "services/shared/Cargo.toml", manifest);
    let library = "pub fn word() -> &'static str { if cfg!(feature = \"loud\") { \"HELLO\" } else { \"hello\" } }\n";
    write(folder, "services/shared/src/lib.rs", library);
    for (name, features) in [("backend", ""), ("page", ", features = [\"loud\"]")] {
        let manifest = folder.join(format!("services/{name}/Cargo.toml"));
        let dependency =
            format!("\n[dependencies]\nshared = {{ path = \"../shared\"{features} }}\n");
        let text = fs::read_to_string(&manifest).unwrap() + &dependency;
        fs::write(&manifest, text).unwrap();
        let main = "fn main() { println!(\"{}\", shared::word()); }\n";
        write(folder, &format!("services/{name}/src/main.rs"), main);
    }
    let locked = run(folder, "cargo", &["generate-lockfile", "--offline"]);
    assert!(locked.status.success());
}

/// The packages that were compiled for the cloud.
fn compiled(folder: &Path) -> BTreeSet<String> {
    let units = folder.join("target/aarch64-unknown-linux-musl/image/.fingerprint");
    let name = |unit: fs::DirEntry| {
        let unit = unit.file_name().into_string().unwrap();
        unit.rsplit_once('-').unwrap().0.to_owned()
    };
    let units = fs::read_dir(units).unwrap();
    units.map(|unit| name(unit.unwrap())).collect()
}

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test build"]
fn one_service_is_compiled_alone_and_is_what_it_is_among_all() {
    let (whole, part) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [whole.path(), part.path()] {
        workspace(folder);
        share_a_package(folder);
    }
    let all = digests(whole.path(), "http://one/");
    let names = |names: &[&str]| names.iter().copied().map(str::to_owned).collect();
    assert_eq!(
        compiled(whole.path()),
        names(&["backend", "function", "page", "shared"])
    );

    let backend = xtask(part.path(), &["build", "--json", "backend"]);
    let said = String::from_utf8_lossy(&backend.stderr);
    assert!(backend.status.success(), "{said}");
    assert!(said.contains("backend for 64-bit Arm"), "{said}");
    let rows: Json = serde_json::from_slice(&backend.stdout).unwrap();
    assert_eq!(rows[0]["digest"], all[0].1);
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(compiled(part.path()), names(&["backend", "shared"]));
    let reference = format!("backend@{}", all[0].1);
    assert!(xtask(part.path(), &["verify", &reference]).status.success());
    assert_eq!(compiled(part.path()), names(&["backend", "shared"]));
}

/// What configuration files of a machine may say without a word about it.
const CONFIGURATION: &str = r#"
[build]
rustflags = ["--cfg", "hostile"]
rustc-wrapper = "/there-is-none"
build-dir = "elsewhere"

[profile.image]
opt-level = 0
debug-assertions = true

[profile.release]
codegen-units = 1
lto = "fat"
panic = "abort"

[target.aarch64-unknown-linux-musl]
linker = "there-is-none"
rustflags = ["--cfg", "hostile"]
"#;

/// A program that shows what it was compiled with.
const SHOWING: &str = "fn main() { println!(\"{} {}\", cfg!(hostile), cfg!(debug_assertions)); }\n";

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test build"]
fn the_environment_changes_no_digest() {
    let first = tempfile::tempdir().unwrap();
    let outer = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let second = outer.path().join("repository");
    for folder in [first.path(), &second] {
        workspace(folder);
        write(folder, "services/backend/src/main.rs", SHOWING);
        let locked = run(folder, "cargo", &["generate-lockfile", "--offline"]);
        assert!(locked.status.success());
    }
    let quiet = digests(first.path(), "http://one/");

    write(outer.path(), ".cargo/config.toml", CONFIGURATION);
    write(home.path(), "config.toml", CONFIGURATION);
    let wrapper = home.path().join("wrapper");
    fs::write(&wrapper, "#!/bin/sh\nexec \"$@\" --cfg hostile\n").unwrap();
    fs::set_permissions(
        &wrapper,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let wrapper = wrapper.to_str().unwrap();
    let environment = [
        ("CARGO_HOME", home.path().to_str().unwrap()),
        ("CARGO_PROFILE_IMAGE_OPT_LEVEL", "0"),
        ("CARGO_PROFILE_IMAGE_LTO", "fat"),
        ("CARGO_PROFILE_RELEASE_DEBUG", "2"),
        ("CARGO_BUILD_RUSTFLAGS", "--cfg hostile"),
        ("CARGO_BUILD_BUILD_DIR", "elsewhere"),
        (
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER",
            "there-is-none",
        ),
        (
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS",
            "--cfg hostile",
        ),
        ("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}hostile"),
        ("RUSTFLAGS", "--cfg hostile"),
        ("RUSTC_WRAPPER", wrapper),
        ("RUSTC_WORKSPACE_WRAPPER", wrapper),
    ];
    assert_eq!(quiet, digests_in(&second, "http://one/", &environment));
    assert!(!second.join("elsewhere").exists());

    // What no command line takes back is refused, before anything is compiled.
    let package = "[profile.image.package.backend]\nopt-level = 0\n";
    write(outer.path(), ".cargo/config.toml", package);
    fs::remove_dir_all(second.join("target")).unwrap();
    let refused = xtask(&second, &["build", "backend"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`package` in [profile.image] would change"),
        "{said}"
    );
    assert!(!second.join("target/aarch64-unknown-linux-musl").exists());
}

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test build"]
fn what_is_missing_is_said_before_anything_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    workspace(folder);
    for (arguments, code, words) in [
        (
            vec!["build"],
            2,
            "OTHER_URL is Url of backend, which is not deployed",
        ),
        (
            vec!["build", "--set", "OTHER"],
            2,
            "--set OTHER is not NAME=VALUE",
        ),
        (
            vec!["build", "--set", "NO_URL=x"],
            2,
            "no chosen service has such an ARG",
        ),
        (
            vec!["build", "--set", "OTHER_URL=AKIAIOSFODNN7EXAMPLE"],
            2,
            "looks like a secret",
        ),
        (vec!["verify", "page"], 2, "is not SERVICE@sha256:"),
        (vec!["build", "pgae"], 2, "there is no service `pgae`"),
    ] {
        let output = xtask(folder, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(
            !folder.join("target/aarch64-unknown-linux-musl").exists(),
            "{arguments:?} compiled"
        );
    }
}

#[test]
#[ignore = "needs a cross-compiler: cargo xtask test build"]
fn all_that_is_missing_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    workspace(folder);
    let dockerfile = folder.join("services/backend/Dockerfile");
    let text = fs::read_to_string(&dockerfile).unwrap();
    fs::write(&dockerfile, text.replace("scratch", "debian:12")).unwrap();
    let environment = [
        ("CC_aarch64_unknown_linux_musl", "/there-is-none"),
        ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
    ];
    let output = run_in(
        folder,
        env!("CARGO_BIN_EXE_xtask"),
        &["build"],
        &environment,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in [
        "cannot be built yet (3 problems)",
        "OTHER_URL is Url of backend, which is not deployed",
        "CC_aarch64_unknown_linux_musl is set to /there-is-none",
        "services/backend/Dockerfile:1: FROM debian:12 needs the Docker engine",
        "no Docker engine answers at unix:///nowhere/docker.sock",
        "fix: start the Docker engine",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!folder.join("target/aarch64-unknown-linux-musl").exists());
}
