use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::CommandLine;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = concat!(
    "Load them, for example: cargo xtask completions bash > ~/.local/share/bash-completion/completions/xtask\n",
    "Source: ", file!()
))]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        clap_complete::generate(
            self.shell,
            &mut CommandLine::command(),
            "xtask",
            &mut std::io::stdout(),
        );
        Ok(ExitCode::SUCCESS)
    }
}
