//! Products whose left operand has many zeros, such as pictures and outputs of a ReLU: terms with
//! zeros are skipped, which changes no sum of finite numbers.

use super::nonzeros::{Nonzeros, TERMS, are_few, blocks};
use super::outer::{Product, grow};
use super::{Finish, Part, Tile, arch};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;
use std::ops::Range;

/// The number of vectors of columns whose sums are in registers at once.
const VECTORS: usize = 7;

/// The maximum number of rows that are computed together, if their terms are several blocks.
const ROWS: usize = 256;

/// Bytes of the sums of rows that are computed together, if their terms are one block.
const BYTES: usize = 64 << 10;

/// Buffers kept from step to step, so that a step does not allocate.
#[derive(Debug)]
struct Scratch {
    nonzeros: Nonzeros,
    /// The sums of a group of rows.
    sums: AVec<f32>,
    /// The part of the right operand in use, contiguous.
    packed: AVec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = {
        let [sums, packed] = [0; 2].map(|_| AVec::new(CACHELINE_ALIGN));
        let nonzeros = Nonzeros::default();
        RefCell::new(Scratch { nonzeros, sums, packed })
    };
}

impl Product<'_> {
    /// Like [`run`](Self::run), but skips zeros if there are many.
    pub(super) fn run_sparse(self, finish: &mut dyn Finish) {
        if !are_few(self.left, self.rows, self.terms) {
            return self.run(finish);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.nonzeros.find(self.left, self.rows, self.terms);
            arch().dispatch(Run { product: self, scratch, finish });
        });
    }
}

struct Run<'a, 'b> {
    product: Product<'a>,
    scratch: &'b mut Scratch,
    finish: &'b mut dyn Finish,
}

impl WithSimd for Run<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Product { rows, columns, terms, .. } = self.product;
        let vectors = columns.div_ceil(S::F32_LANES);
        let pitch = vectors * S::F32_LANES;
        let is_one_block = blocks(terms).len() == 1;
        let together = if is_one_block { (BYTES / size_of::<f32>() / pitch).max(8) } else { ROWS };
        let Scratch { sums, packed, .. } = &mut *self.scratch;
        grow(sums, rows.min(together) * pitch);
        grow(packed, TERMS * pitch);
        let count = vectors.div_ceil(VECTORS);
        for first in (0..rows).step_by(together) {
            let group = first..rows.min(first + together);
            for index in 0..count {
                let vectors = Part { index, count }.of(vectors);
                let column = vectors.start * S::F32_LANES;
                match vectors.len() {
                    1 => self.columns::<S, 1>(simd, group.clone(), column),
                    2 => self.columns::<S, 2>(simd, group.clone(), column),
                    3 => self.columns::<S, 3>(simd, group.clone(), column),
                    4 => self.columns::<S, 4>(simd, group.clone(), column),
                    5 => self.columns::<S, 5>(simd, group.clone(), column),
                    6 => self.columns::<S, 6>(simd, group.clone(), column),
                    _ => self.columns::<S, VECTORS>(simd, group.clone(), column),
                }
            }
            let sums = &self.scratch.sums;
            self.finish.finish(Tile {
                row: first,
                column: 0,
                sums,
                rows: group.len(),
                columns,
                pitch,
            });
        }
    }
}

impl Run<'_, '_> {
    /// Computes the sums of `VECTORS` vectors of columns in a group of rows; the last vector may
    /// extend past the last column.
    #[inline(always)]
    fn columns<S: Simd, const VECTORS: usize>(
        &mut self,
        simd: S,
        group: Range<usize>,
        column: usize,
    ) {
        let product = &self.product;
        let &Product { rows, columns, terms, .. } = product;
        let Scratch { nonzeros, sums, packed } = &mut *self.scratch;
        let wide = VECTORS * S::F32_LANES;
        let pitch = columns.next_multiple_of(S::F32_LANES);
        let is_one_block = blocks(terms).len() == 1;
        for (index, block) in blocks(terms).enumerate() {
            // A single block is packed once, for all groups of rows.
            let first = if is_one_block { column * terms } else { 0 };
            let packed = &mut packed[first..][..block.len() * wide];
            if group.start == 0 || !is_one_block {
                product.pack_right::<S, VECTORS>(simd, block.clone(), column, packed);
            }
            for (row, sums) in group.clone().zip(sums.chunks_exact_mut(pitch)) {
                let sums = S::as_mut_simd_f32s(&mut sums[column..][..wide]).0;
                let mut found = [simd.splat_f32s(0.0); VECTORS];
                if index > 0 {
                    found.copy_from_slice(&sums[..VECTORS]);
                }
                let span = nonzeros.span(index * rows + row);
                for nonzero in nonzeros.of(span) {
                    let right = S::as_simd_f32s(&packed[nonzero.term() * wide..][..wide]).0;
                    let number = simd.splat_f32s(nonzero.number());
                    for v in 0..VECTORS {
                        found[v] = simd.mul_add_f32s(number, right[v], found[v]);
                    }
                }
                sums[..VECTORS].copy_from_slice(&found);
            }
        }
    }
}
