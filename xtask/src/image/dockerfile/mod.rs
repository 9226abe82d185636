//! Interprets the declarative part of a Dockerfile: everything that needs no shell and no base image.

mod command;

use std::collections::BTreeMap;

use parse_dockerfile::{Flag, Instruction, JsonOrStringArray, Source, UnescapedString};

use super::config::ImageConfig;
use super::words::{expand, split};

/// What a Dockerfile makes of its ARGs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) config: ImageConfig,
    /// In the order of the Dockerfile.
    pub(crate) copies: Vec<Copied>,
    /// The names of the ARGs that some instruction uses; the others do not change the image.
    pub(crate) args_used: Vec<String>,
}

/// One `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Paths in the build context.
    pub(crate) sources: Vec<String>,
    /// Absolute; ends in `/` when it is a folder.
    pub(crate) destination: String,
    /// Permission bits from `--chmod`.
    pub(crate) mode: Option<u32>,
    /// `--chown`, numeric.
    pub(crate) owner: Option<(u32, u32)>,
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
    let parsed = parse_dockerfile::parse(text).map_err(|error| {
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or_default();
        format!("{file}:{}: {problem}", error.line())
    })?;
    let at = |position: usize| format!("{file}:{}", text[..position].matches('\n').count() + 1);
    if let Some(syntax) = &parsed.parser_directives.syntax {
        let place = at(syntax.value.span.start);
        return Err(format!(
            "{place}: a `# syntax=` line makes the engine fetch a frontend from the network; remove it"
        ));
    }
    let mut state = State {
        args,
        declared: BTreeMap::new(),
        used: Vec::new(),
        stages: 0,
        image: Image::default(),
    };
    for instruction in &parsed.instructions {
        let (position, result) = state.instruction(instruction);
        result.map_err(|problem| format!("{}: {problem}", at(position)))?;
    }
    if state.stages == 0 {
        return Err(format!(
            "{file}: there is no FROM; begin with `FROM scratch`"
        ));
    }
    if let Some(name) = args.keys().find(|name| !state.declared.contains_key(*name)) {
        return Err(format!(
            "{file}: {name} is given a value, but no line declares it; add `ARG {name}`"
        ));
    }
    let used = state.used;
    state.image.args_used = args
        .keys()
        .filter(|name| used.contains(name))
        .cloned()
        .collect();
    Ok(state.image)
}

struct State<'a> {
    args: &'a BTreeMap<String, String>,
    declared: BTreeMap<String, String>,
    used: Vec<String>,
    stages: usize,
    image: Image,
}

