//! Profiles of a training step: the times of whole steps and of each of their kernels, and how far
//! those are from the device's peak rates.

mod baseline;
#[cfg(feature = "capture")]
mod capture;
mod html;
mod kernels;
mod trace;

pub use baseline::{Baseline, Change, Comparison};
#[cfg(feature = "capture")]
pub use capture::capture;
pub use html::html;
pub use kernels::{Bound, KernelRow, KernelTime, kernel_times};
pub use trace::trace;

use crate::device::{
    Description, Launch, Memory, ProgramId, Roofs, Session, Span, TimedSteps, Timer, Traffic,
    Values,
};
use crate::graph::{Binarize, Pixels, Plan, Shape, Step};
use crate::kernel::Call;
use crate::kernel::is_named;
use crate::model::{Architecture, Images, Parameter, Training, initial_weights};
use crate::random::pixels;
use crate::{Error, Result};
use serde::Serialize;
use std::ops::Range;
use std::time::Instant;

/// Number of batches of random images that the steps cycle through.
const BATCHES: usize = 16;

/// Rounds of steps; each round first times whole steps, then as many kernel by kernel, so that
/// other load on the machine affects both.
const ROUNDS: u32 = 20;

/// Times of training steps. Everything "per step" is a mean over the timed steps.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// The backend: `Vulkan`, `Metal`, `Dx12` or `CPU`.
    pub device: String,
    /// The adapter's or processor's name.
    pub adapter: String,
    /// The driver.
    pub driver: String,
    /// Images per step.
    pub batch: usize,
    /// Pixels per image.
    pub input: usize,
    /// The tutorial's `hidden_layer_sizes`.
    pub hidden: Vec<usize>,
    /// Milliseconds of a step, unprofiled: the median of the rounds.
    pub step_ms: f64,
    /// Milliseconds of a step in the fastest round.
    pub best_step_ms: f64,
    /// 10⁹ floating-point operations a second of a loop of pure arithmetic after each round, the
    /// median: the device's speed during the profile.
    pub pace_gflops: f64,
    /// Training images a second, from `step_ms`.
    pub images_per_second: f64,
    /// Floating-point operations of the step's matrix products a second, in 10⁹.
    pub gflops: f64,
    /// Kernel dispatches.
    pub dispatches_per_step: f64,
    /// Submitted command buffers.
    pub submits_per_step: f64,
    /// Bytes from the host to the device.
    pub upload_bytes_per_step: f64,
    /// Bytes from the device to the host.
    pub readback_bytes_per_step: f64,
    /// Buffers created.
    pub buffers_created_per_step: f64,
    /// Microseconds that the host takes to record a step.
    pub host_us_per_step: f64,
    /// Microseconds that the host takes to submit a step.
    pub submit_us_per_step: f64,
    /// Milliseconds of a step in which every kernel is timed, by the host's clock: the mean.
    pub profiled_step_ms: f64,
    /// Milliseconds of the timed kernels in a step: the sum of the rows.
    pub kernels_ms: f64,
    /// Milliseconds of a profiled step in which no kernel ran: `profiled_step_ms` − `kernels_ms`;
    /// none if only some kernels were timed.
    pub unattributed_ms: Option<f64>,
    /// Share of the unprofiled step in which no kernel runs; none if only some were timed.
    pub idle_share: Option<f64>,
    /// Names of the requested kernels; empty if all were timed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The timer of kernels.
    pub timer: Timer,
    /// Bytes on the device.
    pub gpu_memory_bytes: Memory,
    /// Peak rates of the device.
    pub roofs: Roofs,
    /// One row per kernel, variant and shape.
    pub kernels: Vec<KernelRow>,
    /// The last steps timed kernel by kernel.
    #[serde(skip)]
    pub timed: TimedSteps,
    /// The kernels of those steps.
    #[serde(skip)]
    pub launches: Vec<Launch>,
}

/// A training step to be profiled, on random images.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The layers.
    pub architecture: Architecture,
    /// The objective and the optimiser.
    pub training: Training,
    /// Images of one step.
    pub batch: usize,
    /// Whether ops are fused.
    pub fused: bool,
}

impl Workload {
    /// Returns the calls of the step, in order.
    ///
    /// # Errors
    /// [`Setting`](crate::Error::Setting) if the batch is empty or too large.
    pub fn calls(&self) -> Result<Vec<Call>> {
        let plan = self.plan()?;
        Ok(plan.nodes().map(|node| Call::of(plan.graph(), node)).collect())
    }

    /// Creates a training plan on random images.
    fn plan(&self) -> Result<Plan> {
        let Self { ref architecture, training, batch, fused } = *self;
        architecture.check_batch(BATCHES * batch)?;
        let images = Images {
            name: "profile",
            count: BATCHES * batch,
            batch,
            pixels: Pixels::Bytes,
            binarize: Binarize::Threshold,
        };
        architecture.training_plan(images, training, fused)
    }

    /// Loads the plan, with random images and starting weights.
    fn load(&self, session: &mut dyn Session) -> Result<ProgramId> {
        let Self { architecture, batch, .. } = self;
        let count = BATCHES * batch;
        let program = session.load(self.plan()?)?;
        initial_weights(architecture, 0).write(session)?;
        session.write("profile.images", Values::U8(&pixels(count * architecture.input(), 0)))?;
        session.write("profile.indices", Values::U32(&(0..count as u32).collect::<Vec<_>>()))?;
        let classes = architecture.labels().len();
        if classes > 0 {
            let labels: Vec<_> = (0..count).map(|image| (image % classes) as u32).collect();
            session.write("profile.labels", Values::U32(&labels))?;
        }
        Ok(program)
    }
}

