//! From manifests to facts: one `cargo metadata` call, then every table read strictly.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::DependencyKind;
use serde_json::Value as Json;

use super::manifest::ManifestFile;
use super::read::{read_service, read_workspace};
use super::service::Service;
use super::{Repo, validate};
use crate::error::{Problem, UserError};

/// Reads the facts of the workspace that `folder` is in.
///
/// # Errors
/// Every problem of every manifest at once, each with its file, line and fix.
pub(crate) fn load(folder: &Path) -> anyhow::Result<Repo> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(folder)
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .context("cargo cannot read the workspace")?;
    let root = metadata.workspace_root.into_std_path_buf();
    let test_dependencies = test_dependencies(&metadata.packages);
    let packages: Vec<Package> = metadata
        .packages
        .into_iter()
        .map(|package| Package {
            name: package.name.to_string(),
            manifest: package.manifest_path.into_std_path_buf(),
            repository: package.repository,
            metadata: package.metadata,
        })
        .collect();
    let target = metadata.target_directory.into_std_path_buf();
    let repo = facts(&root, &target, &packages, &metadata.workspace_metadata)
        .map_err(|problems| UserError::all("the facts in the manifests do not hold", &problems))?;
    Ok(Repo {
        test_dependencies,
        ..repo
    })
}

/// Each package with the dependencies that only its tests have.
fn test_dependencies(packages: &[cargo_metadata::Package]) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for package in packages {
        let of_kind = |name: &str, tests: bool| {
            let named = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.name == name);
            named
                .filter(|dependency| (dependency.kind == DependencyKind::Development) == tests)
                .count()
                > 0
        };
        for dependency in &package.dependencies {
            if of_kind(&dependency.name, true) && !of_kind(&dependency.name, false) {
                pairs.insert((package.name.to_string(), dependency.name.clone()));
            }
        }
    }
    pairs
}

/// What one package's manifest says, before it is understood.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: PathBuf,
    pub(super) repository: Option<String>,
    pub(super) metadata: Json,
}

/// The pure part of [`load`].
pub(super) fn facts(
    root: &Path,
    target: &Path,
    packages: &[Package],
    workspace: &Json,
) -> Result<Repo, Vec<Problem>> {
    let mut problems = Vec::new();
    let root_manifest = ManifestFile::new(root, &root.join("Cargo.toml"));
    let mut without_kind = Vec::new();
    let mut services: Vec<Service> = packages
        .iter()
        .filter_map(|package| {
            let table = package.metadata.get("service")?;
            let file = ManifestFile::new(root, &package.manifest);
            let Json::Object(table) = table else {
                let fix = "write a table [package.metadata.service]".to_owned();
                problems.push(file.problem(
                    "package.metadata",
                    "service",
                    "`service` is not a table".to_owned(),
                    fix,
                ));
                return None;
            };
            let (service, has_kind) = read_service(package, &file, table, &mut problems);
            if !has_kind {
                without_kind.push(package.name.clone());
            }
            Some(service)
        })
        .collect();
    services.sort_by(|left, right| left.name.cmp(&right.name));
    let (project, stages) = read_workspace(&root_manifest, workspace, &mut problems);
    let repo = Repo {
        root: root.to_owned(),
        target: target.to_owned(),
        project,
        services,
        stages,
        test_dependencies: BTreeSet::new(),
    };
    validate::validate(&repo, &root_manifest, &without_kind, &mut problems);
    problems.sort();
    if problems.is_empty() {
        Ok(repo)
    } else {
        Err(problems)
    }
}
