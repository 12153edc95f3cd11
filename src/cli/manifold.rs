//! `wgvae manifold`.

use super::Outcome;
use super::run::{ImageFlags, LabelFlag, RunFlags, check_picture, within};
use super::shared::say;
use crate::data::Labels;
use crate::report::{Classes, Manifold, grid_latents, manifold};
use crate::{Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::warn;

/// Draw the latent space of a model with 2 latent units: images decoded from a grid, and the
/// posterior means of images, coloured by label. In both, the first latent unit goes from left to
/// right, the second from bottom to top, from -RANGE to RANGE. The grid of
/// a model with labels has the first one, unless --label chooses another.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae train --hidden 200,100,2 --run runs/flat\n  wgvae manifold runs/flat --output manifold.png"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    label: LabelFlag,
    /// Images along a side of the grid
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    side: u8,
    /// The grid and the plot of posterior means go from -RANGE to RANGE in both directions; means
    /// outside are drawn at the edge
    #[arg(long, default_value_t = 3.0)]
    range: f32,
    /// The picture (.png)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_picture(&arguments.output)?;
    arguments.check_range()?;
    let mut run = arguments.run.open()?;
    let architecture = run.vae.architecture();
    if architecture.latent() != 2 {
        return Err(Error::Setting {
            setting: "RUN",
            expected: "a model with 2 latent units".to_owned(),
            found: format!("{architecture}, with {}", architecture.latent()),
        });
    }
    arguments.label.check(&run)?;
    let first = run.vae.architecture().labels().first().cloned();
    let data = arguments.images.load(&run)?;
    let x = arguments.images.all(&run, &data, arguments.run.seed)?;
    let means = run.vae.transform(&x)?;
    let latents = grid_latents(arguments.side.into(), arguments.range)?;
    let label = LabelFlag { label: arguments.label.label.clone().or(first) };
    let grid = match &label.label {
        Some(label) => run.vae.decode_of(label, &latents)?,
        None => run.vae.decode(&latents)?,
    };
    let title = format!("Latent space{}, {}", label.title(), arguments.run.name());
    let parts = Manifold {
        side: arguments.side.into(),
        range: arguments.range,
        size: (data.size.rows(), data.size.columns()),
        images: &within(&grid),
        means: means.values(),
        classes: data.labels.as_ref().map(|Labels { of, names }| Classes { names, labels: of }),
    };
    manifold(&arguments.output, &title, &parts)?;
    if let Some(remark) = parts.remark() {
        warn!("{remark}");
    }
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn check_range(&self) -> Result<()> {
        if self.range > 0.0 && self.range.is_finite() {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "range",
            expected: "a number above 0".to_owned(),
            found: self.range.to_string(),
        })
    }
}
