//! `wgvae completions`.

use super::Outcome;
use super::shared::written;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print a shell script that completes commands and flags.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae completions bash > ~/.local/share/bash-completion/completions/wgvae"
)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut program: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "wgvae", &mut script);
    written(&script)?;
    Ok(ExitCode::SUCCESS)
}
