//! `wgvae graph`.

use super::Outcome;
use super::shared::{StepFlags, say};
use crate::graph::{Pixels, RmsProp};
use crate::model::{Architecture, Images};
use crate::train::Config;
use std::process::ExitCode;

/// Print the plan of a training step: every tensor that outlives it, then every op in order, with
/// the memory slot (@) that each result is in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae graph --hidden 20,2 --batch 8")]
pub(super) struct Arguments {
    #[command(flatten)]
    step: StepFlags,
    /// Pixels of an image
    #[arg(long, default_value_t = 784)]
    input: usize,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Config { hidden, batch, fuse, binarize, .. } = arguments.step.over(Config::default());
    let architecture = Architecture::new(arguments.input, &hidden)?;
    let images = Images { name: "train", count: 60_000, batch, pixels: Pixels::Bytes, binarize };
    let plan = architecture.training_plan(images, RmsProp::default(), fuse)?;
    say(plan.to_string().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
