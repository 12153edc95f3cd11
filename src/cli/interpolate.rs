//! `wgvae interpolate`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags, at_least_one, check_count, check_picture, draw};
use super::shared::say;
use crate::{Error, Matrix, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw the path between two images: the straight line from one posterior mean to the other,
/// decoded.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae interpolate runs/first --from 0 --to 1 --steps 10 --output path.png"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// The image to begin with, counted from 0
    #[arg(long, value_name = "IMAGE")]
    from: u32,
    /// The image to end with
    #[arg(long, value_name = "IMAGE")]
    to: u32,
    /// Images on the path, both ends included
    #[arg(long, default_value_t = 10, value_parser = at_least_one)]
    steps: usize,
    /// The picture (.png)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_picture(&arguments.output)?;
    let mut run = arguments.run.open()?;
    check_count(&run, "--steps", arguments.steps, 1)?;
    let data = arguments.images.load(&run)?;
    for (setting, image) in [("--from", arguments.from), ("--to", arguments.to)] {
        if image as usize >= data.len() {
            let expected = format!("an image from 0 to {}", data.len() - 1);
            return Err(Error::Setting { setting, expected, found: image.to_string() });
        }
    }
    let ends = [arguments.from, arguments.to];
    let x = arguments.images.matrix(&run, &data, &ends, arguments.run.seed)?;
    let path = path(&run.vae.transform(&x)?, arguments.steps)?;
    let probabilities = run.vae.decode(&path)?;
    let [from, to] = ends;
    let title = format!("From test image {from} to {to}, {}", arguments.run.name());
    draw(&arguments.output, &title, data.size, &[("Probabilities", &probabilities)])?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}

/// So many rows, evenly spaced from the first of two to the second.
fn path(ends: &Matrix, steps: usize) -> Result<Matrix> {
    let row = |step: usize| {
        let part = step as f32 / (steps - 1).max(1) as f32;
        let pairs = ends.row(0).iter().zip(ends.row(1));
        pairs.map(move |(from, to)| from * (1.0 - part) + to * part)
    };
    Matrix::new(steps, ends.columns(), (0..steps).flat_map(row).collect())
}
