//! The logistic function.

use super::Real;

/// y = 1 / (1 + e⁻ˣ).
pub fn sigmoid<T: Real>(x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = sigmoid_of(x);
    }
}

/// The logistic function of one number, by an exponential that cannot overflow.
pub fn sigmoid_of<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    let numerator = if x < T::zero() { e } else { T::one() };
    numerator / (T::one() + e)
}
