//! `wgvae profile`.

use super::Outcome;
use super::run::read_run;
use super::shared::{DeviceFlag, KernelsFlag, StepFlags, print_json, say, written};
use crate::device::Memory;
use crate::model::Architecture;
use crate::profile::{Baseline, KernelRow, Profile, capture, html, profile, trace};
use crate::train::Config;
use crate::{Action, Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::{info, warn};

/// Time training steps on random images: each kernel, how far it is from what the device can reach,
/// and what a step costs besides.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae profile --device gpu --batch 512 --html profile.html --trace step.json\n  wgvae profile --device gpu --json > before.json\n  wgvae profile --device gpu --baseline before.json --fail-above 10%"
)]
pub(super) struct Arguments {
    /// A run's folder, or a model's file, whose model and settings to take [default: those of
    /// `train`]
    run: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    #[command(flatten)]
    step: StepFlags,
    /// Steps to time, and as many kernel by kernel, in up to 20 rounds of both
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the kernels' rows as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Write the last steps as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a page for a browser: the kernels' table, a roofline plot, the last steps as a timeline
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Have RenderDoc capture a step, for a GPU, to this name and `_capture.rdc`; needs
    /// ENABLE_VULKAN_RENDERDOC_CAPTURE=1, or a start from RenderDoc
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "wgvae")]
    renderdoc: Option<PathBuf>,
    /// Compare with what --json printed before
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Exit with 1 if the step, or a kernel that takes a twentieth of it, got slower than the
    /// baseline by more than this and by more than noise: a kernel also beside the others, the
    /// step beside what the device ran at
    #[arg(long, value_name = "PERCENT", default_value = "10", requires = "baseline", value_parser = percent)]
    fail_above: f64,
}

