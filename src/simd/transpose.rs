//! Matrix transposition.

use std::array::from_fn;
use std::ops::Range;

/// Copies some columns of a matrix, whose rows are `pitch` numbers apart, to rows.
#[inline(always)]
pub(super) fn transpose(from: &[f32], pitch: usize, columns: Range<usize>, to: &mut [f32]) {
    /// The side of a square that is transposed at once.
    const SIDE: usize = 8;
    let rows = from.len() / pitch;
    let (whole_rows, whole_columns) = (rows - rows % SIDE, columns.len() - columns.len() % SIDE);
    for row in (0..whole_rows).step_by(SIDE) {
        let from: [&[f32]; SIDE] = from_fn(|r| &from[(row + r) * pitch..][columns.clone()]);
        for column in (0..whole_columns).step_by(SIDE) {
            let square: [[f32; SIDE]; SIDE] = from_fn(|r| from_fn(|c| from[r][column + c]));
            for c in 0..SIDE {
                let turned: [f32; SIDE] = from_fn(|r| square[r][c]);
                to[(column + c) * rows + row..][..SIDE].copy_from_slice(&turned);
            }
        }
    }
    for row in 0..rows {
        let from = &from[row * pitch..][columns.clone()];
        let first = if row < whole_rows { whole_columns } else { 0 };
        for column in first..columns.len() {
            to[column * rows + row] = from[column];
        }
    }
}
