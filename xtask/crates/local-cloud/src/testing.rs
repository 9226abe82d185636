//! Help for the local cloud's tests: an image with a small program, and stacks around it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::store::{ImageStore, Source, StoredFile};
use cloud::StackRequest;

/// The fixture program, compiled once for all tests of this run.
#[expect(clippy::disallowed_methods, reason = "a test may start what it likes")]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service");
        let source = folder.path().join("service.rs");
        std::fs::write(&source, include_str!("fixture/service.rs")).unwrap();
        let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let output = Command::new(compiler)
            .args(["--edition", "2024", "-o"])
            .arg(&path)
            .arg(&source)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        (folder, path)
    });
    path
}

/// Puts the fixture into the store, as an image and as code, and returns the image's digest.
pub(crate) fn stock(folder: &Path) -> String {
    let store = ImageStore::new(folder).unwrap();
    let config = br#"{"config":{"User":"65532:65532","Entrypoint":["/service"],"WorkingDir":"/"}}"#;
    let digest = hex::encode(Sha256::digest(config));
    store
        .put_image(
            config,
            &[StoredFile {
                path: "/service".to_owned(),
                source: Source::File(program().to_owned()),
                mode: 0o755,
            }],
            &digest,
        )
        .unwrap();
    store.put_code("code/fixture-1.zip", program()).unwrap();
    digest
}

/// A service named `owner` with this environment (`NAME=value`).
pub(crate) fn fargate(owner: &str, digest: &str, environment: &[&str]) -> StackRequest {
    let list: Vec<String> = environment
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| format!("{{Name: {name}, Value: '{value}'}}"))
        .collect();
    let template = include_str!("fixture/fargate.yaml")
        .replace("ENVIRONMENT", &format!("[{}]", list.join(", ")));
    let uri = format!("000000000000.dkr.ecr.us-west-2.amazonaws.com/t/{owner}@sha256:{digest}");
    StackRequest {
        name: format!("t-local-{owner}"),
        owner: owner.to_owned(),
        template,
        parameters: [("ImageUri".to_owned(), uri)].into(),
    }
}

/// A function and an agent in one stack.
pub(crate) fn serverless(owner: &str, digest: &str, mode: &str) -> StackRequest {
    let template = include_str!("fixture/serverless.yaml").replace("MODE_VALUE", mode);
    let uri = format!("000000000000.dkr.ecr.us-west-2.amazonaws.com/t/{owner}@sha256:{digest}");
    StackRequest {
        name: format!("t-local-{owner}"),
        owner: owner.to_owned(),
        template,
        parameters: [("ImageUri".to_owned(), uri)].into(),
    }
}

/// Like [`fargate`], with a volume at `/data`: its old process has to go before the new one comes.
pub(crate) fn stateful(owner: &str, digest: &str, environment: &[&str]) -> StackRequest {
    let mut request = fargate(owner, digest, environment);
    request.template = request
        .template
        .replace(
            "Family: !Ref AWS::StackName",
            "Family: !Ref AWS::StackName\n      Volumes: [{Name: data}]",
        )
        .replace(
            "- Name: app\n",
            "- Name: app\n          MountPoints: [{SourceVolume: data, ContainerPath: /data}]\n",
        );
    request
}
