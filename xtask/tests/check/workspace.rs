//! A copy of this workspace without its code: manifests, listings, Dockerfiles and templates are all that `check` reads.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

use super::fault::Fault;

pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for part in ["Cargo.toml", "Cargo.lock", "templates", "services", "xtask"] {
            copy(&root.join(part), &folder.path().join(part));
        }
        Self { folder }
    }

    /// What `check` says of every stage, and a protected one besides.
    pub(crate) fn check(&self) -> String {
        let manifest = self.folder.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, with_protected_stage(&text)).unwrap();
        let output = self.command(&["check"]).output().unwrap();
        fs::write(&manifest, text).unwrap();
        let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "exit {}\n{}{}",
            output.status.code().unwrap(),
            part(&output.stdout),
            part(&output.stderr)
        )
    }

    pub(crate) fn check_with(&self, fault: &Fault) -> String {
        let before = fault.apply(self.folder.path());
        let told = self.check();
        fs::write(self.folder.path().join(&fault.file), before).unwrap();
        told
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("xtask"));
        command
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("CARGO_MANIFEST_DIR")
            .args(arguments);
        command
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Where the protected stage is paid: no two stages of one network share an address.
const PAY_TO: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// The stage dev once more, in another region, paid elsewhere, protected, and with a secret that a person has made.
fn with_protected_stage(manifest: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[workspace.metadata.stages.dev]";
        }
        if inside
            && !line.starts_with(['[', '#'])
            && !line.starts_with("region")
            && !line.starts_with("pay_to")
            && !line.is_empty()
        {
            lines.push(line);
        }
    }
    let mut settings = lines.join("\n");
    if !settings.contains("facilitator_key_secret") {
        settings.push_str("\nfacilitator_credentials = \"cdp\"\nfacilitator_key_secret = \"arn:aws:secretsmanager:us-east-1:123456789012:secret:cdp-key-AbCdEf\"");
    }
    format!(
        "{manifest}\n[workspace.metadata.stages.prod]\nregion = \"us-east-1\"\naccount = \"123456789012\"\nprotect = true\npay_to = \"{PAY_TO}\"\n{settings}\n"
    )
}

/// Copies manifests, listings, Dockerfiles and templates. A program or a library becomes an empty file.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            copy(&path, &to.join(path.file_name().unwrap()));
        }
        return;
    }
    let name = from.file_name().unwrap().to_string_lossy();
    if ["main.rs", "lib.rs"].contains(&name.as_ref()) {
        fs::write(to, "").unwrap();
    } else if name.starts_with("Cargo.")
        || name == "Dockerfile"
        || name == "listing.json"
        || name.ends_with(".tera")
    {
        fs::copy(from, to).unwrap();
    }
}
