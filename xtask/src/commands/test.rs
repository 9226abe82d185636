use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::suites::{self, Outcome, Suite};
use facts::Context;

/// Check everything that the project can check on this machine
///
/// Sets up what needs no root under `target/test-tools`. A suite whose tool is missing is named and skipped; with CI=true
/// in the environment it fails.
#[derive(Debug, Args)]
#[command(after_help = concat!("The last line counts: N passed, N failed, N skipped.\nSource: ", file!()))]
pub(crate) struct Test {
    /// Only these suites [default: all]
    suites: Vec<String>,
    /// Run the long counts whole, not a sample of each
    #[arg(long)]
    thorough: bool,
    /// Name the suites and stop
    #[arg(long)]
    list: bool,
}

impl Test {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let all = suites::all();
        if self.list {
            for suite in all {
                context
                    .out
                    .data(&format!("{:<12} {}", suite.name, suite.about));
            }
            return Ok(ExitCode::SUCCESS);
        }
        suites::check_names(all, &self.suites)?;
        let required = std::env::var("CI").is_ok_and(|value| value == "true");
        let mut total = Outcome::default();
        for suite in all
            .iter()
            .filter(|suite| self.suites.is_empty() || self.suites.contains(&suite.name.to_owned()))
        {
            total.add(&self.run_suite(context, suite, required));
        }
        for line in &total.remarks {
            context.out.warning(line);
        }
        context.out.data(&total.closing_line());
        Ok(if total.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn run_suite(&self, context: &Context, suite: &Suite, required: bool) -> Outcome {
        let begun = Instant::now();
        context
            .out
            .step("suite", &format!("{}: {}", suite.name, suite.about));
        let outcome = match suites::prepare(context, suite) {
            Ok(environment) => suites::run(context, suite, &environment, self.thorough),
            Err(missing) if required => {
                Outcome::failure(format!("{}: {missing:#} (required by CI=true)", suite.name))
            }
            Err(missing) => Outcome::skip(format!("{} was skipped: {missing:#}", suite.name)),
        };
        context.out.note(&format!(
            "{} ({:.0} s)",
            outcome.closing_line(),
            begun.elapsed().as_secs_f64()
        ));
        outcome
    }
}
