//! Secrets and credentials of the local cloud, in one file that only its user can read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::aws::Credentials;
use super::existing_secrets;
use super::folder::write_json;
use super::resources::{SecretPlan, SecretReference, SecretValue, draw};

/// Everything here is written through to the file before it is used.
pub(crate) struct Vault {
    path: PathBuf,
    content: Mutex<Content>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    /// By ARN.
    secrets: BTreeMap<String, Stored>,
    /// By the role's ARN.
    credentials: BTreeMap<String, Credentials>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: String,
    value: String,
    /// The version of the resource that the value was drawn for.
    version: u32,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vault")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads the file; `Err` when it is there but cannot be read, so that the caller can set it aside.
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let content = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::default(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(Self {
            path,
            content: Mutex::new(content),
        })
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> anyhow::Result<T> {
        let mut content = self.content();
        let result = change(&mut content);
        write_json(&self.path, &*content)?;
        Ok(result)
    }

    /// The value of a planned secret: the one it has, or a new one when there is none or its recipe has changed.
    pub(crate) fn secret(&self, plan: &SecretPlan) -> anyhow::Result<String> {
        let known = self.content().secrets.get(&plan.arn).cloned();
        let value = match (&plan.value, known) {
            (SecretValue::Given(value), Some(known)) if known.value == *value => {
                return Ok(known.value);
            }
            (SecretValue::Given(value), _) => value.clone(),
            // A retained secret outlives its stack, and a stack that comes again counts its versions from 1.
            (SecretValue::Generated(_), Some(known))
                if known.version == plan.version || plan.version == 1 =>
            {
                return Ok(known.value);
            }
            (SecretValue::Generated(recipe), _) => draw(recipe)?,
        };
        let stored = Stored {
            name: plan.name.clone(),
            value: value.clone(),
            version: plan.version,
        };
        self.change(|content| content.secrets.insert(plan.arn.clone(), stored))?;
        Ok(value)
    }

    pub(crate) fn remove_secret(&self, arn: &str) -> anyhow::Result<()> {
        self.change(|content| drop(content.secrets.remove(arn)))
    }

    /// What a container's variable is filled with.
    pub(crate) fn value(&self, reference: &SecretReference) -> anyhow::Result<String> {
        let value = self
            .content()
            .secrets
            .get(&reference.arn)
            .map(|stored| stored.value.clone());
        let value = match value {
            Some(value) => value,
            None => self.existing(&reference.arn)?,
        };
        let Some(key) = &reference.json_key else {
            return Ok(value);
        };
        let document: Value = serde_json::from_str(&value)
            .with_context(|| format!("the secret {} is not JSON", reference.arn))?;
        document
            .get(key)
            .and_then(super::template::as_text)
            .with_context(|| format!("the secret {} has no key {key}", reference.arn))
    }

    /// A secret that a person has made; it is read anew each time, and kept nowhere else.
    pub(crate) fn existing(&self, arn: &str) -> anyhow::Result<String> {
        let folder = self.path.parent().unwrap_or(&self.path);
        Ok(existing_secrets::read(folder, arn)?)
    }

    pub(crate) fn credentials(&self, role_arn: &str) -> Option<Credentials> {
        self.content().credentials.get(role_arn).cloned()
    }

    pub(crate) fn put_credentials(
        &self,
        role_arn: &str,
        credentials: &Credentials,
    ) -> anyhow::Result<()> {
        self.change(|content| {
            drop(
                content
                    .credentials
                    .insert(role_arn.to_owned(), credentials.clone()),
            )
        })
    }

    pub(crate) fn remove_credentials(&self, role_arn: &str) -> anyhow::Result<()> {
        self.change(|content| drop(content.credentials.remove(role_arn)))
    }
}
