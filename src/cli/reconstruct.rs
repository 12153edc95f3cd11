//! `wgvae reconstruct`.

use super::Outcome;
use super::run::{ColumnsFlag, ImageFlags, RunFlags, at_least_one, check_count, check_picture};
use super::shared::say;
use crate::data::Dataset;
use crate::{Error, Matrix, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw images beside posterior predictive samples and probabilities. With several samples per
/// image, each sample and its probabilities are a numbered pair.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae reconstruct runs/first --digit 7 --output sevens.png")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// Only images with this label
    #[arg(long, visible_alias = "label", value_name = "LABEL")]
    digit: Option<String>,
    /// Number of images
    #[arg(long, default_value_t = 10, value_parser = at_least_one)]
    count: usize,
    /// Samples per image, each with its own latents
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    samples: usize,
    /// The picture (.png)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    columns: ColumnsFlag,
}

impl Arguments {
    /// Returns the first requested images.
    fn chosen(&self, data: &Dataset) -> Result<Vec<u32>> {
        let wanted = |index: &u32| {
            let name = || data.labels.as_ref().map(|labels| labels.name(*index as usize));
            self.digit.as_ref().is_none_or(|digit| name() == Some(digit))
        };
        let chosen: Vec<u32> = (0..data.len() as u32).filter(wanted).take(self.count).collect();
        match &self.digit {
            Some(digit) if chosen.is_empty() => Err(Error::Setting {
                setting: "digit",
                expected: match &data.labels {
                    Some(labels) => {
                        format!("the label of an image, one of {}", labels.names.join(", "))
                    }
                    None => "images with labels".to_owned(),
                },
                found: data.labels.as_ref().map_or("no labels".to_owned(), |_| digit.clone()),
            }),
            _ => Ok(chosen),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_picture(&arguments.output)?;
    let mut run = arguments.run.open()?;
    let data = arguments.images.load(&run)?;
    let chosen = arguments.chosen(&data)?;
    check_count(&run, "samples", arguments.samples, chosen.len())?;
    let x = arguments.images.matrix(&run, &data, &chosen, arguments.run.seed)?;
    // All rows of one sample, then those of the next: each row has noise of its own.
    let repeated = Matrix::new(
        x.rows() * arguments.samples,
        x.columns(),
        x.values().repeat(arguments.samples),
    )?;
    let drawn = run.vae.posterior_predictive(&repeated, arguments.run.seed)?;
    let (x, _) = x.split(run.vae.architecture().input())?;
    let part = |matrix: &Matrix, sample: usize| {
        let size = x.values().len();
        Matrix::new(x.rows(), x.columns(), matrix.values()[sample * size..][..size].to_vec())
    };
    let mut lines = vec![("Original".to_owned(), x.clone())];
    let mut groups = Vec::new();
    for sample in 0..arguments.samples {
        let number = match arguments.samples {
            1 => String::new(),
            _ => format!(" {}", sample + 1),
        };
        // A single pair needs no gap.
        groups.extend((arguments.samples > 1).then_some(lines.len()));
        lines.push((format!("Posterior sample{number}"), part(&drawn.sample, sample)?));
        lines.push((format!("Probabilities{number}"), part(&drawn.probabilities, sample)?));
    }
    let lines: Vec<_> = lines.iter().map(|(caption, matrix)| (caption.as_str(), matrix)).collect();
    let what = arguments.digit.as_deref().unwrap_or("test images");
    let title = format!("Samples of the posterior for {what}, {}", arguments.run.name());
    arguments.columns.draw(&arguments.output, &title, data.size, &lines, (&[], &groups))?;
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
