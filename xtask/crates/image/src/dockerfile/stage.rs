//! The instructions of a Dockerfile, one after the other.

use std::collections::BTreeMap;

use parse_dockerfile::{CopyInstruction, Flag, FromInstruction, Instruction, JsonOrStringArray};

use super::scope::Scope;
use super::{FileChange, Image, Step, command, copy, number, outside};
use crate::config::PATH_DEFAULT;
use crate::paths;
use crate::words;

/// A step's text, as far as it is known before the last line.
pub(super) enum Text {
    Known(String),
    /// The names and values of an ARG line.
    Args(Vec<(String, String)>),
    /// FROM leaves nothing in the history.
    Silent,
}

pub(super) struct Unfinished {
    pub line: usize,
    pub text: Text,
    pub change: FileChange,
}

pub(super) type Done = Result<(Text, FileChange), String>;

pub(super) struct Stage<'a> {
    pub scope: Scope<'a>,
    pub escape: char,
    pub begun: bool,
    pub image: Image,
    pub steps: Vec<Unfinished>,
}

pub(super) fn known(text: String) -> Done {
    Ok((Text::Known(text), FileChange::None))
}

/// `["/app" "health"]`, as BuildKit writes a command into the history.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(" "))
}

impl<'a> Stage<'a> {
    pub(super) fn new(scope: Scope<'a>, escape: char) -> Self {
        Self {
            scope,
            escape,
            begun: false,
            image: Image::default(),
            steps: Vec::new(),
        }
    }

    /// Carries one instruction out; the position is where its problem would be.
    pub(super) fn instruction(&mut self, instruction: &Instruction<'_>) -> (usize, Done) {
        let position = match instruction {
            Instruction::From(from) => return (from.from.span.start, self.from(from)),
            Instruction::Arg(arg) => {
                return (arg.arg.span.start, self.arg(&arg.arguments.value));
            }
            Instruction::Env(it) => it.env.span.start,
            Instruction::Label(it) => it.label.span.start,
            Instruction::Copy(it) => it.copy.span.start,
            Instruction::User(it) => it.user.span.start,
            Instruction::Workdir(it) => it.workdir.span.start,
            Instruction::Expose(it) => it.expose.span.start,
            Instruction::Entrypoint(it) => it.entrypoint.span.start,
            Instruction::Cmd(it) => it.cmd.span.start,
            Instruction::Healthcheck(it) => it.healthcheck.span.start,
            Instruction::Run(it) => it.run.span.start,
            Instruction::Add(it) => it.add.span.start,
            Instruction::Volume(it) => it.volume.span.start,
            Instruction::Shell(it) => it.shell.span.start,
            Instruction::Stopsignal(it) => it.stopsignal.span.start,
            Instruction::Onbuild(it) => it.onbuild.span.start,
            Instruction::Maintainer(it) => it.maintainer.span.start,
            _ => 0,
        };
        if !self.begun {
            return (
                position,
                Err("only ARG may stand before FROM; begin with `FROM scratch`".to_owned()),
            );
        }
        (position, self.of_stage(instruction))
    }

    fn of_stage(&mut self, instruction: &Instruction<'_>) -> Done {
        match instruction {
            Instruction::Env(env) => self.env(&env.arguments.value),
            Instruction::Label(label) => self.label(&label.arguments.value),
            Instruction::Copy(copy) => self.copy(copy),
            Instruction::User(user) => self.user(&user.arguments.value),
            Instruction::Workdir(workdir) => self.workdir(&workdir.arguments.value),
            Instruction::Expose(expose) => self.expose(&expose.arguments),
            Instruction::Entrypoint(entrypoint) => {
                let list = command::exec_form("ENTRYPOINT", &entrypoint.arguments)?;
                let text = format!("ENTRYPOINT {}", quoted(&list));
                self.image.config.entrypoint = list;
                known(text)
            }
            Instruction::Cmd(command) => {
                let list = command::exec_form("CMD", &command.arguments)?;
                let text = format!("CMD {}", quoted(&list));
                self.image.config.command = list;
                self.image.config.has_command = true;
                known(text)
            }
            Instruction::Healthcheck(check) => self.health_check(check),
            Instruction::Run(_) => Err(outside("RUN")),
            Instruction::Add(_) => Err("ADD is not declarative; use COPY".to_owned()),
            Instruction::Volume(volume) => {
                let folders = match &volume.arguments {
                    JsonOrStringArray::Json(list) => &list.value,
                    JsonOrStringArray::String(list) => list,
                };
                self.volume(folders)
            }
            Instruction::Shell(_) => Err(outside("SHELL")),
            Instruction::Stopsignal(_) => Err(outside("STOPSIGNAL")),
            Instruction::Onbuild(_) => Err(outside("ONBUILD")),
            Instruction::Maintainer(_) => Err("MAINTAINER is deprecated; use LABEL".to_owned()),
            _ => Err(outside("an instruction")),
        }
    }

