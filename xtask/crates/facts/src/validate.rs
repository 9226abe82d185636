//! What no single table can know: that links meet services, stages have the settings, and no secret stands in clear.

use std::collections::{BTreeMap, BTreeSet};

use kinds::Callers;

use super::Repo;
use super::existing;
use super::limits;
use super::manifest::{ManifestFile, nearest};
use super::money;
use super::secrets::{looks_secret, secret_word};
use super::service::{Service, Value};
use super::smoke;
use super::stage::{CloudKind, Stage};
use super::times;
use words::error::Problem;

const HEADER: &str = "package.metadata.service";

/// `without_kind` names the services whose kind was not understood.
pub(crate) fn validate(
    repo: &Repo,
    root_manifest: &ManifestFile,
    without_kind: &[String],
    problems: &mut Vec<Problem>,
) {
    for service in &repo.services {
        let file = ManifestFile::new(&repo.root, &service.manifest);
        links(repo, service, &file, without_kind, problems);
        variables(service, &file, problems);
        smoke::validate(service, &file, problems);
        one_model(service, &file, problems);
        if !without_kind.contains(&service.name) {
            limits::service(service, &file, problems);
        }
        reached(service, &file, problems);
        if service.table.is_some() && !service.kind.has_table {
            let text = format!("a service of the kind {} has no table", service.kind.name);
            let able = kinds::ALL.iter().filter(|kind| kind.has_table);
            let names: Vec<&str> = able.map(|kind| kind.name).collect();
            let fix = format!(
                "give the table to a service of the kind {}",
                names.join(" or ")
            );
            problems.push(file.problem(HEADER, "table", text, fix));
        }
    }
    logical_names(repo, problems);
    let header = "workspace.metadata";
    limits::name(
        "project",
        "project",
        header,
        &repo.project,
        root_manifest,
        problems,
    );
    if !problems.is_empty() {
        // A cycle or a missing setting among facts that were not understood would be a false alarm.
        return;
    }
    cycles(repo, problems);
    times::check(repo, problems);
    money::named_settings(repo, problems);
    money::exclusive(repo, root_manifest, problems);
    for stage in &repo.stages {
        settings(repo, stage, root_manifest, problems);
        let header = "workspace.metadata.stages";
        limits::name(
            "stage",
            &stage.name,
            header,
            &stage.name,
            root_manifest,
            problems,
        );
        let services = super::deployed(repo, stage);
        limits::stage(stage, &services, root_manifest, problems);
        money::settings(repo, stage, &services, root_manifest, problems);
    }
}

fn links(
    repo: &Repo,
    service: &Service,
    file: &ManifestFile,
    without_kind: &[String],
    problems: &mut Vec<Problem>,
) {
    for (table, name, value) in service.values() {
        let Value::Link(link) = value else { continue };
        let header = format!("{HEADER}.{table}");
        let Some(target) = repo.service(&link.service) else {
            let names: Vec<&str> = repo
                .services
                .iter()
                .map(|service| service.name.as_str())
                .collect();
            let near = nearest(&link.service, &names)
                .map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let text = format!("{name} links to `{}`, which is not a service", link.service);
            problems.push(file.problem(
                &header,
                name,
                text,
                format!("{near}services: {}", names.join(", ")),
            ));
            continue;
        };
        // A kind that was not understood is a problem of its own, and has no outputs to check against.
        if without_kind.contains(&target.name) {
            continue;
        }
        if target.kind.callers == Callers::Nobody {
            let text = format!(
                "{name} links to `{}`, and nobody can call a service of the kind {}",
                link.service, target.kind.name
            );
            let fix = "remove the link, or make it a service of another kind".to_owned();
            problems.push(file.problem(&header, name, text, fix));
            continue;
        }
        let outputs = target.kind.outputs;
        if !outputs.contains(&link.output.as_str()) {
            let near = nearest(&link.output, outputs)
                .map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let text = format!(
                "{name} links to `{}.{}`, which is not an output of it",
                link.service, link.output
            );
            let fix = format!(
                "{near}outputs of a {} service: {}",
                target.kind.name,
                outputs.join(", ")
            );
            problems.push(file.problem(&header, name, text, fix));
        }
    }
}

