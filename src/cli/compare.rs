//! `wgvae compare`.

use super::Outcome;
use super::run::check_picture;
use super::shared::{BinarizeFlag, KernelsFlag, StepFlags, print_json, say};
use crate::compare::{Comparison, Extent, compare};
use crate::data::Split;
use crate::device::Choice;
use crate::report::device_curves;
use crate::train::Config;
use crate::{Error, Result};
use clap::builder::NonEmptyStringValueParser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train the same model on two devices with the same noise, and compare: the loss of each step, the
/// weights, the time of each kernel. The f64 oracle runs the first steps beside them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae compare --devices gpu,cpu --steps 200")]
pub(super) struct Arguments {
    /// Two devices, each as --device takes it
    #[arg(long, value_delimiter = ',', value_name = "A,B", default_value = "gpu,cpu")]
    devices: Vec<String>,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// Training steps
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Steps that the f64 oracle runs too
    #[arg(long, default_value_t = 50)]
    oracle_steps: u32,
    /// The relative difference of a step's ELBO that is allowed, of the devices and from the oracle
    #[arg(long, default_value_t = 1e-5, value_parser = share)]
    tolerance: f64,
    /// The training images, as `train --data` takes them
    #[arg(long, default_value = "mnist", value_parser = NonEmptyStringValueParser::new())]
    data: String,
    /// What becomes of grey pixels
    #[arg(long, value_enum, default_value = "threshold")]
    binarize: BinarizeFlag,
    #[command(flatten)]
    step: StepFlags,
    /// Seed of the starting weights and the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A picture of both devices' ELBO, step by step, and of the difference beside what is allowed
    /// (.png)
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A relative difference.
fn share(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number >= 0.0);
    number.ok_or_else(|| "expected a number from 0 on, as 1e-5".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let [one, other] = arguments.devices.as_slice() else {
        return Err(Error::Setting {
            setting: "--devices",
            expected: "two devices with a comma between them, as gpu,cpu".to_owned(),
            found: arguments.devices.join(","),
        });
    };
    arguments.output.as_deref().map_or(Ok(()), check_picture)?;
    let config = arguments.step.over(Config {
        data: arguments.data.clone(),
        binarize: arguments.binarize.into(),
        seed: arguments.seed,
        ..Config::default()
    });
    let images = Split::load(&config.source())?.train;
    let open = |name: &String| {
        let Ok(choice) = name.parse::<Choice>();
        arguments.kernels.open(&choice)
    };
    let (mut one, mut other) = (open(one)?, open(other)?);
    let extent = Extent {
        steps: arguments.steps,
        oracle_steps: arguments.oracle_steps,
        tolerance: arguments.tolerance,
    };
    let comparison = compare([one.as_mut(), other.as_mut()], &config, &images, extent)?;
    if let Some(path) = &arguments.output {
        draw(path, &comparison, &config)?;
    }
    if arguments.json {
        print_json(&comparison)?;
    } else {
        print(&comparison)?;
    }
    Ok(if comparison.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn draw(path: &Path, comparison: &Comparison, config: &Config) -> Result<()> {
    let elbo = [0, 1].map(|device| -> Vec<f64> {
        comparison.steps.iter().map(|step| step.elbo[device]).collect()
    });
    let [a, b] = comparison.devices.each_ref().map(ToString::to_string);
    let title =
        format!("The same training on two devices: {}, batch {}", config.data, config.batch);
    device_curves(path, &title, [&a, &b], [&elbo[0], &elbo[1]], comparison.tolerance)
}

fn print(comparison: &Comparison) -> Result<()> {
    for (name, device) in ["A", "B"].into_iter().zip(&comparison.devices) {
        say(format!("{name}  {device}"))?;
    }
    print_steps(comparison)?;
    say(format!("\n{:<22} {:>12} {:>12}", "weights at the end", "difference", "largest"))?;
    for tensor in &comparison.tensors {
        say(format!("{:<22} {:>12.1e} {:>12.3}", tensor.name, tensor.max_abs, tensor.largest))?;
    }
    say(format!(
        "\n{:<33} {:<12} {:>9} {:>9} {:>7}",
        "kernel, ms a step", "shape", "A", "B", "B / A"
    ))?;
    for row in &comparison.kernels {
        let [a, b] = row.ms;
        say(format!("{:<33} {:<12} {a:>9.3} {b:>9.3} {:>7.2}", row.kernel, row.shape, b / a))?;
    }
    let [a, b] = comparison.steps_per_second;
    say(format!("\nsteps a second: A {a:.1}, B {b:.1}"))?;
    let [from_a, from_b] = comparison.oracle_difference;
    let (largest, tolerance) = (comparison.largest_difference, comparison.tolerance);
    let verdict = if comparison.ok { "within" } else { "NOT within" };
    say(format!(
        "largest relative difference of a step's ELBO: {largest:.1e}; from the oracle: A \
         {from_a:.1e}, B {from_b:.1e}: {verdict} {tolerance:.0e}"
    ))
}

/// The first steps, then ever fewer.
fn print_steps(comparison: &Comparison) -> Result<()> {
    say(format!(
        "\n{:>6} {:>14} {:>14} {:>14} {:>11}",
        "step", "ELBO of A", "ELBO of B", "f64 oracle", "difference"
    ))?;
    let last = comparison.steps.len() as u32;
    let told = |step: u32| step == last || step.is_multiple_of(10_u32.pow(step.ilog10()));
    for row in comparison.steps.iter().filter(|row| told(row.step)) {
        let oracle = row.oracle.map_or(String::new(), |elbo| format!("{elbo:.6}"));
        let [a, b] = row.elbo;
        say(format!("{:>6} {a:>14.6} {b:>14.6} {oracle:>14} {:>11.1e}", row.step, row.difference))?;
    }
    Ok(())
}
