//! The configuration files that cargo merges for a call in the repository.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::{Table, Value};

/// A file of cargo's configuration.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) table: Table,
}

/// The repository's own files, and those of this machine: of the folders above, and of the user.
pub(super) fn find(root: &Path) -> anyhow::Result<(Vec<ConfigFile>, Vec<ConfigFile>)> {
    // Cargo goes up from where it really is.
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let own = root.join(".cargo");
    let mut seen = vec![own.clone()];
    let mut others = Vec::new();
    let above = root.ancestors().skip(1);
    let folders = above.map(|folder| folder.join(".cargo"));
    for folder in folders.chain(super::cargo_home()) {
        let folder = folder.canonicalize().unwrap_or(folder);
        if !seen.contains(&folder) {
            others.extend(in_folder(&folder)?);
            seen.push(folder);
        }
    }
    Ok((in_folder(&own)?, others))
}

/// The configuration in a folder `.cargo`, and the files that it includes.
fn in_folder(folder: &Path) -> anyhow::Result<Vec<ConfigFile>> {
    // Where both are there, cargo reads the old name.
    let names = ["config", "config.toml"].map(|name| folder.join(name));
    let first = names.into_iter().find(|path| path.is_file());
    let mut left: Vec<PathBuf> = first.into_iter().collect();
    let mut found: Vec<ConfigFile> = Vec::new();
    while let Some(path) = left.pop() {
        // An included file may be optional; cargo says so when one is missing that is not.
        if !path.is_file() || found.iter().any(|file| file.path == path) {
            continue;
        }
        let table = parse(&path)?;
        let parent = path.parent().unwrap_or(folder);
        let included = included(&table).into_iter();
        left.extend(included.map(|name| parent.join(name)));
        found.push(ConfigFile { path, table });
    }
    Ok(found)
}

/// `include = ["a.toml", { path = "b.toml", optional = true }]`
fn included(table: &Table) -> Vec<&str> {
    let entries = match table.get("include") {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(entry) => std::slice::from_ref(entry),
        None => &[],
    };
    let paths = entries
        .iter()
        .map(|entry| entry.get("path").unwrap_or(entry));
    paths.filter_map(Value::as_str).collect()
}

/// Reads a file of TOML.
pub(super) fn parse(path: &Path) -> anyhow::Result<Table> {
    toml::from_str(&files::read(path)?).with_context(|| format!("{} is not TOML", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_above_and_what_they_include_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("a/b");
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".cargo/config.toml", "[env]\nOWN = \"x\"\n");
        let include = "include = [\"more.toml\", { path = \"none.toml\", optional = true }]\n";
        write("../.cargo/config.toml", include);
        write("../.cargo/more.toml", "[env]\nMORE = \"x\"\n");
        write("../../.cargo/config", "[env]\nOLD = \"x\"\n");
        write("../../.cargo/config.toml", "[env]\nNEW = \"x\"\n");
        let (own, others) = find(&root).unwrap();
        let inside = |file: &&ConfigFile| file.path.starts_with(root.ancestors().nth(2).unwrap());
        let names = |file: &ConfigFile| match file.table.get("env") {
            Some(Value::Table(table)) => table.keys().next().unwrap().clone(),
            _ => "none".to_owned(),
        };
        assert_eq!(own.iter().map(names).collect::<Vec<_>>(), ["OWN"]);
        let others: Vec<String> = others.iter().filter(inside).map(names).collect();
        assert_eq!(others, ["none", "MORE", "OLD"]);
    }
}