impl State<'_> {
    /// Carries one instruction out; the position is where its problem would be.
    fn instruction(&mut self, instruction: &Instruction<'_>) -> (usize, Result<(), String>) {
        match instruction {
            Instruction::From(from) => (
                from.from.span.start,
                self.from(&from.image.value, from.as_.is_some()),
            ),
            Instruction::Arg(arg) => (arg.arg.span.start, self.arg(&arg.arguments.value)),
            Instruction::Env(env) => (env.env.span.start, self.env(&env.arguments.value)),
            Instruction::Label(label) => {
                (label.label.span.start, self.label(&label.arguments.value))
            }
            Instruction::Copy(copy) => (
                copy.copy.span.start,
                self.copy(&copy.options, &copy.src, &copy.dest),
            ),
            Instruction::User(user) => (user.user.span.start, self.user(&user.arguments.value)),
            Instruction::Workdir(workdir) => (
                workdir.workdir.span.start,
                self.workdir(&workdir.arguments.value),
            ),
            Instruction::Expose(expose) => {
                (expose.expose.span.start, self.expose(&expose.arguments))
            }
            Instruction::Entrypoint(entrypoint) => {
                let list = command::exec_form("ENTRYPOINT", &entrypoint.arguments);
                (
                    entrypoint.entrypoint.span.start,
                    list.map(|list| self.image.config.entrypoint = list),
                )
            }
            Instruction::Cmd(command) => {
                let list = command::exec_form("CMD", &command.arguments);
                (
                    command.cmd.span.start,
                    list.map(|list| self.image.config.command = list),
                )
            }
            Instruction::Healthcheck(check) => {
                let found = command::health_check(&check.options, &check.arguments);
                (
                    check.healthcheck.span.start,
                    found.map(|found| self.image.config.health_check = found),
                )
            }
            Instruction::Run(run) => (run.run.span.start, Err(outside("RUN"))),
            Instruction::Add(add) => (
                add.add.span.start,
                Err("ADD is not declarative; use COPY".to_owned()),
            ),
            Instruction::Volume(volume) => {
                let list = match &volume.arguments {
                    JsonOrStringArray::Json(list) => list.value.len(),
                    JsonOrStringArray::String(list) => list.len(),
                };
                let fix = "say data = \"/path\" in the service's facts";
                (
                    volume.volume.span.start,
                    Err(format!("VOLUME ({list}) is not supported; {fix}")),
                )
            }
            Instruction::Shell(shell) => (shell.shell.span.start, Err(outside("SHELL"))),
            Instruction::Stopsignal(stop) => {
                (stop.stopsignal.span.start, Err(outside("STOPSIGNAL")))
            }
            Instruction::Onbuild(onbuild) => (onbuild.onbuild.span.start, Err(outside("ONBUILD"))),
            Instruction::Maintainer(maintainer) => (
                maintainer.maintainer.span.start,
                Err("MAINTAINER is deprecated; use LABEL".to_owned()),
            ),
            _ => (0, Err(outside("an instruction"))),
        }
    }

    fn from(&mut self, image: &str, named: bool) -> Result<(), String> {
        self.stages += 1;
        if self.stages > 1 || named {
            return Err("more than one stage needs the docker builder".to_owned());
        }
        if image != "scratch" {
            return Err(format!(
                "FROM {image} needs the docker builder; static binaries need only `FROM scratch`"
            ));
        }
        // An ARG before FROM is visible in FROM alone.
        self.declared.clear();
        Ok(())
    }

    fn arg(&mut self, arguments: &str) -> Result<(), String> {
        for word in split(arguments, &|name| self.lookup(name))? {
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name.to_owned(), Some(default.to_owned())),
                None => (word, None),
            };
            let value = self
                .args
                .get(&name)
                .cloned()
                .or(default)
                .or_else(|| platform(&name));
            match value {
                Some(value) if !value.is_empty() || !self.args.contains_key(&name) => {
                    self.declared.insert(name, value)
                }
                Some(_) => {
                    return Err(format!(
                        "ARG {name} is empty; give {name} a value in the service's args"
                    ));
                }
                None => {
                    let fix = format!(
                        "add {name} to [package.metadata.service.args], or a default: ARG {name}=..."
                    );
                    return Err(format!("ARG {name} has no value; {fix}"));
                }
            };
        }
        Ok(())
    }

    fn env(&mut self, arguments: &str) -> Result<(), String> {
        for (name, value) in self.pairs("ENV", arguments)? {
            match self
                .image
                .config
                .environment
                .iter_mut()
                .find(|(known, _)| *known == name)
            {
                Some(entry) => entry.1 = value,
                None => self.image.config.environment.push((name, value)),
            }
        }
        Ok(())
    }

    fn label(&mut self, arguments: &str) -> Result<(), String> {
        let pairs = self.pairs("LABEL", arguments)?;
        self.image.config.labels.extend(pairs);
        Ok(())
    }

    /// `A=1 B="x y"`, or the old form `A the rest`. All pairs of a line see the values from before it.
    fn pairs(
        &mut self,
        instruction: &str,
        arguments: &str,
    ) -> Result<Vec<(String, String)>, String> {
        self.note_uses(arguments);
        let lookup = |name: &str| self.lookup(name);
        let first = arguments
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        if !first.contains('=') {
            let Some((name, value)) = arguments.split_once(char::is_whitespace) else {
                return Err(format!(
                    "{instruction} {arguments} has no value; write {instruction} {arguments}=..."
                ));
            };
            return Ok(vec![(name.to_owned(), expand(value.trim(), &lookup)?)]);
        }
        let pair = |word: String| match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(format!("{instruction}: `{word}` is not NAME=value")),
        };
        split(arguments, &lookup)?.into_iter().map(pair).collect()
    }

    fn copy(
        &mut self,
        options: &[Flag<'_>],
        sources: &[Source<'_>],
        destination: &UnescapedString<'_>,
    ) -> Result<(), String> {
        let mut copied = Copied {
            sources: Vec::new(),
            destination: String::new(),
            mode: None,
            owner: None,
        };
        for option in options {
            let value = option
                .value
                .as_ref()
                .map(|value| value.value.as_ref())
                .unwrap_or_default();
            match option.name.value.as_ref() {
                "chmod" => {
                    let mode = u32::from_str_radix(value, 8)
                        .ok()
                        .filter(|mode| *mode <= 0o7777);
                    copied.mode = Some(mode.ok_or_else(|| {
                        format!("--chmod={value} is no octal mode, such as 0555")
                    })?);
                }
                "chown" => {
                    let (user, group) = value.split_once(':').unwrap_or((value, value));
                    let owner = user.parse().ok().zip(group.parse().ok());
                    let text = format!(
                        "--chown={value} is not numeric; an image from scratch has no user names"
                    );
                    copied.owner = Some(owner.ok_or(text)?);
                }
                other => return Err(format!("COPY --{other} needs the docker builder")),
            }
        }
        self.note_uses(&destination.value);
        copied.destination = self.absolute(&expand(&destination.value, &|name| self.lookup(name))?);
        for source in sources {
            let Source::Path(path) = source else {
                return Err("COPY with a here-document needs the docker builder".to_owned());
            };
            self.note_uses(&path.value);
            let path = expand(&path.value, &|name| self.lookup(name))?;
            if path.split('/').any(|part| part == "..") {
                return Err(format!("COPY {path} leads out of the build context"));
            }
            copied.sources.push(path.trim_start_matches('/').to_owned());
        }
        if copied.sources.len() > 1 && !copied.destination.ends_with('/') {
            return Err(format!(
                "COPY of several files needs a folder: {}/",
                copied.destination
            ));
        }
        self.image.copies.push(copied);
        Ok(())
    }

    fn user(&mut self, user: &str) -> Result<(), String> {
        self.note_uses(user);
        let user = expand(user, &|name| self.lookup(name))?;
        if !user.split(':').all(|part| part.parse::<u32>().is_ok()) {
            return Err(format!(
                "USER {user} is not numeric; write USER 65532:65532 (an image from scratch has no names)"
            ));
        }
        self.image.config.user = user;
        Ok(())
    }

    fn workdir(&mut self, folder: &str) -> Result<(), String> {
        self.note_uses(folder);
        let folder = expand(folder, &|name| self.lookup(name))?;
        self.image.config.working_directory = self.absolute(&folder);
        Ok(())
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let base = self.image.config.working_directory.trim_end_matches('/');
        format!("{base}/{}", path.trim_start_matches("./"))
    }

    fn expose(&mut self, ports: &[UnescapedString<'_>]) -> Result<(), String> {
        for port in ports {
            self.note_uses(&port.value);
            let port = expand(&port.value, &|name| self.lookup(name))?;
            let (number, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
            if number.parse::<u16>().is_err() || !["tcp", "udp"].contains(&protocol) {
                return Err(format!("EXPOSE {port} is no port; write EXPOSE 8080"));
            }
            self.image
                .config
                .exposed_ports
                .push(format!("{number}/{protocol}"));
        }
        Ok(())
    }

    /// ENV wins over ARG, whichever comes first.
    fn lookup(&self, name: &str) -> Option<String> {
        let environment = self
            .image
            .config
            .environment
            .iter()
            .find(|(known, _)| known == name);
        environment
            .map(|(_, value)| value.clone())
            .or_else(|| self.declared.get(name).cloned())
    }

    fn note_uses(&mut self, text: &str) {
        let used = std::cell::RefCell::new(Vec::new());
        let record = |name: &str| {
            used.borrow_mut().push(name.to_owned());
            Some("x".to_owned())
        };
        // Problems of the text itself are reported where it is expanded.
        drop(split(text, &record));
        self.used.extend(used.into_inner());
    }
}

fn outside(instruction: &str) -> String {
    format!("{instruction} is not declarative: it needs the docker builder")
}

/// The values that every builder gives, for the only platform that Turnpike builds for.
fn platform(name: &str) -> Option<String> {
    let value = match name {
        "TARGETPLATFORM" => "linux/arm64",
        "TARGETOS" => "linux",
        "TARGETARCH" => "arm64",
        _ => return None,
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests;
