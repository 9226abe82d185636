//! The Rust compiler in use, with the standard library for another machine.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use words::error::Failure;

/// What has to be known of the compiler.
#[derive(Debug, Clone)]
pub struct Toolchain {
    pub sysroot: PathBuf,
    /// `1.95.0`.
    pub release: String,
    /// The commit that the compiler was built from, as its standard library's paths have it.
    pub commit: String,
}

impl Toolchain {
    /// The compiler that cargo uses here.
    pub fn find() -> anyhow::Result<Self> {
        let shell = Shell::new()?;
        let rustc = rustc();
        let sysroot = cmd!(shell, "{rustc} --print sysroot")
            .quiet()
            .read()
            .context("there is no rustc; install Rust from https://rustup.rs")?;
        let facts = cmd!(shell, "{rustc} -vV").quiet().read()?;
        let fact = |name: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or("unknown").trim().to_owned()
        };
        Ok(Self {
            sysroot: PathBuf::from(sysroot),
            release: fact("release:"),
            commit: fact("commit-hash:"),
        })
    }

    /// The compiler itself, rather than what rustup puts on the path.
    pub(super) fn rustc(&self) -> String {
        let program = self.sysroot.join("bin/rustc");
        match program.is_file() {
            true => program.display().to_string(),
            false => rustc(),
        }
    }

    /// The compiler, after adding the standard library for `target` where it is missing.
    pub fn with_target(target: &str) -> anyhow::Result<Self> {
        let toolchain = Self::find()?;
        if has_target(&toolchain.sysroot, target) {
            return Ok(toolchain);
        }
        let Ok(rustup) = which::which("rustup") else {
            let problem = format!(
                "the Rust compiler in {} has no standard library for {target}",
                toolchain.sysroot.display()
            );
            let hint = "rustup adds it on its own: https://rustup.rs; a Rust from elsewhere needs that target's package";
            return Err(Failure::new(problem, hint).into());
        };
        let shell = Shell::new()?;
        // Its progress belongs to the person who waits for it.
        cmd!(shell, "{rustup} target add {target}")
            .quiet()
            .run()
            .with_context(|| format!("rustup cannot add the target {target}"))?;
        Ok(toolchain)
    }
}

/// True when the standard library for `target` is installed.
pub fn has_target(sysroot: &Path, target: &str) -> bool {
    sysroot
        .join("lib/rustlib")
        .join(target)
        .join("lib")
        .is_dir()
}

/// The compiler that cargo would use.
pub(super) fn rustc() -> String {
    std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}
