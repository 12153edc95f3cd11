//! Component-wise functions of reals. Elementary functions are computed in f64 by `libm`, the same
//! on every platform, and rounded once.

use super::{Real, nearest_f16};
use crate::interpret::op::{Binary, Ternary, Unary};

/// Applies a function from reals to reals; none if it is not one.
pub(crate) fn unary<R: Real>(op: Unary, x: R, half: bool) -> Option<R> {
    let zero = R::nearest(0.0, false);
    Some(match op {
        Unary::Negate => -x,
        Unary::Abs => magnitude(x),
        Unary::Sqrt => x.root().rounded(half),
        Unary::Sign => R::nearest(sign(x.wide()), half),
        Unary::Saturate => min(max(x, zero), R::nearest(1.0, half)),
        Unary::Convert => R::nearest(x.wide(), half),
        Unary::Fract => (x - R::nearest(x.wide().floor(), half)).rounded(half),
        Unary::QuantizeToF16 => R::nearest(nearest_f16(x.wide()).to_f64(), half),
        _ => R::nearest(wide(op, x.wide())?, half),
    })
}

/// Applies an elementary function in f64.
fn wide(op: Unary, x: f64) -> Option<f64> {
    Some(match op {
        Unary::Ceil => x.ceil(),
        Unary::Floor => x.floor(),
        Unary::Round => x.round_ties_even(),
        Unary::Trunc => x.trunc(),
        Unary::InverseSqrt => 1.0 / x.sqrt(),
        Unary::Exp => libm::exp(x),
        Unary::Exp2 => libm::exp2(x),
        Unary::Log => libm::log(x),
        Unary::Log2 => libm::log2(x),
        Unary::Cos => libm::cos(x),
        Unary::Cosh => libm::cosh(x),
        Unary::Sin => libm::sin(x),
        Unary::Sinh => libm::sinh(x),
        Unary::Tan => libm::tan(x),
        Unary::Tanh => libm::tanh(x),
        Unary::Acos => libm::acos(x),
        Unary::Asin => libm::asin(x),
        Unary::Atan => libm::atan(x),
        Unary::Asinh => libm::asinh(x),
        Unary::Acosh => libm::acosh(x),
        Unary::Atanh => libm::atanh(x),
        Unary::Radians => x.to_radians(),
        Unary::Degrees => x.to_degrees(),
        _ => return None,
    })
}

/// Applies a function of two reals that is not computed in place; none if it is not one.
pub(crate) fn binary<R: Real>(op: Binary, x: R, y: R, half: bool) -> Option<R> {
    Some(match op {
        Binary::Pow => R::nearest(power(x.wide(), y.wide()), half),
        Binary::Atan2 => R::nearest(libm::atan2(x.wide(), y.wide()), half),
        Binary::Step => R::nearest(if x <= y { 1.0 } else { 0.0 }, half),
        _ => return None,
    })
}

/// `x^y` as WGSL defines it, `exp2(y · log2(x))`: a NaN for negative x.
fn power(x: f64, y: f64) -> f64 {
    if x < 0.0 { f64::NAN } else { libm::pow(x, y) }
}

/// `x · 2^exponent`.
pub(crate) fn scaled<R: Real>(x: R, exponent: i32, half: bool) -> R {
    R::nearest(libm::scalbn(x.wide(), exponent), half)
}

/// Applies a function of three reals; none if it is not one.
pub(crate) fn ternary<R: Real>(op: Ternary, [x, y, z]: [R; 3], half: bool) -> Option<R> {
    let one = R::nearest(1.0, half);
    Some(match op {
        Ternary::Fma => x.fused(y, z, half),
        Ternary::Clamp => min(max(x, y), z),
        Ternary::Mix => {
            let rest = (one - z).rounded(half);
            ((x * rest).rounded(half) + (y * z).rounded(half)).rounded(half)
        }
        Ternary::SmoothStep => {
            let (distance, range) = ((z - x).rounded(half), (y - x).rounded(half));
            let t = (distance / range).rounded(half);
            let t = min(max(t, R::nearest(0.0, half)), one);
            let slope =
                (R::nearest(3.0, half) - (R::nearest(2.0, half) * t).rounded(half)).rounded(half);
            ((t * t).rounded(half) * slope).rounded(half)
        }
        _ => return None,
    })
}

/// The smaller number: `y` if it is less than `x`, else `x`.
pub(crate) fn min<R: Real>(x: R, y: R) -> R {
    if y < x { y } else { x }
}

/// The larger number: `y` if `x` is less than it, else `x`.
pub(crate) fn max<R: Real>(x: R, y: R) -> R {
    if x < y { y } else { x }
}

fn magnitude<R: Real>(x: R) -> R {
    R::nearest(x.wide().abs(), false)
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Truncates to i32, limited to the reals that f32 and i32 have in common; a NaN becomes 0. Also
/// returns whether the number fits.
pub(crate) fn to_int(x: f64) -> (u32, bool) {
    let limited = x.clamp(-2_147_483_648.0, 2_147_483_520.0);
    (limited as i32 as u32, x > -2_147_483_649.0 && x < 2_147_483_648.0)
}

/// The same for u32.
pub(crate) fn to_uint(x: f64) -> (u32, bool) {
    let limited = x.clamp(0.0, 4_294_967_040.0);
    (limited as u32, x > -1.0 && x < 4_294_967_296.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elementary_functions_are_rounded_once() {
        assert_eq!(unary(Unary::Exp, 1.0f32, false), Some(std::f32::consts::E));
        assert_eq!(unary(Unary::Round, 2.5f32, false), Some(2.0));
        assert_eq!(unary(Unary::Round, -3.5f32, false), Some(-4.0));
        assert_eq!(unary(Unary::Fract, -0.25f32, false), Some(0.75));
        assert_eq!(unary(Unary::Sqrt, 2.0f64, false), Some(std::f64::consts::SQRT_2));
        assert_eq!(unary(Unary::Exp, 1.0f32, true), Some(2.71875));
        assert_eq!(unary(Unary::Not, 1.0f32, false), None);
    }

    #[test]
    fn conversions_are_limited() {
        assert_eq!(to_int(3e9), (2_147_483_520, false));
        assert_eq!(to_int(-1.9), (u32::MAX, true));
        assert_eq!(to_uint(-0.5), (0, true));
        assert_eq!(to_uint(-2.0), (0, false));
        assert_eq!(to_uint(f64::NAN), (0, false));
    }

    #[test]
    fn powers_of_negative_numbers_are_undefined() {
        assert!(binary(Binary::Pow, -2.0f32, 2.0, false).is_some_and(f32::is_nan));
        assert_eq!(binary(Binary::Pow, 2.0f32, -2.0, false), Some(0.25));
        assert_eq!(scaled(0.75f32, 3, false), 6.0);
    }
}
