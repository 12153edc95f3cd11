//! `wgvae compare`.

use super::Outcome;
use super::run::check_picture;
use super::shared::{BinarizeFlag, DATA, DEVICE, KernelsFlag, StepFlags, parts, print_json, say};
use super::table::{self, Cell, Column, WideFlag, say_words};
use super::terminal::{BAD, GOOD};
use crate::compare::{ComparedKernel, ComparedStep, ComparedTensor, Comparison, Extent, compare};
use crate::data::Split;
use crate::device::Choice;
use crate::report::device_curves;
use crate::train::Config;
use crate::{Error, Result};
use clap::builder::NonEmptyStringValueParser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train the same model on two devices with the same noise, and compare the loss of each step, the
/// weights and the time of each kernel. The f64 oracle also runs the first steps.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae compare --devices gpu,cpu --steps 200")]
pub(super) struct Arguments {
    /// Two devices, each in the form that --device takes
    #[arg(long, value_name = "A,B", help_heading = DEVICE, default_value = "gpu,cpu")]
    devices: String,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// Training steps
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Steps that the f64 oracle also runs
    #[arg(long, default_value_t = 50)]
    oracle_steps: u32,
    /// Allowed relative difference of a step's ELBO, between the devices and from the oracle
    #[arg(long, default_value_t = 1e-5, value_parser = share)]
    tolerance: f64,
    /// The training images, in any form that `train --data` takes
    #[arg(long, default_value = "mnist", help_heading = DATA, value_parser = NonEmptyStringValueParser::new())]
    data: String,
    /// How to binarise grey pixels
    #[arg(long, value_enum, default_value = "threshold", help_heading = DATA)]
    binarize: BinarizeFlag,
    #[command(flatten)]
    step: StepFlags,
    /// Seed of the initial weights and the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A picture (.png) of both devices' ELBO at each step, and of the difference with the
    /// tolerance
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    wide: WideFlag,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Parses a relative difference.
fn share(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number >= 0.0);
    number.ok_or_else(|| "expected a number from 0 on, such as 1e-5".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let devices: Vec<_> = parts(&arguments.devices).collect();
    let [one, other] = devices.as_slice() else {
        return Err(Error::Setting {
            setting: "devices",
            expected: "two devices with a comma between them, such as gpu,cpu".to_owned(),
            found: arguments.devices.clone(),
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
    let choices = [one, other].map(|name| {
        let Ok(choice) = name.parse::<Choice>();
        choice
    });
    let is_cpu = |choice: &Choice| *choice == Choice::Cpu;
    let open = |choice: &Choice| {
        let is_beside_gpu = is_cpu(choice) && !choices.iter().all(is_cpu);
        let kernels = &arguments.kernels;
        if is_beside_gpu { kernels.without_shaders().open(choice) } else { kernels.open(choice) }
    };
    let (mut one, mut other) = (open(&choices[0])?, open(&choices[1])?);
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
        print(&comparison, arguments.wide.width())?;
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

fn print(comparison: &Comparison, width: Option<usize>) -> Result<()> {
    for (name, device) in ["A", "B"].into_iter().zip(&comparison.devices) {
        say_words(&format!("{name}  {device}"), 3)?;
    }
    say("")?;
    print_steps(comparison, width)?;
    say("")?;
    print_tensors(comparison, width)?;
    say("")?;
    print_kernels(comparison, width)?;
    let [a, b] = comparison.steps_per_second;
    say(format!("\nsteps per second: A {a:.1}, B {b:.1}"))?;
    let [from_a, from_b] = comparison.oracle_difference;
    let (largest, tolerance) = (comparison.largest_difference, comparison.tolerance);
    say_words(
        &format!(
            "largest relative difference of a step's ELBO: {largest:.1e}; from the oracle: A \
             {from_a:.1e}, B {from_b:.1e}"
        ),
        2,
    )?;
    let (style, verdict) = if comparison.ok { (GOOD, "within") } else { (BAD, "NOT within") };
    say(format!("{style}{verdict} {tolerance:.0e}{style:#}"))
}

/// Prints the first steps, then fewer and fewer.
fn print_steps(comparison: &Comparison, width: Option<usize>) -> Result<()> {
    let last = comparison.steps.len() as u32;
    let told = |step: u32| step == last || step.is_multiple_of(10_u32.pow(step.ilog10()));
    let row = |row: &ComparedStep| {
        let oracle = row.oracle.map_or(String::new(), |elbo| format!("{elbo:.6}"));
        let [a, b] = row.elbo.map(|elbo| format!("{elbo:.6}"));
        let difference = format!("{:.1e}", row.difference);
        [row.step.to_string(), a, b, oracle, difference].map(Cell::from).to_vec()
    };
    let rows: Vec<_> = comparison.steps.iter().filter(|row| told(row.step)).map(row).collect();
    let columns = vec![
        Column::numbers("step", 0),
        Column::numbers("ELBO of A", 1),
        Column::numbers("ELBO of B", 2),
        Column::numbers("f64 oracle", 3),
        Column::numbers("difference", 0),
    ];
    table::print(columns, &rows, width)
}

fn print_tensors(comparison: &Comparison, width: Option<usize>) -> Result<()> {
    let row = |tensor: &ComparedTensor| {
        let (difference, largest) =
            (format!("{:.1e}", tensor.max_abs), format!("{:.3}", tensor.largest));
        [tensor.name.clone(), difference, largest].map(Cell::from).to_vec()
    };
    let rows: Vec<_> = comparison.tensors.iter().map(row).collect();
    let columns = vec![
        Column::words("weights at the end", 0),
        Column::numbers("difference", 0),
        Column::numbers("largest", 1),
    ];
    table::print(columns, &rows, width)
}

fn print_kernels(comparison: &Comparison, width: Option<usize>) -> Result<()> {
    let row = |row: &ComparedKernel| {
        let [a, b] = row.ms;
        let times = [format!("{a:.3}"), format!("{b:.3}"), format!("{:.2}", b / a)];
        let names = [Cell::from(&row.kernel), Cell::from(&row.shape)];
        names.into_iter().chain(times.map(Cell::from)).collect()
    };
    let rows: Vec<_> = comparison.kernels.iter().map(row).collect();
    let columns = vec![
        Column::words("kernel, ms/step", 0).cut_to(18),
        Column::words("shape", 3),
        Column::numbers("A", 1),
        Column::numbers("B", 1),
        Column::numbers("B / A", 2),
    ];
    table::print(columns, &rows, width)
}
