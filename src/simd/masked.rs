//! Products by a transposed matrix of which only some elements are needed, such as those of the
//! gradient that pass a ReLU. Each element is a separate dot product of two rows: a piece of a
//! right row stays in registers while all left rows that are needed with it are processed.

use super::nonzeros::{Nonzeros, TERMS, blocks};
use super::outer::Left;
use super::{arch, prefetch};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::array::from_fn;
use std::cell::RefCell;

/// The number of partial sums of a dot product, independent of the width of the CPU's vectors.
const LANES: usize = 16;

/// Terms that are added to each partial sum at once.
const UNITS: usize = 7;

/// Terms that are processed at once.
const WIDE: usize = UNITS * LANES;

/// left · rightᵀ, of which `left` is `rows` × `terms` and `right` `columns` × `terms`.
pub(super) struct Masked<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) terms: usize,
    /// Selects the elements to compute, those above 0; `rows` × `columns`.
    pub(super) mask: &'a [f32],
}

/// Columns that are processed together; their sums stay in a cache.
const COLUMNS: usize = 64;

/// The number of columns by which terms are prefetched ahead.
const AHEAD: usize = 2;

/// Buffers kept from step to step, so that a step does not allocate.
#[derive(Debug)]
struct Scratch {
    wanted: Nonzeros,
    /// The [`LANES`] partial sums of each selected element.
    sums: AVec<f32>,
    /// A block of the left operand's rows: the first [`WIDE`] terms of all rows, then the next
    /// ones.
    packed: AVec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = {
        let wanted = Nonzeros::default();
        let sums = AVec::from_iter(CACHELINE_ALIGN, (0..COLUMNS * TERMS * LANES).map(|_| 0.0));
        RefCell::new(Scratch { wanted, sums, packed: AVec::new(CACHELINE_ALIGN) })
    };
}

impl Masked<'_> {
    /// Computes the selected elements, and sets the others to 0.
    pub(super) fn run(self, product: &mut [f32]) {
        let rows = self.left.len() / self.terms;
        let columns = self.right.len() / self.terms;
        product.fill(0.0);
        SCRATCH.with_borrow_mut(|scratch| {
            let mask = Left::Columns { values: self.mask, pitch: columns, first: 0 };
            scratch.wanted.find(mask, columns, rows);
            let most = rows.min(TERMS) * self.terms.next_multiple_of(WIDE);
            scratch.packed.resize(most.max(scratch.packed.len()), 0.0);
            for (index, rows) in blocks(rows).enumerate() {
                let left = &self.left[rows.start * self.terms..rows.end * self.terms];
                let product = &mut product[rows.start * columns..rows.end * columns];
                let first = index * columns;
                arch().dispatch(Rows { left, first, columns, masked: &self, scratch, product });
            }
        })
    }
}

/// A block of rows.
struct Rows<'a> {
    left: &'a [f32],
    /// The index of the block's first list of selected elements; a block has one list per column.
    first: usize,
    columns: usize,
    masked: &'a Masked<'a>,
    scratch: &'a mut Scratch,
    product: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1>(simd),
            8 => self.run::<S, 2>(simd),
            4 => self.run::<S, 4>(simd),
            _ => self.run::<S, LANES>(simd),
        }
    }
}

impl Rows<'_> {
    /// Runs with `VECTORS` vectors per [`LANES`] numbers.
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(self, simd: S) {
        let Self { left, first, columns, masked, scratch, product } = self;
        let Masked { right, terms, .. } = *masked;
        let Scratch { wanted, sums, packed } = scratch;
        let rows = left.len() / terms;
        let steps = || (0..terms).step_by(WIDE);
        let width = |term: usize| WIDE.min(terms - term);
        for (packed, term) in packed.chunks_exact_mut(rows * WIDE).zip(steps()) {
            for (packed, row) in packed.chunks_exact_mut(WIDE).zip(left.chunks_exact(terms)) {
                let row = vectors::<S, VECTORS>(simd, &row[term..][..width(term)]);
                S::as_mut_simd_f32s(packed).0.copy_from_slice(row.as_flattened());
            }
        }
        for start in (0..columns).step_by(COLUMNS) {
            let group = start..columns.min(start + COLUMNS);
            let begin = wanted.span(first + start).start;
            for (packed, term) in packed.chunks_exact(rows * WIDE).zip(steps()) {
                for column in group.clone() {
                    let ahead = &right[(column + AHEAD).min(columns - 1) * terms + term..];
                    prefetch::to_read(&ahead[..width(term)]);
                    let right = &right[column * terms + term..][..width(term)];
                    let right = vectors::<S, VECTORS>(simd, right);
                    let span = wanted.span(first + column);
                    let sums = &mut sums[(span.start - begin) * LANES..];
                    for (of, sums) in wanted.of(span).iter().zip(sums.chunks_exact_mut(LANES)) {
                        let left = S::as_simd_f32s(&packed[of.term() * WIDE..][..WIDE]).0;
                        let sums = S::as_mut_simd_f32s(sums).0;
                        for v in 0..VECTORS {
                            let mut sum = if term == 0 { simd.splat_f32s(0.0) } else { sums[v] };
                            for u in 0..UNITS {
                                sum = simd.mul_add_f32s(left[u * VECTORS + v], right[u][v], sum);
                            }
                            sums[v] = sum;
                        }
                    }
                }
            }
            for column in group {
                let span = wanted.span(first + column);
                let sums = sums[(span.start - begin) * LANES..].as_chunks::<LANES>().0;
                for (of, sums) in wanted.of(span).iter().zip(sums) {
                    let sum = if of.number() > 0.0 { total(sums) } else { 0.0 };
                    product[of.term() * columns + column] = sum;
                }
            }
        }
    }
}

/// Adds the partial sums, half to half.
#[inline(always)]
fn total(sums: &[f32; LANES]) -> f32 {
    let eight: [f32; LANES / 2] = from_fn(|lane| sums[lane] + sums[lane + LANES / 2]);
    let four: [f32; LANES / 4] = from_fn(|lane| eight[lane] + eight[lane + LANES / 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// Loads at most [`WIDE`] numbers, padded with zeros.
#[inline(always)]
fn vectors<S: Simd, const VECTORS: usize>(simd: S, numbers: &[f32]) -> [[S::f32s; VECTORS]; UNITS] {
    let mut filled = [0.0; WIDE];
    let numbers = if numbers.len() == WIDE {
        numbers
    } else {
        filled[..numbers.len()].copy_from_slice(numbers);
        &filled
    };
    let mut vectors = [[simd.splat_f32s(0.0); VECTORS]; UNITS];
    vectors.as_flattened_mut().copy_from_slice(S::as_simd_f32s(numbers).0);
    vectors
}
