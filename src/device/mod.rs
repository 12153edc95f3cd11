//! Devices that run plans. A [`Session`] holds the tensors that outlive a step, by name, and runs
//! the loaded plans on them: training and evaluation share their weights that way. [`cpu`] computes
//! in f32 or, as the oracle, in f64; [`gpu`] is the only code that uses wgpu. Callers that must not
//! block, as in a browser, use a [`Device`], which is polled.

mod choice;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub(crate) mod memory_check;
mod roofs;
mod session;
mod timing;

pub use choice::{Choice, Choices, Options, open};
pub use roofs::Roofs;
pub use session::{Blocking, Device, Profiled, Session, Tunable};
pub use timing::{Launch, Memory, Span, TimedSteps, Timer};

use crate::graph::{Element, Plan, TensorId};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::ops::{AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Description of the hardware and driver of a session.
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

/// Identifier of a plan in a session, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgramId(u64);

/// Identifier of a [request](Device::request) for numbers, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// Returns a number that is unique in the process.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl ProgramId {
    fn new() -> Self {
        Self(unique())
    }
}

impl Ticket {
    fn new() -> Self {
        Self(unique())
    }
}

/// The source of a request for real numbers.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A tensor that outlives a step, by its name.
    Tensor(&'a str),
    /// An output of a plan.
    Output(ProgramId, TensorId),
}

/// Real numbers in the precision of a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Reals {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision, from the oracle.
    F64(Vec<f64>),
}

impl Reals {
    /// Returns the numbers in single precision, rounded if necessary.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            Self::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        }
    }

    /// Returns the numbers in double precision.
    pub fn into_f64(self) -> Vec<f64> {
        match self {
            Self::F32(values) => values.into_iter().map(f64::from).collect(),
            Self::F64(values) => values,
        }
    }
}

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
    /// Returns the element type that these values fit.
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) | Self::F64(_) => Element::F32,
            Self::U32(_) => Element::U32,
            Self::U8(_) => Element::U8,
        }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The row of one step in the loss log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The plan of the step.
    pub program: ProgramId,
    /// [`Step::index`](crate::graph::Step::index) of the step.
    pub step: u32,
    /// One number per column.
    pub values: SmallVec<[f64; 4]>,
}

/// Traffic between host and device since the session was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes from the host to the device.
    pub uploaded_bytes: u64,
    /// Bytes from the device to the host.
    pub read_back_bytes: u64,
    /// Buffers created.
    pub buffers_created: u64,
    /// Dispatches recorded.
    pub dispatches: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Time that the host spent recording steps.
    pub recording: Duration,
    /// Time that the host spent submitting them.
    pub submitting: Duration,
}

impl AddAssign for Traffic {
    /// Adds the traffic of another period.
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

    /// Returns the traffic since `earlier`.
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

/// Loads these plans, or none of them if one cannot be loaded.
pub(crate) fn load_all<const N: usize>(
    device: &mut dyn Device,
    plans: [Plan; N],
) -> Result<[ProgramId; N]> {
    let mut loaded = SmallVec::<[_; N]>::new();
    for plan in plans {
        match device.load(plan) {
            Ok(program) => loaded.push(program),
            Err(error) => {
                // The first error is the one to report.
                loaded.into_iter().for_each(|program| drop(device.unload(program)));
                return Err(error);
            }
        }
    }
    Ok(std::array::from_fn(|index| loaded[index]))
}

/// Returns the names of the tensors of these plans that outlive a step.
fn persistent_names<'a>(plans: impl Iterator<Item = &'a Plan>) -> BTreeSet<&'a str> {
    let of_plan =
        |plan: &'a Plan| plan.persistent().map(|id| plan.graph().tensor(id).name.as_str());
    plans.flat_map(of_plan).collect()
}

/// Returns the error for a name that a session does not hold.
fn unknown_tensor<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    Error::UnknownTensor { name: name.to_owned(), known: known.join(", ") }
}
