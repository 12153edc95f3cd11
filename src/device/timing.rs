//! What a device tells of steps that it runs to be looked at: which kernel each node became, and from
//! when to when it ran.

use crate::graph::{Role, Tensor};
use crate::kernel::{Call, Cost};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::Duration;

/// A node of a plan as a device runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The op and the shapes of its operands.
    pub call: Call,
    /// The kernel.
    pub kernel: String,
    /// Which of the kernel's variants.
    pub variant: &'static str,
    /// Invocations of a workgroup; 1 on the CPU.
    pub workgroup: usize,
    /// Workgroups of each of its dispatches; none on the CPU.
    pub workgroups: Vec<usize>,
    /// What it costs at least.
    pub cost: Cost,
}

/// From when to when, since the host began to record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The beginning.
    pub began: Duration,
    /// The end.
    pub ended: Duration,
}

impl Span {
    /// How long it lasted.
    pub fn duration(self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

/// What the nodes of a step are timed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Timestamps of the device between dispatches of one pass.
    Dispatches,
    /// Timestamps of the device around passes, of which each node has its own.
    Passes,
    /// The host's clock around submits, of which each node has its own.
    Submits,
    /// The host's clock around functions.
    Calls,
}

impl Display for Timer {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dispatches => "timestamps between dispatches",
            Self::Passes => "timestamps around passes",
            Self::Submits => "the host's clock around submits: no timestamps here",
            Self::Calls => "the host's clock",
        })
    }
}

/// Steps that were run to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedSteps {
    /// What they were timed by.
    pub timer: Timer,
    /// For each step, the time of each of the plan's [`Launch`]es. The device's clock is not the
    /// host's: the end of the last is placed where the host had waited for it.
    pub steps: Vec<Vec<Span>>,
    /// The host recorded commands.
    pub record: Span,
    /// The host submitted them.
    pub submit: Span,
    /// The host waited for the device.
    pub wait: Span,
}

/// Bytes on a device, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Parameters.
    pub weights: u64,
    /// The optimiser's state.
    pub optimizer: u64,
    /// Images, indices, constants, the loss log.
    pub data: u64,
    /// What a step leaves to itself.
    pub workspace: u64,
}

impl Memory {
    /// What a tensor that outlives a step counts as.
    pub(super) fn class(&mut self, tensor: &Tensor) -> &mut u64 {
        match tensor.role {
            Role::Parameter => &mut self.weights,
            Role::State(_) => &mut self.optimizer,
            Role::Data | Role::Constant(_) | Role::Log => &mut self.data,
            Role::Workspace => &mut self.workspace,
        }
    }
}
