//! Functions of whole vectors and matrices. Each operation is rounded to the type; sums are in
//! order.

use super::Real;

/// `Σ a[i] · b[i]`.
pub(crate) fn dot<R: Real>(a: &[R], b: &[R], half: bool) -> R {
    let mut terms = a.iter().zip(b).map(|(&a, &b)| (a * b).rounded(half));
    let first = terms.next().unwrap_or_else(|| R::nearest(0.0, half));
    terms.fold(first, |sum, term| (sum + term).rounded(half))
}

/// The length of a vector.
pub(crate) fn length<R: Real>(a: &[R], half: bool) -> R {
    if let [a] = a {
        return R::nearest(a.wide().abs(), half);
    }
    dot(a, a, half).root().rounded(half)
}

/// The cross product.
pub(crate) fn cross<R: Real>(a: [R; 3], b: [R; 3], half: bool) -> [R; 3] {
    let minor = |i: usize, j: usize| {
        ((a[i] * b[j]).rounded(half) - (a[j] * b[i]).rounded(half)).rounded(half)
    };
    [minor(1, 2), minor(2, 0), minor(0, 1)]
}

/// The reflection of `a` at a plane with the normal `b`: `a - 2 (b · a) b`.
pub(crate) fn reflect<R: Real>(a: &[R], b: &[R], to: &mut [R], half: bool) {
    let twice = (R::nearest(2.0, half) * dot(b, a, half)).rounded(half);
    for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
        *to = (a - (twice * b).rounded(half)).rounded(half);
    }
}

/// The refraction of `a` at a plane with the normal `b` and the ratio `eta` of indices; zero for
/// total reflection.
pub(crate) fn refract<R: Real>(a: &[R], b: &[R], eta: R, to: &mut [R], half: bool) {
    let (zero, one) = (R::nearest(0.0, half), R::nearest(1.0, half));
    let cosine = dot(b, a, half);
    let sine = (one - (cosine * cosine).rounded(half)).rounded(half);
    let k = (one - ((eta * eta).rounded(half) * sine).rounded(half)).rounded(half);
    if k < zero {
        to.fill(zero);
        return;
    }
    let factor = ((eta * cosine).rounded(half) + k.root().rounded(half)).rounded(half);
    for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
        *to = ((eta * a).rounded(half) - (factor * b).rounded(half)).rounded(half);
    }
}

/// The determinant of a matrix of `size` columns, by the first one.
pub(crate) fn determinant<R: Real>(m: &[R], size: usize, half: bool) -> R {
    if size == 2 {
        return ((m[0] * m[3]).rounded(half) - (m[1] * m[2]).rounded(half)).rounded(half);
    }
    let mut sum = R::nearest(0.0, half);
    for row in 0..size {
        let mut minor = [sum; 9];
        let rest = (1..size).flat_map(|column| (0..size).map(move |row| (column, row)));
        let rest = rest.filter(|&(_, other)| other != row).map(|(c, r)| m[c * size + r]);
        minor.iter_mut().zip(rest).for_each(|(to, from)| *to = from);
        let term = (m[row] * determinant(&minor, size - 1, half)).rounded(half);
        sum = if row % 2 == 0 { sum + term } else { sum - term }.rounded(half);
    }
    sum
}

/// Fraction and exponent: `x = fraction · 2^exponent` with a fraction from 0.5 up to 1.
pub(crate) fn frexp<R: Real>(x: R, half: bool) -> (R, i32) {
    if !x.finite() {
        return (x, 0);
    }
    let (fraction, exponent) = libm::frexp(x.wide());
    (R::nearest(fraction, half), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn determinants() {
        let m = [2.0f64, 0.0, 1.0, 1.0, 3.0, 2.0, 0.0, 1.0, 4.0];
        assert_eq!(determinant(&m, 3, false), 21.0);
        assert_eq!(determinant(&[1.0f32, 2.0, 3.0, 4.0], 2, false), -2.0);
        let mut diagonal = [0.0f32; 16];
        (0..4).for_each(|i| diagonal[5 * i] = i as f32 + 1.0);
        assert_eq!(determinant(&diagonal, 4, false), 24.0);
    }

    #[test]
    fn vectors() {
        assert_eq!(length(&[3.0f32, 4.0], false), 5.0);
        assert_eq!(cross([1.0f32, 0.0, 0.0], [0.0, 1.0, 0.0], false), [0.0, 0.0, 1.0]);
        let mut to = [0.0f32; 2];
        reflect(&[1.0, -1.0], &[0.0, 1.0], &mut to, false);
        assert_eq!(to, [1.0, 1.0]);
        refract(&[0.8, -0.6], &[0.0, 1.0], 2.0, &mut to, false);
        assert_eq!(to, [0.0, 0.0]);
        assert_eq!(frexp(6.0f32, false), (0.75, 3));
    }
}
