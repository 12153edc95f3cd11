//! Comparison of two lists of numbers in which no fault passes: a NaN, a wrong length and two empty
//! lists all fail.

use crate::kernel::Tolerance;

/// The difference of two lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Largest absolute error; NaN if an element is.
    pub max_abs: f64,
    /// Largest relative error among the elements whose expected value is not 0.
    pub max_rel: f64,
    /// The element that is nearest to its bound, or furthest beyond it; none if the lengths differ
    /// or there are no elements.
    pub worst_index: Option<usize>,
    /// The bound.
    pub tolerance: Tolerance,
    /// Whether the lengths agree, there are elements, and each is within its bound.
    pub ok: bool,
    /// Error of the worst element, as a multiple of its bound.
    pub score: f64,
}

/// Compares `found` with `expected`, element by element.
pub fn compare(found: &[f64], expected: &[f64], tolerance: Tolerance) -> Comparison {
    let mut result = Comparison {
        max_abs: 0.0,
        max_rel: 0.0,
        worst_index: None,
        tolerance,
        ok: found.len() == expected.len() && !expected.is_empty(),
        score: 0.0,
    };
    if !result.ok {
        result.score = f64::INFINITY;
        return result;
    }
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        let bound = tolerance.bound(expected);
        result.max_abs = largest(result.max_abs, error);
        if expected != 0.0 {
            result.max_rel = largest(result.max_rel, error / expected.abs());
        }
        let score = score(error, bound);
        if result.worst_index.is_none() || score > result.score {
            (result.worst_index, result.score) = (Some(index), score);
        }
        // Negated, so that a NaN fails.
        #[allow(clippy::neg_cmp_op_on_partial_ord)]
        if !(error <= bound) {
            result.ok = false;
        }
    }
    result
}

/// Returns the larger number; NaN if either is.
pub(super) fn largest(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Returns the error as a multiple of the bound: infinite if the error is NaN or the bound is 0.
fn score(error: f64, bound: f64) -> f64 {
    match error {
        0.0 => 0.0,
        _ if error.is_nan() || bound == 0.0 => f64::INFINITY,
        _ => error / bound,
    }
}
