//! Products by a transposed matrix: each sum is the dot product of two stored rows, so both operands
//! are read along them.

use super::{Finish, Tile};
use pulp::{Arch, Simd, WithSimd};
use std::array::from_fn;

/// left · rightᵀ, of which `left` is `rows` × `terms` and `right` `columns` × `terms`.
pub(super) struct Dots<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) terms: usize,
}

impl Dots<'_> {
    /// Computes all sums and hands them over, a tile after the other.
    pub(super) fn run(self, finish: &mut dyn Finish) {
        if !self.left.is_empty() {
            Arch::new().dispatch(Run { dots: self, finish });
        }
    }
}

struct Run<'a, 'b> {
    dots: Dots<'a>,
    finish: &'b mut dyn Finish,
}

impl WithSimd for Run<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 4, 6>(simd);
        } else {
            self.tiles::<S, 4, 3>(simd);
        }
    }
}

impl Run<'_, '_> {
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const COLUMNS: usize>(self, simd: S) {
        let Dots { left, right, terms } = self.dots;
        let (all_rows, all_columns) = (left.len() / terms, right.len() / terms);
        for column in (0..all_columns).step_by(COLUMNS) {
            let last = all_columns - 1;
            let right: [_; COLUMNS] =
                from_fn(|c| &right[(column + c).min(last) * terms..][..terms]);
            for row in (0..all_rows).step_by(ROWS) {
                let last = all_rows - 1;
                let left: [_; ROWS] = from_fn(|r| &left[(row + r).min(last) * terms..][..terms]);
                let sums = dots(simd, left, right);
                self.finish.finish(Tile {
                    row,
                    column,
                    sums: sums.as_flattened(),
                    rows: ROWS.min(all_rows - row),
                    columns: COLUMNS.min(all_columns - column),
                    pitch: COLUMNS,
                });
            }
        }
    }
}

/// The dot product of each row of the left with each of the right, all of one length.
#[inline(always)]
fn dots<S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    left: [&[f32]; ROWS],
    right: [&[f32]; COLUMNS],
) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    let whole = left[0].len() / S::F32_LANES;
    let left_vectors: [_; ROWS] = from_fn(|r| &S::as_simd_f32s(left[r]).0[..whole]);
    let right_vectors: [_; COLUMNS] = from_fn(|c| &S::as_simd_f32s(right[c]).0[..whole]);
    for v in 0..whole {
        let right: [_; COLUMNS] = from_fn(|c| right_vectors[c][v]);
        for r in 0..ROWS {
            add(simd, left_vectors[r][v], &right, &mut sums[r]);
        }
    }
    let rest = whole * S::F32_LANES;
    if rest < left[0].len() {
        let right: [_; COLUMNS] = from_fn(|c| simd.partial_load_f32s(&right[c][rest..]));
        for r in 0..ROWS {
            add(simd, simd.partial_load_f32s(&left[r][rest..]), &right, &mut sums[r]);
        }
    }
    let mut found = [[0.0; COLUMNS]; ROWS];
    for (found, sums) in found.iter_mut().zip(sums) {
        for (found, sum) in found.iter_mut().zip(sums) {
            *found = simd.reduce_sum_f32s(sum);
        }
    }
    found
}

/// Adds the products of one vector with several.
#[inline(always)]
fn add<S: Simd, const COLUMNS: usize>(
    simd: S,
    left: S::f32s,
    right: &[S::f32s; COLUMNS],
    sums: &mut [S::f32s; COLUMNS],
) {
    for c in 0..COLUMNS {
        sums[c] = simd.mul_add_f32s(left, right[c], sums[c]);
    }
}
