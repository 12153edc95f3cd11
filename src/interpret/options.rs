//! Inputs and results of a run.

use super::count::Counts;
use super::{Finding, Kind};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

/// How floats are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Each operation is rounded correctly to f32 or f16. Elementary functions are computed in f64
    /// and rounded.
    #[default]
    Rounded,
    /// All floats are f64, in buffers too. Bits of floats are those of the nearest f32.
    F64,
}

/// The order in which the invocations of a workgroup run, each up to its next barrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// By ascending index.
    #[default]
    Forward,
    /// By descending index.
    Reverse,
    /// Shuffled by a seed.
    Shuffled(u64),
    /// By ascending index, each only up to its next atomic operation: an update that is not one
    /// operation is lost.
    Interleaved,
}

impl Order {
    /// Returns the indices below `count` in this order.
    pub(super) fn indices(self, count: u32) -> Vec<u32> {
        let mut indices: Vec<_> = (0..count).collect();
        match self {
            Self::Forward | Self::Interleaved => {}
            Self::Reverse => indices.reverse(),
            Self::Shuffled(seed) => indices.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
        }
        indices
    }
}

/// A buffer that is bound for a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// Group.
    pub group: u32,
    /// Binding.
    pub binding: u32,
    /// Content, in the layout of WGSL, little-endian.
    pub bytes: Vec<u8>,
    /// Whether each scalar has a value, as in [`Output::defined`]; those after the last have none.
    /// If left out, all have. Reading a scalar without a value is a finding.
    pub defined: Option<Vec<bool>>,
}

impl Buffer {
    /// Creates a buffer with values.
    pub fn new(group: u32, binding: u32, bytes: Vec<u8>) -> Self {
        Self { group, binding, bytes, defined: None }
    }

    /// The same buffer without any value: reading a scalar that the program did not write is a
    /// finding.
    #[must_use]
    pub fn undefined(self) -> Self {
        Self { defined: Some(Vec::new()), ..self }
    }
}

/// What a program runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispatch {
    /// Workgroups along x, y and z.
    pub grid: [u32; 3],
    /// Buffers, in any order; those of variables that the entry point does not use are ignored.
    pub buffers: Vec<Buffer>,
    /// Immediate data.
    pub immediates: Vec<u8>,
}

/// How a program is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How floats are computed.
    pub arithmetic: Arithmetic,
    /// The order of invocations and, if workgroups run one after another, of workgroups.
    pub order: Order,
    /// Invocations of a subgroup: 4, 8, 16, 32, 64 or 128.
    pub subgroup_size: u32,
    /// Most iterations of loops and calls of functions per invocation.
    pub loop_limit: u64,
    /// Kinds that are left out of the report.
    pub ignored: Vec<Kind>,
    /// Whether reading workgroup memory that the workgroup did not write is a finding. WGSL defines
    /// it as zero, but wgpu can be told to omit that.
    pub undefined_workgroup: bool,
    /// Whether bank conflicts of workgroup memory are counted, which takes more time.
    pub bank_conflicts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            arithmetic: Arithmetic::Rounded,
            order: Order::Forward,
            subgroup_size: 32,
            loop_limit: 1 << 24,
            ignored: Vec::new(),
            undefined_workgroup: false,
            bank_conflicts: false,
        }
    }
}

/// A buffer after a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Group.
    pub group: u32,
    /// Binding.
    pub binding: u32,
    /// Name of the variable.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// The value of every scalar, in order, without padding; in [`Arithmetic::F64`] not rounded.
    pub values: Vec<f64>,
    /// Whether each scalar has a value: it had one before, or the program stored one.
    pub defined: Vec<bool>,
}

/// Results of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The buffers that the entry point uses, in the order of its variables.
    pub buffers: Vec<Output>,
    /// Findings by place.
    pub findings: Vec<Finding>,
    /// Counts.
    pub counts: Counts,
    /// Whether all invocations ran to their end. They do not if one exceeds the limit of
    /// iterations.
    pub is_complete: bool,
}
