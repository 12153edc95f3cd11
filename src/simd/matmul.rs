//! Matrix products by themselves.

use super::outer::{Left, Product};
use super::transposed::Transposed;
use super::{Part, Tile};
use crate::kernel::{Call, Operand, Step};

/// a, b -> a·b.
pub(super) fn matmul(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [_, columns, terms] = call.mnk();
    let [a, right] = [0, 1].map(|input| inputs[input].reals());
    let product = Product { left: Left::Rows(a), right, rows: a.len() / terms, columns, terms };
    product.run_sparse(&mut |tile: Tile| put(tile, columns, outputs[0]));
}

/// a, b -> aᵀ·b.
pub(super) fn matmul_transpose_a(
    call: &Call,
    _: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [m, columns, terms] = call.mnk();
    let [values, right] = [0, 1].map(|input| inputs[input].reals());
    let rows = part.of(m);
    let left = Left::Columns { values, pitch: m, first: rows.start };
    let product = Product { left, right, rows: rows.len(), columns, terms };
    product.run_sparse(&mut |tile: Tile| put(tile, columns, outputs[0]));
}

/// a, b -> a·bᵀ.
pub(super) fn matmul_transpose_b(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [_, columns, terms] = call.mnk();
    let [left, right] = [0, 1].map(|input| inputs[input].reals());
    Transposed { left, right, terms }.run(&mut |tile: Tile| put(tile, columns, outputs[0]));
}

/// Copies a tile to where it belongs in rows of so many columns.
fn put(tile: Tile, columns: usize, c: &mut [f32]) {
    for (row, sums) in tile.rows() {
        c[row * columns + tile.column..][..sums.len()].copy_from_slice(sums);
    }
}
