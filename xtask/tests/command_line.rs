//! The command line as a user meets it: the menu, help, exit codes, and one clear message for each bad input.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "shared/templates.rs"]
mod templates;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use expect_test::{Expect, expect};
use tempfile::TempDir;
use templates::copy_templates;

fn xtask(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("xtask").unwrap();
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("CARGO_MANIFEST_DIR")
        .env("TURNPIKE_LOCAL_DIR", folder.join("local"));
    command
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A small workspace: a backend, an agent that links to it, one local stage, and the real templates.
struct Fixture {
    folder: TempDir,
}

const ROOT: &str = r#"[workspace]
resolver = "3"
members = ["services/*"]

[workspace.metadata]
project = "small"

[workspace.metadata.stages.local]
cloud = "local"
region = "us-west-2"
price = "0.01"
"#;

const BACKEND: &str = r#"
[package.metadata.service]
kind = "fargate"

[package.metadata.service.env]
PRICE = { stage = "price" }
"#;

const AGENT: &str = r#"
[package.metadata.service]
kind = "agentcore"

[package.metadata.service.args]
BACKEND_URL = { link = "backend.url" }
"#;

const DOCKERFILE: &str = r#"FROM scratch
ARG BACKEND_URL=none
COPY program /program
USER 65532:65532
EXPOSE 8080
ENV BACKEND_URL=${BACKEND_URL}
HEALTHCHECK --interval=10s --timeout=2s CMD ["/program", "health"]
ENTRYPOINT ["/program"]
"#;

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fixture.write("Cargo.toml", ROOT);
        for (name, facts) in [("backend", BACKEND), ("agent", AGENT)] {
            fixture.manifest(name, facts);
            fixture.write(&format!("services/{name}/src/main.rs"), "fn main() {}\n");
            fixture.write(&format!("services/{name}/Dockerfile"), DOCKERFILE);
        }
        copy_templates(fixture.folder.path());
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn manifest(&self, name: &str, facts: &str) {
        let package =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        self.write(
            &format!("services/{name}/Cargo.toml"),
            &format!("{package}{facts}"),
        );
    }

    /// Runs a verb and compares exit code, stdout and stderr.
    #[track_caller]
    fn check(&self, arguments: &[&str], expected: Expect) {
        let output = xtask(self.folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(self.folder.path().to_str().unwrap(), "FOLDER")
        };
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        expected.assert_eq(&format!(
            "exit {}\n{stdout}{stderr}",
            output.status.code().unwrap()
        ));
    }
}

/// What the menu offers, in its order.
const VERBS: [&str; 16] = [
    "doctor",
    "check",
    "build",
    "verify",
    "render",
    "plan",
    "deploy",
    "outputs",
    "status",
    "logs",
    "invoke",
    "wallet",
    "dev",
    "destroy",
    "test",
    "completions",
];

#[test]
fn no_argument_is_the_menu() {
    let output = xtask(repository()).output().unwrap();
    assert!(output.status.success());
    let menu = String::from_utf8(output.stdout).unwrap();
    let mut last = 0;
    for verb in VERBS {
        let position = menu
            .find(&format!("\n  {verb} "))
            .unwrap_or_else(|| panic!("no {verb} in\n{menu}"));
        assert!(position > last, "{verb} is out of order in\n{menu}");
        last = position;
    }
    assert!(
        !menu.contains("local-cloud"),
        "what only the tool itself calls is hidden"
    );
}

