//! Reads the tables of one manifest: what a service says of itself, and what the root says of stages.

use std::collections::BTreeMap;

use kinds::Kind;
use serde_json::{Map, Value as Json};

use super::Allowed;
use super::existing::ExistingSecret;
use super::listing;
use super::load::Package;
use super::manifest::{ManifestFile, Table, nearest};
use super::service::{Alphabet, AnswersWithin, Secret, Service, Value};
use super::smoke;
use super::stage::{CloudKind, Stage};
use super::values::read_value;
use words::error::Problem;

/// What tells a program its `answers_within_seconds`.
const ANSWER_WITHIN: &str = "ANSWER_WITHIN_SECONDS";

/// The service, and whether its kind was understood.
pub(crate) fn read_service(
    package: &Package,
    file: &ManifestFile,
    values: &Map<String, Json>,
    problems: &mut Vec<Problem>,
) -> (Service, bool) {
    let mut table = Table::new(file, "package.metadata.service", values);
    let kind = read_kind(&mut table, problems);
    let mut types = BTreeMap::new();
    let mut read_values =
        |table: &mut Table<'_>, key: &'static str, problems: &mut Vec<Problem>| {
            let Some(entries) = table.table(key, problems) else {
                return BTreeMap::new();
            };
            let inner = Table::new(file, &format!("package.metadata.service.{key}"), entries);
            let mut values = BTreeMap::new();
            for (name, json) in entries {
                let (value, of_type) = read_value(&inner, name, json, problems);
                values.extend(value.map(|value| (name.clone(), value)));
                types.extend(of_type.map(|of_type| (name.clone(), of_type)));
            }
            values
        };
    let (secrets, existing_secrets) = read_secrets(&mut table, problems);
    let mut service = Service {
        name: package.name.clone(),
        manifest: file.path.clone(),
        repository: package.repository.clone(),
        kind: kind.unwrap_or(kinds::ALL[0]),
        optional: table.flag("optional", problems),
        public: table.flag("public", problems),
        table: read_table(&mut table, problems),
        data: table.text("data", problems),
        cpu_units: table.number("cpu_units", 256, problems),
        memory_mib: table.number("memory_mib", 512, problems),
        timeout_seconds: table.number("timeout_seconds", 30, problems),
        answers_within: answers_within(&mut table, problems),
        args: read_values(&mut table, "args", problems),
        env: read_values(&mut table, "env", problems),
        secrets,
        existing_secrets,
        listing: listing::read(&mut table, problems),
        smoke: smoke::read(&mut table, problems),
        types: BTreeMap::new(),
    };
    service.types = types;
    table.unknown_keys(problems);
    tell_answers_within(&mut service, &table, problems);
    (service, kind.is_some())
}

/// `table = "payments"`. The key of its items is the text `id`, and an item with `expires_at` (Unix seconds) goes then.
fn read_table(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let fix = "write table = \"payments\"";
    let text = "`payments_table` is now `table`, which names the table";
    table.renamed("payments_table", text, fix, problems);
    let name = table.text("table", problems)?;
    let letters =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.chars().all(letters) || !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        let text = format!("`{name}` is not a name of a table: small letters, digits and -");
        problems.push(table.problem("table", text, fix.to_owned()));
        return None;
    }
    Some(name)
}

