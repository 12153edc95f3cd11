//! The allowed difference between an f32 result and the f64 oracle.

/// A bound on the error of one element: `absolute + relative·|expected|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The part that does not depend on the expected value.
    pub absolute: f64,
    /// The factor of the expected value.
    pub relative: f64,
}

impl Tolerance {
    /// Bit-identical: kernels that move, compare or select.
    pub const EXACT: Self = Self { absolute: 0.0, relative: 0.0 };

    /// One or two roundings of f32, as in a sum or a product.
    pub const ROUNDING: Self = Self { absolute: 1e-12, relative: 2.4e-7 };

    /// Kernels with an exponential, a logarithm or a square root: PyTorch's `assert_close` for f32,
    /// except for an absolute part of 1e-6, not 1e-5, since their results are of size 1 and small
    /// ones matter.
    pub const ELEMENTWISE: Self = Self { absolute: 1e-6, relative: 1.3e-6 };

    /// A sum of `terms` products of N(0, 1) operands, which may cancel. Each partial sum is rounded
    /// and its size grows with the root of `terms`, so the error grows with `terms`: the largest
    /// error in 10⁵ sequential sums was 0.95·2⁻²² per term (at 16 terms). This bound is twice that.
    pub fn cancelling_sum(terms: usize) -> Self {
        Self { absolute: (terms as f64) * 2f64.powi(-21) + 1e-7, relative: 1.3e-6 }
    }

    /// Returns a bound whose absolute part is at least this.
    pub fn with_absolute(self, least: f64) -> Self {
        Self { absolute: self.absolute.max(least), ..self }
    }

    /// Scales a bound for results of size 1 to results of any size: the absolute part grows with
    /// the largest of them.
    pub fn for_results(self, expected: &[f64]) -> Self {
        let size = expected.iter().fold(1.0_f64, |size, value| size.max(value.abs()));
        Self { absolute: self.absolute * size, ..self }
    }

    /// The bound for this expected value.
    pub fn bound(self, expected: f64) -> f64 {
        self.absolute + self.relative * expected.abs()
    }
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        if *self == Self::EXACT {
            return f.write_str("exact");
        }
        write!(f, "{:.1e} + {:.1e} rel", self.absolute, self.relative)
    }
}
