//! A C compiler for the target. A few crates have C or assembly inside (ring, mimalloc); everything else is Rust and is
//! linked by the linker that comes with it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::toolchain::{Toolchain, rustc};
use super::{PROFILE, TARGET};
use files;
use words::error::Failure;

/// What to type on a machine that has none.
pub const FIX: &str = "on Debian or Ubuntu: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross; elsewhere: pip install ziglang";

/// Uses what a C program uses: headers, strings, numbers, output. With some headers `strtol` and `snprintf` become names
/// that only glibc has, and the program does not link.
const PROBE: &str = "#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    char text[64];
    long number = count > 1 ? strtol(words[1], NULL, 10) : 0;
    snprintf(text, sizeof text, \"%zu %ld\", strlen(words[0]), number);
    memset(text + 60, 0, 4);
    return puts(text) < 0;
}
";

/// A C compiler, and how to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// As a person knows it: `aarch64-linux-gnu-gcc`, `zig`.
    pub name: String,
    pub program: PathBuf,
    pub archiver: Option<PathBuf>,
    pub flags: Vec<String>,
}

impl Compiler {
    /// The variables by which build scripts learn of it.
    pub fn environment(&self, target: &str) -> Vec<(String, String)> {
        let target = target.replace('-', "_");
        let mut variables = vec![(format!("CC_{target}"), self.program.display().to_string())];
        if let Some(archiver) = &self.archiver {
            variables.push((format!("AR_{target}"), archiver.display().to_string()));
        }
        variables
    }
}

/// The first compiler of this machine whose output links. `folder` keeps the probe, and what it found last time.
///
/// # Errors
/// Which compilers were tried, what was wrong with each, and what to install.
pub fn find(toolchain: &Toolchain, folder: &Path) -> anyhow::Result<Compiler> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut problems = Vec::new();
    for compiler in candidates(folder)? {
        let compiler = compiler?;
        let id = files::build_id(&compiler.program).unwrap_or_default();
        let passed = format!(
            "{} {id} {:?} {}",
            compiler.program.display(),
            compiler.flags,
            toolchain.commit
        );
        let note = folder.join("probe.passed");
        if std::fs::read_to_string(&note).is_ok_and(|text| text == passed) {
            return Ok(compiler);
        }
        match probe(&compiler, folder) {
            Ok(()) => {
                files::write(&note, &passed)?;
                return Ok(compiler);
            }
            Err(problem) => problems.push(format!("\n  {}: {problem}", compiler.name)),
        }
    }
    let problem = if problems.is_empty() {
        format!("there is no C compiler for {TARGET}, which the profile `{PROFILE}` is built for")
    } else {
        format!(
            "no C compiler here makes programs for {TARGET}:{}",
            problems.concat()
        )
    };
    Err(Failure::new(problem, FIX).into())
}

/// The compilers that are there, the best first. Zig is looked for when nothing else will do: that may start Python.
fn candidates(
    folder: &Path,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Compiler>> + '_> {
    let variable = format!("CC_{}", TARGET.replace('-', "_"));
    let mut found = Vec::new();
    let named = std::env::var_os(&variable).filter(|program| !program.is_empty());
    if let Some(program) = &named {
        let path = which::which(program).with_context(|| {
            format!(
                "{variable} is set to {}, which is not a program",
                program.display()
            )
        })?;
        found.push(plain(&variable, path, None));
    }
    let arm = cfg!(all(target_os = "linux", target_arch = "aarch64"));
    let names = [
        (
            "aarch64-linux-musl-gcc",
            Some("aarch64-linux-musl-ar"),
            true,
        ),
        ("musl-gcc", None, arm),
        ("aarch64-linux-gnu-gcc", Some("aarch64-linux-gnu-ar"), true),
        ("cc", None, arm),
    ];
    for (name, archiver, possible) in names {
        if let (true, None, Ok(path)) = (possible, &named, which::which(name)) {
            let archiver = archiver.and_then(|name| which::which(name).ok());
            found.push(plain(name, path, archiver));
        }
    }
    let zig = std::iter::once_with(|| zig(folder)).filter_map(Result::transpose);
    let zig = zig.take(usize::from(named.is_none()));
    Ok(found.into_iter().map(Ok).chain(zig))
}

fn plain(name: &str, program: PathBuf, archiver: Option<PathBuf>) -> Compiler {
    Compiler {
        name: name.to_owned(),
        program,
        archiver,
        // Distributions switch it on; its checked functions are glibc's.
        flags: vec!["-U_FORTIFY_SOURCE".to_owned()],
    }
}

/// Zig carries a C compiler and musl's headers. Build scripts want one program that takes gcc's options, so two scripts
/// stand in for it.
fn zig(folder: &Path) -> anyhow::Result<Option<Compiler>> {
    let command = if let Ok(zig) = which::which("zig") {
        format!("'{}'", zig.display())
    } else {
        let Ok(python) = which::which("python3") else {
            return Ok(None);
        };
        let shell = Shell::new()?;
        let asked = cmd!(shell, "{python} -c 'import ziglang'")
            .quiet()
            .ignore_status()
            .output()?;
        if !asked.status.success() {
            return Ok(None);
        }
        format!("'{}' -m ziglang", python.display())
    };
    // Build scripts name the target in Rust's words, which zig refuses.
    let compile = format!(
        "#!/bin/sh\nfor argument do\n  shift\n  case $argument in --target=*) ;; *) set -- \"$@\" \"$argument\" ;; esac\ndone\nexec {command} cc -target aarch64-linux-musl -fno-sanitize=undefined \"$@\"\n"
    );
    let program = folder.join("zig-cc");
    let archiver = folder.join("zig-ar");
    write_script(&program, &compile)?;
    write_script(&archiver, &format!("#!/bin/sh\nexec {command} ar \"$@\"\n"))?;
    Ok(Some(Compiler {
        name: "zig".to_owned(),
        program,
        archiver: Some(archiver),
        flags: Vec::new(),
    }))
}

/// Leaves a script alone that is right already, so that its time of writing says when it changed.
fn write_script(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    files::write(path, text)?;
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, permissions)
        .with_context(|| format!("cannot make {} a program", path.display()))
}

/// Compiles the probe and links it as a Rust program of the target is linked.
fn probe(compiler: &Compiler, folder: &Path) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let path = |name: &str| folder.join(name);
    let (source, object, main) = (path("probe.c"), path("probe.o"), path("probe.rs"));
    files::write(&source, PROBE).map_err(|error| words(&error))?;
    files::write(&main, "#![no_main]\n").map_err(|error| words(&error))?;
    let shell = Shell::new().map_err(|error| words(&error))?;
    let Compiler { program, flags, .. } = compiler;
    let compiled = cmd!(
        shell,
        "{program} {flags...} -O2 -fPIC -ffunction-sections -c {source} -o {object}"
    );
    run(compiled, "it does not compile a small program")?;
    let (rustc, output) = (rustc(), path("probe"));
    let linked = cmd!(
        shell,
        "{rustc} --target {TARGET} --crate-type bin -C linker=rust-lld -C link-arg={object} -o {output} {main}"
    );
    run(linked, "what it compiles does not link with musl")
}

/// Runs a command without a word; when it fails, the first errors that it wrote are the reason.
fn run(command: xshell::Cmd<'_>, problem: &str) -> Result<(), String> {
    let output = command
        .quiet()
        .ignore_status()
        .output()
        .map_err(|error| format!("{problem}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let reasons: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("error") || line.contains("undefined"))
        .take(3)
        .map(str::trim)
        .collect();
    Err(format!("{problem}: {}", reasons.join("; ")))
}
