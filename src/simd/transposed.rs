//! Products by a transposed matrix, such as the gradients of inputs: computes the product of that
//! matrix and the transposed left operand, which is the smaller of the two, and transposes the
//! result.

use super::outer::{Left, Product, grow};
use super::transpose::transpose;
use super::{Finish, Tile, vectorized};
use crate::kernel::{Call, Operand};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use std::cell::RefCell;

/// left · rightᵀ, of which `left` is `rows` × `terms` and `right` `columns` × `terms`.
pub(super) struct Transposed<'a> {
    left: &'a [f32],
    right: &'a [f32],
    terms: usize,
}

/// Rows that are transposed at once: whole tiles, and few enough to stay in a cache.
const ROWS: usize = 144;

thread_local! {
    /// Transposed rows of the left operand, and transposed sums, kept from step to step, so that a
    /// step does not allocate.
    static TURNED: RefCell<[AVec<f32>; 2]> =
        RefCell::new([AVec::new(CACHELINE_ALIGN), AVec::new(CACHELINE_ALIGN)]);
}

impl<'a> Transposed<'a> {
    /// The product of the first input and the transposed second one.
    pub(super) fn of(call: &Call, inputs: &[Operand<'a, f32>]) -> Self {
        let [left, right] = [0, 1].map(|input| inputs[input].reals());
        let [_, _, terms] = call.mnk();
        Self { left, right, terms }
    }

    /// Computes all sums and passes them to `finish`, one tile after the other.
    pub(super) fn run(self, finish: &mut dyn Finish) {
        let Self { left, right, terms } = self;
        TURNED.with_borrow_mut(|[turned, sums]| {
            for (first, left) in (0..).step_by(ROWS).zip(left.chunks(ROWS * terms)) {
                turned.resize(left.len(), 0.0);
                vectorized(
                    #[inline(always)]
                    || transpose(left, terms, 0..terms, turned),
                );
                let product = Product {
                    left: Left::Rows(right),
                    right: turned,
                    rows: right.len() / terms,
                    columns: left.len() / terms,
                    terms,
                };
                product.run(&mut Turn { finish, first, sums });
            }
        });
    }
}

/// Transposes tiles.
struct Turn<'a> {
    finish: &'a mut dyn Finish,
    /// The first of the transposed rows.
    first: usize,
    sums: &'a mut AVec<f32>,
}

impl Finish for Turn<'_> {
    fn finish(&mut self, tile: Tile) {
        let pitch = tile.rows;
        grow(self.sums, tile.columns * pitch);
        let sums = &tile.sums[..tile.rows * tile.pitch];
        vectorized(
            #[inline(always)]
            || transpose(sums, tile.pitch, 0..tile.columns, self.sums),
        );
        self.finish.finish(Tile {
            row: self.first + tile.column,
            column: tile.row,
            sums: self.sums,
            rows: tile.columns,
            columns: tile.rows,
            pitch,
        });
    }
}
