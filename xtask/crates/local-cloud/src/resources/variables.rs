//! Environment variables as templates give them, and the container's paths in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::properties::{Input, field};
use crate::template::{Result, TemplateError, as_text};

/// Variables given as `[{Name, Value}]`; one without a value is an error.
pub(super) fn variables(
    input: Input<'_>,
    property: &str,
    list: &Value,
) -> Result<BTreeMap<String, String>> {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .map(|item| {
            let name = field(item, "Name").ok_or_else(|| {
                input.error(
                    property,
                    "an environment variable without a name",
                    "name it",
                )
            })?;
            let value = item
                .get("Value")
                .and_then(as_text)
                .ok_or_else(|| missing(input, property, &name))?;
            Ok((name, value))
        })
        .collect()
}

/// Variables given as a map.
pub(super) fn variable_map(input: Input<'_>, property: &str) -> Result<BTreeMap<String, String>> {
    let Some(Value::Object(map)) = input.get(property) else {
        return Ok(BTreeMap::new());
    };
    map.iter()
        .map(|(name, value)| {
            let value = as_text(value).ok_or_else(|| missing(input, property, name))?;
            Ok((name.clone(), value))
        })
        .collect()
}

fn missing(input: Input<'_>, property: &str, name: &str) -> TemplateError {
    input.error(
        property,
        format!("the environment variable {name} has no value"),
        "give it one, or leave it out",
    )
}

/// Puts the folders of this machine in the place of the container's paths.
pub(super) fn mount(
    environment: &mut BTreeMap<String, String>,
    mounts: &[(String, PathBuf)],
) -> std::result::Result<(), String> {
    for (path, folder) in mounts {
        let path = path.trim_end_matches('/');
        let mut used = false;
        for value in environment.values_mut() {
            let Some(rest) = value
                .strip_prefix(path)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            else {
                continue;
            };
            *value = format!("{}{rest}", folder.display());
            used = true;
        }
        if !used {
            return Err(format!(
                "no environment variable names a path under the mount point {path}, and a local process has no other way to find it"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_become_folders_of_this_machine() {
        let mut environment = BTreeMap::from(
            [
                ("FILE", "/data/ledger"),
                ("SAME", "/data"),
                ("OTHER", "/database"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mounts = [("/data/".to_owned(), PathBuf::from("/v"))];
        mount(&mut environment, &mounts).unwrap();
        assert_eq!(
            environment.values().collect::<Vec<_>>(),
            ["/v/ledger", "/database", "/v"]
        );
        assert!(
            mount(&mut BTreeMap::new(), &mounts)
                .unwrap_err()
                .contains("/data")
        );
    }
}
