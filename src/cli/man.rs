//! `wgvae man`.

use super::Outcome;
use super::shared::{check_folder, say, written};
use crate::{Action, Error};
use clap_mangen::Man;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the manual page, or write the pages of all commands.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae man | man -l -\n  wgvae man --output ~/.local/share/man/man1"
)]
pub(super) struct Arguments {
    /// The folder for the pages, one per command
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, program: clap::Command) -> Outcome {
    match &arguments.output {
        Some(folder) => {
            check_folder("output", folder)?;
            let failed = |error| Error::io(folder, Action::Write)(error);
            std::fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(program, folder).map_err(failed)?;
            say(folder.display())?;
        }
        None => {
            let mut page = Vec::new();
            let rendered = Man::new(program).render(&mut page);
            rendered.map_err(Error::io("standard output".as_ref(), Action::Write))?;
            written(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
