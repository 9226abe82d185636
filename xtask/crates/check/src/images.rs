//! What the Dockerfiles say: the program starts, listens where it is called, and gets what it is built with.

use super::ImageFacts;
use super::model::{Model, Stack};
use super::report::Report;
use facts::{Service, looks_secret};
use kinds::Port;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for stack in &model.stacks {
        if let (Some(service), Some(image)) = (stack.service, &stack.given.image) {
            arguments(model, service, image, report);
            listening(stack, service, image, report);
            user(image, report);
            program(image, report);
            data(service, image, report);
        }
    }
}

/// The instruction that a problem is about.
fn place(image: &ImageFacts, instruction: &str, word: &str) -> String {
    let step = image
        .steps
        .iter()
        .find(|(_, text)| text.starts_with(instruction) && text.contains(word));
    match step {
        Some((line, _)) => format!("{}:{line}", image.file),
        None => image.file.clone(),
    }
}

fn arguments(model: &Model<'_>, service: &Service, image: &ImageFacts, report: &mut Report<'_>) {
    for (name, value) in &service.args {
        if model.stage.resolve(value).is_some() && image.is_whole && !image.args_used.contains(name)
        {
            report.add_at(place(image, "ARG", name), format!("ARG {name} is given a value, and no other line uses it: the program never sees it"), format!("add ENV {name}=${{{name}}}"));
        }
    }
    for (name, value) in &image.environment {
        if let Some(reason) = looks_secret(value) {
            report.add_at(
                place(image, "ENV", name),
                format!("ENV {name} holds a secret ({reason}), for anyone who has the image"),
                "declare it under [package.metadata.service.secrets]",
            );
        }
        if value.is_empty() || value == "TODO" {
            report.add_at(
                place(image, "ENV", name),
                format!("ENV {name} is `{value}`: nothing has been put there"),
                "give it a value, or remove it",
            );
        }
    }
}

fn listening(stack: &Stack<'_>, service: &Service, image: &ImageFacts, report: &mut Report<'_>) {
    let Some(port) = image.ports.first().copied() else {
        return;
    };
    if let Port::Fixed(called) = service.kind.port
        && port != called
    {
        report.add_at(
            place(image, "EXPOSE", ""),
            format!(
                "EXPOSE {port}, and {} calls {called}",
                service.kind.platform
            ),
            format!("write EXPOSE {called}, and listen there"),
        );
    }
    let variable = |name: &str| {
        image
            .environment
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    };
    if let Some(own) = variable("PORT").filter(|own| *own != port.to_string()) {
        report.add_at(
            place(image, "ENV", "PORT"),
            format!("ENV PORT is {own}, and EXPOSE says {port}"),
            format!("write PORT={port}, or EXPOSE {own}"),
        );
    }
    // Our services listen for themselves alone without HOST; another program may listen everywhere of itself.
    if image.is_whole && variable("PORT").is_some() && variable("HOST").is_none() {
        report.advise_at(
            "listens-for-all",
            place(image, "ENV", "PORT"),
            format!(
                "{} has a PORT and no HOST: a program that then listens on 127.0.0.1 is reached by nobody outside the container",
                stack.given.owner
            ),
            "write HOST=0.0.0.0 beside it",
        );
    }
    if let Some(host) =
        variable("HOST").filter(|host| ["localhost", "127.0.0.1", "::1"].contains(host))
    {
        report.add_at(
            place(image, "ENV", "HOST"),
            format!(
                "{} listens on {host}, where nobody outside the container reaches it",
                stack.given.owner
            ),
            "write HOST=0.0.0.0",
        );
    }
}

fn user(image: &ImageFacts, report: &mut Report<'_>) {
    let numeric = image
        .user
        .split(':')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !numeric && image.is_whole {
        report.add_at(
            place(image, "USER", ""),
            format!(
                "USER {} is a name, and there is no list of users in the image",
                image.user
            ),
            "write numbers: USER 65532:65532",
        );
    }
}

/// What starts the container, and what asks after it, are in the image.
fn program(image: &ImageFacts, report: &mut Report<'_>) {
    let start = image.entrypoint.first().or(image.command.first());
    if !image.is_whole {
        return;
    }
    if start.is_none() {
        report.add_at(
            image.file.clone(),
            "the image starts nothing",
            "add ENTRYPOINT [\"/program\"]",
        );
    }
    let check = image
        .health_check
        .iter()
        .find(|word| !word.starts_with("CMD"));
    for (instruction, program) in [("ENTRYPOINT", start), ("HEALTHCHECK", check)] {
        let Some(program) = program else { continue };
        let copied = image.copied.iter().any(|path| {
            path == program || (path.ends_with('/') && program.starts_with(path.as_str()))
        });
        if !copied {
            report.add_at(
                place(image, instruction, ""),
                format!("{instruction} runs {program}, and no COPY brings that"),
                format!(
                    "copy it there, or run {}",
                    image.copied.first().map_or("the program", String::as_str)
                ),
            );
        }
    }
}

/// What a service keeps in a folder needs one that it may write to. ECS gives a volume the owner that the folder has in the image,
/// and only if the image calls it a volume.
fn data(service: &Service, image: &ImageFacts, report: &mut Report<'_>) {
    for volume in &image.volumes {
        if service.data.as_ref() != Some(volume) {
            report.add_at(
                place(image, "VOLUME", volume),
                format!("VOLUME {volume}, and the manifest does not say that the service keeps anything there"),
                format!("write data = \"{volume}\" under [package.metadata.service], or remove the line"),
            );
        }
    }
    let Some(folder) = &service.data else { return };
    if !image.volumes.contains(folder) {
        report.add_at(
            place(image, "USER", ""),
            format!("the service keeps data in {folder}, and the image has no such volume: it would belong to root"),
            format!("add VOLUME {folder}, and before it WORKDIR {folder} below USER"),
        );
    }
    let user = image.user.split(':').next().and_then(|id| id.parse().ok());
    let made = image.folders.iter().find(|(path, _)| path == folder);
    if image.is_whole && made.map(|(_, owner)| *owner) != user {
        report.add_at(
            place(image, "VOLUME", folder),
            format!(
                "{folder} does not belong to USER {}, who writes there",
                image.user
            ),
            format!("write WORKDIR {folder} below USER: it makes the folder for that user"),
        );
    }
}
