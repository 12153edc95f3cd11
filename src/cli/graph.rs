//! `wgvae graph`.

use super::Outcome;
use crate::graph::{Binarize, RmsProp};
use crate::model::{Architecture, Images};
use std::process::ExitCode;

/// Print the plan of a training step: every tensor that outlives it, then every op in order, with
/// the memory slot (@) that each result is in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae graph --hidden 20,2 --batch 8")]
pub(super) struct Arguments {
    /// Layer sizes of the encoder; the last is the latent size
    #[arg(long, value_delimiter = ',', default_value = "200,100")]
    hidden: Vec<usize>,
    /// Images of one step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Pixels of an image
    #[arg(long, default_value_t = 784)]
    input: usize,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let architecture = Architecture::new(arguments.input, &arguments.hidden)?;
    let batch = arguments.batch;
    let images = Images { name: "train", count: 60_000, batch, binarize: Binarize::Threshold };
    print!("{}", architecture.training_plan(images, RmsProp::default())?);
    Ok(ExitCode::SUCCESS)
}
