//! `wgvae sample`.

use super::Outcome;
use super::run::{
    ColumnsFlag, RunFlags, SizeFlag, at_least_one, check_count, check_matrix, check_output,
    is_picture,
};
use super::shared::say;
use crate::Predictive;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw images from the prior: samples beside their probabilities, from the same latents.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae sample runs/first --count 30 --output samples.png")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    /// Number of samples
    #[arg(long, default_value_t = 20, value_parser = at_least_one)]
    count: usize,
    /// A picture (.png), or the samples alone (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The probabilities too (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    probabilities: Option<PathBuf>,
    /// The latents too (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    latents: Option<PathBuf>,
    #[command(flatten)]
    size: SizeFlag,
    #[command(flatten)]
    columns: ColumnsFlag,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let others = [("probabilities", &arguments.probabilities), ("latents", &arguments.latents)];
    for (setting, path) in others {
        path.as_ref().map_or(Ok(()), |path| check_matrix(setting, path))?;
    }
    check_output(&arguments.output)?;
    let mut run = arguments.run.open()?;
    check_count(&run, "count", arguments.count, 1)?;
    let Predictive { z, probabilities, sample } =
        run.vae.prior_predictive(arguments.count, arguments.run.seed)?;
    if is_picture(&arguments.output) {
        let size = arguments.size.of(&run)?;
        let title = format!("Samples of the prior, {}", arguments.run.name());
        let lines = [("Prior sample", &sample), ("Probabilities", &probabilities)];
        arguments.columns.draw(&arguments.output, &title, size, &lines, (&[], &[]))?;
    } else {
        sample.write(&arguments.output)?;
    }
    for ((_, path), matrix) in others.into_iter().zip([&probabilities, &z]) {
        path.as_ref().map_or(Ok(()), |path| matrix.write(path))?;
    }
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
