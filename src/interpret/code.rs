//! The compact form of a program, and what a run has to know about it.

use super::Place;
use super::op::{Access, Atomic, Collective, Op, Slot, Switch, WORKGROUP};
use super::types::Type;
use std::ops::Range;
use std::sync::Arc;

/// A constant's scalar. Reals are converted to the arithmetic of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Constant {
    Bits(u32),
    Real(f64),
}

/// A load or store in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The operation.
    pub(super) pc: u32,
    /// Bytes of one execution.
    pub(super) bytes: u64,
}

/// A buffer that the entry point uses.
#[derive(Debug)]
pub(super) struct BufferVariable {
    pub(super) name: String,
    /// Group and binding; none for immediate data.
    pub(super) binding: Option<(u32, u32)>,
    pub(super) ty: Arc<Type>,
    pub(super) is_storage: bool,
    /// Whether an operation stores to it, atomics not counted.
    pub(super) is_written: bool,
    /// Register with the number of elements of its runtime-sized array.
    pub(super) length: Slot,
}

/// A variable in workgroup memory.
#[derive(Debug)]
pub(super) struct WorkgroupVariable {
    pub(super) name: String,
    pub(super) offset: u32,
    pub(super) ty: Arc<Type>,
}

/// A built-in value of the entry point, in one register or three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    GlobalInvocationId,
    LocalInvocationId,
    LocalInvocationIndex,
    WorkgroupId,
    NumWorkgroups,
    NumSubgroups,
    SubgroupId,
    SubgroupSize,
    SubgroupInvocationId,
}

/// The compact form.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) ops: Vec<Op>,
    /// Places of the operations.
    pub(super) places: Vec<Place>,
    pub(super) sites: Vec<Site>,
    pub(super) switches: Vec<Switch>,
    pub(super) collectives: Vec<Collective>,
    pub(super) buffers: Vec<BufferVariable>,
    /// Group and binding of every buffer of the module, used or not.
    pub(super) declared: Vec<(u32, u32)>,
    pub(super) shared: Vec<WorkgroupVariable>,
    pub(super) shared_cells: u32,
    /// Registers with fixed values, and initial values of private variables.
    pub(super) constants: Vec<(Slot, Constant)>,
    pub(super) privates: Range<Slot>,
    pub(super) inputs: Vec<(Input, Slot)>,
    pub(super) registers: u32,
    /// First operation of the entry point.
    pub(super) start: u32,
    /// Most calls that can be active at once.
    pub(super) depth: u32,
    /// Whether results of atomics in storage are used or depend on the order of workgroups, so that
    /// these run one after another for the same results each time.
    pub(super) is_ordered: bool,
    pub(super) has_subgroup_barrier: bool,
}

impl Code {
    /// Whether atomic operations in storage do not commute, so that the last values depend on the
    /// order of workgroups: only equal operations of integers do.
    pub(super) fn has_ordered_atomics(&self) -> bool {
        let is_buffer = |access: &Access| access.memory != WORKGROUP;
        let mut known = None;
        self.ops.iter().any(|op| match op {
            Op::AtomicStore { access, .. } => is_buffer(access),
            Op::Atomic { op, scalar, access, .. } if is_buffer(access) => {
                let exchanges = matches!(op, Atomic::Exchange | Atomic::CompareExchange { .. });
                exchanges
                    || scalar.is_real()
                    || known.replace(*op).is_some_and(|other| other != *op)
            }
            _ => false,
        })
    }
}
