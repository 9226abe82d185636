//! `plan` and `deploy` of the local stage: what is shown is what changes, and afterwards there is nothing to do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "terminal/small.rs"]
mod small;

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::Value as Json;
use small::{workspace, write, xtask};

/// A small workspace whose service reads a price of the stage; its local cloud ends with it.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(workspace("one", 0));
        stage.replace(
            "Cargo.toml",
            "cloud = \"local\"",
            "cloud = \"local\"\nprice = \"0.01\"\nlevel = \"info\"",
        );
        stage.replace(
            "services/page/Cargo.toml",
            "public = true",
            "public = true\n[package.metadata.service.env]\nPRICE = { stage = \"price\" }\n[package.metadata.service.args]\nLEVEL = { stage = \"level\" }",
        );
        stage.replace(
            "services/page/Dockerfile",
            "USER",
            "ARG LEVEL\nENV LEVEL=$LEVEL\nUSER",
        );
        stage
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
        write(self.folder(), path, &text.replace(from, to));
    }

    /// Exit code, stdout and stderr of a command.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = xtask(self.folder(), arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}\n{stdout}{stderr}");
        stdout
    }

    #[track_caller]
    fn plan(&self, expected: Expect) {
        expected.assert_eq(&self.succeed(&["plan"]));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(xtask(self.folder(), &["destroy"]).output());
    }
}

const NOTHING: &str = "\
= unchanged small-local-artifacts
= unchanged small-local-network
= unchanged small-local-page
nothing to do: every stack is as it should be
";

#[test]
fn a_changed_price_is_shown_and_done_and_then_there_is_nothing_to_do() {
    let stage = Stage::new();
    let first = stage.succeed(&["plan"]);
    assert!(first.contains("3 of 3 stacks change: "), "{first}");
    stage.succeed(&["deploy"]);
    assert_eq!(stage.succeed(&["plan"]), NOTHING);

    stage.replace("Cargo.toml", "0.01", "0.02");
    let shown = expect![[r#"
        = unchanged small-local-artifacts
        = unchanged small-local-network
        ~ update    small-local-page
            ~ TaskDefinition new version AWS::ECS::TaskDefinition: ContainerDefinitions
            ~ Service AWS::ECS::Service: TaskDefinition
        1 of 3 stacks change: 0 resources created, 1 updated, 1 replaced, 0 deleted
    "#]];
    stage.plan(shown);
    let (code, _, stderr) = stage.run(&["deploy"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("TaskDefinition new version"), "{stderr}");
    assert!(stderr.contains("updated small-local-page"), "{stderr}");
    assert_eq!(stage.succeed(&["plan"]), NOTHING);
    let (code, _, stderr) = stage.run(&["deploy"]);
    assert!(code == 0 && stderr.contains("nothing to do"), "{stderr}");

    // An ARG is in the image: another digest, and what refers to it.
    stage.replace("Cargo.toml", "info", "debug");
    let plan: Json = serde_json::from_str(&stage.succeed(&["plan", "--json"])).unwrap();
    let page = plan["stacks"].as_array().unwrap().last().unwrap();
    assert_eq!(page["action"], "update", "{plan:#}");
    assert_eq!(page["exact"], true, "{plan:#}");
    let changed = page["changes"][0]["logicalId"].as_str().unwrap();
    assert_eq!(changed, "TaskDefinition", "{plan:#}");
}

#[test]
fn a_part_of_the_stage_is_planned_and_deployed_alone() {
    let stage = Stage::new();
    let (code, _, stderr) = stage.run(&["deploy", "page"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("page needs PageRepositoryUri of artifacts, which is not deployed"),
        "{stderr}"
    );
    stage.succeed(&["deploy"]);
    small::write_program(stage.folder(), "two", 0);
    let plan = stage.succeed(&["plan", "page"]);
    assert!(plan.starts_with("~ update    small-local-page\n"), "{plan}");
    let events = stage.succeed(&["deploy", "page", "--json"]);
    let stacks = events
        .lines()
        .filter(|line| line.contains("\"event\":\"stack\""));
    assert_eq!(stacks.count(), 1, "{events}");
    assert_eq!(stage.succeed(&["plan"]), NOTHING);
}

#[test]
fn a_saved_plan_is_done_or_nothing_is() {
    let stage = Stage::new();
    stage.succeed(&["deploy"]);
    stage.replace("Cargo.toml", "0.01", "0.02");
    let saved = ["plan", "--save", "saved.json"];
    stage.succeed(&saved);
    stage.replace("Cargo.toml", "0.02", "0.03");
    let (code, _, stderr) = stage.run(&["deploy", "--plan", "saved.json"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("the repository says something else now"),
        "{stderr}"
    );
    stage.replace("Cargo.toml", "0.03", "0.02");
    stage.succeed(&["deploy", "--plan", "saved.json"]);
    assert_eq!(stage.succeed(&["plan"]), NOTHING);
    let (code, _, stderr) = stage.run(&["deploy", "--cancel"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("has no updates to cancel"), "{stderr}");
}

#[test]
fn a_service_that_does_not_start_is_named_and_the_old_one_goes_on() {
    let stage = Stage::new();
    stage.succeed(&["deploy"]);
    write(
        stage.folder(),
        "services/page/src/main.rs",
        "fn main() { panic!(\"no\") }",
    );
    let (code, _, stderr) = stage.run(&["deploy"]);
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stderr.contains("error: small-local-page failed: "),
        "{stderr}"
    );
    let status = stage.succeed(&["status"]);
    assert!(status.contains("healthy"), "{status}");
    small::write_program(stage.folder(), "one", 0);
    let (code, _, stderr) = stage.run(&["deploy"]);
    assert!(code == 0 && stderr.contains("nothing to do"), "{stderr}");
}
