//! `wgvae decode`.

use super::Outcome;
use super::reading::Answer;
use super::run::{ColumnsFlag, LabelFlag, RunFlags, SizeFlag, check_output, is_picture};
use super::shared::say;
use crate::{Error, Matrix};
use std::path::PathBuf;
use std::process::ExitCode;

/// Decode latents: the pixel probabilities of each row.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae decode runs/first --input z.npy --output images.png")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    /// Latents, one row per image (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    label: LabelFlag,
    /// A picture (.png), or the probabilities (.npy or .csv)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Whether the first line of a .csv has the names of its columns [default: detected]
    #[arg(long, value_enum, value_name = "YES|NO")]
    header: Option<Answer>,
    #[command(flatten)]
    size: SizeFlag,
    #[command(flatten)]
    columns: ColumnsFlag,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    check_output(&arguments.output)?;
    let z = Matrix::read_as(&arguments.input, arguments.header.map(Answer::is_yes))?;
    let mut run = arguments.run.open()?;
    let latent = run.vae.architecture().latent();
    if z.columns() != latent {
        let expected = format!("rows of {latent} numbers, the model's latent units");
        return Err(Error::file(&arguments.input, expected, format!("rows of {}", z.columns())));
    }
    arguments.label.check(&run)?;
    let labels = run.vae.architecture().labels();
    let probabilities = match &arguments.label.label {
        Some(label) => run.vae.decode_of(label, &z)?,
        None if labels.is_empty() => run.vae.decode(&z)?,
        None => {
            let expected = format!("a label of the model: {}", labels.join(", "));
            return Err(Error::Setting { setting: "label", expected, found: "none".to_owned() });
        }
    };
    if is_picture(&arguments.output) {
        let size = arguments.size.of(&run)?;
        let (input, words) = (arguments.input.display(), arguments.label.title());
        let title = format!("{input} decoded{words}, {}", arguments.run.name());
        let lines = [("", &probabilities)];
        arguments.columns.draw(&arguments.output, &title, size, &lines, (&[], &[]))?;
    } else {
        probabilities.write(&arguments.output)?;
    }
    say(arguments.output.display())?;
    Ok(ExitCode::SUCCESS)
}
