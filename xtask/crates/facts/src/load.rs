//! From manifests to facts: one `cargo metadata` call, then every table read strictly.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use cargo_metadata::cargo_platform::Cfg;
use cargo_metadata::{Dependency, DependencyKind};
use serde_json::Value as Json;

use super::manifest::ManifestFile;
use super::read::{read_allowed, read_service, read_workspace};
use super::service::Service;
use super::{Repo, validate};
use words::error::{Problem, UserError};

/// What images are compiled for, and what cargo calls its properties.
pub const IMAGE_TARGET: &str = "aarch64-unknown-linux-musl";
const IMAGE_CFG: [&str; 7] = [
    "unix",
    "target_arch=\"aarch64\"",
    "target_endian=\"little\"",
    "target_env=\"musl\"",
    "target_family=\"unix\"",
    "target_os=\"linux\"",
    "target_pointer_width=\"64\"",
];

/// Reads the facts of the workspace that `folder` is in.
///
/// # Errors
/// Every problem of every manifest at once, each with its file, line and fix.
pub fn load(folder: &Path) -> anyhow::Result<Repo> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(folder)
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .context("cargo cannot read the workspace")?;
    let root = metadata.workspace_root.into_std_path_buf();
    let outside_images = outside_images(&metadata.packages)?;
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
        outside_images,
        ..repo
    })
}

/// Each package with the dependencies that no image has: those of its tests, and those of other targets.
fn outside_images(
    packages: &[cargo_metadata::Package],
) -> anyhow::Result<BTreeSet<(String, String)>> {
    let target = IMAGE_CFG
        .iter()
        .map(|text| Cfg::from_str(text))
        .collect::<Result<Vec<Cfg>, _>>()?;
    let in_image = |dependency: &Dependency| {
        dependency.kind != DependencyKind::Development
            && dependency
                .target
                .as_ref()
                .is_none_or(|platform| platform.matches(IMAGE_TARGET, &target))
    };
    let mut pairs = BTreeSet::new();
    for package in packages {
        let inside: BTreeSet<&str> = package
            .dependencies
            .iter()
            .filter(|dependency| in_image(dependency))
            .map(|dependency| dependency.name.as_str())
            .collect();
        let names = package
            .dependencies
            .iter()
            .map(|dependency| &dependency.name);
        let outside = names.filter(|name| !inside.contains(name.as_str()));
        pairs.extend(outside.map(|name| (package.name.to_string(), name.clone())));
    }
    Ok(pairs)
}

/// What one package's manifest says, before it is understood.
#[derive(Clone)]
pub(crate) struct Package {
    pub name: String,
    pub manifest: PathBuf,
    pub repository: Option<String>,
    pub metadata: Json,
}

/// The pure part of [`load`].
pub(crate) fn facts(
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
    let allowed = read_allowed(&root_manifest, workspace, &mut problems);
    let repo = Repo {
        root: root.to_owned(),
        target: target.to_owned(),
        project,
        services,
        stages,
        allowed,
        outside_images: BTreeSet::new(),
    };
    validate::validate(&repo, &root_manifest, &without_kind, &mut problems);
    problems.sort();
    // Services share settings, and what is wrong with one is told once.
    problems.dedup();
    if problems.is_empty() {
        Ok(repo)
    } else {
        Err(problems)
    }
}
