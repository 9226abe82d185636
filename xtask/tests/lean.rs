//! `cargo xtask` is built without what speaks to AWS. A verb for a stage there has cargo build the other one, and becomes it.
//!
//! Cargo is a stand-in that keeps a note of what it is asked to build and hands over a script: building takes minutes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

const CARGO: &str = r#"#!/bin/sh
case "$1" in
build) echo "cargo $*" | sed "s#=/[^ ]*/target/#=target/#" >>"$NOTES"; cat "$MESSAGE" ;;
*) exec "$REAL_CARGO" "$@" ;;
esac
"#;
const FULL_TOOL: &str = "#!/bin/sh\necho \"full $TURNPIKE_AGAIN $*\" >>\"$NOTES\"\nexit 7\n";
const BUILD: &str = "cargo build --message-format=json-render-diagnostics --target-dir=target/everything --package=xtask\n";
/// Another program has the credentials, so nobody is asked for them before the full tool is there.
const PROFILES: &str = "[profile test]\ncredential_process = /nonexistent/credentials\n";

struct Bench {
    folder: TempDir,
    lean: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let lean = std::env::var_os("TURNPIKE_TEST_LEAN_TOOL")
            .expect("TURNPIKE_TEST_LEAN_TOOL is not set: cargo xtask test lean");
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            lean: lean.into(),
        };
        for (name, text) in [("cargo", CARGO), ("full", FULL_TOOL)] {
            fs::write(bench.path(name), text).unwrap();
            fs::set_permissions(bench.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(bench.path("profiles"), PROFILES).unwrap();
        bench.builds(&bench.path("full"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Cargo hands this over from now on.
    fn builds(&self, program: &Path) {
        let target = json!({
            "kind": ["bin"], "crate_types": ["bin"], "name": "xtask", "src_path": "/xtask/src/main.rs",
            "edition": "2024", "doc": true, "doctest": false, "test": true,
        });
        let profile = json!({
            "opt_level": "0", "debuginfo": 0, "debug_assertions": true, "overflow_checks": true, "test": false,
        });
        let message = json!({
            "reason": "compiler-artifact", "package_id": "path+file:///xtask#0.1.0", "manifest_path": "/xtask/Cargo.toml",
            "target": target, "profile": profile, "features": ["aws"], "filenames": [program], "executable": program,
            "fresh": true,
        });
        fs::write(self.path("message"), format!("{message}\n")).unwrap();
    }

    /// Runs the lean tool in this repository, with credentials.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[("AWS_PROFILE", "test")])
    }

    /// Runs it with these variables and no other credentials.
    #[expect(clippy::disallowed_methods, reason = "a test plays the user")]
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let real = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        drop(fs::remove_file(self.path("notes")));
        Command::new(&self.lean)
            .args(arguments)
            .current_dir(repository)
            .env("CARGO", self.path("cargo"))
            .env("REAL_CARGO", real)
            .env("NOTES", self.path("notes"))
            .env("MESSAGE", self.path("message"))
            .env("NO_COLOR", "1")
            // Whether the full tool was built here before decides who asks AWS.
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("AWS_CONFIG_FILE", self.path("profiles"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_PROFILE")
            .env_remove("TURNPIKE_AGAIN")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.path("notes")).unwrap_or_default()
    }
}

#[test]
#[ignore = "needs the tool as `cargo xtask` builds it: cargo xtask test lean"]
fn a_verb_for_a_stage_on_aws_is_done_by_the_full_tool() {
    let bench = Bench::new();
    let verbs: [&[&str]; 9] = [
        &["plan", "--stage", "dev", "--json"],
        &["deploy", "--stage", "dev", "--yes", "agent"],
        &["deploy", "--stage", "dev", "--cancel"],
        &["outputs", "--stage", "dev"],
        &["status", "--stage", "dev"],
        &["logs", "--stage", "dev", "--since", "5m"],
        &["invoke", "--stage", "dev", "two words"],
        &["wallet", "--stage", "dev"],
        &["destroy", "--stage", "dev", "--yes"],
    ];
    for arguments in verbs {
        let output = bench.run(arguments);
        // What the other one ends with is what the user sees.
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {output:?}");
        let done = format!("{BUILD}full 1 {}\n", arguments.join(" "));
        assert_eq!(bench.notes(), done, "{output:?}");
    }
}

#[test]
#[ignore = "needs the tool as `cargo xtask` builds it: cargo xtask test lean"]
fn what_needs_no_aws_is_done_without_it() {
    let bench = Bench::new();
    for arguments in [
        &["plan", "--stage", "dev", "--offline"][..],
        &["check"],
        &["plan"],
    ] {
        let output = bench.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(bench.notes(), "", "{arguments:?}");
    }
}

#[test]
#[ignore = "needs the tool as `cargo xtask` builds it: cargo xtask test lean"]
fn a_lean_tool_where_the_full_one_should_be_ends_it() {
    let bench = Bench::new();
    bench.builds(&bench.lean);
    let output = bench.run(&["status", "--stage", "dev"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(bench.notes(), BUILD);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("without its features, twice"), "{said}");
}

#[test]
#[ignore = "needs the tool as `cargo xtask` builds it: cargo xtask test lean"]
fn what_is_missing_at_aws_is_said_before_anything_is_compiled() {
    let bench = Bench::new();
    let expired = expired_credentials();
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[],
            "there are no AWS credentials: not in the environment, not in a profile",
        ),
        (
            &[("AWS_PROFILE", "typo")],
            "the AWS profile typo does not exist",
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "AKID")],
            "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not",
        ),
        (
            &[
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_ENDPOINT_URL_STS", &expired),
            ],
            "the AWS credentials have expired",
        ),
    ];
    for (variables, expected) in cases {
        let output = bench.run_with(&["plan", "--stage", "dev"], variables);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{variables:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(bench.notes(), "", "{variables:?}");
    }
}

/// STS, as it answers credentials that have run out:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>. One request is answered.
fn expired_credentials() -> String {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 16_384]).unwrap();
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>\
                    <Message>The security token included in the request is expired</Message></Error></ErrorResponse>";
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    url
}
