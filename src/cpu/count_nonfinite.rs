//! How many numbers are infinite or NaN.

use super::Real;

/// count `[rows, 1]` = how many of x's columns `[rows, columns]` are either.
pub fn count_nonfinite<T: Real>(x: &[T], count: &mut [T]) {
    let columns = x.len() / count.len();
    for (x, count) in x.chunks(columns).zip(count) {
        *count = T::of(x.iter().filter(|x| !x.is_finite()).count() as f64);
    }
}
