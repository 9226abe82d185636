//! Cargo, which builds the services.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::Message;

use words::error::Failure;

/// Builds programs of the packages in one call and returns the path of each one. Cargo's own progress and errors reach the
/// terminal unabridged.
///
/// Cargo gives a dependency the features that all *packages* of a call ask for, and compiles what the chosen *programs* need.
/// With the same packages, a program is the same whichever others are built with it (decision 0020).
pub fn build(
    root: &Path,
    packages: &[&str],
    programs: &[&str],
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    // For cargo, no program is every program.
    if programs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let options = Options {
        programs: programs.iter().copied().map(str::to_owned).collect(),
        ..Options::default()
    };
    build_with(root, packages, &options)
}

/// What a cargo call is given beside its packages.
#[derive(Debug)]
pub struct Options {
    /// The packages' programs that are built, by name; none is the program of each package.
    pub programs: Vec<String>,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// True for the name of a variable that cargo must not inherit.
    pub removed: fn(&str) -> bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            programs: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            removed: |_| false,
        }
    }
}

impl Options {
    /// More arguments alone.
    pub fn arguments(arguments: Vec<String>) -> Self {
        Self {
            arguments,
            ..Self::default()
        }
    }
}

/// [`build`] with options for cargo.
pub fn build_with(
    root: &Path,
    packages: &[&str],
    options: &Options,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut arguments = vec![
        "build".to_owned(),
        "--message-format=json-render-diagnostics".to_owned(),
    ];
    arguments.extend_from_slice(&options.arguments);
    arguments.extend(
        packages
            .iter()
            .map(|package| format!("--package={package}")),
    );
    let chosen = options.programs.iter();
    arguments.extend(chosen.map(|program| format!("--bin={program}")));
    let programs: Vec<&str> = match options.programs.is_empty() {
        true => packages.to_vec(),
        false => options.programs.iter().map(String::as_str).collect(),
    };
    let mut command = call(root, &arguments);
    let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    // Of two calls that concern one variable, the first wins.
    let stated = |name: &str| options.environment.iter().any(|(other, _)| other == name);
    for name in inherited.filter(|name| (options.removed)(name) && !stated(name)) {
        command = command.env_remove(name);
    }
    for (name, value) in &options.environment {
        command = command.env(name, value);
    }
    let reader = command.reader().context("cannot start cargo")?;
    let mut executables = BTreeMap::new();
    for message in Message::parse_stream(BufReader::new(&reader)) {
        match message {
            Ok(Message::CompilerArtifact(artifact)) => {
                if let Some(executable) = artifact.executable {
                    executables.insert(artifact.target.name, executable.into_std_path_buf());
                }
            }
            Ok(_) => {}
            Err(_) => {
                let hint = "the errors above are cargo's; fix them and run the same command again";
                let problem = format!("cargo could not build {}", programs.join(", "));
                return Err(Failure::new(problem, hint).into());
            }
        }
    }
    let missing: Vec<&&str> = programs
        .iter()
        .filter(|program| !executables.contains_key(**program))
        .collect();
    anyhow::ensure!(missing.is_empty(), "cargo built no program for {missing:?}");
    Ok(executables)
}

/// Tells this program that it came out of [`run_again_with_everything`].
const AGAIN: &str = "TURNPIKE_AGAIN";

/// The folder of that build, in the target folder.
const EVERYTHING: &str = "everything";

/// Whether this tool was built with all its features before.
pub fn has_everything(target: &Path) -> bool {
    target.join(EVERYTHING).join("debug/xtask").is_file()
}

/// Builds this tool with all its features, and becomes it, with the same arguments. Returns only what went wrong.
///
/// The folder is one of its own: cargo locks it while it compiles, and a local verb must not wait for that.
#[expect(
    clippy::disallowed_methods,
    reason = "this process becomes the other: nothing is left that could supervise"
)]
pub fn run_again_with_everything(root: &Path, target: &Path) -> anyhow::Error {
    use std::os::unix::process::CommandExt;

    if std::env::var_os(AGAIN).is_some() {
        return anyhow::anyhow!("cargo has built this tool without its features, twice");
    }
    let folder = format!("--target-dir={}", target.join(EVERYTHING).display());
    let program = match build_with(root, &["xtask"], &Options::arguments(vec![folder])) {
        Ok(mut built) => built.remove("xtask").unwrap_or_default(),
        Err(error) => return error,
    };
    let error = std::process::Command::new(&program)
        .args(std::env::args_os().skip(1))
        .env(AGAIN, "1")
        .exec();
    anyhow::Error::new(error).context(format!("cannot start {}", program.display()))
}

/// A cargo call in the repository, in the environment that a user's shell would give it.
///
/// Cargo tells what it runs about itself in variables. Handed on, they differ from those of the user's own cargo calls, and
/// build scripts that look at them (ring's does) would be run again at every change between the two.
fn call<Argument: Into<std::ffi::OsString> + Clone>(
    root: &Path,
    arguments: &[Argument],
) -> duct::Expression {
    let ours = |name: &str| {
        name.starts_with("CARGO_PKG_")
            || [
                "CARGO_MANIFEST_DIR",
                "CARGO_MANIFEST_PATH",
                "CARGO_CRATE_NAME",
                "CARGO_BIN_NAME",
                "CARGO_PRIMARY_PACKAGE",
            ]
            .contains(&name)
    };
    let mut command = duct::cmd(program(), arguments.to_vec()).dir(root);
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command = command.env_remove(name);
    }
    command
}

/// The cargo that runs this tool, else the one on the path.
fn program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// A finished cargo call: what it wrote to stdout, and whether it succeeded.
#[derive(Debug)]
pub struct Run {
    pub output: String,
    pub success: bool,
}

/// Runs cargo with the terminal as its stderr, shows its stdout as it comes, and keeps it.
pub fn run_tests(
    root: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
) -> anyhow::Result<Run> {
    let mut command = call(root, arguments).unchecked();
    for (name, value) in environment {
        command = command.env(name, value);
    }
    let reader = command.reader().context("cannot start cargo")?;
    let mut output = String::new();
    for line in BufReader::new(&reader).lines() {
        let line = line.context("cannot read what cargo says")?;
        // Progress is not data: the closing line alone goes to stdout.
        drop(writeln!(std::io::stderr().lock(), "{line}"));
        output.push_str(&line);
        output.push('\n');
    }
    let success = reader
        .try_wait()
        .context("cannot wait for cargo")?
        .is_some_and(|output| output.status.success());
    Ok(Run { output, success })
}
