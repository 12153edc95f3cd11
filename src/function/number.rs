//! The number types that a formula is evaluated in.

use crate::vectors::math;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A real number, or several that are computed at once.
pub trait Arithmetic:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// The number divided by the square root of another, which is above 0.
    fn over_root(self, radicand: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
}

/// A real number: f64 on the oracle, f32 on its twin, [`Lane`] in the CPU's vectors.
pub trait Number: Arithmetic + PartialOrd + Neg<Output = Self> {
    /// The nearest number.
    fn of(value: f64) -> Self;
    /// e to this power.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + self), for numbers from 0 to 1.
    fn ln_1p(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// The complementary error function, 2/√π·∫ e^−t² from the number to infinity.
    fn erfc(self) -> Self;

    /// `yes` if `condition`, else `no`.
    #[inline(always)]
    fn select(condition: bool, yes: Self, no: Self) -> Self {
        if condition { yes } else { no }
    }

    /// The larger of the number and 0; 0 for NaN.
    #[inline(always)]
    fn positive(self) -> Self {
        Self::select(self > Self::of(0.0), self, Self::of(0.0))
    }
}

macro_rules! number {
    ($($real:ident $erfc:ident)*) => {$(
        impl Arithmetic for $real {
            #[inline(always)]
            fn over_root(self, radicand: Self) -> Self {
                self / radicand.sqrt()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }

        impl Number for $real {
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $real
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn ln(self) -> Self {
                self.ln()
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                libm::$erfc(self)
            }
        }
    )*};
}

number! { f32 erfcf f64 erfc }

/// An f32 whose functions are branch-free, so that loops over them are vectorised.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Lane(pub f32);

macro_rules! operator {
    ($($operator:ident $method:ident $sign:tt),*) => {$(
        impl $operator for Lane {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0 $sign other.0)
            }
        }
    )*};
}

operator! { Add add +, Sub sub -, Mul mul *, Div div / }

impl Neg for Lane {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Arithmetic for Lane {
    #[inline(always)]
    fn over_root(self, radicand: Self) -> Self {
        Self(self.0 * math::reciprocal_sqrt(radicand.0))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
}

impl Number for Lane {
    #[inline(always)]
    fn of(value: f64) -> Self {
        Self(value as f32)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        Self(math::exp(self.0))
    }
    #[inline(always)]
    fn ln(self) -> Self {
        let Self(x) = self;
        let positive = if x == f32::INFINITY { x } else { math::ln(x) };
        let special = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
        Self(if x > 0.0 { positive } else { special })
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        Self(math::ln_1p(self.0))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
    #[inline(always)]
    fn erfc(self) -> Self {
        Self(math::erfc(self.0))
    }
}
