//! Where a plan runs. A [`Session`] holds the tensors that outlive a step, by name, and runs the
//! plans that are loaded into it on them: training and evaluation share their weights that way.
//! [`cpu`] computes in f32 or, as the oracle, in f64; [`gpu`] is the only code that knows wgpu.

mod choice;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod roofs;
pub(crate) mod room;
mod timing;

pub use choice::{Choice, Choices, Options, open};
pub use roofs::Roofs;
pub use timing::{Launch, Memory, Span, TimedSteps, Timer};

use crate::graph::{Element, Plan, Step, TensorId};
use crate::kernel::{Kernel, Variant};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::ops::{AddAssign, Sub};
use std::time::Duration;

/// What a session computes with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The adapter's or processor's name.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `CPU`.
    pub backend: String,
    /// The driver and its version; for the CPU, the number format and threads.
    pub driver: String,
}

impl Display for Description {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.backend, self.driver)
    }
}

/// A plan in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgramId(usize);

/// Numbers for a tensor.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Real numbers.
    F32(&'a [f32]),
    /// Real numbers, rounded where the device computes in f32.
    F64(&'a [f64]),
    /// Indices.
    U32(&'a [u32]),
    /// Bytes.
    U8(&'a [u8]),
}

impl Values<'_> {
    /// The element type that these are meant for.
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) | Self::F64(_) => Element::F32,
            Self::U32(_) => Element::U32,
            Self::U8(_) => Element::U8,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one step wrote into the loss log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The plan that the step was of.
    pub program: ProgramId,
    /// [`Step::index`] of the step.
    pub step: u32,
    /// One number a column.
    pub values: SmallVec<[f64; 4]>,
}

/// What has crossed between host and device since the session was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the host to the device.
    pub uploaded_bytes: u64,
    /// Bytes from the device to the host.
    pub read_back_bytes: u64,
    /// Buffers made.
    pub buffers_created: u64,
    /// Dispatches recorded.
    pub dispatches: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Time in which the host recorded steps.
    pub recording: Duration,
    /// Time in which the host submitted them.
    pub submitting: Duration,
}

impl AddAssign for Traffic {
    /// Adds what has crossed at another time.
    fn add_assign(&mut self, other: Self) {
        self.uploaded_bytes += other.uploaded_bytes;
        self.read_back_bytes += other.read_back_bytes;
        self.buffers_created += other.buffers_created;
        self.dispatches += other.dispatches;
        self.submits += other.submits;
        self.recording += other.recording;
        self.submitting += other.submitting;
    }
}

impl Sub for Traffic {
    type Output = Self;

    /// What has crossed since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            uploaded_bytes: self.uploaded_bytes - earlier.uploaded_bytes,
            read_back_bytes: self.read_back_bytes - earlier.read_back_bytes,
            buffers_created: self.buffers_created - earlier.buffers_created,
            dispatches: self.dispatches - earlier.dispatches,
            submits: self.submits - earlier.submits,
            recording: self.recording - earlier.recording,
            submitting: self.submitting - earlier.submitting,
        }
    }
}

/// A device with tensors and plans on it.
pub trait Session {
    /// What it computes with.
    fn description(&self) -> &Description;

    /// The variants of a kernel that the device has.
    fn variants(&self, kernel: &Kernel) -> Vec<Variant>;

    /// From now on, loads plans with this variant of the kernels that have it, whatever is fastest;
    /// with none, leaves the choice to the device again.
    fn force(&mut self, variant: Option<Variant>);

    /// The variant of every call so far, by the call as it is printed, where there was a choice.
    fn choices(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Computes what the session would hold of these plans besides what it holds, without the little
    /// that depends on how fast kernels turn out to be, and checks that there is room for it.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is not, with the flag that most of it depends on:
    /// `--hidden`, `--batch` or `--limit`; [`Error::TensorMismatch`] as [`load`](Self::load).
    fn room_for(&self, plans: &[&Plan]) -> Result<Memory>;

    /// Makes a plan ready to run. Tensors that outlive a step are shared with earlier plans by
    /// name; new ones hold their constant or starting value, or 0.
    ///
    /// # Errors
    /// If a tensor of the same name has another shape, or the device cannot hold the plan.
    fn load(&mut self, plan: Plan) -> Result<ProgramId>;

    /// Fills a tensor that outlives a step.
    ///
    /// # Errors
    /// If there is no such tensor, or the values do not fit it.
    fn write(&mut self, name: &str, values: Values) -> Result<()>;

    /// Reads a tensor of real numbers that outlives a step, after all steps so far.
    ///
    /// # Errors
    /// If there is no such tensor, or the device fails.
    fn read(&mut self, name: &str) -> Result<Vec<f64>>;

    /// Reads one of a plan's outputs, after all steps so far.
    ///
    /// # Errors
    /// If the tensor is not an output of the plan, or the device fails.
    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>>;

    /// Fills the plan's workspace with NaN, so that an element which no kernel writes shows.
    ///
    /// # Errors
    /// If the device fails.
    fn poison(&mut self, program: ProgramId) -> Result<()>;

    /// Runs these steps, one after the other. A GPU may still be at work on return.
    ///
    /// # Errors
    /// If the device fails, or failed since the last call.
    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()>;

    /// What each node of a plan became, in the order in which they run.
    fn launches(&self, program: ProgramId) -> Vec<Launch>;

    /// Runs steps as [`run`](Self::run) does, waits for them, and says when each node ran. They may
    /// be fewer than given: as many as can be timed at once, at least one.
    ///
    /// # Errors
    /// If the device fails.
    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps>;

    /// As [`time_steps`](Self::time_steps), but says only when `nodes` ran, places in the order in which
    /// nodes run, ascending; a device may leave the others without timestamps.
    ///
    /// # Errors
    /// As [`time_steps`](Self::time_steps).
    fn time_nodes(
        &mut self,
        program: ProgramId,
        steps: &[Step],
        nodes: &[usize],
    ) -> Result<TimedSteps> {
        let timed = self.time_steps(program, steps)?;
        let only = |step: &Vec<Span>| nodes.iter().map(|&node| step[node]).collect();
        Ok(TimedSteps { steps: timed.steps.iter().map(only).collect(), ..timed })
    }

    /// What it holds.
    fn memory(&self) -> Memory;

    /// How many steps of a plan are worth handing to [`run`](Self::run) at once.
    fn steps_at_once(&self, program: ProgramId) -> usize;

    /// The log rows of finished steps that were not handed out before, in order. First finishes all
    /// steps with `wait`, without it as many as the next [`run`](Self::run) would have to wait for.
    ///
    /// # Errors
    /// If the device fails.
    fn take_log(&mut self, wait: bool) -> Result<Vec<LogRow>>;

    /// What has crossed between host and device so far.
    fn traffic(&self) -> Traffic;

    /// How fast the device computes just now, in 10⁹ floating-point operations a second of a loop of
    /// multiplications and additions, after all steps so far; takes some milliseconds. What else a
    /// machine does, and the clock that it runs at, change this as they change the time of a step.
    ///
    /// # Errors
    /// As [`roofs`](Self::roofs).
    fn pace(&mut self) -> Result<f64>;

    /// Measures what the device reaches at best, after all steps so far; takes about a second.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on the f64 oracle, which nothing is run on for its speed;
    /// [`Error::Device`] if the device fails, or gives a wrong result.
    fn roofs(&mut self) -> Result<Roofs>;
}

/// The error for a name that a session does not hold.
fn unknown_tensor<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    Error::UnknownTensor { name: name.to_owned(), known: known.join(", ") }
}
