//! `wgvae interpolate`.

use super::Outcome;
use super::run::{ColumnsFlag, ImageFlags, RunFlags, at_least_one, check_count, check_picture};
use super::shared::say;
use crate::{Error, Matrix, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw the path between two images: the straight line from one posterior mean (t = 0) to the other
/// (t = 1), decoded, with the two images themselves before and after. For a model with labels, the
/// numbers of the labels go from those of one image to those of the other.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae interpolate runs/first --from 0 --to 1 --steps 10 --output path.png"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// The first image, counted from 0
    #[arg(long, value_name = "IMAGE")]
    from: u32,
    /// The last image, counted from 0
    #[arg(long, value_name = "IMAGE")]
    to: u32,
    /// Images on the path, both ends included
    #[arg(long, default_value_t = 10, value_parser = at_least_one)]
    steps: usize,
    /// The picture (.png)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    columns: ColumnsFlag,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_picture(&arguments.output)?;
    let mut run = arguments.run.open()?;
    check_count(&run, "steps", arguments.steps, 1)?;
    let data = arguments.images.load(&run)?;
    for (setting, image) in [("from", arguments.from), ("to", arguments.to)] {
        if image as usize >= data.len() {
            let expected = format!("an image from 0 to {}", data.len() - 1);
            return Err(Error::Setting { setting, expected, found: image.to_string() });
        }
    }
    let ends = [arguments.from, arguments.to];
    let x = arguments.images.matrix(&run, &data, &ends, arguments.run.seed)?;
    let means = run.vae.transform(&x)?;
    let (x, one_hot) = x.split(run.vae.architecture().input())?;
    let path = path(&means.beside(&one_hot)?, arguments.steps)?;
    let probabilities = run.vae.decode(&path)?;
    let values = [x.row(0), probabilities.values(), x.row(1)].concat();
    let images = Matrix::new(arguments.steps + 2, x.columns(), values)?;
    let [from, to] = ends;
    let title = format!(
        "From image {from} to image {to}, pixel probabilities between them, {}",
        arguments.run.name()
    );
    let labels = labels(ends, arguments.steps);
    // The path in one row, unless it is long.
    let lines = [("", &images)];
    arguments.columns.draw(&arguments.output, &title, data.size, &lines, (&labels, &[]))?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the labels of the two images and of each step of the path between them.
fn labels([from, to]: [u32; 2], steps: usize) -> Vec<String> {
    // As many digits as distinguish neighbours, at least two.
    let digits = (steps.max(2) - 1).ilog10() as usize + 1;
    let at = |step| format!("t = {:.*}", digits.max(2), part(step, steps));
    let path = (0..steps).map(at);
    let [from, to] = [from, to].map(|image| format!("image {image}"));
    [from].into_iter().chain(path).chain([to]).collect()
}

/// Returns the position of a step on the path, from 0 to 1.
fn part(step: usize, steps: usize) -> f32 {
    step as f32 / (steps - 1).max(1) as f32
}

/// Returns `steps` rows, evenly spaced from the first of two rows to the second.
fn path(ends: &Matrix, steps: usize) -> Result<Matrix> {
    let row = |step: usize| {
        let part = part(step, steps);
        let pairs = ends.row(0).iter().zip(ends.row(1));
        pairs.map(move |(from, to)| from * (1.0 - part) + to * part)
    };
    Matrix::new(steps, ends.columns(), (0..steps).flat_map(row).collect())
}
