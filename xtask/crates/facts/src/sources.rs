//! The texts that stacks are made of, as they are on disk: templates and Dockerfiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{Repo, Service};

/// One file of `templates/`.
#[derive(Debug, Clone)]
pub struct Template {
    /// The file's name: `fargate.yaml.tera`.
    pub name: String,
    pub source: String,
}

/// A service's Dockerfile.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    /// As people write it: `services/agent/Dockerfile`.
    pub shown: String,
    /// None when there is no such file.
    pub text: Option<String>,
}

/// Every text of the repository that a template or an image comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    pub templates: Vec<Template>,
    /// By service; only of services that are shipped as images.
    pub dockerfiles: BTreeMap<String, Dockerfile>,
}

/// Reads the templates and Dockerfiles of the repository.
///
/// # Errors
/// Names the file or folder that cannot be read.
pub fn sources(repo: &Repo) -> anyhow::Result<Sources> {
    let with_image = repo
        .services
        .iter()
        .filter(|service| service.kind.has_image());
    let dockerfiles = with_image.map(|service| {
        let dockerfile = dockerfile(repo, service)?;
        anyhow::Ok((service.name.clone(), dockerfile))
    });
    Ok(Sources {
        templates: templates(&repo.root)?,
        dockerfiles: dockerfiles.collect::<anyhow::Result<_>>()?,
    })
}

/// Reads a service's Dockerfile, if it has one.
///
/// # Errors
/// The file is there and cannot be read.
pub fn dockerfile(repo: &Repo, service: &Service) -> anyhow::Result<Dockerfile> {
    let (path, shown) = dockerfile_path(repo, service);
    let text = match path.is_file() {
        true => Some(files::read(&path)?),
        false => None,
    };
    Ok(Dockerfile { shown, text })
}

/// Where a service's Dockerfile is, and how people write that.
pub fn dockerfile_path(repo: &Repo, service: &Service) -> (PathBuf, String) {
    let path = service.folder().join("Dockerfile");
    let shown = path
        .strip_prefix(&repo.root)
        .unwrap_or(&path)
        .display()
        .to_string();
    (path, shown)
}

fn templates(root: &Path) -> anyhow::Result<Vec<Template>> {
    let folder = root.join("templates");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "tera")
        })
        .collect();
    paths.sort();
    let template = |path: &PathBuf| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Ok(Template {
            name,
            source: files::read(path)?,
        })
    };
    paths.iter().map(template).collect()
}
