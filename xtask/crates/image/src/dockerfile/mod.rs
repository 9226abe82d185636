//! Interprets the declarative part of a Dockerfile: everything that needs no shell and no base image.

mod command;
mod copy;
mod outside;
mod scope;
mod settings;
mod stage;
mod variables;

use std::collections::BTreeMap;

pub(crate) use copy::Copied;
pub use outside::Outside;

use super::config::ImageConfig;
use outside::Parsed;
use scope::Scope;
use stage::Stage;

/// What a Dockerfile makes of its ARGs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    pub config: ImageConfig,
    /// In the order of the Dockerfile.
    pub copies: Vec<Copied>,
    /// The names of the ARGs that some instruction uses; the others do not change the image.
    pub args_used: Vec<String>,
    /// Every instruction, in order.
    pub steps: Vec<Step>,
    /// Why only the Docker engine can build it. Copies and steps are empty then.
    pub outside: Option<Outside>,
}

/// One instruction of an image's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line of the Dockerfile, from 1.
    pub line: usize,
    /// The instruction with its variables put in. An ARG shows its value only if the image depends on it.
    pub text: String,
    pub change: FileChange,
}

/// What an instruction does to the file tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    None,
    /// The index of the copy.
    Copy(usize),
    /// A WORKDIR makes its folder, which belongs to the USER of that line.
    Folder {
        path: String,
        owner: (u32, u32),
    },
}

/// Interprets a Dockerfile with values for its ARGs. `file` is how errors name it.
///
/// # Errors
/// One line that names the file, the line and the fix: an instruction outside the declarative subset, an ARG without a
/// value, a value for an ARG that is not declared, a malformed word or option.
pub(crate) fn interpret(
    file: &str,
    text: &str,
    args: &BTreeMap<String, String>,
) -> Result<Image, String> {
    with_parsed(file, text, |parsed| whole(file, parsed, args))
}

/// [`interpret`], and of a Dockerfile that needs the Docker engine what it says about its last stage.
///
/// # Errors
/// As [`interpret`], save that an instruction outside the subset is not an error.
pub fn read(file: &str, text: &str, args: &BTreeMap<String, String>) -> Result<Image, String> {
    with_parsed(file, text, |parsed| match outside::find(parsed, args) {
        Some(outside) => outside::outline(file, parsed, args, outside),
        None => whole(file, parsed, args),
    })
}

fn with_parsed(
    file: &str,
    text: &str,
    then: impl FnOnce(&Parsed<'_, '_>) -> Result<Image, String>,
) -> Result<Image, String> {
    // The parser skips a byte order mark, and then counts from behind it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = parse_dockerfile::parse(text).map_err(|error| {
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or_default();
        format!("{file}:{}: {problem}", error.line())
    })?;
    let line = |position: usize| {
        let before = text.as_bytes().iter().take(position);
        before.filter(|byte| **byte == b'\n').count() + 1
    };
    let directives = &parsed.parser_directives;
    if let Some(syntax) = &directives.syntax {
        let place = line(syntax.value.span.start);
        return Err(format!(
            "{file}:{place}: a `# syntax=` line makes the engine fetch a frontend from the network; remove it"
        ));
    }
    let escape = directives
        .escape
        .as_ref()
        .map_or('\\', |escape| escape.value.value);
    then(&Parsed {
        dockerfile: &parsed,
        escape,
        line: &line,
    })
}

fn whole(
    file: &str,
    parsed: &Parsed<'_, '_>,
    args: &BTreeMap<String, String>,
) -> Result<Image, String> {
    let mut stage = Stage::new(Scope::new(args), parsed.escape);
    for instruction in &parsed.dockerfile.instructions {
        let (position, result) = stage.instruction(instruction);
        let line = (parsed.line)(position);
        let (text, change) = result.map_err(|problem| format!("{file}:{line}: {problem}"))?;
        stage.steps.push(stage::Unfinished { line, text, change });
    }
    if !stage.begun {
        return Err(format!(
            "{file}: there is no FROM; begin with `FROM scratch`"
        ));
    }
    if let Some(name) = args.keys().find(|name| !stage.knows(name)) {
        return Err(format!(
            "{file}: {name} is given a value, but no line declares it; add `ARG {name}`"
        ));
    }
    Ok(stage.finish(args))
}

fn outside(instruction: &str) -> String {
    format!(
        "{instruction} would run something inside the image, and images are made of finished files here; make them outside and COPY them"
    )
}

/// Digits alone: Rust's own parser takes a `+` as well.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod random;

#[cfg(test)]
mod outside_tests;