/// `10%` or `10`.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|number: &f64| *number >= 0.0);
    number.ok_or_else(|| "expected a percentage, as 10%".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let run = arguments.run.as_deref().map(read_run).transpose()?;
    let input = run.as_ref().map_or(784, |(weights, _)| weights.architecture.input());
    let file = run.map(|(_, file)| file).unwrap_or_default();
    let Config { hidden, batch, fuse, .. } = arguments.step.over(file.config);
    let architecture = Architecture::new(input, &hidden)?;
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    baseline.iter().try_for_each(|baseline| baseline.check(&architecture, batch))?;
    let choice = arguments.device.choice().or(file.device).unwrap_or_default();
    let mut session = arguments.kernels.open_or(&choice, file.kernels)?;
    let profile = profile(session.as_mut(), &architecture, batch, arguments.steps, fuse)?;
    if let Some(path) = &arguments.trace {
        crate::file::replace(path, trace(&profile).to_string().as_bytes())?;
    }
    if let Some(path) = &arguments.html {
        crate::file::replace(path, html(&profile).as_bytes())?;
    }
    match (arguments.json, arguments.csv) {
        (true, _) => print_json(&profile)?,
        (_, true) => print_csv(&profile.kernels)?,
        _ => print(&profile)?,
    }
    if let Some(name) = &arguments.renderdoc {
        match capture(session.as_mut(), &architecture, batch, fuse, name) {
            Ok(file) => info!("{}: a step for RenderDoc", file.display()),
            Err(error) => warn!("no capture: {error}"),
        }
    }
    let Some(baseline) = baseline else { return Ok(ExitCode::SUCCESS) };
    let comparison = baseline.compare(&profile, arguments.fail_above / 100.0);
    if baseline.adapter() != profile.adapter {
        warn!("the baseline is of another adapter: {}", baseline.adapter());
    }
    // Apart from what is read by programs.
    info!(
        "the kernels together took {:.2} times as long, arithmetic alone {:.2} times",
        comparison.kernels, comparison.pace
    );
    comparison.changes.iter().for_each(|change| info!("{change}"));
    let slower = comparison.changes.iter().any(|change| change.is_slower);
    Ok(if slower { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(profile: &Profile) -> Result<()> {
    say(format!("{} ({}, {})", profile.adapter, profile.device, profile.driver))?;
    let Profile { input, hidden, batch, roofs, .. } = profile;
    say(format!("{input}-{hidden:?}, batch {batch}"))?;
    say(format!(
        "roofs: {:.1} GFLOP/s, {:.1} GB/s from memory, {:.1} GB/s from caches{}, {:.1} us a \
         dispatch, {:.1} us a submit\n",
        roofs.gflops,
        roofs.gbs,
        roofs.cached_gbs,
        roofs.workgroup_gbs.map_or(String::new(), |gbs| format!(", {gbs:.1} GB/s in workgroups")),
        roofs.dispatch_us,
        roofs.submit_us,
    ))?;
    print_kernels(&profile.kernels)?;
    print_footer(profile)
}

fn print_kernels(kernels: &[KernelRow]) -> Result<()> {
    say(format!(
        "{:<33} {:<19} {:<12} {:>5} {:>6} {:>4} {:>8} {:>6} {:>9} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>5}  {:<8}",
        "kernel",
        "variant",
        "shape",
        "group",
        "groups",
        "runs",
        "ms/step",
        "share",
        "median us",
        "p95 us",
        "spread",
        "MFLOP",
        "FLOP/B",
        "GFLOP/s",
        "GB/s",
        "roof",
        "bound",
    ))?;
    kernels.iter().try_for_each(|row| {
        let line = format!(
            "{:<33} {:<19} {:<12} {:>5} {:>6} {:>4} {:>8.3} {:>5.1}% {:>9.1} {:>9.1} {:>5.0}% {:>7.2} \
             {:>8.2} {:>7.2} {:>7.2} {:>4.0}%  {:<8} {}",
            row.kernel,
            row.variant,
            row.shape,
            row.workgroup,
            row.workgroups,
            row.dispatches_per_step,
            row.ms_per_step,
            100.0 * row.share,
            row.median_us,
            row.p95_us,
            100.0 * row.spread,
            row.flops as f64 * 1e-6,
            row.flop_per_byte,
            row.gflops,
            row.gbs,
            row.percent_of_roof,
            row.bound,
            row.hint.unwrap_or_default(),
        );
        say(line.trim_end())
    })
}

/// What adds up to a step, and what it costs besides time.
fn print_footer(profile: &Profile) -> Result<()> {
    let Memory { weights, optimizer, data, workspace } = profile.gpu_memory_bytes;
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let slower = profile.profiled_step_ms / profile.step_ms;
    let text = [
        format!("\nkernels             {:>12.3} ms a step", profile.kernels_ms),
        format!("unattributed        {:>12.3} ms", profile.unattributed_ms),
        format!(
            "profiled step       {:>12.3} ms, kernels timed by {}",
            profile.profiled_step_ms, profile.timer
        ),
        format!(
            "step                {:>12.3} ms unprofiled: profiling takes {slower:.2} times as long",
            profile.step_ms
        ),
        format!("images a second     {:>12.0}", profile.images_per_second),
        format!("matrix products     {:>12.2} GFLOP/s over the whole step", profile.gflops),
        format!(
            "idle                {:>12.1} % of the unprofiled step",
            100.0 * profile.idle_share
        ),
        format!(
            "host, a step        {:>12.1} us to record, {:.1} us to submit",
            profile.host_us_per_step, profile.submit_us_per_step
        ),
        format!(
            "dispatches a step   {:>12.2}, in {:.3} submits",
            profile.dispatches_per_step, profile.submits_per_step
        ),
        format!(
            "bytes a step        {:>12.1} sent, {:.1} read back",
            profile.upload_bytes_per_step, profile.readback_bytes_per_step
        ),
        format!("buffers made a step {:>12.2}", profile.buffers_created_per_step),
        format!(
            "memory              {:>12} KiB of weights, {} of optimizer state, {} of data, {} of workspace",
            kib(weights),
            kib(optimizer),
            kib(data),
            kib(workspace)
        ),
    ];
    text.iter().try_for_each(say)
}

/// The kernels' rows with commas between their cells, after a header.
fn print_csv(kernels: &[KernelRow]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| {
        Error::io("standard output".as_ref(), Action::Write)(std::io::Error::other(error))
    };
    kernels.iter().try_for_each(|row| writer.serialize(row)).map_err(failed)?;
    written(&writer.into_inner().map_err(|error| failed(error.into_error().into()))?)
}