/// Times `steps` training steps, at least 1, and as many kernel by kernel, in up to 20 rounds of
/// both, after some warm-up steps. Times only the kernels that `only` names, each by a label or a row
/// of the kernel table; all kernels if there is no name. The others run, too, but have no row, and
/// figures that need the times of all kernels are missing.
///
/// # Errors
/// [`Setting`](crate::Error::Setting) if the batch is empty or too large, or no kernel has one of the
/// names; errors of the device.
pub fn profile(
    session: &mut dyn Session,
    workload: &Workload,
    steps: u32,
    only: &[String],
) -> Result<Profile> {
    let &Workload { ref architecture, batch, .. } = workload;
    let roofs = session.roofs()?;
    let program = workload.load(session)?;
    let mut launches = session.launches(program)?;
    let is_timed =
        |launch: &Launch| only.is_empty() || only.iter().any(|name| is_named(&launch.call, name));
    let nodes: Vec<_> = (0..launches.len()).filter(|&node| is_timed(&launches[node])).collect();
    launches.retain(is_timed);
    if nodes.is_empty() {
        return Err(Error::Setting {
            setting: "kernel",
            expected: "a kernel of the step".to_owned(),
            found: only.join(", "),
        });
    }
    let length = steps.div_ceil(ROUNDS);
    let rounds = steps.div_ceil(length);
    run(session, program, batch, 0..length)?;
    let (mut times, mut paces, mut timed) = (Vec::new(), Vec::new(), Vec::new());
    let mut traffic = Traffic::default();
    for first in (0..rounds).map(|round| (1 + 2 * round) * length) {
        let before = session.traffic();
        times.push(run(session, program, batch, first..first + length)?);
        traffic += session.traffic() - before;
        let next = first + length..first + 2 * length;
        let next: Vec<_> = next.map(|index| step(batch, index)).collect();
        timed.push(session.time_nodes(program, &next, &nodes)?);
        session.take_log(true)?;
        paces.push(session.pace()?);
    }
    times.sort_by(f64::total_cmp);
    paces.sort_by(f64::total_cmp);
    let (best, seconds) = (times[0], times[times.len() / 2]);
    let per_step = |count: u64| count as f64 / f64::from(rounds * length);
    let mut kernels = kernels::rows(&launches, &timed, &roofs);
    if !only.is_empty() {
        // Shares of the whole step: the times of the other kernels are not known.
        kernels.iter_mut().for_each(|row| row.share = row.median_ms_per_step / (1e3 * seconds));
    }
    let kernels_ms: f64 = kernels.iter().map(|row| row.ms_per_step).sum();
    let of_all = |number: f64| only.is_empty().then_some(number);
    let profiled_step_ms = timed.iter().map(ms_per_step).sum::<f64>() / timed.len() as f64;
    let Some(last) = timed.pop() else { unreachable!("there is at least one step") };
    let Description { name, backend, driver } = session.description().clone();
    Ok(Profile {
        device: backend,
        adapter: name,
        driver,
        batch,
        input: architecture.input(),
        hidden: architecture.hidden().to_vec(),
        step_ms: 1e3 * seconds,
        best_step_ms: 1e3 * best,
        pace_gflops: paces[paces.len() / 2],
        images_per_second: batch as f64 / seconds,
        gflops: flops(architecture, batch) / seconds * 1e-9,
        dispatches_per_step: per_step(traffic.dispatches),
        submits_per_step: per_step(traffic.submits),
        upload_bytes_per_step: per_step(traffic.uploaded_bytes),
        readback_bytes_per_step: per_step(traffic.read_back_bytes),
        buffers_created_per_step: per_step(traffic.buffers_created),
        host_us_per_step: per_step(traffic.recording.as_nanos() as u64) * 1e-3,
        submit_us_per_step: per_step(traffic.submitting.as_nanos() as u64) * 1e-3,
        profiled_step_ms,
        kernels_ms,
        unattributed_ms: of_all(profiled_step_ms - kernels_ms),
        idle_share: of_all((1.0 - kernels_ms / (1e3 * seconds)).max(0.0)),
        only: only.to_vec(),
        timer: last.timer,
        gpu_memory_bytes: session.memory(),
        roofs,
        kernels,
        timed: last,
        launches,
    })
}

/// Returns milliseconds per step, by the host's clock, from submit to end.
fn ms_per_step(timed: &TimedSteps) -> f64 {
    let span = Span { began: timed.submit.began, ended: timed.wait.ended };
    1e3 * span.duration().as_secs_f64() / timed.steps.len() as f64
}

/// Returns two operations for each multiplication and addition, in the products of the forward
/// pass, of the input gradients (except the first layer's) and of the weight gradients.
fn flops(architecture: &Architecture, batch: usize) -> f64 {
    let layer = |parameter: &Parameter| match parameter.shape {
        Shape { rows: 1, .. } => 0,
        Shape { rows, columns } => 2 * batch * rows * columns,
    };
    let parameters = architecture.parameters();
    let all: usize = parameters.iter().map(layer).sum();
    (3 * all - parameters.first().map_or(0, layer)) as f64
}

/// Runs these steps to their end and returns the seconds per step.
fn run(
    session: &mut dyn Session,
    program: ProgramId,
    batch: usize,
    range: Range<u32>,
) -> Result<f64> {
    let count = range.len();
    let steps: Vec<_> = range.map(|index| step(batch, index)).collect();
    let began = Instant::now();
    session.run(program, &steps)?;
    session.take_log(true)?;
    Ok(began.elapsed().as_secs_f64() / count as f64)
}

fn step(batch: usize, index: u32) -> Step {
    Step::new(0, index, index % BATCHES as u32 * batch as u32)
}
