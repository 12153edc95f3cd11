//! Matrix products. A tile of sums stays in registers while terms are added to it one after the
//! other: numbers of the left operand, each times a piece of a row of the right one.

use super::{Finish, Part, Tile, arch, prefetch};
use crate::kernel::{Call, Operand};
use pulp::{Simd, WithSimd};
use std::array::from_fn;

/// The left operand of a product, `rows` × `terms`.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Stored by rows of `terms` numbers.
    Rows(&'a [f32]),
    /// Stored transposed, in rows of `pitch` numbers; the operand's part of each row begins at
    /// `first`.
    Columns {
        /// The stored matrix.
        values: &'a [f32],
        /// Columns of the stored matrix.
        pitch: usize,
        /// The first column that is used.
        first: usize,
    },
}

/// left · right, of which `right` is `terms` × `columns`.
pub(super) struct Product<'a> {
    pub(super) left: Left<'a>,
    pub(super) right: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) terms: usize,
}

impl<'a> Product<'a> {
    /// The product of the first two inputs, with all rows of the left one.
    pub(super) fn of(call: &Call, inputs: &[Operand<'a, f32>]) -> Self {
        let [left, right] = [0, 1].map(|input| inputs[input].reals());
        let [_, columns, terms] = call.mnk();
        Self { left: Left::Rows(left), right, rows: left.len() / terms, columns, terms }
    }

    /// A part of the rows of xᵀ·dy; x has `k` columns and dy `n`.
    pub(super) fn of_gradient(part: Part, [k, n]: [usize; 2], x: &'a [f32], dy: &'a [f32]) -> Self {
        let rows = part.of(k);
        let left = Left::Columns { values: x, pitch: k, first: rows.start };
        Self { left, right: dy, rows: rows.len(), columns: n, terms: dy.len() / n }
    }

    /// Computes all sums and passes them to `finish`, one tile after the other.
    pub(super) fn run(self, finish: &mut dyn Finish) {
        if self.rows > 0 {
            arch().dispatch(Run { product: self, finish });
        }
    }
}

struct Run<'a, 'b> {
    product: Product<'a>,
    finish: &'b mut dyn Finish,
}

/// The maximum size of a tile: 8 rows of 3 vectors of 16 numbers.
pub(super) const MOST: usize = 8 * 3 * 16;

impl WithSimd for Run<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers, besides those for a row of the right operand and a
        // number of the left one.
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 8, 3>(simd);
        } else {
            self.tiles::<S, 4, 3>(simd);
        }
    }
}

impl Run<'_, '_> {
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Product { rows, columns, .. } = self.product;
        let mut sums = [0.0; MOST];
        let wide = VECTORS * S::F32_LANES;
        for column in (0..columns).step_by(wide) {
            let width = wide.min(columns - column);
            for row in (0..rows).step_by(ROWS) {
                let rows = ROWS.min(rows - row);
                let place = Place { row, column, width };
                let pitch = match width.div_ceil(S::F32_LANES) {
                    1 => self.product.tile::<S, ROWS, 1>(simd, place, &mut sums),
                    2 => self.product.tile::<S, ROWS, 2>(simd, place, &mut sums),
                    _ => self.product.tile::<S, ROWS, VECTORS>(simd, place, &mut sums),
                };
                self.finish.finish(Tile { row, column, sums: &sums, rows, columns: width, pitch });
            }
        }
    }
}

/// The first row and column of a tile, and its number of columns.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
    width: usize,
}

impl Product<'_> {
    /// Computes the sums of a tile, and returns their pitch. Rows past the last one repeat it.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        place: Place,
        sums: &mut [f32; MOST],
    ) -> usize {
        let last = self.rows - 1;
        let rows: [usize; ROWS] = from_fn(|r| (place.row + r).min(last));
        let found: [[S::f32s; VECTORS]; ROWS] = match self.left {
            Left::Rows(values) => {
                let rows: [_; ROWS] = from_fn(|r| &values[rows[r] * self.terms..][..self.terms]);
                self.sums(
                    simd,
                    place,
                    #[inline(always)]
                    |term| {
                        let mut left = [0.0; ROWS];
                        for r in 0..ROWS {
                            left[r] = rows[r][term];
                        }
                        left
                    },
                )
            }
            Left::Columns { values, pitch, first } => {
                let rows: [_; ROWS] = from_fn(|r| first + rows[r]);
                self.sums(
                    simd,
                    place,
                    #[inline(always)]
                    |term| {
                        let stored = &values[term * pitch..][..pitch];
                        let mut left = [0.0; ROWS];
                        for r in 0..ROWS {
                            left[r] = stored[rows[r]];
                        }
                        left
                    },
                )
            }
        };
        let pitch = VECTORS * S::F32_LANES;
        for (sums, found) in sums.chunks_exact_mut(pitch).zip(&found) {
            let sums = S::as_mut_simd_f32s(sums).0;
            sums[..VECTORS].copy_from_slice(&found[..VECTORS]);
        }
        pitch
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        Place { row: first, column, width }: Place,
        left: impl Fn(usize) -> [f32; ROWS],
    ) -> [[S::f32s; VECTORS]; ROWS] {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let whole = VECTORS * S::F32_LANES;
        if width == whole {
            // The first rows also prefetch the right operand's next columns.
            let next = if first == 0 { whole.min(self.columns - column - width) } else { 0 };
            for term in 0..self.terms {
                let right = &self.right[term * self.columns + column..];
                prefetch::to_read(&right[whole..whole + next]);
                let right = S::as_simd_f32s(&right[..whole]).0;
                let mut vectors = [simd.splat_f32s(0.0); VECTORS];
                vectors.copy_from_slice(&right[..VECTORS]);
                add(simd, left(term), vectors, &mut sums);
            }
        } else {
            let masks: [_; VECTORS] = from_fn(|v| {
                let lanes = width.saturating_sub(v * S::F32_LANES).min(S::F32_LANES);
                simd.mask_between_m32s(0, lanes as u32)
            });
            for term in 0..self.terms {
                let row = &self.right[term * self.columns + column..][..width];
                let mut vectors = [simd.splat_f32s(0.0); VECTORS];
                for v in 0..VECTORS {
                    let start = row.as_ptr().wrapping_add(v * S::F32_LANES);
                    #[allow(unsafe_code)]
                    // SAFETY: the active lanes are those of the row's `width` numbers.
                    unsafe {
                        vectors[v] = simd.mask_load_ptr_f32s(masks[v], start);
                    }
                }
                add(simd, left(term), vectors, &mut sums);
            }
        }
        sums
    }
}

#[inline(always)]
fn add<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    left: [f32; ROWS],
    right: [S::f32s; VECTORS],
    sums: &mut [[S::f32s; VECTORS]; ROWS],
) {
    for r in 0..ROWS {
        let left = simd.splat_f32s(left[r]);
        for v in 0..VECTORS {
            sums[r][v] = simd.mul_add_f32s(left, right[v], sums[r][v]);
        }
    }
}
