//! `wgvae profile`.

use super::Outcome;
use super::run::read_run;
use super::shared::{
    DeviceFlag, FILES, KernelsFlag, OnlyFlag, StepFlags, print_json, say, written,
};
use super::table::{self, Cell, Column, Output, WideFlag, say_words};
use super::terminal::{BAD, NOTICE, shows_progress};
use crate::device::Memory;
use crate::kernel::Call;
use crate::model::Scale;
#[cfg(feature = "capture")]
use crate::profile::capture;
use crate::profile::{Baseline, Change, KernelRow, Profile, Workload, html, profile, trace};
use crate::train::Config;
use crate::{Action, Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing::{info, warn};

/// Time training steps on random images: each kernel, its share of the device's measured roof, and
/// the other costs of a step.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae profile --device gpu --batch 512 --html profile.html --trace step.json\n  wgvae profile --device gpu --json > before.json\n  wgvae profile --device gpu --baseline before.json --fail-above 10%",
    after_long_help = "Example:\n  wgvae profile --device gpu --batch 512 --html profile.html --trace step.json\n  wgvae profile --device gpu --json > before.json\n  wgvae profile --device gpu --baseline before.json --fail-above 10%\n  wgvae profile --device gpu --kernel update --shaders shaders"
)]
pub(super) struct Arguments {
    /// A run's folder or a model's file, with the model and settings to use [default: those of
    /// `train`]
    run: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    #[command(flatten)]
    step: StepFlags,
    #[command(flatten)]
    only: OnlyFlag,
    /// Steps to time as a whole, then STEPS more kernel by kernel, in up to 20 rounds of both
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    #[command(flatten)]
    wide: WideFlag,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the kernels' rows as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Write the last steps as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing
    #[arg(long, value_name = "FILE", help_heading = FILES)]
    trace: Option<PathBuf>,
    /// Write a page for a browser: a table of kernels, a roofline plot, a timeline of the last
    /// steps
    #[arg(long, value_name = "FILE", help_heading = FILES)]
    html: Option<PathBuf>,
    #[cfg(feature = "capture")]
    /// Let RenderDoc capture a step of a GPU in NAME_capture.rdc; this requires
    /// ENABLE_VULKAN_RENDERDOC_CAPTURE=1, or a start from RenderDoc
    #[arg(long, value_name = "NAME", help_heading = FILES, num_args = 0..=1, require_equals = true, default_missing_value = "wgvae")]
    renderdoc: Option<PathBuf>,
    /// Compare with an earlier output of --json
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Exit with 1 if the step, or a kernel that takes a twentieth of it, is slower than the
    /// baseline by more than PERCENT and by more than noise. A kernel must also be slower relative
    /// to the other kernels, the step also relative to the speed of arithmetic alone
    #[arg(long, value_name = "PERCENT", default_value = "10", requires = "baseline", value_parser = percent)]
    fail_above: f64,
}

