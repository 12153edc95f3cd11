//! `wgvae encode`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags, at_least_one};
use super::shared::say;
use crate::Matrix;
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
    /// Only the first N images
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// The means (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The standard deviations too (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    stddev: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    [Some(&arguments.output), arguments.stddev.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|path| Matrix::check_ending(path))?;
    let mut run = arguments.run.open()?;
    let mut data = arguments.images.load(&run)?;
    if let Some(limit) = arguments.limit {
        data.truncate(limit);
    }
    let all: Vec<u32> = (0..data.len() as u32).collect();
    let x = arguments.images.matrix(&run, &data, &all, arguments.run.seed)?;
    let posterior = run.vae.encode(&x)?;
    posterior.mean.write(&arguments.output)?;
    arguments.stddev.as_ref().map_or(Ok(()), |path| posterior.stddev.write(path))?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
