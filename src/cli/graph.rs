//! `wgvae graph`.

use super::Outcome;
use super::shared::say;
use crate::graph::{Binarize, RmsProp};
use crate::model::{Architecture, Images};
use crate::train::Config;
use std::process::ExitCode;

/// Print the plan of a training step: every tensor that outlives it, then every op in order, with
/// the memory slot (@) that each result is in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae graph --hidden 20,2 --batch 8")]
pub(super) struct Arguments {
    /// Layer sizes of the encoder; the last is the latent size
    #[arg(long, value_delimiter = ',', default_values_t = Config::default().hidden)]
    hidden: Vec<usize>,
    /// Images of one step
    #[arg(long, default_value_t = Config::default().batch)]
    batch: usize,
    /// Pixels of an image
    #[arg(long, default_value_t = 784)]
    input: usize,
    /// Each op as a node of its own
    #[arg(long)]
    no_fuse: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let architecture = Architecture::new(arguments.input, &arguments.hidden)?;
    let batch = arguments.batch;
    let images = Images { name: "train", count: 60_000, batch, binarize: Binarize::Threshold };
    let plan = architecture.training_plan(images, RmsProp::default(), !arguments.no_fuse)?;
    say(plan.to_string().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
