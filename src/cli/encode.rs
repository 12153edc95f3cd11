//! `wgvae encode`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags, check_matrix};
use super::shared::say;
use crate::{Matrix, Posterior};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Encode images: the posterior mean of each image, one row per image.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae encode runs/first --input mnist --output means.npy --stddev stddevs.npy"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// The means (.npy or .csv; a .csv also has the file name of each picture)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The standard deviations too (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    stddev: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_matrix("output", &arguments.output)?;
    arguments.stddev.as_ref().map_or(Ok(()), |path| check_matrix("stddev", path))?;
    let mut run = arguments.run.open()?;
    let data = arguments.images.load(&run)?;
    let x = arguments.images.all(&run, &data, arguments.run.seed)?;
    let Posterior { mean, stddev } = run.vae.encode(&x)?;
    let write = |matrix: &Matrix, path: &Path| match &data.files {
        Some(files) => matrix.write_named(path, files),
        None => matrix.write(path),
    };
    write(&mean, &arguments.output)?;
    arguments.stddev.as_ref().map_or(Ok(()), |path| write(&stddev, path))?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
