//! The kernels of the f32 device on the CPU: what fused nodes and matrix products compute, by vectors
//! as wide as the CPU has at run time, which the `pulp` crate finds out and compiles for. Every one is
//! checked against the [twins](crate::cpu) in f64, as the kernels of any device are.
//!
//! A kernel is given a [`Part`] of its work: the slices of its outputs that it may write, and of its
//! inputs what those depend on. No sum depends on where the parts end, so the results are the same on
//! any number of threads. Sums of products are of fused multiply-additions, over the terms in order or
//! (in `masked`) in sixteen parts, so they don't depend on the width of a vector either.
//!
//! About half of what a ReLU puts out is 0 at first, and two thirds later on; of binary images seven
//! eighths are. So products by those leave the zeros out (`sparse`), and of the gradients that a
//! ReLU stops none is computed (`masked`).

mod batch;
mod epilogue;
#[cfg(all(windows, target_env = "gnu"))]
mod fma;
mod masked;
pub mod math;
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
use crate::kernel::{Call, Operand, Vectors};
use pulp::Arch;
use std::cell::Cell;
use std::ops::Range;

/// One of several equal parts of a kernel's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which of them.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Range of this part in `len` items.
    pub fn of(self, len: usize) -> Range<usize> {
        let end = |index| len * index / self.count;
        end(self.index)..end(self.index + 1)
    }
}

/// Computes a part: of inputs that it reads by rows it is given the rows of its part, of outputs
/// what it is to write.
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

/// The vectors that this CPU has, the widest last.
pub fn vectors() -> impl DoubleEndedIterator<Item = Vectors> {
    let all = [Vectors::Portable, Vectors::Avx2, Vectors::Avx512];
    all.into_iter().filter(|&vectors| arch_of(vectors).is_some())
}

fn arch_of(vectors: Vectors) -> Option<Arch> {
    match vectors {
        #[cfg(target_arch = "x86_64")]
        Vectors::Portable => Some(Arch::Scalar),
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Portable => Some(Arch::new()),
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Avx2 | Vectors::Avx512 => None,
    }
}

thread_local! {
    /// What kernels that this thread runs compute with.
    static ARCH: Cell<Arch> = Cell::new(Arch::new());
}

/// From now on, has kernels that this thread runs compute with these, if the CPU has them.
pub fn use_vectors(vectors: Vectors) {
    if let Some(arch) = arch_of(vectors) {
        ARCH.set(arch);
    }
}

/// Runs what follows with vectors.
pub(crate) fn vectorized<R>(run: impl FnOnce() -> R) -> R {
    arch().dispatch(run)
}

fn arch() -> Arch {
    ARCH.get()
}

/// What becomes of a product's sums.
trait Finish {
    /// Takes them.
    fn finish(&mut self, tile: Tile);
}

impl<F: FnMut(Tile)> Finish for F {
    fn finish(&mut self, tile: Tile) {
        self(tile);
    }
}

/// A rectangle of a product's sums.
struct Tile<'a> {
    /// Its first row.
    row: usize,
    /// Its first column.
    column: usize,
    /// Row-major sums with stride `pitch`; entries past `columns` are unspecified.
    sums: &'a [f32],
    rows: usize,
    columns: usize,
    pitch: usize,
}

impl Tile<'_> {
    /// Each row's number, and its sums.
    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let rows = self.sums.chunks_exact(self.pitch).take(self.rows);
        (self.row..).zip(rows.map(|row| &row[..self.columns]))
    }
}
