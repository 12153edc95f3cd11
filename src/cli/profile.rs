//! `wgvae profile`.

use super::Outcome;
use super::shared::{DeviceFlag, KernelsFlag, StepFlags, print_json, say};
use crate::model::Architecture;
use crate::profile::{Profile, profile};
use crate::train::Config;
use std::process::ExitCode;

/// Time whole training steps on random images: how long one takes, what it dispatches and moves,
/// and what it costs the host.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae profile --device gpu --batch 512 --json")]
pub(super) struct Arguments {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    #[command(flatten)]
    step: StepFlags,
    /// Steps to time, after as many to warm up
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Config { hidden, batch, fuse, .. } = arguments.step.over(Config::default());
    let architecture = Architecture::new(784, &hidden)?;
    let mut session = arguments.device.open(&arguments.kernels)?;
    let profile = profile(session.as_mut(), &architecture, batch, arguments.steps, fuse)?;
    if arguments.json {
        print_json(&profile)?
    } else {
        print(&profile)?
    }
    Ok(ExitCode::SUCCESS)
}

fn print(profile: &Profile) -> crate::Result<()> {
    say(format!("{} ({}, {})", profile.adapter, profile.device, profile.driver))?;
    say(format!("784-{:?}, batch {}", profile.hidden, profile.batch))?;
    say(format!("step                {:>12.3} ms", profile.step_ms))?;
    say(format!("images a second     {:>12.0}", profile.images_per_second))?;
    say(format!("matrix products     {:>12.2} GFLOP/s", profile.gflops))?;
    say(format!("host, a step        {:>12.1} us", profile.host_us_per_step))?;
    say(format!("dispatches a step   {:>12.2}", profile.dispatches_per_step))?;
    say(format!("submits a step      {:>12.3}", profile.submits_per_step))?;
    say(format!("bytes sent a step   {:>12.1}", profile.upload_bytes_per_step))?;
    say(format!("bytes read a step   {:>12.1}", profile.readback_bytes_per_step))?;
    say(format!("buffers made a step {:>12.2}", profile.buffers_created_per_step))
}
