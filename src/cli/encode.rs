//! `wgvae encode`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags, check_matrix};
use super::shared::say;
use std::path::PathBuf;
use std::process::ExitCode;

/// Encode images: the posterior mean of each, a row an image.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae encode runs/first --input mnist --output means.npy --stddev stddevs.npy"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// The means (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The standard deviations too (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    stddev: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_matrix("--output", &arguments.output)?;
    arguments.stddev.as_ref().map_or(Ok(()), |path| check_matrix("--stddev", path))?;
    let mut run = arguments.run.open()?;
    let x = arguments.images.load_matrix(&run, arguments.run.seed)?;
    let posterior = run.vae.encode(&x)?;
    posterior.mean.write(&arguments.output)?;
    arguments.stddev.as_ref().map_or(Ok(()), |path| posterior.stddev.write(path))?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
