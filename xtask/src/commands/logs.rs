use std::process::ExitCode;

use clap::Args;
use futures_util::StreamExt;
use time::{Duration, OffsetDateTime};

use crate::clouds;
use cloud::{LOG_CHARACTERS_MAX, LogLine, LogQuery, PLATFORM};
use facts::Context;
use facts::Stage;
use words::error::UserError;
use words::output::Output;
use words::text::clean_lines;

/// Show the logs of all services, merged in the order of time
#[derive(Debug, Args)]
#[command(after_help = concat!("On the local stage, `supervisor` is the local cloud's own log.\nSource: ", file!()))]
pub(crate) struct Logs {
    /// Only these services [default: all]
    services: Vec<String>,
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    stage: String,
    /// Go on with every new line, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// How far back: 90s, 10m, 2h, 1d
    #[arg(long, default_value = "10m")]
    since: String,
    /// Only the lines of one trace, by its id
    #[arg(long)]
    trace: Option<String>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Logs {
    pub(crate) async fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stage = context.stage(&self.stage)?;
        let services: Vec<String> = self
            .services
            .iter()
            .filter(|name| *name != "supervisor")
            .cloned()
            .collect();
        context.check_services(&services)?;
        let since = duration(&self.since)?;
        let query = LogQuery {
            owners: self.services.clone(),
            since: Some(OffsetDateTime::now_utc() - since),
            trace_id: self.trace.clone(),
        };
        let cloud = clouds::connect(context, stage).await?;
        if self.follow {
            let mut lines = cloud.follow(&query).await?;
            let show_all = async {
                while let Some(line) = lines.next().await {
                    show(&context.out, &line?, self.json);
                }
                anyhow::Ok(())
            };
            tokio::select! {
                result = show_all => result?,
                signal = tokio::signal::ctrl_c() => signal?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let lines = cloud.logs(&query).await?;
        if lines.is_empty() {
            context.out.note(&format!(
                "no line in the last {}; --since 1d looks further back",
                self.since
            ));
        }
        for line in &lines {
            show(&context.out, line, self.json);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows every line of a stage from now on, without end.
pub(crate) async fn follow(context: &Context, stage: &Stage) -> anyhow::Result<()> {
    let query = LogQuery {
        since: Some(OffsetDateTime::now_utc()),
        ..LogQuery::default()
    };
    let cloud = clouds::connect(context, stage).await?;
    let mut lines = cloud.follow(&query).await?;
    while let Some(line) = lines.next().await {
        show(&context.out, &line?, false);
    }
    Ok(())
}

fn show(out: &Output, line: &LogLine, json: bool) {
    if json {
        return out.json(line);
    }
    let (hour, minute, second, millisecond) = line.timestamp.time().as_hms_milli();
    let time = out.paint_data(
        "2",
        &format!("{hour:02}:{minute:02}:{second:02}.{millisecond:03}"),
    );
    let owner = out.paint_data(colour(&line.owner), &format!("{:<12}", line.owner));
    let level = match line.level.as_str() {
        "ERROR" => out.paint_data("1;31", "ERROR"),
        "WARN" => out.paint_data("33", "WARN "),
        PLATFORM => out.paint_data("2", "     "),
        level => format!("{level:<5}"),
    };
    let message = clean_lines(&line.message, LOG_CHARACTERS_MAX);
    let mut text = match line.level.as_str() {
        PLATFORM => out.paint_data("2", &message),
        _ => message.into_owned(),
    };
    for words in line.field_words() {
        let words = clean_lines(&words, LOG_CHARACTERS_MAX);
        text.push_str(&out.paint_data("2", &format!(" {words}")));
    }
    out.data(&format!("{time} {owner} {level} {text}"));
}

/// The same colour for the same service, every time.
fn colour(owner: &str) -> &'static str {
    const COLOURS: [&str; 6] = ["32", "34", "35", "36", "94", "92"];
    let sum: usize = owner.bytes().map(usize::from).sum();
    COLOURS[sum % COLOURS.len()]
}

/// `10m`
fn duration(text: &str) -> Result<Duration, UserError> {
    let problem = || {
        UserError::new(format!("--since {text} is not a duration")).hint("write 90s, 10m, 2h or 1d")
    };
    let unit = text.chars().last().ok_or_else(problem)?;
    let number: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| problem())?;
    match unit {
        's' => Ok(Duration::seconds(number)),
        'm' => Ok(Duration::minutes(number)),
        'h' => Ok(Duration::hours(number)),
        'd' => Ok(Duration::days(number)),
        _ => Err(problem()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s").unwrap(), Duration::seconds(90));
        assert_eq!(duration("2h").unwrap(), Duration::hours(2));
        for text in ["", "m", "10", "10w", "1.5h", "10µ"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
