//! Products whose left operand has many zeros, such as pictures and outputs of a ReLU: terms with
//! zeros are skipped, which changes no sum of finite numbers.

use super::nonzeros::{Nonzeros, TERMS, are_few, blocks};
use super::outer::Product;
use super::{Finish, Part, Tile, arch};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;

/// The number of vectors of columns whose sums are in registers at once.
const VECTORS: usize = 7;

/// The maximum number of columns at once, with the widest vectors.
const MOST: usize = VECTORS * 16;

/// The maximum number of rows at once.
const ROWS: usize = 256;

/// Buffers kept from step to step, so that a step does not allocate.
#[derive(Debug)]
struct Scratch {
    nonzeros: Nonzeros,
    /// The sums of a group of rows, between blocks of terms.
    sums: AVec<f32>,
    /// The part of the right operand in use, contiguous.
    packed: AVec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = {
        let zeros = |len| AVec::from_iter(CACHELINE_ALIGN, (0..len).map(|_| 0.0));
        let nonzeros = Nonzeros::default();
        RefCell::new(Scratch { nonzeros, sums: zeros(ROWS * MOST), packed: zeros(TERMS * MOST) })
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
        let vectors = self.product.columns.div_ceil(S::F32_LANES);
        let count = vectors.div_ceil(VECTORS);
        for index in 0..count {
            let vectors = Part { index, count }.of(vectors);
            let column = vectors.start * S::F32_LANES;
            match vectors.len() {
                1 => self.columns::<S, 1>(simd, column),
                2 => self.columns::<S, 2>(simd, column),
                3 => self.columns::<S, 3>(simd, column),
                4 => self.columns::<S, 4>(simd, column),
                5 => self.columns::<S, 5>(simd, column),
                6 => self.columns::<S, 6>(simd, column),
                _ => self.columns::<S, VECTORS>(simd, column),
            }
        }
    }
}

impl Run<'_, '_> {
    /// Computes the sums of `VECTORS` vectors of columns; the last vector may extend past the last
    /// column.
    #[inline(always)]
    fn columns<S: Simd, const VECTORS: usize>(&mut self, simd: S, column: usize) {
        let Product { right, rows, columns, terms, .. } = self.product;
        let Scratch { nonzeros, sums, packed } = &mut *self.scratch;
        let wide = VECTORS * S::F32_LANES;
        let width = wide.min(columns - column);
        let group = if blocks(terms).len() == 1 { 8 } else { ROWS };
        let mut in_pack = None;
        for first in (0..rows).step_by(group) {
            let group = first..rows.min(first + group);
            for (index, block) in blocks(terms).enumerate() {
                if in_pack.replace(index) != Some(index) {
                    let right =
                        right[block.start * columns..block.end * columns].chunks_exact(columns);
                    for (packed, right) in packed.chunks_exact_mut(wide).zip(right) {
                        let packed = S::as_mut_simd_f32s(packed).0;
                        let (vectors, rest) = S::as_simd_f32s(&right[column..][..width]);
                        if rest.is_empty() {
                            packed[..VECTORS].copy_from_slice(&vectors[..VECTORS]);
                        } else {
                            packed[..VECTORS - 1].copy_from_slice(&vectors[..VECTORS - 1]);
                            packed[VECTORS - 1] = simd.partial_load_f32s(rest);
                        }
                    }
                }
                for (row, sums) in group.clone().zip(sums.chunks_exact_mut(wide)) {
                    let sums = S::as_mut_simd_f32s(sums).0;
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
            self.finish.finish(Tile {
                row: group.start,
                column,
                sums,
                rows: group.len(),
                columns: width,
                pitch: wide,
            });
        }
    }
}
