//! Matrix products by themselves.

use super::outer::Product;
use super::transposed::Transposed;
use super::{Part, Tile};
use crate::graph::Step;
use crate::kernel::{Call, Operand};

/// a, b -> a·b.
pub(super) fn matmul(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    Product::of(call, inputs).run_sparse(&mut |tile: Tile| put(tile, call.columns(), outputs[0]));
}

/// a, b -> aᵀ·b.
pub(super) fn matmul_transpose_a(
    call: &Call,
    _: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [a, b] = [0, 1].map(|input| inputs[input].reals());
    let [k, n, _] = call.mnk();
    Product::of_gradient(part, [k, n], a, b).run_sparse(&mut |tile: Tile| put(tile, n, outputs[0]));
}

/// a, b -> a·bᵀ.
pub(super) fn matmul_transpose_b(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    Transposed::of(call, inputs).run(&mut |tile: Tile| put(tile, call.columns(), outputs[0]));
}

/// Copies a tile to where it belongs in rows of so many columns.
fn put(tile: Tile, columns: usize, c: &mut [f32]) {
    for (row, sums) in tile.rows() {
        c[row * columns + tile.column..][..sums.len()].copy_from_slice(sums);
    }
}
