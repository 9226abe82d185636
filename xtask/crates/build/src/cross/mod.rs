//! Cross-compiling: the services as the cloud runs them, static programs for 64-bit Arm, out of one cargo call.

mod compiler;
mod config_files;
mod environment;
mod settings;
mod toolchain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cargo;
use settings::Settings;
use words::error::UserError;

use compiler::Compiler;
pub use compiler::{FIX, find};
pub use toolchain::{Toolchain, has_target};

/// Static by default, with musl and its start-up files inside the Rust target: nothing of this machine gets linked.
pub const TARGET: &str = facts::IMAGE_TARGET;

/// The profile in the root Cargo.toml.
pub const PROFILE: &str = "image";

/// What is said of configuration files that nothing overrides.
const REFUSED: &str = "cargo's configuration on this machine would change what goes into images";

/// What builds for the cloud on this machine.
#[derive(Debug)]
pub struct Tools {
    toolchain: Toolchain,
    compiler: Compiler,
    settings: Settings,
}

impl Tools {
    /// Finds them. The standard library for the target is added where that is possible.
    ///
    /// # Errors
    /// Everything that is missing on this machine, or stands in the way.
    pub fn find(root: &Path, target_folder: &Path) -> Result<Self, Vec<anyhow::Error>> {
        let toolchain = Toolchain::with_target(TARGET).map_err(|error| vec![error])?;
        let compiler = find(&toolchain, &target_folder.join("cross"));
        let settings = settings(root, target_folder, &toolchain);
        match (compiler, settings) {
            (Ok(compiler), Ok(settings)) => Ok(Self {
                toolchain,
                compiler,
                settings,
            }),
            (compiler, settings) => Err(compiler.err().into_iter().chain(settings.err()).collect()),
        }
    }
}

/// What the cargo call is told.
fn settings(root: &Path, target_folder: &Path, toolchain: &Toolchain) -> anyhow::Result<Settings> {
    let settings = settings::read(root, target_folder, &toolchain.release)?;
    if settings.refused.is_empty() {
        return Ok(settings);
    }
    Err(UserError::all(REFUSED, &settings.refused).into())
}

/// Builds programs of the packages for the cloud and returns the path of each one. The same sources give the same bytes in every
/// folder and environment: no path and no setting of this machine reaches the programs. The packages are all services, whichever
/// programs are built: see [`cargo::build`].
///
/// # Errors
/// Cargo failed; its own words are on the terminal.
pub fn build(
    root: &Path,
    target_folder: &Path,
    tools: Tools,
    packages: &[&str],
    programs: &[&str],
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let Tools {
        toolchain,
        compiler,
        settings,
    } = tools;
    let names = Renaming::new(root, target_folder, &toolchain);
    let mut environment = compiler.environment(TARGET);
    let c_flags: Vec<String> = compiler
        .flags
        .iter()
        .cloned()
        .chain(names.pairs.iter().map(renamed_for_c))
        .collect();
    let c_flags: Vec<String> = c_flags.iter().map(|flag| quoted(flag)).collect();
    environment.push((
        format!("CFLAGS_{}", TARGET.replace('-', "_")),
        c_flags.join(" "),
    ));
    // Else a folder with a space in its name would be two flags.
    environment.push(("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned()));
    // The highest of cargo's sources of flags.
    let rust_flags: Vec<String> = names.pairs.iter().map(renamed_for_rust).collect();
    environment.push((
        "CARGO_ENCODED_RUSTFLAGS".to_owned(),
        rust_flags.join("\u{1f}"),
    ));
    environment.push(("CARGO_INCREMENTAL".to_owned(), "0".to_owned()));
    // C compilers put it in the place of __DATE__ and __TIME__, which mimalloc has in a message.
    environment.push(("SOURCE_DATE_EPOCH".to_owned(), "0".to_owned()));
    // These win over configuration files. An empty wrapper is none.
    environment.push(("RUSTC".to_owned(), toolchain.rustc()));
    environment.push(("RUSTC_WRAPPER".to_owned(), settings.wrapper));
    environment.push(("RUSTC_WORKSPACE_WRAPPER".to_owned(), String::new()));
    let mut arguments = vec![
        "--locked".to_owned(),
        format!("--profile={PROFILE}"),
        format!("--target={TARGET}"),
    ];
    let stated = settings.stated.iter();
    arguments.extend(stated.map(|value| format!("--config={value}")));
    let options = cargo::Options {
        programs: programs.iter().copied().map(str::to_owned).collect(),
        arguments,
        environment,
        removed: environment::reaches_programs,
    };
    cargo::build_with(root, packages, &options)
}

/// Where cargo keeps what it has fetched, and the user's own configuration.
fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// The folders of this machine, and what the programs call them. Later pairs win.
struct Renaming {
    pairs: Vec<(PathBuf, String)>,
}

impl Renaming {
    fn new(root: &Path, target_folder: &Path, toolchain: &Toolchain) -> Self {
        let library = toolchain.sysroot.join("lib/rustlib/src/rust");
        let mut pairs = vec![
            (root.to_owned(), "/source".to_owned()),
            (target_folder.to_owned(), "/target".to_owned()),
            // With the component rust-src, the standard library's own lines show up under this path.
            (library, format!("/rustc/{}", toolchain.commit)),
        ];
        pairs.extend(cargo_home().map(|home| (home, "/cargo".to_owned())));
        Self { pairs }
    }
}

fn renamed_for_rust((folder, name): &(PathBuf, String)) -> String {
    format!("--remap-path-prefix={}={name}", folder.display())
}

/// One word, as a shell reads it.
fn quoted(flag: &str) -> String {
    format!("'{}'", flag.replace('\'', r"'\''"))
}

fn renamed_for_c((folder, name): &(PathBuf, String)) -> String {
    format!("-ffile-prefix-map={}={name}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_one_word() {
        let pair = (PathBuf::from("/a b/it's"), "/source".to_owned());
        assert_eq!(
            quoted(&renamed_for_c(&pair)),
            r"'-ffile-prefix-map=/a b/it'\''s=/source'"
        );
    }
}
