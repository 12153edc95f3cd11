//! A standard deviation from an unbounded number. The tutorial adds 1e-6, so that it stays above 0
//! where the exponential underflows.

use super::Real;

/// stddev = ln(1 + eˢ) + 1e-6, as max(s, 0) + ln(1 + e^−|s|), which cannot overflow.
pub fn softplus<T: Real>(s: &[T], stddev: &mut [T]) {
    for (stddev, &s) in stddev.iter_mut().zip(s) {
        *stddev = s.max(T::zero()) + (-s.abs()).exp().ln_1p() + T::of(1e-6);
    }
}