#[test]
fn help_ends_with_the_file_that_does_it() {
    for verb in VERBS {
        let output = xtask(repository()).args([verb, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let room = format!("xtask/src/commands/{verb}");
        let source = [format!("{room}.rs"), format!("{room}/mod.rs")]
            .into_iter()
            .find(|file| repository().join(file).is_file())
            .unwrap_or_else(|| panic!("{verb} has no file"));
        assert!(
            help.trim_end().ends_with(&format!("Source: {source}")),
            "{verb} --help ends with\n{help}"
        );
    }
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let output = xtask(repository())
            .args(["completions", shell])
            .output()
            .unwrap();
        assert!(
            String::from_utf8(output.stdout).unwrap().contains("deploy"),
            "{shell}"
        );
    }
}

#[test]
fn mistakes_on_the_command_line_are_the_callers() {
    let fixture = Fixture::new();
    fixture.check(
        &["check", "--stage", "prod"],
        expect![[r#"
            exit 2
            error: there is no stage `prod` in Cargo.toml
            hint: stages: local; add one under [workspace.metadata.stages.prod]
        "#]],
    );
    fixture.check(
        &["deploy", "backnd"],
        expect![[r#"
            exit 2
            error: there is no service `backnd`
            hint: services: agent, backend
        "#]],
    );
    fixture.check(
        &["invoke", "hello"],
        expect![[r#"
            exit 2
            error: nothing runs on the stage local
            hint: start it: cargo xtask deploy
        "#]],
    );
    fixture.check(
        &["invoke", "hello", "--session", "short"],
        expect![[r#"
            exit 2
            error: a session id has 33 to 256 characters, and this one has 5
        "#]],
    );
    fixture.check(
        &["test", "unti"],
        expect![[r#"
            exit 2
            error: there is no suite `unti`
            hint: suites: format, lints, unit, lean, templates, conformance, payments, build, images, aws, stores, system, page, faults
        "#]],
    );
    let output = xtask(repository()).arg("deplyo").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("deploy"),
        "the near miss is named"
    );
}

#[test]
fn good_facts_pass_and_the_order_comes_from_links() {
    let fixture = Fixture::new();
    fixture.check(
        &["check"],
        expect![[r#"
            exit 0
            stage local: 2 services, 4 stacks, no problem found
        "#]],
    );
    fixture.check(
        &["plan", "--offline"],
        expect![[r#"
            exit 0
            1. small-local-artifacts (shared)
            2. small-local-network (shared)
            3. small-local-backend (fargate)
                 ImageUri = the image, by digest
                 VpcId = VpcId of network
                 SubnetIds = SubnetIds of network
            4. small-local-agent (agentcore)
                 ARG BACKEND_URL = Url of backend
                 ImageUri = the image, by digest
        "#]],
    );
}

#[test]
fn facts_that_do_not_hold_are_reported_together_with_their_lines() {
    let fixture = Fixture::new();
    fixture.manifest("backend", &BACKEND.replace("kind", "knid"));
    fixture.manifest(
        "agent",
        &AGENT
            .replace("backend.url", "backnd.url")
            .replace("BACKEND_URL", "BACKEND_KEY"),
    );
    fixture.check(
        &["check"],
        expect![[r#"
            exit 2
            error: the facts in the manifests do not hold (4 problems)
              services/agent/Cargo.toml:10: BACKEND_KEY links to `backnd`, which is not a service
                fix: did you mean `backend`? services: agent, backend
              services/agent/Cargo.toml:10: BACKEND_KEY looks like a secret (its name says `KEY`), and `args` are readable by anyone who has the image or the template
                fix: move it to [package.metadata.service.secrets]: BACKEND_KEY = { name = "...", length = 64, alphabet = "hex" }
              services/backend/Cargo.toml:6: the service has no `kind`
                fix: set kind to one of: fargate, lambda, agentcore, worker
              services/backend/Cargo.toml:7: unknown key `knid` in [package.metadata.service]
                fix: did you mean `kind`? known keys: answers_within_seconds, args, cpu_units, data, env, kind, listing, memory_mib, optional, public, secrets, smoke, table, timeout_seconds
        "#]],
    );
}

#[test]
fn a_cycle_is_named_whole() {
    let fixture = Fixture::new();
    fixture.manifest("backend", &format!("{BACKEND}\n[package.metadata.service.args]\nAGENT_ARN = {{ link = \"agent.runtimeArn\" }}\n"));
    fixture.check(
        &["plan"],
        expect![[r#"
        exit 2
        error: the facts in the manifests do not hold
          services/backend/Cargo.toml:13: the links form a cycle: agent -> backend -> agent
            fix: remove one of these links: what is deployed first cannot know what comes after it
    "#]],
    );
}

#[test]
fn a_dockerfile_that_does_not_fit_is_named_by_line() {
    let fixture = Fixture::new();
    fixture.write(
        "services/agent/Dockerfile",
        &DOCKERFILE.replace("ARG BACKEND_URL=none", "ARG OTHER"),
    );
    fixture.check(&["check"], expect![[r#"
        exit 2
        error: services/agent/Dockerfile:2: ARG OTHER has no value; add OTHER to [package.metadata.service.args], or a default: ARG OTHER=...
    "#]]);
    fixture.write(
        "services/agent/Dockerfile",
        &DOCKERFILE.replace("USER 65532:65532", "USER 0"),
    );
    fixture.check(
        &["check"],
        expect![[r#"
        exit 2
        error: services/agent/Dockerfile: USER 0 is root; write USER 65532:65532
    "#]],
    );
    fixture.write(
        "services/agent/Dockerfile",
        &DOCKERFILE.replace("COPY program /program", "RUN make"),
    );
    fixture.check(
        &["check"],
        expect![[r#"
            exit 0
            stage local: 2 services, 4 stacks, no problem found
            warning: services/agent/Dockerfile:3: RUN needs the Docker engine, so the stage local cannot be deployed; stages on AWS can
        "#]],
    );
    fs::remove_file(fixture.folder.path().join("services/agent/Dockerfile")).unwrap();
    fixture.check(
        &["check"],
        expect![[r#"
        exit 2
        error: services/agent/Dockerfile: there is no such file
        hint: agent is of the kind agentcore, which is shipped as an image
    "#]],
    );
}

#[test]
fn a_template_that_does_not_render_is_named_by_line() {
    let fixture = Fixture::new();
    let text = fs::read_to_string(repository().join("templates/fargate.yaml.tera")).unwrap();
    fixture.write(
        "templates/fargate.yaml.tera",
        &format!("{{{{ no_such_value }}}}\n{text}"),
    );
    fixture.check(&["check"], expect![[r#"
        exit 1
        error: cannot render the stack small-local-backend: templates/fargate.yaml.tera:1:4: Variable `no_such_value` is not defined. Available variables: project, repositories, service, stage
            {{ no_such_value }}
    "#]]);
}

#[test]
fn whoever_is_not_signed_in_is_told_in_one_line() {
    let mut command = xtask(repository());
    command
        .args(["plan", "--stage", "dev"])
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    for variable in [
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_ENDPOINT_URL",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ] {
        command.env_remove(variable);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    expect![[r#"
        error: there are no AWS credentials: not in the environment, not in a profile
        hint: sign in: `aws login` or `aws sso login`, or set AWS_PROFILE; `plan --offline` needs none
    "#]]
    .assert_eq(&String::from_utf8_lossy(&output.stderr));
}
