//! `wgvae sample`.

use super::Outcome;
use super::run::{
    ColumnsFlag, LabelFlag, RunFlags, SizeFlag, at_least_one, check_count, check_matrix,
    check_output, is_picture,
};
use super::shared::say;
use crate::Predictive;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw images from the prior: samples beside their probabilities, from the same latents. Images of
/// a model with labels are divided evenly among them, in their order, unless --label chooses one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae sample runs/first --count 30 --output samples.png")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    /// Number of samples [default: 20, or 10 of each label]
    #[arg(long, value_parser = at_least_one)]
    count: Option<usize>,
    #[command(flatten)]
    label: LabelFlag,
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

/// Number of samples by default.
const COUNT: usize = 20;

/// The same for each label.
const OF_EACH_LABEL: usize = 10;

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let others = [("probabilities", &arguments.probabilities), ("latents", &arguments.latents)];
    for (setting, path) in others {
        path.as_ref().map_or(Ok(()), |path| check_matrix(setting, path))?;
    }
    check_output(&arguments.output)?;
    let mut run = arguments.run.open()?;
    arguments.label.check(&run)?;
    let label = arguments.label.label.as_deref();
    let names = run.vae.architecture().labels().to_vec();
    let each = label.is_none() && !names.is_empty();
    let count = match arguments.count {
        Some(count) => count,
        None if each => names.len().saturating_mul(OF_EACH_LABEL),
        None => COUNT,
    };
    check_count(&run, "count", count, 1)?;
    let seed = arguments.run.seed;
    let Predictive { z, probabilities, sample } = match label {
        Some(label) => run.vae.prior_predictive_of(label, count, seed)?,
        None => run.vae.prior_predictive(count, seed)?,
    };
    if is_picture(&arguments.output) {
        let size = arguments.size.of(&run)?;
        let words = arguments.label.title();
        let title = format!("Samples of the prior{words}, {}", arguments.run.name());
        let lines = [("Prior sample", &sample), ("Probabilities", &probabilities)];
        let labels = if each { run.vae.architecture().labels_in_turn(count) } else { Vec::new() };
        let labels: Vec<_> = labels.into_iter().map(|label| names[label].clone()).collect();
        // A row for each label, if there are equally many images of each.
        let per_label = (each && count.is_multiple_of(names.len())).then(|| count / names.len());
        let columns = arguments.columns.or(per_label);
        columns.draw(&arguments.output, &title, size, &lines, (&labels, &[]))?;
    } else {
        sample.write(&arguments.output)?;
    }
    for ((_, path), matrix) in others.into_iter().zip([&probabilities, &z]) {
        path.as_ref().map_or(Ok(()), |path| matrix.write(path))?;
    }
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
