//! Branch-free functions of one f32, which the compiler vectorises. Each is within a few units in
//! the last place; tests check this against f64 over the whole range.

use std::f32::consts::{FRAC_PI_2, LN_2, LOG2_E};

/// 1.5·2²³: adding it leaves the nearest whole number in the lowest bits.
const WHOLE: f32 = 12_582_912.0;

/// Returns eˣ for x up to 88; infinity above 88.4, e^−87.5 below −87.5.
///
/// Computes 2ⁿ·eʳ with n the whole number nearest to x / ln 2, so that |r| ≤ ln 2 / 2, by the
/// Taylor series of eʳ to its seventh term, whose remainder is below 2⁻²⁶.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // ln 2 in two parts; the first has few enough bits for n times it to be exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    // `max` would turn NaN into a number.
    let x = if x < -87.5 { -87.5 } else { x };
    let x = if x > 88.8 { 88.8 } else { x };
    let shifted = x * LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (x - n * HIGH) - n * LOW;
    let series =
        [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    polynomial(r, series) * power
}

/// Returns ln x for x > 0 that is neither subnormal nor infinite.
///
/// Computes n·ln 2 + 2·artanh((m − 1) / (m + 1)) for x = m·2ⁿ with m from √½ to √2.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    // Subtracting √½ carries into the exponent exactly where the mantissa reaches √2.
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let n = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3);
    let s = (m - 1.0) / (m + 1.0);
    let t = s * s;
    let series = [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0];
    // m − 1 is exact, so the correction is added to it: 2s = (m − 1) − s·(m − 1).
    let tail = s * (t * polynomial(t, series) - (m - 1.0));
    n * LN_2 + (tail + (m - 1.0))
}

/// Returns ln(1 + x) for x from 0 to 1: 2·artanh(x / (2 + x)), by its series.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let t = s * s;
    let series =
        [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0];
    s * polynomial(t, series)
}

/// Returns 2/√π·∫ e^−t² from x to infinity, with a relative error of 1.2·10⁻⁷ (Press, Teukolsky,
/// Vetterling and Flannery, "Numerical Recipes in C", section 6.2); 0 where the value is below
/// 10⁻³⁸.
#[inline(always)]
pub fn erfc(x: f32) -> f32 {
    let z = x.abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let series = [
        -1.265_512_2,
        1.000_023_7,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_204,
        1.488_515_9,
        -0.822_152_2,
        0.170_872_77,
    ];
    let positive = t * exp(-z * z + polynomial(t, series));
    if x < 0.0 { 2.0 - positive } else { positive }
}

/// Returns 1 / √x for x > 0 that is neither subnormal nor infinite, without a division or a root,
/// which take CPUs ten times as long as a multiplication.
///
/// Halving the exponent by a shift gives an estimate y within 3.5 %. Then 1/√x = y·(1 − e)^−½ with
/// e = 1 − x·y²: the series up to e³ leaves a relative error of 7·10⁻⁶, which a Newton step (up to
/// e) removes.
#[inline(always)]
pub fn reciprocal_sqrt(x: f32) -> f32 {
    let y = f32::from_bits(0x5f37_5a86_u32.wrapping_sub(x.to_bits() >> 1));
    let e = (-(x * y)).mul_add(y, 1.0);
    let series = e.mul_add(e.mul_add(5.0 / 16.0, 3.0 / 8.0), 0.5);
    let y = (e * y).mul_add(series, y);
    let e = (-(x * y)).mul_add(y, 1.0);
    (e * y).mul_add(0.5, y)
}

/// Returns cos 2πv and sin 2πv for v from 0 to 1.
///
/// Uses Taylor series around the nearest multiple of a quarter turn, then swaps and negates.
#[inline(always)]
pub fn cos_sin_turns(v: f32) -> (f32, f32) {
    let shifted = v * 4.0 + WHOLE;
    let quarter = shifted.to_bits();
    let r = (v * 4.0 - (shifted - WHOLE)) * FRAC_PI_2; // from −π/4 to π/4
    let t = r * r;
    let cos = polynomial(t, [1.0, -1.0 / 2.0, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40_320.0]);
    let sin = r * polynomial(t, [1.0, -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0]);
    let (x, y) = if quarter & 1 == 0 { (cos, sin) } else { (sin, cos) };
    // The cosine is negative in the second and third quarter, the sine in the third and fourth.
    let sign = |bit: u32| (bit & 2) << 30;
    let cos = f32::from_bits(x.to_bits() ^ sign(quarter.wrapping_add(1)));
    let sin = f32::from_bits(y.to_bits() ^ sign(quarter));
    (cos, sin)
}

/// Returns c₀ + c₁x + c₂x² and so on.
#[inline(always)]
fn polynomial<const TERMS: usize>(x: f32, coefficients: [f32; TERMS]) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}
