//! What a command may touch: the facts, and where to write.

use crate::{Repo, Stage};
use words::error::UserError;
use words::output::Output;

/// Given to every command first.
#[derive(Debug, Clone)]
pub struct Context {
    pub out: Output,
    pub repo: Repo,
}

impl Context {
    /// Loads the facts of the workspace around the current folder.
    pub fn load(out: Output) -> anyhow::Result<Self> {
        let folder = std::env::current_dir()?;
        Ok(Self {
            out,
            repo: crate::load(&folder)?,
        })
    }

    /// The stage with this name.
    ///
    /// # Errors
    /// Names the stages that there are.
    pub fn stage(&self, name: &str) -> Result<&Stage, UserError> {
        self.repo
            .stages
            .iter()
            .find(|stage| stage.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self
                    .repo
                    .stages
                    .iter()
                    .map(|stage| stage.name.as_str())
                    .collect();
                UserError::new(format!("there is no stage `{name}` in Cargo.toml")).hint(format!(
                    "stages: {}; add one under [workspace.metadata.stages.{name}]",
                    names.join(", ")
                ))
            })
    }

    /// Checks names of services that were typed; empty means all of a stage.
    pub fn check_services(&self, names: &[String]) -> Result<(), UserError> {
        for name in names {
            if self.repo.service(name).is_none() {
                let known: Vec<&str> = self
                    .repo
                    .services
                    .iter()
                    .map(|service| service.name.as_str())
                    .collect();
                return Err(UserError::new(format!("there is no service `{name}`"))
                    .hint(format!("services: {}", known.join(", "))));
            }
        }
        Ok(())
    }
}
