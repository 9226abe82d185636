//! Dockerfiles that need more than files and settings. The engine builds them; what a template and the checks want to know
//! is read here all the same, from the last stage and those it stands on, and nothing is run.

use std::collections::BTreeMap;

use parse_dockerfile::{Dockerfile, FromInstruction, Instruction, Source};

use super::scope::Scope;
use super::stage::Stage;
use super::{Image, command};
use crate::config::{ImageConfig, PATH_DEFAULT};
use crate::words;

/// What makes a Dockerfile one for the Docker engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The line of the Dockerfile, from 1.
    pub line: usize,
    /// `RUN`, `FROM debian:12`.
    pub what: String,
    /// Whether the image has no base: then nothing is in it but what the Dockerfile puts there.
    pub on_scratch: bool,
}

impl Outside {
    /// `services/agent/Dockerfile:3: RUN needs the Docker engine`
    pub fn sentence(&self, dockerfile: &str) -> String {
        format!(
            "{dockerfile}:{}: {} needs the Docker engine",
            self.line, self.what
        )
    }
}

/// A parsed Dockerfile, and how to tell where in it something stands.
pub(super) struct Parsed<'a, 'text> {
    pub dockerfile: &'a Dockerfile<'text>,
    pub escape: char,
    pub line: &'a dyn Fn(usize) -> usize,
}

/// The first thing that the embedded builder does not do; none is the usual.
pub(super) fn find(parsed: &Parsed<'_, '_>, args: &BTreeMap<String, String>) -> Option<Outside> {
    let mut stage = Stage::new(Scope::new(args), parsed.escape);
    for instruction in &parsed.dockerfile.instructions {
        let (position, what) = match instruction {
            Instruction::From(from) => {
                let position = from.from.span.start;
                if stage.begun {
                    (position, "a second FROM".to_owned())
                } else {
                    stage.begun = true;
                    // One that cannot be read is a mistake, and the interpreter has the words for it.
                    match base(from, &stage) {
                        Some(base) if base != "scratch" => (position, format!("FROM {base}")),
                        _ => continue,
                    }
                }
            }
            Instruction::Arg(_) if !stage.begun => {
                drop(stage.instruction(instruction));
                continue;
            }
            Instruction::Run(it) => (it.run.span.start, "RUN".to_owned()),
            Instruction::Add(it) => (it.add.span.start, "ADD".to_owned()),
            Instruction::Shell(it) => (it.shell.span.start, "SHELL".to_owned()),
            Instruction::Stopsignal(it) => (it.stopsignal.span.start, "STOPSIGNAL".to_owned()),
            Instruction::Onbuild(it) => (it.onbuild.span.start, "ONBUILD".to_owned()),
            Instruction::Copy(it) if it.options.iter().any(|flag| flag.name.value == "from") => {
                (it.copy.span.start, "COPY --from".to_owned())
            }
            Instruction::Copy(it) if it.src.iter().any(is_here_document) => {
                (it.copy.span.start, "COPY with a here-document".to_owned())
            }
            _ => continue,
        };
        return Some(Outside {
            line: (parsed.line)(position),
            what,
            on_scratch: true,
        });
    }
    None
}

fn is_here_document(source: &Source<'_>) -> bool {
    matches!(source, Source::HereDoc(_))
}

/// The name after FROM, with its variables put in.
fn base(from: &FromInstruction<'_>, stage: &Stage<'_>) -> Option<String> {
    let lookup = |name: &str| stage.scope.lookup_global(name);
    words::expand(&from.image.value, stage.escape, &lookup).ok()
}

/// What the image will be, as far as the Dockerfile says so. `file` is how errors name it.
///
/// # Errors
/// As the interpreter's, as far as they are about ARGs, the user, the port and the health check.
pub(super) fn outline(
    file: &str,
    parsed: &Parsed<'_, '_>,
    args: &BTreeMap<String, String>,
    mut outside: Outside,
) -> Result<Image, String> {
    let mut stage = Stage::new(Scope::new(args), parsed.escape);
    let mut stages = Stages::default();
    for instruction in &parsed.dockerfile.instructions {
        if let Instruction::From(from) = instruction {
            stages.begin(from, &mut stage);
            continue;
        }
        let (position, result) = match instruction {
            Instruction::Entrypoint(it) => {
                stage.image.config.entrypoint = command::words(&it.arguments);
                continue;
            }
            Instruction::Cmd(it) => {
                stage.image.config.command = command::words(&it.arguments);
                continue;
            }
            Instruction::Healthcheck(it) => {
                let form = command::either_form;
                let read = command::health_check(&it.options, &it.arguments, form);
                let config = &mut stage.image.config;
                let taken = read.map(|check| {
                    config.health_check_off = check.is_none();
                    config.health_check = check;
                });
                (it.healthcheck.span.start, taken)
            }
            Instruction::Arg(it) if of_the_build_machine(&it.arguments.value) => continue,
            Instruction::Arg(_)
            | Instruction::User(_)
            | Instruction::Expose(_)
            | Instruction::Volume(_) => {
                let (position, done) = stage.instruction(instruction);
                (position, done.map(drop))
            }
            Instruction::Env(_) => {
                // A variable of the base image may be in it. Nothing is known then, which is better than something wrong.
                if stage.instruction(instruction).1.is_err() {
                    stage.scope.begin_stage();
                }
                continue;
            }
            _ => continue,
        };
        result.map_err(|problem| format!("{file}:{}: {problem}", (parsed.line)(position)))?;
    }
    if let Some(name) = args.keys().find(|name| !stage.knows(name)) {
        return Err(format!(
            "{file}: {name} is given a value, but no line declares it; add `ARG {name}`"
        ));
    }
    outside.on_scratch = stages.on_scratch;
    let mut image = stage.finish(args);
    // A RUN sees every ARG of its stage.
    image.args_used = args.keys().cloned().collect();
    image.outside = Some(outside);
    Ok(image)
}

/// `BUILDPLATFORM` and the like, which the engine knows and nobody else.
fn of_the_build_machine(arguments: &str) -> bool {
    ["BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"].contains(&arguments.trim())
}

/// The stages so far that a later FROM can name.
#[derive(Debug, Default)]
struct Stages {
    named: BTreeMap<String, (ImageConfig, bool)>,
    /// The name of the stage that is being read, if it has one.
    current: Option<String>,
    on_scratch: bool,
}

impl Stages {
    fn begin(&mut self, from: &FromInstruction<'_>, stage: &mut Stage<'_>) {
        if let Some(name) = self.current.take() {
            let config = stage.image.config.clone();
            self.named.insert(name, (config, self.on_scratch));
        }
        let base = base(from, stage).unwrap_or_default();
        stage.begun = true;
        stage.scope.begin_stage();
        let known = self.named.get(&base.to_lowercase()).cloned();
        self.on_scratch = base == "scratch" || known.as_ref().is_some_and(|(_, scratch)| *scratch);
        stage.image.config = match known {
            Some((config, _)) => {
                for (name, value) in &config.environment {
                    stage.scope.set_env(name, value.clone());
                }
                config
            }
            None => ImageConfig::default(),
        };
        if self.on_scratch {
            stage.scope.set_env("PATH", PATH_DEFAULT.to_owned());
        }
        let name = from.as_.as_ref().map(|(_, name)| name.value.to_lowercase());
        self.current = name;
    }
}