fn variables(service: &Service, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let secrets = service
        .secrets
        .keys()
        .chain(service.existing_secrets.keys());
    let secrets = secrets.map(|name| ("secrets", name));
    for (table, name) in service
        .values()
        .map(|(table, name, _)| (table, name))
        .chain(secrets)
    {
        let header = format!("{HEADER}.{table}");
        if let Some(first) = seen.insert(name, table) {
            let fix = format!("keep it under [{HEADER}.{first}] or under [{header}], not both");
            problems.push(file.problem(
                &header,
                name,
                format!("duplicate name: {name} is also under `{first}`"),
                fix,
            ));
        }
        if !is_variable_name(name) {
            let fix =
                "use capital letters, digits and underscores, beginning with a letter".to_owned();
            problems.push(file.problem(
                &header,
                name,
                format!("`{name}` is not an environment variable name"),
                fix,
            ));
        }
    }
    if !service.kind.has_image()
        && let Some(name) = service.args.keys().next()
    {
        let text = format!(
            "{name} is a Docker ARG, but a {} is a zip without an image",
            service.kind.name
        );
        problems.push(file.problem(
            &format!("{HEADER}.args"),
            name,
            text,
            format!("move it to [{HEADER}.env]"),
        ));
    }
    for (table, name, value) in service.values() {
        let by_name = (table == "args").then(|| secret_word(name)).flatten();
        let by_value = match value {
            Value::Text(text) => looks_secret(text),
            Value::Stage(_) | Value::OptionalStage(_) | Value::Link(_) => None,
        };
        if let Some(reason) = by_name
            .map(|word| format!("its name says `{word}`"))
            .or(by_value.map(str::to_owned))
        {
            let text = format!(
                "{name} looks like a secret ({reason}), and `{table}` are readable by anyone who has the image or the template"
            );
            let fix = format!(
                "move it to [{HEADER}.secrets]: {name} = {{ name = \"...\", length = 64, alphabet = \"hex\" }}"
            );
            problems.push(file.problem(&format!("{HEADER}.{table}"), name, text, fix));
        }
    }
}

/// Only what the network reaches is opened in a browser, and nobody buys where nobody calls.
fn reached(service: &Service, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let (name, callers) = (service.kind.name, service.kind.callers);
    if service.public && callers != Callers::Network {
        let text = format!("no browser reaches a service of the kind {name}");
        let fix = "remove `public`".to_owned();
        problems.push(file.problem(HEADER, "public", text, fix));
    }
    if service.listing.is_some() && callers == Callers::Nobody {
        let text = format!("nobody can call a service of the kind {name}, so it sells nothing");
        let fix = "remove `listing`".to_owned();
        problems.push(file.problem(HEADER, "listing", text, fix));
    }
}

/// A role's policy names one model.
fn one_model(service: &Service, file: &ManifestFile, problems: &mut Vec<Problem>) {
    if let Some((table, name, _)) = service.models().nth(1) {
        let text = format!("{name} is the second value of type \"model\", and a service has one");
        let fix = "keep one of them".to_owned();
        problems.push(file.problem(&format!("{HEADER}.{table}"), name, text, fix));
    }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// Two services whose names differ only in punctuation would get the same names in a template.
fn logical_names(repo: &Repo, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<String, &Service> = BTreeMap::new();
    for service in &repo.services {
        let folded = service.name.replace(['-', '_'], "").to_lowercase();
        let taken = ["network", "artifacts"]
            .contains(&folded.as_str())
            .then(|| folded.clone());
        let other = seen.insert(folded, service).map(|other| other.name.clone());
        if let Some(other) = taken.or(other) {
            let file = ManifestFile::new(&repo.root, &service.manifest);
            let text = format!(
                "duplicate name: `{}` and `{other}` would share a stack",
                service.name
            );
            problems.push(file.problem("package", "name", text, "rename one of them".to_owned()));
        }
    }
}

/// Every cycle is named whole, once.
fn cycles(repo: &Repo, problems: &mut Vec<Problem>) {
    let mut finished: BTreeSet<&str> = BTreeSet::new();
    for service in &repo.services {
        let mut path: Vec<&str> = Vec::new();
        visit(repo, service, &mut path, &mut finished, problems);
    }
}

fn visit<'a>(
    repo: &'a Repo,
    service: &'a Service,
    path: &mut Vec<&'a str>,
    finished: &mut BTreeSet<&'a str>,
    problems: &mut Vec<Problem>,
) {
    if finished.contains(service.name.as_str()) {
        return;
    }
    path.push(&service.name);
    for (table, name, value) in service.values() {
        let Value::Link(link) = value else { continue };
        if let Some(start) = path.iter().position(|step| *step == link.service) {
            let cycle = [&path[start..], &[link.service.as_str()]]
                .concat()
                .join(" -> ");
            let file = ManifestFile::new(&repo.root, &service.manifest);
            let fix =
                "remove one of these links: what is deployed first cannot know what comes after it"
                    .to_owned();
            problems.push(file.problem(
                &format!("{HEADER}.{table}"),
                name,
                format!("the links form a cycle: {cycle}"),
                fix,
            ));
        } else if let Some(target) = repo.service(&link.service) {
            visit(repo, target, path, finished, problems);
        }
    }
    path.pop();
    finished.insert(&service.name);
}

