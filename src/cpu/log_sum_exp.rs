//! Logarithms of sums of exponentials, as of importance weights (Burda, Grosse and Salakhutdinov, 2016).

use super::Real;

/// y `[g, columns]` = ln Σ eˣ of x `[g·group, columns]` over groups of successive rows: the largest is
/// taken out first, so that no exponential overflows. Infinite if one is; −∞ only if all are.
pub fn log_sum_exp<T: Real>(x: &[T], columns: usize, group: usize, y: &mut [T]) {
    for (i, y) in y.iter_mut().enumerate() {
        let rows = (0..group).map(|row| x[(i / columns * group + row) * columns + i % columns]);
        let largest = rows.clone().fold(T::min_value(), T::max).min(T::max_value());
        let sum = rows.fold(T::zero(), |sum, x| sum + (x - largest).exp());
        *y = largest + sum.ln();
    }
}
