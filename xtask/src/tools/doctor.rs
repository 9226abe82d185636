//! What `doctor` finds on this machine: each tool, whether it is there, and what to do when it is not.

use std::path::Path;

use serde::Serialize;

use build::cross::{self, TARGET, Toolchain};

/// One thing that a build wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) ok: bool,
    /// What was found, or what is wrong with it.
    pub(crate) found: String,
    /// What to do; empty when nothing is to be done.
    pub(crate) fix: String,
}

impl Finding {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: true,
            found: found.into(),
            fix: String::new(),
        }
    }

    fn bad(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: false,
            found: found.into(),
            fix: fix.into(),
        }
    }
}

/// What building programs for the cloud wants: the Rust compiler, its standard library for the target, a C compiler that
/// makes something that links. Changes nothing but the probe's files in `folder`.
pub(crate) fn cross_compiler(folder: &Path) -> Vec<Finding> {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(error) => {
            let fix = "install Rust: https://rustup.rs";
            return vec![Finding::bad("rustc", format!("{error:#}"), fix)];
        }
    };
    let mut findings = vec![Finding::good("rustc", toolchain.release.clone())];
    let target = "standard library for the target";
    if !cross::has_target(&toolchain.sysroot, TARGET) {
        let fix = format!("rustup target add {TARGET} (`build` does it on its own)");
        findings.push(Finding::bad(target, format!("no {TARGET}"), fix));
        return findings;
    }
    findings.push(Finding::good(target, TARGET));
    let name = "C compiler for the target";
    findings.push(match cross::find(&toolchain, folder) {
        Ok(compiler) => Finding::good(name, compiler.name),
        Err(error) => Finding::bad(name, error.to_string(), cross::FIX),
    });
    findings
}

/// The Docker engine, which only some Dockerfiles want: `needed` says which line of which, and why.
#[cfg(feature = "engine")]
pub(crate) async fn docker_engine(needed: Option<&str>) -> anyhow::Result<Finding> {
    let name = "Docker engine";
    Ok(match (docker_engine::Engine::connect().await, needed) {
        (Ok(engine), _) => Finding::good(name, engine.version),
        (Err(_), None) => Finding::good(name, "none, and no Dockerfile needs one"),
        (Err(error), Some(needed)) => {
            Finding::bad(name, format!("{needed}: {error}"), docker_engine::FIX)
        }
    })
}

/// In a build of the tool without the engine's client, it is looked for only if a Dockerfile needs it.
#[cfg(not(feature = "engine"))]
pub(crate) async fn docker_engine(needed: Option<&str>) -> anyhow::Result<Finding> {
    match needed {
        None => Ok(Finding::good(
            "Docker engine",
            "not looked for: no Dockerfile needs one",
        )),
        Some(_) => Err(words::error::NotInThisBuild::DockerEngine.into()),
    }
}
