//! Checks of a device against the f64 oracle: every kernel on awkward operands, then whole training
//! steps. `wgvae verify` prints the results and tests assert them.

mod compare;
mod fill;
mod kernels;
mod steps;

pub use compare::{Comparison, compare};
pub use fill::{Filled, fill};
pub use kernels::{verify_calls, verify_case, verify_kernel};
pub use steps::{STEPS, verify_steps};

use crate::kernel::{Tolerance, Variant};
use compare::largest;
use serde::Serialize;

/// A row of the table of checks: one kernel, or one training step, in its worst case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The kernel, or the compared part of a training step.
    pub kernel: String,
    /// The kernel's variant.
    pub variant: &'static str,
    /// The operands of the worst case.
    pub shape: String,
    /// Largest absolute error.
    pub max_abs: f64,
    /// Largest error relative to the expected value.
    pub max_rel: f64,
    /// The element nearest to its bound, or furthest beyond it.
    pub worst_index: Option<usize>,
    /// The bound.
    #[serde(serialize_with = "as_text")]
    pub tolerance: Tolerance,
    /// Whether every element is within the bound.
    pub ok: bool,
    #[serde(skip)]
    score: f64,
}

impl Row {
    fn new(kernel: &str, variant: &'static str, shape: String, comparison: &Comparison) -> Self {
        Self {
            kernel: kernel.to_owned(),
            variant,
            shape,
            max_abs: comparison.max_abs,
            max_rel: comparison.max_rel,
            worst_index: comparison.worst_index,
            tolerance: comparison.tolerance,
            ok: comparison.ok,
            score: comparison.score,
        }
    }

    /// Returns the row of a check that compared nothing, which fails.
    fn nothing(kernel: &str, variant: Variant, shape: String) -> Self {
        Self::new(kernel, variant.name(), shape, &compare(&[], &[], Tolerance::EXACT))
    }

    /// Returns the worse of two rows, the one nearer to its bound or further beyond it, with the
    /// largest errors of both.
    fn worse(self, other: Self) -> Self {
        let max_abs = largest(self.max_abs, other.max_abs);
        let max_rel = largest(self.max_rel, other.max_rel);
        let other_is = (other.ok, -other.score) < (self.ok, -self.score);
        Self { max_abs, max_rel, ..if other_is { other } else { self } }
    }
}

fn as_text<S: serde::Serializer>(tolerance: &Tolerance, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(tolerance)
}
