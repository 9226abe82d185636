use std::process::ExitCode;

use crate::{Environment, Error, Limits, describe, health, logs, tls};

/// What `run` needs to know about a service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Also the `service` of every log line.
    pub name: &'static str,
    pub version: &'static str,
    /// The path that answers 200 while the service is well, for the `health` subcommand.
    pub health_path: &'static str,
}

/// A configuration that names several problems, and a command line that makes no sense, are the caller's mistake.
const EXIT_USAGE: u8 = 2;

/// Runs a service from its command line to its end. Without arguments it reads the settings, starts logs and TLS, and
/// serves; `health` asks the running service on `PORT` whether it is well; `--version` prints name and version.
/// Exit codes: 0 ended well, 1 failed, 2 wrong settings or a wrong command line.
pub fn run<C, S, F>(
    service: Service,
    configure: impl FnOnce(&mut Environment) -> C,
    serve: S,
) -> ExitCode
where
    S: FnOnce(C) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_str()).collect();
    match arguments.as_slice() {
        [] => start(service, configure, serve),
        [Some("health")] => health::command(service),
        [Some("--version")] => {
            say(
                std::io::stdout(),
                &format!("{} {}", service.name, service.version),
            );
            ExitCode::SUCCESS
        }
        _ => {
            say(
                std::io::stderr(),
                &format!("usage: {} [health | --version]", service.name),
            );
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn start<C, S, F>(
    service: Service,
    configure: impl FnOnce(&mut Environment) -> C,
    serve: S,
) -> ExitCode
where
    S: FnOnce(C) -> F,
    F: Future<Output = Result<(), Error>>,
{
    let mut environment = Environment::process();
    let filter = logs::filter(&mut environment);
    // `serve` takes them from the environment; what is wrong with them belongs to the one message.
    let _limits = Limits::from_environment(&mut environment);
    let config = configure(&mut environment);
    if let Err(problems) = environment.finish() {
        say(
            std::io::stderr(),
            &format!("{} cannot start: {problems}", service.name),
        );
        return ExitCode::from(EXIT_USAGE);
    }
    tls::install();
    logs::install(service.name, filter);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(serve(config));
    // Whatever still runs now has had its time: `serve` waited for requests to end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = describe(error.as_ref()), "{} failed", service.name);
            ExitCode::FAILURE
        }
    }
}

/// A line for a person. A closed pipe is not worth a second error.
pub(crate) fn say(mut to: impl std::io::Write, line: &str) {
    let _written = writeln!(to, "{line}");
}
