//! What runs: the task and its container.

use template::Node;

use super::super::Origin;
use super::super::expect::{environment, expect, spelt};
use super::super::model::shown;
use super::super::report::Report;
use super::{Parts, is_balanced};
use kinds::fargate;

pub(super) fn check(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, task) = (parts.stack, &parts.task);
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, task, path, value, why);
    wanted(
        "RequiresCompatibilities",
        "FARGATE",
        "there are no machines of your own",
    );
    wanted("NetworkMode", "awsvpc", "Fargate knows no other");
    wanted(
        "RuntimePlatform.CpuArchitecture",
        "ARM64",
        "programs are compiled for 64-bit Arm",
    );
    wanted(
        "RuntimePlatform.OperatingSystemFamily",
        "LINUX",
        "programs are compiled for Linux",
    );
    size(parts, report);
    container(parts, report);
    variables(parts, report);
}

/// Fargate sells fixed pairs.
fn size(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    // What only a deploy knows, or comes to several sizes, is not judged here.
    let text = |path: &str| match &parts.stack.possible(&parts.task, path)[..] {
        [] => Some("nothing".to_owned()),
        [one] => one.clone(),
        _ => None,
    };
    let (Some(cpu), Some(memory)) = (text("Cpu"), text("Memory")) else {
        return;
    };
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let id = parts.task.id;
    match fargate::memory(number(&cpu)) {
        None => report.add(
            parts.stack.index,
            parts.task.line_of("Cpu"),
            format!("{id}.Cpu is {cpu}"),
            "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384",
        ),
        Some((low, high, step)) if !fargate::sells(number(&cpu), number(&memory)) => {
            let problem = format!(
                "{id}.Memory is {memory}, and Fargate does not sell that with {cpu} units of CPU"
            );
            report.add(
                parts.stack.index,
                parts.task.line_of("Memory"),
                problem,
                format!("choose {low} to {high} MiB, in steps of {step}"),
            );
        }
        Some(_) => {}
    }
}

fn container(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, task) = (parts.stack, &parts.task);
    let count = task
        .get("ContainerDefinitions")
        .map_or(0, |list| list.items().len());
    if count == 0 {
        report.add(
            stack.index,
            task.line_of("ContainerDefinitions"),
            format!("{} has no container", task.id),
            "give it one: the service's own",
        );
        return;
    }
    let mut wanted = |path: &str, value: &str, why: &str| {
        expect(report, stack, task, &parts.of_container(path), value, why)
    };
    let parameter = stack.parameter_of(Origin::Image).unwrap_or("ImageUri");
    wanted(
        "Image",
        &format!("${{{parameter}}}"),
        "the deploy says which image, by its digest",
    );
    wanted(
        "Essential",
        "true",
        "a task whose only container has stopped would stay",
    );
    if is_balanced(parts) {
        wanted(
            "PortMappings.0.ContainerPort",
            &parts.port,
            "the Dockerfile exposes another port",
        );
    }
    if let Some(image) = &stack.given.image {
        wanted("User", &image.user, "the Dockerfile names another user");
        let check = &image.health_check;
        let command = match check.first().is_some_and(|word| word.starts_with("CMD")) {
            true => check.join(","),
            false => format!("CMD,{}", check.join(",")),
        };
        wanted(
            "HealthCheck.Command",
            &command,
            "the Dockerfile asks otherwise, and ECS goes by this alone",
        );
    }
    let path = parts.of_container("ReadonlyRootFilesystem");
    if task.text(&path).as_deref() != Some("true") {
        let text = format!(
            "{} lets its container write to its own files, and so lets whoever breaks in",
            task.id
        );
        let fix = "write ReadonlyRootFilesystem: true, and give it a volume for what it writes";
        report.advise(
            "read-only-files",
            stack.index,
            task.line_of(&path),
            text,
            fix,
        );
    }
    logs(parts, report);
    mounts(parts, report);
}

