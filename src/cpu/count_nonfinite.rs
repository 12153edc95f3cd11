//! The number of infinite and NaN elements.

use super::Real;

/// count `[rows, 1]` = the number of x's columns `[rows, columns]` that are infinite or NaN.
pub fn count_nonfinite<T: Real>(x: &[T], count: &mut [T]) {
    let columns = x.len() / count.len();
    for (x, count) in x.chunks(columns).zip(count) {
        *count = T::of(x.iter().filter(|x| !x.is_finite()).count() as f64);
    }
}
