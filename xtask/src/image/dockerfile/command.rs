//! Commands in exec form, and the health check, which is one with options.

use parse_dockerfile::{Command, Flag, HealthcheckArguments};

use super::outside;
use crate::image::config::HealthCheck;

/// The words of a command; a command in shell form needs a shell, which an image from scratch does not have.
pub(super) fn exec_form(instruction: &str, command: &Command<'_>) -> Result<Vec<String>, String> {
    match command {
        Command::Exec(list) => Ok(list
            .value
            .iter()
            .map(|word| word.value.clone().into_owned())
            .collect()),
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

/// `HEALTHCHECK`, with Docker's defaults where it is silent; `NONE` is none.
pub(super) fn health_check(
    options: &[Flag<'_>],
    arguments: &HealthcheckArguments<'_>,
) -> Result<Option<HealthCheck>, String> {
    let HealthcheckArguments::Cmd { arguments, .. } = arguments else {
        return Ok(None);
    };
    let command = exec_form("HEALTHCHECK CMD", arguments)?;
    let mut check = HealthCheck {
        command,
        interval_seconds: 30,
        timeout_seconds: 30,
        start_period_seconds: 0,
        retries: 3,
    };
    for option in options {
        let value = option
            .value
            .as_ref()
            .map(|value| value.value.as_ref())
            .unwrap_or_default();
        match option.name.value.as_ref() {
            "interval" => check.interval_seconds = seconds("interval", value)?,
            "timeout" => check.timeout_seconds = seconds("timeout", value)?,
            "start-period" => check.start_period_seconds = seconds("start-period", value)?,
            "retries" => {
                check.retries = value
                    .parse()
                    .map_err(|_| format!("--retries={value} is no whole number"))?
            }
            other => {
                return Err(format!(
                    "HEALTHCHECK --{other} is not supported: ECS knows no such option"
                ));
            }
        }
    }
    Ok(Some(check))
}

/// `10s`, `1m30s`, whole seconds only, as ECS counts.
fn seconds(option: &str, value: &str) -> Result<u32, String> {
    let problem =
        || format!("--{option}={value} is no duration in whole seconds, such as 10s or 1m30s");
    let mut total: u32 = 0;
    let mut number = String::new();
    for letter in value.chars() {
        let unit = match letter {
            digit if digit.is_ascii_digit() => {
                number.push(digit);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(problem()),
        };
        let amount: u32 = std::mem::take(&mut number).parse().map_err(|_| problem())?;
        total = amount
            .checked_mul(unit)
            .and_then(|amount| total.checked_add(amount))
            .ok_or_else(problem)?;
    }
    if number.is_empty() && total > 0 {
        Ok(total)
    } else {
        Err(problem())
    }
}
