//! Results of profiled steps: the kernel and the time span of each node.

use crate::graph::{Role, Tensor};
use crate::kernel::{Call, Cost};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::Duration;

/// A node of a plan with the kernel that a device runs for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The op and the shapes of its operands.
    pub call: Call,
    /// The kernel's name.
    pub kernel: String,
    /// The kernel's variant.
    pub variant: &'static str,
    /// Invocations of a workgroup; 1 on the CPU.
    pub workgroup: usize,
    /// Workgroups of each of its dispatches; none on the CPU.
    pub workgroups: Vec<usize>,
    /// The least work of the node.
    pub cost: Cost,
}

/// A span of time, counted from the host's start of recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The beginning.
    pub began: Duration,
    /// The end.
    pub ended: Duration,
}

impl Span {
    /// Returns the length of the span.
    pub fn duration(self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

/// The method of timing the nodes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Timer {
    /// Timestamps of the device between dispatches of one pass.
    Dispatches,
    /// Timestamps of the device around passes, one pass per node.
    Passes,
    /// The host's clock around submits, one submit per node.
    Submits,
    /// The host's clock around functions.
    Calls,
}

impl Display for Timer {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dispatches => "timestamps between dispatches",
            Self::Passes => "timestamps around passes",
            Self::Submits => "the host's clock around submits, without timestamps",
            Self::Calls => "the host's clock",
        })
    }
}

/// Profiled steps.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedSteps {
    /// The timer.
    pub timer: Timer,
    /// For each step, the time of each of the plan's [`Launch`]es. The device's clock is not the
    /// host's: the end of the last one is placed at the end of the host's wait for it.
    pub steps: Vec<Vec<Span>>,
    /// The host's recording of commands.
    pub record: Span,
    /// The host's submission of them.
    pub submit: Span,
    /// The host's wait for the device.
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
    /// Temporary tensors of a step.
    pub workspace: u64,
}

impl Memory {
    /// Returns the counter for a tensor that outlives a step.
    pub(super) fn class(&mut self, tensor: &Tensor) -> &mut u64 {
        match tensor.role {
            Role::Parameter => &mut self.weights,
            Role::State(_) => &mut self.optimizer,
            Role::Data | Role::Constant(_) | Role::Log => &mut self.data,
            Role::Workspace => &mut self.workspace,
        }
    }
}
