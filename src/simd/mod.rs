//! The kernels of the f32 device on the CPU: fused nodes and matrix products, with vectors as wide
//! as the CPU supports, which the `pulp` crate detects at run time and compiles for. Like the
//! kernels of any device, they are checked against the [twins](crate::cpu) in f64.
//!
//! A kernel gets a [`Part`] of its work: the slices of its outputs that it may write, and the
//! inputs that those depend on. No sum depends on the boundaries of parts, so the results are the
//! same for any number of threads. Sums of products use fused multiply-adds, over the terms in
//! order or (in `masked`) in sixteen partial sums, so they don't depend on the width of a vector
//! either.
//!
//! About half of a ReLU's outputs are 0 at first, and two thirds later on; of binary images seven
//! eighths are. So products by those skip the zeros (`sparse`), and gradients that a ReLU stops are
//! not computed (`masked`).

mod batch;
mod epilogue;
#[cfg(all(windows, target_env = "gnu"))]
mod fma;
mod masked;
mod nonzeros;
mod normal;
mod outer;
mod prefetch;
mod row_sum;
mod sparse;
mod transpose;
mod transposed;
mod update;

pub use prefetch::take_over;

use crate::graph::{Fusion, Op, Step};
use crate::kernel::{Call, Operand};
use crate::vectors::{arch, math, vectorized};
use std::ops::Range;

/// One of several equal parts of a kernel's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the part.
    pub index: usize,
    /// The number of parts.
    pub count: usize,
}

impl Part {
    /// The whole work.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Range of this part in `len` items.
    pub fn of(self, len: usize) -> Range<usize> {
        let end = |index| len * index / self.count;
        end(self.index)..end(self.index + 1)
    }
}

/// Computes a part: inputs that are read by rows contain only the rows of the part, outputs only
/// the part to write.
pub type Kernel<T = f32> = fn(&Call, Step, Part, &[Operand<T>], &mut [&mut [T]]);

/// The kernel of a call, if it has one.
pub fn kernel(call: &Call) -> Option<Kernel> {
    Some(match (call.op, &call.epilogue) {
        (_, Some(stages)) if stages.product.is_some() => epilogue::product,
        (_, Some(_)) => epilogue::stages,
        (Op::Normal { .. }, _) => normal::kernel,
        (Op::RowSum, _) => row_sum::row_sum,
        (Op::Fused(Fusion::Batch), _) => batch::batch,
        (Op::Fused(Fusion::Update), _) => update::update,
        _ => return None,
    })
}

/// Processes a product's sums.
trait Finish {
    /// Processes one tile of sums.
    fn finish(&mut self, tile: Tile);
}

impl<F: FnMut(Tile)> Finish for F {
    fn finish(&mut self, tile: Tile) {
        self(tile);
    }
}

/// A rectangle of a product's sums.
struct Tile<'a> {
    /// The first row.
    row: usize,
    /// The first column.
    column: usize,
    /// Row-major sums with stride `pitch`; entries past `columns` are unspecified.
    sums: &'a [f32],
    rows: usize,
    columns: usize,
    pitch: usize,
}

impl Tile<'_> {
    /// Each row's number and sums.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let rows = self.sums.chunks_exact(self.pitch).take(self.rows);
        (self.row..).zip(rows.map(|row| &row[..self.columns]))
    }
}