fn answers_within(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<AnswersWithin> {
    let key = "answers_within_seconds";
    table.get(key)?;
    Some(AnswersWithin {
        seconds: table.number(key, 30, problems),
        place: table.file.place(&table.header, key),
    })
}

/// The program keeps the promise, so it is told: in its environment, as everything else.
fn tell_answers_within(service: &mut Service, table: &Table<'_>, problems: &mut Vec<Problem>) {
    let Some(within) = &service.answers_within else {
        return;
    };
    let value = Value::Text(within.seconds.to_string());
    if service
        .env
        .insert(ANSWER_WITHIN.to_owned(), value)
        .is_some()
    {
        let header = format!("{}.env", table.header);
        let text = format!("{ANSWER_WITHIN} is set by `answers_within_seconds`");
        let fix = "remove the line".to_owned();
        problems.push(table.file.problem(&header, ANSWER_WITHIN, text, fix));
    }
}

fn read_kind(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<&'static Kind> {
    let known = kinds::ALL.map(|kind| kind.name).join(", ");
    let text = table.text("kind", problems);
    let found = text.as_deref().and_then(kinds::find);
    if found.is_none() {
        let text = match text {
            Some(text) => format!("unknown kind `{text}`"),
            None => "the service has no `kind`".to_owned(),
        };
        problems.push(table.problem("kind", text, format!("set kind to one of: {known}")));
    }
    found
}

/// Those that the cloud makes, and those that a stage names.
fn read_secrets(
    table: &mut Table<'_>,
    problems: &mut Vec<Problem>,
) -> (BTreeMap<String, Secret>, BTreeMap<String, ExistingSecret>) {
    let (mut secrets, mut existing) = (BTreeMap::new(), BTreeMap::new());
    let Some(entries) = table.table("secrets", problems) else {
        return (secrets, existing);
    };
    for (variable, json) in entries {
        let header = "package.metadata.service.secrets";
        let Json::Object(object) = json else {
            let fix = format!(
                "{variable} = {{ name = \"...\", length = 64, alphabet = \"hex\" }}, or {{ stage = \"setting\" }} for one that a person has made"
            );
            let text =
                format!("`{variable}` is not a description of a secret; a value never stands here");
            problems.push(table.file.problem(header, variable, text, fix));
            continue;
        };
        let mut inner = Table::new(table.file, &format!("{header}.{variable}"), object);
        if let Some(setting) = inner.text("stage", problems) {
            let optional = inner.flag("optional", problems);
            inner.unknown_keys(problems);
            existing.insert(variable.clone(), ExistingSecret { setting, optional });
            continue;
        }
        let name = inner.text("name", problems);
        let length = inner.number("length", 64, problems);
        let alphabet = match inner.text("alphabet", problems).as_deref() {
            Some("hex") => Some(Alphabet::Hex),
            Some("password") | None => Some(Alphabet::Password),
            Some(other) => {
                let text = format!("unknown alphabet `{other}`");
                problems.push(inner.problem(
                    "alphabet",
                    text,
                    "use \"hex\" or \"password\"".to_owned(),
                ));
                None
            }
        };
        inner.unknown_keys(problems);
        if object.get("name").is_none() {
            let text = format!("`{variable}` says neither `name` nor `stage`");
            let fix =
                "name the secret that the cloud makes, or the stage's setting with the ARN of one"
                    .to_owned();
            problems.push(table.file.problem(header, variable, text, fix));
        }
        if let (Some(name), Some(alphabet)) = (name, alphabet) {
            secrets.insert(
                variable.clone(),
                Secret {
                    name,
                    length,
                    alphabet,
                },
            );
        }
    }
    (secrets, existing)
}

pub(crate) fn read_workspace(
    file: &ManifestFile,
    workspace: &Json,
    problems: &mut Vec<Problem>,
) -> (String, Vec<Stage>) {
    let empty = Map::new();
    let values = workspace.as_object().unwrap_or(&empty);
    let mut table = Table::new(file, "workspace.metadata", values);
    let project = table.text("project", problems).unwrap_or_else(|| {
        let fix = "write project = \"turnpike\" under [workspace.metadata]".to_owned();
        problems.push(table.problem(
            "project",
            "the workspace has no `project` name".to_owned(),
            fix,
        ));
        String::new()
    });
    let mut stages: Vec<Stage> = Vec::new();
    let _: Option<&Map<String, Json>> = table.table("allow", problems);
    for (name, json) in table.table("stages", problems).unwrap_or(&empty) {
        let header = format!("workspace.metadata.stages.{name}");
        match json {
            Json::Object(values) => stages.push(read_stage(
                name,
                &mut Table::new(file, &header, values),
                values,
                problems,
            )),
            _ => {
                let fix = format!("write a table [{header}]");
                problems.push(file.problem(
                    "workspace.metadata.stages",
                    name,
                    format!("`{name}` is not a table"),
                    fix,
                ));
            }
        }
    }
    stages.sort_by(|left, right| left.name.cmp(&right.name));
    (project, stages)
}

/// `[workspace.metadata.allow]`: the name of a rule of `check`, and why its advice is not followed.
pub(crate) fn read_allowed(
    file: &ManifestFile,
    workspace: &Json,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Allowed> {
    const HEADER: &str = "workspace.metadata.allow";
    let values = workspace.get("allow").and_then(Json::as_object);
    let mut allowed = BTreeMap::new();
    for (rule, reason) in values.into_iter().flatten() {
        let problem = file.problem(
            HEADER,
            rule,
            format!("`{rule}` is allowed without a reason"),
            format!("write {rule} = \"why\""),
        );
        match reason.as_str().map(str::trim) {
            Some(reason) if !reason.is_empty() => {
                let reason = reason.to_owned();
                let place = problem.place;
                allowed.insert(rule.clone(), Allowed { reason, place });
            }
            _ => problems.push(problem),
        }
    }
    allowed
}

fn read_stage<'a>(
    name: &str,
    table: &mut Table<'a>,
    values: &'a Map<String, Json>,
    problems: &mut Vec<Problem>,
) -> Stage {
    let cloud = match table.text("cloud", problems).as_deref() {
        Some("local") => CloudKind::Local,
        Some("cloudformation") | None => CloudKind::Cloudformation,
        Some(other) => {
            let fix = match nearest(other, &["local", "cloudformation"]) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "use \"local\" or \"cloudformation\"".to_owned(),
            };
            problems.push(table.problem("cloud", format!("unknown cloud `{other}`"), fix));
            CloudKind::Cloudformation
        }
    };
    let mut stage = Stage {
        name: name.to_owned(),
        cloud,
        region: table.text("region", problems).unwrap_or_default(),
        account: table.text("account", problems),
        vpc_cidr: table
            .text("vpc_cidr", problems)
            .unwrap_or_else(|| "10.20.0.0/16".to_owned()),
        log_retention_days: table.number("log_retention_days", 7, problems),
        protect: table.flag("protect", problems),
        settings: BTreeMap::new(),
    };
    let own = [
        "cloud",
        "region",
        "account",
        "vpc_cidr",
        "log_retention_days",
        "protect",
    ];
    for key in values.keys().filter(|key| !own.contains(&key.as_str())) {
        if let Some(text) = table.text(key, problems) {
            stage.settings.insert(key.clone(), text);
        }
    }
    stage
}
