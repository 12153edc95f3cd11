//! The lanes of a vector as one number. Loops over numbers are left to the compiler to vectorise; one over
//! several states of a weight it turns into shuffles, at half the speed.

use super::Arithmetic;
use pulp::Simd;
use std::ops::{Add, Div, Mul, Sub};

/// A vector of f32 numbers, with the token that its instructions exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes<S: Simd> {
    simd: S,
    values: S::f32s,
}

impl<S: Simd> Lanes<S> {
    /// Creates the number of these lanes.
    #[inline(always)]
    pub(crate) fn new(simd: S, values: S::f32s) -> Self {
        Self { simd, values }
    }

    /// Creates a number with the same value in every lane.
    #[inline(always)]
    pub(crate) fn splat(simd: S, value: f32) -> Self {
        Self::new(simd, simd.splat_f32s(value))
    }

    /// Returns the lanes.
    #[inline(always)]
    pub(crate) fn values(self) -> S::f32s {
        self.values
    }

    /// Returns 1/√x: see [`math::reciprocal_sqrt`](crate::vectors::math::reciprocal_sqrt), of which it has
    /// the bits.
    #[inline(always)]
    fn reciprocal_sqrt(self) -> Self {
        let Self { simd, values: x } = self;
        let splat = |value| simd.splat_f32s(value);
        let halved = simd.wrapping_dyn_shr_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(1));
        let y = simd.transmute_f32s_u32s(simd.sub_u32s(simd.splat_u32s(0x5f37_5a86), halved));
        let residual = |y| simd.mul_add_f32s(simd.neg_f32s(simd.mul_f32s(x, y)), y, splat(1.0));
        let e = residual(y);
        let series = simd.mul_add_f32s(e, splat(5.0 / 16.0), splat(3.0 / 8.0));
        let series = simd.mul_add_f32s(e, series, splat(0.5));
        let y = simd.mul_add_f32s(simd.mul_f32s(e, y), series, y);
        let e = residual(y);
        Self::new(simd, simd.mul_add_f32s(simd.mul_f32s(e, y), splat(0.5), y))
    }
}

macro_rules! operator {
    ($($operator:ident $method:ident $function:ident),*) => {$(
        impl<S: Simd> $operator for Lanes<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(self.simd, self.simd.$function(self.values, other.values))
            }
        }
    )*};
}

operator! { Add add add_f32s, Sub sub sub_f32s, Mul mul mul_f32s, Div div div_f32s }

impl<S: Simd> Arithmetic for Lanes<S> {
    #[inline(always)]
    fn over_root(self, radicand: Self) -> Self {
        self * radicand.reciprocal_sqrt()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self::new(self.simd, self.simd.sqrt_f32s(self.values))
    }
}
