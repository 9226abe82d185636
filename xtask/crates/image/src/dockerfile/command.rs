//! Commands in exec form, and the health check, which is one with options.

use parse_dockerfile::{Command, Flag, HealthcheckArguments};

use super::{number, outside};
use crate::config::{HealthCheck, HealthCheckOptions};

/// The words of a command; a command in shell form needs a shell, which an image from scratch does not have.
pub(super) fn exec_form(instruction: &str, command: &Command<'_>) -> Result<Vec<String>, String> {
    match command {
        Command::Exec(list) => Ok(list
            .value
            .iter()
            .map(|word| word.value.clone().into_owned())
            .collect()),
        Command::Shell(text) if text.value.trim_start().starts_with('[') => Err(format!(
            "{instruction} is not a list in JSON; write {instruction} [\"/program\", \"word\"], with double quotes and commas"
        )),
        Command::Shell(text) => {
            let words: Vec<String> = text
                .value
                .split_whitespace()
                .map(|word| format!("{word:?}"))
                .collect();
            Err(format!(
                "{instruction} in shell form needs a shell; write {instruction} [{}]",
                words.join(", ")
            ))
        }
        _ => Err(outside(instruction)),
    }
}

/// The words of a command, where a base image may have a shell.
pub(super) fn words(command: &Command<'_>) -> Vec<String> {
    match command {
        Command::Shell(text) => ["/bin/sh", "-c", text.value.trim()]
            .map(str::to_owned)
            .into(),
        exec => exec_form("", exec).unwrap_or_default(),
    }
}

/// [`words`], where [`exec_form`] is wanted.
pub(super) fn either_form(_: &str, command: &Command<'_>) -> Result<Vec<String>, String> {
    Ok(words(command))
}

/// `HEALTHCHECK`, with Docker's defaults where it is silent; `NONE` is none. `form` reads the command.
pub(super) fn health_check(
    options: &[Flag<'_>],
    arguments: &HealthcheckArguments<'_>,
    form: impl Fn(&str, &Command<'_>) -> Result<Vec<String>, String>,
) -> Result<Option<HealthCheck>, String> {
    let HealthcheckArguments::Cmd { arguments, .. } = arguments else {
        return Ok(None);
    };
    let command = form("HEALTHCHECK CMD", arguments)?;
    if command.is_empty() {
        return Err("HEALTHCHECK CMD names no command".to_owned());
    }
    let mut written = HealthCheckOptions::default();
    for option in options {
        let value = option
            .value
            .as_ref()
            .map(|value| value.value.as_ref())
            .unwrap_or_default();
        match option.name.value.as_ref() {
            "interval" => written.interval_seconds = seconds("interval", value)?,
            "timeout" => written.timeout_seconds = seconds("timeout", value)?,
            "start-period" => written.start_period_seconds = seconds("start-period", value)?,
            "retries" => {
                written.retries = number(value)
                    .ok_or_else(|| format!("--retries={value} is not a whole number"))?;
            }
            other => {
                return Err(format!(
                    "HEALTHCHECK --{other} is not supported: ECS knows no such option"
                ));
            }
        }
    }
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    Ok(Some(HealthCheck {
        command,
        interval_seconds: or(written.interval_seconds, 30),
        timeout_seconds: or(written.timeout_seconds, 30),
        start_period_seconds: written.start_period_seconds,
        retries: or(written.retries, 3),
        written,
    }))
}

/// `10s`, `1m30s`, whole seconds only, as ECS counts; `0s` leaves Docker's default.
fn seconds(option: &str, value: &str) -> Result<u32, String> {
    let problem =
        || format!("--{option}={value} is not a duration in whole seconds, such as 10s or 1m30s");
    let mut total: u32 = 0;
    let mut digits = String::new();
    let mut units = 0;
    for letter in value.chars() {
        let unit = match letter {
            digit if digit.is_ascii_digit() => {
                digits.push(digit);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(problem()),
        };
        let amount = number(&std::mem::take(&mut digits)).ok_or_else(problem)?;
        units += 1;
        total = amount
            .checked_mul(unit)
            .and_then(|amount| total.checked_add(amount))
            .ok_or_else(problem)?;
    }
    let complete = digits.is_empty() && units > 0;
    if complete || value == "0" {
        Ok(total)
    } else {
        Err(problem())
    }
}

/// A duration as BuildKit writes it into an image's history: `1m5s`.
pub(super) fn duration(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}
