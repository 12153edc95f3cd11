//! The two arithmetics: `f32` rounds each operation correctly to the type of its result, `f64`
//! computes the same text without the rounding of f32 and f16. A register has 64 bits; the lower 32
//! have the bits of an `f32`, or all have those of an `f64`.

use half::f16;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// A number of a program's float types, f16 included, as an arithmetic represents it.
pub(crate) trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Rem<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// Reads a register.
    fn of(register: u64) -> Self;
    /// Returns the number as a register.
    fn register(self) -> u64;
    /// Rounds to the type: f16 if `half` is set, else f32.
    fn nearest(number: f64, half: bool) -> Self;
    /// Rounds the result of an operation in the number's own precision to f16.
    fn halved(self) -> Self;
    /// Returns the number, exactly.
    fn wide(self) -> f64;
    /// `self · b + c` with one rounding, to f16 if `half` is set.
    fn fused(self, b: Self, c: Self, half: bool) -> Self;
    /// Square root.
    fn root(self) -> Self;
    /// Whether the number is neither infinite nor NaN.
    fn finite(self) -> bool;

    /// Rounds the result of one operation.
    fn rounded(self, half: bool) -> Self {
        if half { self.halved() } else { self }
    }
}

/// Rounds to f16. `half` drops bits of the f64 first, so the number goes through an f32 whose last
/// bit is odd if anything was dropped.
pub(crate) fn nearest_f16(number: f64) -> f16 {
    let near = number as f32;
    if f64::from(near) == number || number.is_nan() {
        return f16::from_f32(near);
    }
    let is_above = f64::from(near).abs() > number.abs();
    let below = near.to_bits() - u32::from(is_above);
    f16::from_f32(f32::from_bits(below | 1))
}

impl Real for f32 {
    #[inline(always)]
    fn of(register: u64) -> Self {
        Self::from_bits(register as u32)
    }

    #[inline(always)]
    fn register(self) -> u64 {
        self.to_bits().into()
    }

    fn nearest(number: f64, half: bool) -> Self {
        if half { nearest_f16(number).to_f32() } else { number as Self }
    }

    // f32 has more than twice f16's bits, so that rounding a sum, product, quotient or square root
    // twice gives the bits of rounding it once.
    fn halved(self) -> Self {
        f16::from_f32(self).to_f32()
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self.into()
    }

    fn fused(self, b: Self, c: Self, half: bool) -> Self {
        if half {
            // The product of two f16 is exact in f64.
            return Self::nearest(self.wide() * b.wide() + c.wide(), true);
        }
        self.mul_add(b, c)
    }

    fn root(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(register: u64) -> Self {
        Self::from_bits(register)
    }

    #[inline(always)]
    fn register(self) -> u64 {
        self.to_bits()
    }

    fn nearest(number: f64, _: bool) -> Self {
        number
    }

    fn halved(self) -> Self {
        self
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    fn fused(self, b: Self, c: Self, _: bool) -> Self {
        self.mul_add(b, c)
    }

    fn root(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_rounded_once() {
        // 1 + 2^-11 is halfway between two f16 numbers; the even one is 1.
        let tie = 1.0f32 + f32::powi(2.0, -11);
        assert_eq!(tie.halved(), 1.0);
        assert_eq!(f32::nearest(f64::from(tie) + 1e-9, true), 1.0 + f32::powi(2.0, -10));
        assert_eq!(f64::nearest(f64::from(tie), true), f64::from(tie));
        assert!(!65520.0f32.halved().finite());
        assert!(f32::nearest(65519.999, true).finite());
        assert_eq!(f32::nearest(1e-60, true), 0.0);
        assert!(!f32::nearest(1e300, true).finite());
    }

    #[test]
    fn products_are_fused() {
        let x = 1.0f32 + f32::EPSILON;
        assert_eq!(x.fused(x, -(x * x), false), f32::powi(2.0, -46));
    }
}
