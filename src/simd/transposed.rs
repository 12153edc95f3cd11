//! Products by a transposed matrix, as the gradients of inputs are: the product of that matrix and the
//! transposed left operand, which is the smaller of both, turned around.

use super::outer::{Left, MOST, Product};
use super::{Finish, Tile, vectorized};
use crate::kernel::{Call, Operand};
use std::array::from_fn;
use std::cell::RefCell;

/// left · rightᵀ, of which `left` is `rows` × `terms` and `right` `columns` × `terms`.
pub(super) struct Transposed<'a> {
    left: &'a [f32],
    right: &'a [f32],
    terms: usize,
}

thread_local! {
    /// The transposed left operand, kept from step to step, so that nothing is allocated in one.
    static TURNED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl<'a> Transposed<'a> {
    /// The first input times the second, transposed.
    pub(super) fn of(call: &Call, inputs: &[Operand<'a, f32>]) -> Self {
        let [left, right] = [0, 1].map(|input| inputs[input].reals());
        let [_, _, terms] = call.mnk();
        Self { left, right, terms }
    }

    /// Computes all sums and hands them over, a tile after the other.
    pub(super) fn run(self, finish: &mut dyn Finish) {
        let Self { left, right, terms } = self;
        let (rows, columns) = (left.len() / terms, right.len() / terms);
        TURNED.with_borrow_mut(|turned| {
            turned.resize(left.len(), 0.0);
            vectorized(
                #[inline(always)]
                || transpose(left, terms, turned),
            );
            let product = Product {
                left: Left::Rows(right),
                right: turned,
                rows: columns,
                columns: rows,
                terms,
            };
            product.run(&mut Turn { finish, sums: [0.0; MOST] });
        });
    }
}

/// Turns tiles around.
struct Turn<'a> {
    finish: &'a mut dyn Finish,
    sums: [f32; MOST],
}

impl Finish for Turn<'_> {
    fn finish(&mut self, tile: Tile) {
        let pitch = tile.rows;
        vectorized(
            #[inline(always)]
            || {
                for (column, (_, sums)) in tile.rows().enumerate() {
                    let turned = self.sums.chunks_exact_mut(pitch);
                    turned.zip(sums).for_each(|(row, &sum)| row[column] = sum);
                }
            },
        );
        self.finish.finish(Tile {
            row: tile.column,
            column: tile.row,
            sums: &self.sums,
            rows: tile.columns,
            columns: tile.rows,
            pitch,
        });
    }
}

/// Rows of so many columns to columns.
#[inline(always)]
fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
    /// Rows and columns of what is turned at once.
    const SIDE: usize = 8;
    let rows = from.len() / columns;
    let (whole_rows, whole_columns) = (rows - rows % SIDE, columns - columns % SIDE);
    for row in (0..whole_rows).step_by(SIDE) {
        let from: [&[f32]; SIDE] = from_fn(|r| &from[(row + r) * columns..][..columns]);
        for column in (0..whole_columns).step_by(SIDE) {
            let square: [[f32; SIDE]; SIDE] = from_fn(|r| from_fn(|c| from[r][column + c]));
            for c in 0..SIDE {
                let turned: [f32; SIDE] = from_fn(|r| square[r][c]);
                to[(column + c) * rows + row..][..SIDE].copy_from_slice(&turned);
            }
        }
    }
    for row in 0..rows {
        let first = if row < whole_rows { whole_columns } else { 0 };
        for column in first..columns {
            to[column * rows + row] = from[row * columns + column];
        }
    }
}
