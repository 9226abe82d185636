//! The table of contents: every verb, in the order in which a change meets it.

mod arguments;
mod build;
mod check;
mod completions;
mod deploy;
mod destroy;
mod dev;
mod doctor;
mod funds;
mod invoke;
mod local_cloud;
mod logs;
mod outputs;
mod packing;
mod plan;
mod render;
mod status;
mod suites;
mod test;
mod verify;
mod wallet;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use facts::Context;
use words::error::NotInThisBuild;
use words::output::Output;

/// Puts a paying AI agent on AWS, or on this machine
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Begin with `cargo xtask deploy`: the whole system on this machine, no account needed."
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Doctor(doctor::Doctor),
    Check(check::Check),
    Build(build::Build),
    Verify(verify::Verify),
    Render(render::Render),
    Plan(plan::Plan),
    Deploy(deploy::Deploy),
    Outputs(outputs::Outputs),
    Status(status::Status),
    Logs(logs::Logs),
    Invoke(invoke::Invoke),
    Wallet(wallet::Wallet),
    Dev(dev::Dev),
    Destroy(destroy::Destroy),
    Test(test::Test),
    Completions(completions::Completions),
    LocalCloud(local_cloud::LocalCloud),
}

/// This program was built without what takes longer to compile than all the rest (decision 0014): builds the one with it, which
/// does the same command line. Returns only why that cannot be.
async fn with_everything(context: &Context, missing: &NotInThisBuild) -> anyhow::Error {
    if let Err(error) = credentials(context, missing).await {
        return error;
    }
    let out = context.out.clone();
    let notice = tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        out.step(
            "compile",
            "the support for AWS and the Docker engine: three to four minutes, the first time; local verbs do not wait for it",
        );
    });
    let (root, target) = (context.repo.root.clone(), context.repo.target.clone());
    let work = move || ::build::cargo::run_again_with_everything(&root, &target);
    let error = tokio::task::spawn_blocking(work).await;
    notice.abort();
    error.unwrap_or_else(anyhow::Error::new)
}

/// Nobody should wait for minutes to hear that nothing can be done. A build that is there already asks AWS itself.
async fn credentials(context: &Context, missing: &NotInThisBuild) -> anyhow::Result<()> {
    let NotInThisBuild::Aws { stage } = missing else {
        return Ok(());
    };
    match ::build::cargo::has_everything(&context.repo.target) {
        true => Ok(sign_in::look().await.map(drop)?),
        false => sign_in::check(context.stage(stage)?).await,
    }
}

/// Reads the command line and does what it says.
pub(crate) async fn run(out: &Output) -> anyhow::Result<ExitCode> {
    let verb = match CommandLine::try_parse() {
        Ok(CommandLine { verb: Some(verb) }) => verb,
        Ok(CommandLine { verb: None }) => {
            out.data(CommandLine::command().render_help().to_string().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => {
            let code = if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
            error.print()?;
            return Ok(code);
        }
    };
    // These two need no facts.
    match &verb {
        Verb::Completions(command) => return command.run(),
        Verb::LocalCloud(command) => return command.run(out).await,
        _ => {}
    }
    let context = Context::load(out.clone())?;
    match done(verb, &context).await {
        Err(error) => match error.downcast_ref::<NotInThisBuild>() {
            Some(missing) => Err(with_everything(&context, missing).await),
            None => Err(error),
        },
        done => done,
    }
}

async fn done(verb: Verb, context: &Context) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Doctor(command) => command.run(context).await,
        Verb::Check(command) => command.run(context),
        Verb::Build(command) => command.run(context).await,
        Verb::Verify(command) => command.run(context).await,
        Verb::Render(command) => command.run(context),
        Verb::Plan(command) => command.run(context).await,
        Verb::Deploy(command) => command.run(context).await,
        Verb::Outputs(command) => command.run(context).await,
        Verb::Status(command) => command.run(context).await,
        Verb::Logs(command) => command.run(context).await,
        Verb::Invoke(command) => command.run(context).await,
        Verb::Wallet(command) => command.run(context).await,
        Verb::Dev(command) => command.run(context).await,
        Verb::Destroy(command) => command.run(context).await,
        Verb::Test(command) => command.run(context),
        Verb::Completions(command) => command.run(),
        Verb::LocalCloud(command) => command.run(&context.out).await,
    }
}