    fn from(&mut self, from: &FromInstruction<'_>) -> Done {
        let expand =
            |text: &str| words::expand(text, self.escape, &|name| self.scope.lookup_global(name));
        if self.begun {
            return Err("only one stage is supported; cargo builds the program outside, and the image only takes it in".to_owned());
        }
        for Flag { name, value, .. } in &from.options {
            let value = expand(value.as_ref().map_or("", |value| &value.value))?;
            if name.value != "platform" {
                return Err(format!(
                    "FROM --{} is not supported; leave it out",
                    name.value
                ));
            }
            if !["linux/arm64", "linux/arm64/v8", "linux/aarch64"].contains(&value.as_str()) {
                return Err(format!(
                    "FROM --platform={value}: Turnpike builds for linux/arm64 alone; remove --platform"
                ));
            }
        }
        let image = expand(&from.image.value)?;
        if image != "scratch" {
            return Err(format!(
                "FROM {image} is not supported: the programs are static, and need only `FROM scratch`"
            ));
        }
        self.begun = true;
        self.scope.set_env("PATH", PATH_DEFAULT.to_owned());
        Ok((Text::Silent, FileChange::None))
    }

    fn copy(&mut self, copy: &CopyInstruction<'_>) -> Done {
        let directory = &self.image.config.working_directory;
        let expand = |text: &str| self.expand(text);
        let (copied, text) = copy::read(&copy.options, &copy.src, &copy.dest, directory, &expand)?;
        self.image.copies.push(copied);
        let change = FileChange::Copy(self.image.copies.len() - 1);
        Ok((Text::Known(text), change))
    }

    fn user(&mut self, user: &str) -> Done {
        let user = self.expand(user)?;
        if user_id(&user).is_none() {
            return Err(format!(
                "USER {user} is not numeric; write USER 65532:65532 (an image from scratch has no names)"
            ));
        }
        let text = format!("USER {user}");
        self.image.config.user = user;
        known(text)
    }

    fn workdir(&mut self, folder: &str) -> Done {
        let folder = self.expand(folder)?;
        if folder.contains('\0') {
            return Err("WORKDIR with a zero byte".to_owned());
        }
        let config = &mut self.image.config;
        // An absolute path stays as it was written, a relative one is tidied: BuildKit does the same.
        let written = if folder.starts_with('/') {
            folder
        } else {
            let joined = paths::clean(&format!("{}/{folder}", config.working_directory));
            format!("/{joined}")
        };
        let owner = user_id(&config.user).unwrap_or((0, 0));
        let path = paths::clean(&written);
        let text = format!("WORKDIR {written}");
        config.working_directory = written;
        if path.is_empty() {
            return known(text);
        }
        Ok((Text::Known(text), FileChange::Folder { path, owner }))
    }

    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        words::expand(text, self.escape, &|name| self.scope.lookup(name))
    }

    /// Whether a value for this ARG reaches anything.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.scope.declared.contains(name) || self.scope.is_used(name)
    }

    pub(super) fn finish(self, args: &BTreeMap<String, String>) -> Image {
        let Self {
            scope,
            mut image,
            steps,
            ..
        } = self;
        image.args_used = args
            .keys()
            .filter(|name| scope.is_used(name))
            .cloned()
            .collect();
        for Unfinished { line, text, change } in steps {
            let text = match text {
                Text::Silent => continue,
                Text::Known(text) => text,
                Text::Args(args) => {
                    let shown = args.into_iter().map(|(name, value)| {
                        if scope.is_used(&name) {
                            format!(" {name}={value}")
                        } else {
                            format!(" {name}")
                        }
                    });
                    format!("ARG{}", shown.collect::<String>())
                }
            };
            image.steps.push(Step { line, text, change });
        }
        image
    }
}

/// `65532` or `65532:65532`; the group is the user's number where it is not said.
fn user_id(user: &str) -> Option<(u32, u32)> {
    match user.split_once(':') {
        Some((user, group)) => number(user).zip(number(group)),
        None => number(user).map(|user| (user, user)),
    }
}