/// The container's log goes into the group of its stack.
fn logs(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, task) = (parts.stack, &parts.task);
    let configuration = parts.of_container("LogConfiguration");
    expect(
        report,
        stack,
        task,
        &format!("{configuration}.LogDriver"),
        "awslogs",
        "logs go to CloudWatch",
    );
    let table = format!("{configuration}.Options");
    let options = task.get(&table).map_or(&[][..], Node::entries);
    let group = stack
        .first("AWS::Logs::LogGroup")
        .map_or("LogGroup", |group| group.id);
    for (name, value) in [
        ("awslogs-group", format!("${{{group}}}")),
        ("awslogs-region", "${AWS::Region}".to_owned()),
    ] {
        let entry = options.iter().find(|entry| entry.key == name);
        let found = entry.map(|entry| shown(&entry.value)).unwrap_or_default();
        if found != value {
            let line = entry.map_or_else(|| task.line_of(&table), |entry| entry.line);
            report.add(
                stack.index,
                line,
                format!("{name} is `{found}`, and the logs belong into {value}"),
                format!("write {name}: {}", spelt(&value)),
            );
        }
    }
    if !options
        .iter()
        .any(|entry| entry.key == "awslogs-stream-prefix")
    {
        report.add(
            stack.index,
            task.line_of(&table),
            "there is no awslogs-stream-prefix, which Fargate requires",
            "add awslogs-stream-prefix: <the service's name>",
        );
    }
}

/// What is mounted is declared, and where the manifest says.
fn mounts(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let (stack, task) = (parts.stack, &parts.task);
    let path = &parts.of_container("MountPoints");
    let mounts = task.get(path).map_or(&[][..], Node::items);
    let volumes = task.get("Volumes").map_or(&[][..], Node::items);
    for mount in mounts {
        let name = mount.get("SourceVolume").map(shown);
        if !volumes
            .iter()
            .any(|volume| volume.get("Name").map(shown) == name)
        {
            report.add(
                stack.index,
                mount.line,
                format!(
                    "the container mounts `{}`, and the task has no such volume",
                    name.unwrap_or_default()
                ),
                "add it under Volumes",
            );
        }
    }
    if let Some(folder) = &parts.service.data
        && !mounts.iter().any(|mount| {
            mount.get("ContainerPath").map(shown).as_ref() == Some(folder)
                && mount.get("ReadOnly").map(shown).as_deref() != Some("true")
        })
    {
        report.add(stack.index, task.line_of(path), format!("nothing can be written to {folder}, where the manifest says that the service keeps its data"), format!("add a MountPoint with ContainerPath: {folder}"));
    }
}

fn variables(parts: &Parts<'_, '_>, report: &mut Report<'_>) {
    let path = &parts.of_container("Environment");
    let items = parts.task.get(path).map_or(&[][..], Node::items);
    let found: Vec<(String, String, usize)> = items
        .iter()
        .map(|item| {
            let text = |key: &str| item.get(key).map(shown).unwrap_or_default();
            (text("Name"), text("Value"), item.line)
        })
        .collect();
    let line = parts.task.line_of(path);
    match found.iter().find(|(name, _, _)| name == "PORT") {
        Some((_, port, line)) if *port != parts.port => report.add(
            parts.stack.index,
            *line,
            format!("PORT is {port}, and the Dockerfile exposes {}", parts.port),
            format!("write Value: \"{}\"", parts.port),
        ),
        _ => {}
    }
    for (name, _, line) in &found {
        if parts.service.secrets.contains_key(name)
            || parts.service.existing_secrets.contains_key(name)
        {
            report.add(
                parts.stack.index,
                *line,
                format!("{name} is a secret, and stands in the environment for anyone to read"),
                "put it under Secrets, with ValueFrom",
            );
        }
    }
    environment(
        report,
        parts.model,
        parts.stack,
        parts.service,
        line,
        &found,
    );
}
