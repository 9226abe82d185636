//! What a deploy costs beside one of the AWS CDK: the same stacks, on the same emulator, in the same run. Figures for
//! docs/performance.md, no limits.

use std::process::Command;

use serde_json::{Map, Value as Json};

use crate::budgets::{Round, measure, report};
use crate::emulator::{ACCOUNT, Emulator, REGION, repository};
use crate::fixture::{PROJECT, Workspace};
use crate::state::State;

const ROUNDS: usize = 3;
/// Another name, so that both apps can stand side by side.
const PEER: &str = "peer";
/// What our deploy packs and pushes; the peer is given the results.
const ARTIFACTS: [&str; 3] = ["ImageUri", "CodeBucket", "CodeKey"];

/// The parameters of our stacks that say where images and code are, by owner.
async fn artifacts(state: &State) -> Json {
    let described = state.cloudformation.describe_stacks().send().await.unwrap();
    let mut found = Map::new();
    for stack in described.stacks() {
        let owner = stack.stack_name().unwrap();
        let prefix = format!("{PROJECT}-dev-");
        let owner = owner.strip_prefix(&prefix).unwrap();
        let values = stack.parameters().iter().filter_map(|parameter| {
            let key = parameter.parameter_key()?;
            let value = parameter.parameter_value()?;
            ARTIFACTS
                .contains(&key)
                .then(|| (key.to_owned(), Json::from(value)))
        });
        found.insert(owner.to_owned(), Json::Object(values.collect()));
    }
    Json::Object(found)
}

struct Peer<'a> {
    emulator: &'a Emulator,
    /// Where `npm install aws-cdk aws-cdk-lib constructs` was called.
    folder: std::path::PathBuf,
    rendered: String,
    parameters: String,
}

impl Peer<'_> {
    #[expect(clippy::disallowed_methods, reason = "a test runs what it measures")]
    fn run(&self, verb: &[&str]) {
        let app = repository().join("xtask/tests/aws/cdk/app.mjs");
        // Node looks for packages beside the file.
        std::fs::copy(app, self.folder.join("app.mjs")).unwrap();
        let output = Command::new(self.folder.join("node_modules/.bin/cdk"))
            .args(verb)
            .args(["--all", "--app", "node app.mjs", "--no-notices"])
            .current_dir(&self.folder)
            .envs(self.emulator.environment())
            .env("RENDERED", &self.rendered)
            .env("PARAMETERS", &self.parameters)
            // From which the CDK derives its own variables.
            .env("AWS_REGION", REGION)
            .env("CDK_DEFAULT_ACCOUNT", ACCOUNT)
            .env("CDK_DISABLE_CLI_TELEMETRY", "true")
            // Its fastest setting: a validator takes half of its time otherwise. Ours checks each time.
            .env("CDK_VALIDATION", "false")
            .env("CI", "true")
            .output()
            .unwrap();
        assert!(output.status.success(), "{verb:?}: {output:#?}");
    }

    fn measure(&self, verb: &[&str]) -> Round {
        Round::of(self.emulator, || self.run(verb))
    }
}

#[tokio::test]
#[ignore = "measures, and needs the AWS CDK: see docs/performance.md"]
async fn beside_the_cdk() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    // Compiles and packs, which is not what is measured.
    drop(measure(&emulator, &workspace));
    let (mut first, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        emulator.reset();
        first.push(measure(&emulator, &workspace));
        nothing.push(measure(&emulator, &workspace));
    }
    report("ours, a first deploy with pushes", &first);
    report("ours, nothing to do", &nothing);

    let other = Workspace::new();
    let named = |project: &str| format!("project = \"{project}\"");
    other.replace("Cargo.toml", &named(PROJECT), &named(PEER));
    let rendered = other.root().join("rendered").display().to_string();
    drop(other.succeed(&emulator, &["render", "--stage", "dev", "--out", &rendered]));
    let state = State::of(&emulator).await;
    let peer = Peer {
        emulator: &emulator,
        folder: std::env::var("TURNPIKE_TEST_CDK").unwrap().into(),
        rendered,
        parameters: artifacts(&state).await.to_string(),
    };
    for method in ["--method=direct", "--method=change-set"] {
        let deploy = [
            "deploy",
            "--require-approval=never",
            "--concurrency=8",
            method,
        ];
        let (mut first, mut nothing) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            first.push(peer.measure(&deploy));
            nothing.push(peer.measure(&deploy));
            peer.run(&["destroy", "--force"]);
        }
        report(&format!("cdk {method}, a first deploy"), &first);
        report(&format!("cdk {method}, nothing to do"), &nothing);
    }
}