/// Parses `10%` or `10`.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|number: &f64| *number >= 0.0);
    number.ok_or_else(|| "expected a percentage, such as 10%".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    // Times do not depend on the meaning of the numbers.
    let read = |run: &Path| read_run(run, Some(Scale::default()));
    let run = arguments.run.as_deref().map(read).transpose()?;
    let input = run.as_ref().map_or(784, |(weights, _)| weights.architecture.input());
    let file = run.map(|(_, file)| file.latest()).unwrap_or_default();
    let config = arguments.step.over(file.config);
    let Config { batch, fuse: fused, .. } = config;
    let (architecture, training) = (config.architecture(input)?, config.training());
    let workload = Workload { architecture, training, batch, fused };
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    baseline.iter().try_for_each(|baseline| baseline.check(&workload.architecture, batch))?;
    let only = &arguments.only;
    let calls = workload.calls()?;
    only.check(&calls, &format!("a kernel of this step: {}", labels(&calls)))?;
    let choice = arguments.device.choice().or(file.device).unwrap_or_default();
    let mut session = arguments.kernels.open_or(&choice, file.kernels)?;
    let session = session.as_mut();
    let profile = profile(session, &workload, arguments.steps, only.names())?;
    if let Some(path) = &arguments.trace {
        crate::file::replace(path, trace(&profile).to_string().as_bytes())?;
    }
    if let Some(path) = &arguments.html {
        crate::file::replace(path, html(&profile).as_bytes())?;
    }
    match (arguments.json, arguments.csv) {
        (true, _) => print_json(&profile)?,
        (_, true) => print_csv(&profile.kernels)?,
        _ => print(&profile, arguments.wide.width())?,
    }
    #[cfg(feature = "capture")]
    if let Some(name) = &arguments.renderdoc {
        match capture(session, &workload, name) {
            Ok(file) => info!("{}: a step for RenderDoc", file.display()),
            Err(error) => warn!("no capture: {error}"),
        }
    }
    let Some(baseline) = baseline else { return Ok(ExitCode::SUCCESS) };
    let comparison = baseline.compare(&profile, arguments.fail_above / 100.0);
    if baseline.adapter() != profile.adapter {
        warn!("the baseline is from another adapter: {}", baseline.adapter());
    }
    // Not part of the output that programs read.
    if only.names().is_empty() {
        info!(
            "the kernels together took {:.2} times as long, arithmetic alone {:.2} times",
            comparison.kernels, comparison.pace
        );
    } else {
        info!("arithmetic alone took {:.2} times as long", comparison.pace);
    }
    if shows_progress() {
        print_changes(&comparison.changes, arguments.wide.is_set())?;
    }
    let slower = comparison.changes.iter().any(|change| change.is_slower);
    Ok(if slower { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(profile: &Profile, width: Option<usize>) -> Result<()> {
    let Profile { adapter, device, driver, input, hidden, batch, roofs, .. } = profile;
    say_words(&format!("{adapter} ({device}, {driver})"), 2)?;
    say_words(&format!("{input}-{hidden:?}, batch {batch}"), 2)?;
    let in_workgroups =
        roofs.workgroup_gbs.map_or(String::new(), |gbs| format!(", {gbs:.1} GB/s in workgroups"));
    let roofs = format!(
        "roofs: {:.1} GFLOP/s, {:.1} GB/s from memory, {:.1} GB/s from caches{in_workgroups}, {:.1} \
         us per dispatch, {:.1} us per submit",
        roofs.gflops, roofs.gbs, roofs.cached_gbs, roofs.dispatch_us, roofs.submit_us,
    );
    say_words(&roofs, 7)?;
    say("")?;
    print_kernels(&profile.kernels, width)?;
    print_footer(profile)
}

/// Returns the names of kernels, each once.
fn labels(calls: &[Call]) -> String {
    let mut labels: Vec<String> = Vec::new();
    for label in calls.iter().map(Call::label) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels.join(", ")
}

/// Returns the columns in their order, each with its importance.
fn columns() -> Vec<Column> {
    vec![
        Column::words("kernel", 0).cut_to(16),
        Column::numbers("ms/step", 0),
        Column::numbers("share", 0),
        Column::words("shape", 1),
        Column::numbers("roof", 2),
        Column::words("hint", 3),
        Column::numbers("noise", 4),
        Column::words("bound", 5),
        Column::words("variant", 6),
        Column::numbers("median us", 7),
        Column::numbers("p95 us", 8),
        Column::numbers("spread", 8),
        Column::numbers("GFLOP/s", 9),
        Column::numbers("GB/s", 9),
        Column::numbers("MFLOP", 10),
        Column::numbers("FLOP/B", 10),
        Column::numbers("group", 11),
        Column::numbers("groups", 11),
        Column::numbers("runs", 11),
    ]
}

fn print_kernels(kernels: &[KernelRow], width: Option<usize>) -> Result<()> {
    let cells = |row: &KernelRow| -> Vec<Cell> {
        // One round alone has no noise.
        let noise = if row.noise > 0.0 { format!("{:.0}%", 100.0 * row.noise) } else { "?".into() };
        vec![
            (&row.kernel).into(),
            format!("{:.3}", row.median_ms_per_step).into(),
            format!("{:.1}%", 100.0 * row.share).into(),
            (&row.shape).into(),
            format!("{:.0}%", row.percent_of_roof).into(),
            Cell::styled(row.hint.unwrap_or_default(), NOTICE),
            noise.into(),
            row.bound.into(),
            row.variant.into(),
            format!("{:.1}", row.median_us).into(),
            format!("{:.1}", row.p95_us).into(),
            format!("{:.0}%", 100.0 * row.spread).into(),
            format!("{:.2}", row.gflops).into(),
            format!("{:.2}", row.gbs).into(),
            format!("{:.2}", row.flops as f64 * 1e-6).into(),
            format!("{:.2}", row.flop_per_byte).into(),
            row.workgroup.into(),
            row.workgroups.into(),
            row.dispatches_per_step.into(),
        ]
    };
    table::print(columns(), &kernels.iter().map(cells).collect::<Vec<_>>(), width)
}

/// Prints the differences of a profile from its baseline, separately from the output that programs
/// read.
fn print_changes(changes: &[Change], wide: bool) -> Result<()> {
    let columns = vec![
        Column::words("kernel", 0).cut_to(20),
        Column::words("", 0),
        Column::numbers("change", 0),
        Column::numbers("noise", 1),
        Column::numbers("before, us", 2),
        Column::numbers("now, us", 2),
    ];
    let cells = |Change { what, before, now, noise, is_slower }: &Change| -> Vec<Cell> {
        let change = format!("{:+.1}%", 100.0 * (now / before - 1.0));
        vec![
            what.into(),
            if *is_slower { Cell::styled("SLOWER", BAD) } else { "".into() },
            change.into(),
            format!("{:.0}%", 100.0 * noise).into(),
            format!("{before:.1}").into(),
            format!("{now:.1}").into(),
        ]
    };
    let width = if wide { None } else { Output::Notes.width() };
    let rows: Vec<_> = changes.iter().map(cells).collect();
    table::print_on(Output::Notes, columns, &rows, width)
}

/// Prints the parts of a step's time, and its other costs.
fn print_footer(profile: &Profile) -> Result<()> {
    let Memory { weights, optimizer, data, workspace } = profile.gpu_memory_bytes;
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let slower = profile.profiled_step_ms / profile.step_ms;
    let ms = profile.kernels_ms;
    let kernels = match profile.unattributed_ms {
        Some(unattributed) => vec![
            format!("kernels             {ms:>12.3} ms per step (mean)"),
            format!("unattributed        {unattributed:>12.3} ms"),
        ],
        None => vec![
            format!("shown above         {ms:>12.3} ms per step (mean)"),
            format!("others              {:>12}: these kernels were not timed", "unknown"),
        ],
    };
    let idle = profile.idle_share.map(|share| {
        format!("idle                {:>12.1} % of the unprofiled step", 100.0 * share)
    });
    let whole = [
        format!(
            "profiled step       {:>12.3} ms, kernels timed by {}",
            profile.profiled_step_ms, profile.timer
        ),
        format!(
            "step                {:>12.3} ms unprofiled: profiling takes {slower:.2} times as long",
            profile.step_ms
        ),
        format!("images per second   {:>12.0}", profile.images_per_second),
        format!("matrix products     {:>12.2} GFLOP/s over the whole step", profile.gflops),
    ];
    let costs = [
        format!(
            "host, per step      {:>12.1} us to record, {:.1} us to submit",
            profile.host_us_per_step, profile.submit_us_per_step
        ),
        format!(
            "dispatches per step {:>12.2}, in {:.3} submits",
            profile.dispatches_per_step, profile.submits_per_step
        ),
        format!(
            "bytes per step      {:>12.1} sent, {:.1} read back",
            profile.upload_bytes_per_step, profile.readback_bytes_per_step
        ),
        format!("new buffers per step{:>12.2}", profile.buffers_created_per_step),
        format!(
            "memory              {:>12} KiB of weights, {} of optimizer state, {} of data, {} of workspace",
            kib(weights),
            kib(optimizer),
            kib(data),
            kib(workspace)
        ),
    ];
    say("")?;
    let text = kernels.into_iter().chain(whole).chain(idle).chain(costs);
    text.into_iter().try_for_each(|line| say_words(&line, 20))
}

/// Prints the kernels' rows as CSV, after a header.
fn print_csv(kernels: &[KernelRow]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| {
        Error::io("standard output".as_ref(), Action::Write)(std::io::Error::other(error))
    };
    kernels.iter().try_for_each(|row| writer.serialize(row)).map_err(failed)?;
    written(&writer.into_inner().map_err(|error| failed(error.into_error().into()))?)
}
