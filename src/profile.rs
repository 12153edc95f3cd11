//! Times whole training steps, and counts what they cost besides time.

use crate::Result;
use crate::device::{Description, ProgramId, Session, Values};
use crate::graph::{Binarize, Pixels, RmsProp, Shape};
use crate::kernel::Step;
use crate::model::{Architecture, Images, Parameter, initial_weights};
use crate::random::pixels;
use serde::Serialize;
use std::ops::Range;
use std::time::Instant;

/// Batches of random images that the steps go through.
const BATCHES: usize = 16;

/// Parts that the timed steps are divided into; the step time is the median of theirs.
const PARTS: u32 = 10;

/// What training steps take. Everything "per step" is a mean over the timed steps.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// The backend: `Vulkan`, `Metal`, `Dx12` or `CPU`.
    pub device: String,
    /// The adapter's or processor's name.
    pub adapter: String,
    /// The driver.
    pub driver: String,
    /// Images of a step.
    pub batch: usize,
    /// The tutorial's `hidden_layer_sizes`.
    pub hidden: Vec<usize>,
    /// Milliseconds of a step, unprofiled: the median of ten parts of the run.
    pub step_ms: f64,
    /// Training images a second, from `step_ms`.
    pub images_per_second: f64,
    /// Floating-point operations of the step's matrix products a second, in 10⁹.
    pub gflops: f64,
    /// Kernels dispatched.
    pub dispatches_per_step: f64,
    /// Command buffers submitted.
    pub submits_per_step: f64,
    /// Bytes from the host to the device.
    pub upload_bytes_per_step: f64,
    /// Bytes from the device to the host.
    pub readback_bytes_per_step: f64,
    /// Buffers made.
    pub buffers_created_per_step: f64,
    /// Microseconds in which the host records it.
    pub host_us_per_step: f64,
}

/// Times `steps` training steps, at least 1, after as many to warm up.
///
/// # Errors
/// [`Setting`](crate::Error::Setting) if the batch is empty or too large; whatever the device
/// reports.
pub fn profile(
    session: &mut dyn Session,
    architecture: &Architecture,
    batch: usize,
    steps: u32,
    fused: bool,
) -> Result<Profile> {
    let program = load(session, architecture, batch, fused)?;
    run(session, program, batch, 0..steps)?;
    let before = session.traffic();
    let part = steps.div_ceil(PARTS);
    let parts = steps.div_ceil(part);
    let mut times = Vec::new();
    for first in (0..parts).map(|index| steps + index * part) {
        times.push(run(session, program, batch, first..first + part)?);
    }
    times.sort_by(f64::total_cmp);
    let seconds = times[times.len() / 2];
    let traffic = session.traffic() - before;
    let per_step = |count: u64| count as f64 / f64::from(parts * part);
    let Description { name, backend, driver } = session.description().clone();
    Ok(Profile {
        device: backend,
        adapter: name,
        driver,
        batch,
        hidden: architecture.hidden().to_vec(),
        step_ms: 1e3 * seconds,
        images_per_second: batch as f64 / seconds,
        gflops: flops(architecture, batch) / seconds * 1e-9,
        dispatches_per_step: per_step(traffic.dispatches),
        submits_per_step: per_step(traffic.submits),
        upload_bytes_per_step: per_step(traffic.uploaded_bytes),
        readback_bytes_per_step: per_step(traffic.read_back_bytes),
        buffers_created_per_step: per_step(traffic.buffers_created),
        host_us_per_step: per_step(traffic.recording.as_nanos() as u64) * 1e-3,
    })
}

/// Two for each multiplication and addition, in the products forward, of the input gradients (which
/// the first layer needs none of) and of the weight gradients.
fn flops(architecture: &Architecture, batch: usize) -> f64 {
    let layer = |parameter: &Parameter| match parameter.shape {
        Shape { rows: 1, .. } => 0,
        Shape { rows, columns } => 2 * batch * rows * columns,
    };
    let parameters = architecture.parameters();
    let all: usize = parameters.iter().map(layer).sum();
    (3 * all - parameters.first().map_or(0, layer)) as f64
}

/// A training plan with random images and starting weights.
fn load(
    session: &mut dyn Session,
    architecture: &Architecture,
    batch: usize,
    fused: bool,
) -> Result<ProgramId> {
    architecture.check_batch(BATCHES * batch)?;
    let count = BATCHES * batch;
    let images = Images {
        name: "profile",
        count,
        batch,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let program = session.load(architecture.training_plan(images, RmsProp::default(), fused)?)?;
    initial_weights(architecture, 0).write(session)?;
    session.write("profile.images", Values::U8(&pixels(count * architecture.input(), 0)))?;
    session.write("profile.indices", Values::U32(&(0..count as u32).collect::<Vec<_>>()))?;
    Ok(program)
}

/// Runs these steps to their end; seconds a step.
fn run(
    session: &mut dyn Session,
    program: ProgramId,
    batch: usize,
    range: Range<u32>,
) -> Result<f64> {
    let count = range.len();
    let row = |index: u32| index % BATCHES as u32 * batch as u32;
    let steps: Vec<_> = range.map(|index| Step::new(0, index, row(index))).collect();
    let began = Instant::now();
    session.run(program, &steps)?;
    session.take_log(true)?;
    Ok(began.elapsed().as_secs_f64() / count as f64)
}
