//! How each op is computed: one row of [`kernels`] a kernel, with its shader, its CPU twin, its
//! grid, its tolerance and the awkward cases that it must get right. Tests, `wgvae verify` and the
//! devices walk the table: a new kernel is its `.wgsl`, its twin and its row.
//!
//! A kernel binds its node's inputs, then its outputs, as storage buffers of group 0, in order. All
//! real numbers are bound writable, since inputs and outputs lie in one buffer, which wgpu does not
//! let a dispatch bind in two ways; bytes and indices are read-only. Each buffer is bound with the exact size of its tensor, so shaders may
//! use `arrayLength`. Everything else that is fixed for a plan comes in `override` constants;
//! what changes from step to step is the [`Step`] in immediate data.

mod call;
mod case;
mod fused;
mod table;
mod tolerance;

pub use call::{Call, Operand, Step, Twin, Twins};
pub use case::{Case, CaseGraph, Fill, Input, Work};

pub use tolerance::Tolerance;

use crate::graph::Op;

/// Every kernel: the primitives, then the fused ones.
pub fn kernels() -> impl Iterator<Item = &'static Kernel> {
    table::PRIMITIVES.iter().chain(fused::FUSED)
}

/// Invocations of a workgroup, for all kernels but the matrix product.
pub const WORKGROUP: usize = 64;

/// A row of the kernel table.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the op that it computes.
    pub name: &'static str,
    /// File of its shader below `shaders/`, without the ending.
    pub shader: &'static str,
    /// Entry point.
    pub entry_point: &'static str,
    /// The texts whose concatenation is the WGSL module: what it imports from `shaders/common/`,
    /// then its own file.
    pub sources: &'static [&'static str],
    /// Values of the shader's `override` constants.
    pub constants: fn(&Call) -> Vec<(&'static str, f64)>,
    /// Number of workgroups.
    pub grid: fn(&Call) -> [u32; 3],
    /// The same computation on the CPU, in both precisions; that of a fused kernel is the list of
    /// its node's primitives, run in order.
    pub twins: Option<Twins>,
    /// Whether an output row depends only on the same row of the inputs that have as many rows,
    /// and on the whole of the others: such a kernel may be run on parts of its rows.
    pub by_rows: bool,
    /// How far a device may be from the f64 twin.
    pub tolerance: fn(&Call) -> Tolerance,
    /// Operands on which it is checked.
    pub cases: fn() -> Vec<Case>,
}

impl Kernel {
    /// The kernel that computes an op.
    pub fn of(op: &Op) -> &'static Self {
        match kernels().find(|kernel| kernel.name == op.name()) {
            Some(kernel) => kernel,
            None => {
                unreachable!("{} has no row in the kernel table; a test sees to that", op.name())
            }
        }
    }

    /// The WGSL module.
    pub fn wgsl(&self) -> String {
        self.sources.concat()
    }
}