/// A stage has every setting that a service needs, none that nobody knows, and none that does harm.
fn settings(repo: &Repo, stage: &Stage, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let header = format!("workspace.metadata.stages.{}", stage.name);
    let known = known_settings(repo, stage, &header, file, problems);
    for (key, value) in &stage.settings {
        if !known.contains(&key.as_str()) {
            let near = nearest(key, &known)
                .map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let own = "cloud, region, account, vpc_cidr, log_retention_days, protect";
            let fix = format!("{near}known keys: {own}, {}", known.join(", "));
            problems.push(file.problem(
                &header,
                key,
                format!("unknown key `{key}` in [{header}]"),
                fix,
            ));
        }
        if let Some(reason) = looks_secret(value) {
            let fix = "a secret is never written down: let the cloud make it (secrets), or name one that it holds";
            let text = format!("`{key}` looks like a secret ({reason})");
            problems.push(file.problem(&header, key, text, fix.to_owned()));
        }
    }
    existing::settings(repo, stage, &header, file, problems);
    let mut refuse = |key: &str, text: String, fix: &str| {
        problems.push(file.problem(&header, key, text, fix.to_owned()))
    };
    if stage.cloud == CloudKind::Cloudformation && stage.region.is_empty() {
        refuse(
            "region",
            "the stage has no `region`".to_owned(),
            "add region = \"us-west-2\", or another",
        );
    }
    if stage.protect && stage.cloud == CloudKind::Cloudformation && stage.account.is_none() {
        refuse(
            "protect",
            "the stage is protected and names no `account`: credentials of another would deploy a second one".to_owned(),
            "add account = \"...\", the twelve digits that `aws sts get-caller-identity` shows",
        );
    }
    if let Some(account) = &stage.account
        && (account.len() != 12 || !account.chars().all(|digit| digit.is_ascii_digit()))
    {
        refuse(
            "account",
            format!("`{account}` is not the id of an AWS account"),
            "write the twelve digits in quotes",
        );
    }
}

/// The settings that services name; those that one needs and the stage lacks are reported.
fn known_settings<'a>(
    repo: &'a Repo,
    stage: &Stage,
    header: &str,
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) -> Vec<&'a str> {
    let deployed = super::deployed(repo, stage);
    let deployed: BTreeSet<&str> = deployed
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for service in &repo.services {
        for (_, name, value) in service.values() {
            match value {
                Value::Stage(key) => {
                    known.insert(key);
                    if deployed.contains(service.name.as_str()) && !stage.settings.contains_key(key)
                    {
                        let text = format!(
                            "the stage has no `{key}`, which {} needs for {name}",
                            service.name
                        );
                        let fix = format!("add {key} = \"...\" to [{header}]");
                        problems.push(file.problem(header, key, text, fix));
                    }
                }
                Value::OptionalStage(key) => {
                    known.insert(key);
                }
                Value::Link(link) => known.extend(link.hosted.as_deref()),
                Value::Text(_) => {}
            }
        }
        let existing = service.existing_secrets.values();
        known.extend(existing.map(|secret| secret.setting.as_str()));
    }
    known.into_iter().collect()
}
