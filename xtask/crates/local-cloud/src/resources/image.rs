//! From an image in the store to a program that can be started: entry point, user, environment, folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::plan::ProcessPlan;
use super::properties::{Input, texts};
use super::variables::mount;
use crate::store::{ImageStore, inside};
use crate::template::Result;

/// What a template says over and above the image.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    pub user: Option<String>,
    pub directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    /// Paths in the container, and the folders of this machine that stand for them.
    pub mounts: Vec<(String, PathBuf)>,
}

/// An image that is in the store, with its configuration.
#[derive(Debug)]
pub(super) struct Image {
    root: PathBuf,
    environment: BTreeMap<String, String>,
    entry_point: Vec<String>,
    command: Vec<String>,
    user: String,
    directory: String,
}

impl Image {
    /// Finds the image that a property refers to by digest.
    pub(super) fn find(
        store: &ImageStore,
        input: Input<'_>,
        property: &str,
        reference: &str,
    ) -> Result<Self> {
        let Some((_, digest)) = reference.split_once("@sha256:") else {
            return Err(input.error(
                property,
                format!("the image {reference} is named by a tag"),
                "name it by its digest: ...@sha256:<64 hex digits>",
            ));
        };
        let folder = store.image(digest);
        let text = std::fs::read(folder.join("config.json")).map_err(|_| {
            input.error(
                property,
                format!("the image {reference} is not in the local store"),
                "`cargo xtask deploy` builds and stores it; run it again",
            )
        })?;
        let document: Value = serde_json::from_slice(&text).map_err(|error| {
            input.error(
                property,
                format!("the configuration of {reference} cannot be read: {error}"),
                format!("remove {} and deploy again", folder.display()),
            )
        })?;
        let config = document.get("config").unwrap_or(&Value::Null);
        let environment = texts(config.get("Env"))
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let word = |key: &str| {
            config
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Self {
            root: folder.join("rootfs"),
            environment,
            entry_point: texts(config.get("Entrypoint")),
            command: texts(config.get("Cmd")),
            user: word("User"),
            directory: word("WorkingDir"),
        })
    }

    /// The process of this image, with the template's word over the image's.
    pub(super) fn process(
        &self,
        input: Input<'_>,
        property: &str,
        overrides: Overrides,
    ) -> Result<ProcessPlan> {
        let wrong = |problem: String, fix: &str| input.error(property, problem, fix);
        check_user(overrides.user.as_deref().unwrap_or(&self.user))
            .map_err(|problem| wrong(problem, "write `USER 65532:65532` in the Dockerfile"))?;
        let mut words = if overrides.entry_point.is_empty() {
            self.entry_point.clone()
        } else {
            overrides.entry_point.clone()
        };
        let command = match (&overrides.command, &overrides.entry_point) {
            (command, _) if !command.is_empty() => command.clone(),
            (_, entry_point) if entry_point.is_empty() => self.command.clone(),
            // As Docker has it: a new entry point does not get the image's arguments.
            _ => Vec::new(),
        };
        words.extend(command);
        let mut environment = self.environment.clone();
        environment.extend(overrides.environment);
        let Some((program, arguments)) = words.split_first() else {
            return Err(wrong(
                "the image says no program to run".to_owned(),
                "write an ENTRYPOINT in the Dockerfile",
            ));
        };
        let directory = overrides
            .directory
            .unwrap_or_else(|| self.directory.clone());
        let directory = inside(&self.root, &directory)
            .map_err(|error| wrong(error.to_string(), "correct WORKDIR"))?;
        let program = self
            .program(program, &environment, &directory)
            .map_err(|problem| wrong(problem, "COPY it to where ENTRYPOINT says"))?;
        mount(&mut environment, &overrides.mounts).map_err(|problem| {
            wrong(problem, "set an environment variable to a path under it, so that the program keeps its data there")
        })?;
        Ok(ProcessPlan {
            program,
            arguments: arguments.to_vec(),
            directory,
            environment,
            volumes: overrides
                .mounts
                .into_iter()
                .map(|(_, folder)| folder)
                .collect(),
            ..ProcessPlan::default()
        })
    }

    /// A container health check in Docker's words (`CMD`, `CMD-SHELL`, `NONE`) as a program with arguments.
    pub(super) fn health_command(
        &self,
        input: Input<'_>,
        property: &str,
        words: &[String],
        process: &ProcessPlan,
    ) -> Result<Option<(PathBuf, Vec<String>)>> {
        let words: Vec<String> = match words.split_first() {
            None => return Ok(None),
            Some((first, _)) if first == "NONE" => return Ok(None),
            Some((first, rest)) if first == "CMD" => rest.to_vec(),
            Some((first, rest)) if first == "CMD-SHELL" => ["/bin/sh", "-c"]
                .iter()
                .map(|word| (*word).to_owned())
                .chain(rest.iter().cloned())
                .collect(),
            Some(_) => {
                return Err(input.error(
                    property,
                    "the health check's command starts with neither CMD nor CMD-SHELL",
                    "write [CMD, /service, health]",
                ));
            }
        };
        let Some((program, arguments)) = words.split_first() else {
            return Err(input.error(
                property,
                "the health check has no command",
                "write [CMD, /service, health]",
            ));
        };
        let program = self
            .program(program, &process.environment, &process.directory)
            .map_err(|problem| {
                input.error(
                    property,
                    format!("the health check: {problem}"),
                    "use a program that the image holds",
                )
            })?;
        Ok(Some((program, arguments.to_vec())))
    }

    /// Where a program of the image lies on this machine.
    fn program(
        &self,
        word: &str,
        environment: &BTreeMap<String, String>,
        directory: &Path,
    ) -> std::result::Result<PathBuf, String> {
        let candidates: Vec<PathBuf> = if word.starts_with('/') {
            vec![inside(&self.root, word).map_err(|error| error.to_string())?]
        } else if word.contains('/') {
            vec![inside(directory, word).map_err(|error| error.to_string())?]
        } else {
            let path = environment
                .get("PATH")
                .map_or("/usr/local/bin:/usr/bin:/bin:/", String::as_str);
            path.split(':')
                .filter_map(|folder| inside(&self.root, &format!("{folder}/{word}")).ok())
                .collect()
        };
        candidates
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| format!("the image holds no program {word}"))
    }
}

/// A container runs as a user that is a number and not root, as AgentCore and good sense want it.
fn check_user(user: &str) -> std::result::Result<(), String> {
    let name = user.split(':').next().unwrap_or_default();
    match name.parse::<u32>() {
        Ok(0) => Err("the container runs as root".to_owned()),
        Ok(_) => Ok(()),
        Err(_) if name.is_empty() || name == "root" => Err("the container runs as root".to_owned()),
        Err(_) => Err(format!("the container's user `{name}` is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_and_not_root() {
        for (user, right) in [
            ("65532:65532", true),
            ("1", true),
            ("0", false),
            ("0:5", false),
            ("", false),
            ("root", false),
            ("app", false),
        ] {
            assert_eq!(check_user(user).is_ok(), right, "{user}");
        }
    }
}
