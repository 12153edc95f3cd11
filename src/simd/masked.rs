//! Products by a transposed matrix of which some numbers alone are wanted, as of the gradient that a
//! ReLU lets through. Each is a dot product of its own, of a row of either operand: a piece of the
//! right one's row stays in registers while all rows of the left one that are wanted with it pass by.

use super::nonzeros::{Nonzeros, TERMS, blocks};
use super::outer::Left;
use super::{arch, prefetch};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::array::from_fn;
use std::cell::RefCell;

/// A dot product is this many sums, whatever the width of the CPU's vectors.
const LANES: usize = 16;

/// Terms for each of them at once.
const UNITS: usize = 7;

/// Terms at once.
const WIDE: usize = UNITS * LANES;

/// left · rightᵀ, of which `left` is `rows` × `terms` and `right` `columns` × `terms`.
pub(super) struct Masked<'a> {
    pub(super) left: &'a [f32],
    pub(super) right: &'a [f32],
    pub(super) terms: usize,
    /// What has a number above 0 in this is wanted, `rows` × `columns`.
    pub(super) mask: &'a [f32],
}

/// Columns at once, whose sums stay in a cache.
const COLUMNS: usize = 64;

/// Columns whose terms are fetched ahead.
const AHEAD: usize = 2;

/// What is kept from step to step, so that nothing is allocated in one.
#[derive(Debug)]
struct Room {
    wanted: Nonzeros,
    /// The [`LANES`] sums of each number that is wanted.
    sums: AVec<f32>,
    /// A block of the left operand's rows: of the first [`WIDE`] terms all, then of the next ones.
    packed: AVec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = {
        let wanted = Nonzeros::default();
        let sums = AVec::from_iter(CACHELINE_ALIGN, (0..COLUMNS * TERMS * LANES).map(|_| 0.0));
        RefCell::new(Room { wanted, sums, packed: AVec::new(CACHELINE_ALIGN) })
    };
}

impl Masked<'_> {
    /// Computes what is wanted, and 0 elsewhere.
    pub(super) fn run(self, product: &mut [f32]) {
        let rows = self.left.len() / self.terms;
        let columns = self.right.len() / self.terms;
        product.fill(0.0);
        ROOM.with_borrow_mut(|room| {
            let mask = Left::Columns { values: self.mask, pitch: columns, first: 0 };
            room.wanted.find(mask, columns, rows);
            let most = rows.min(TERMS) * self.terms.next_multiple_of(WIDE);
            room.packed.resize(most.max(room.packed.len()), 0.0);
            for (index, rows) in blocks(rows).enumerate() {
                let left = &self.left[rows.start * self.terms..rows.end * self.terms];
                let product = &mut product[rows.start * columns..rows.end * columns];
                let first = index * columns;
                arch().dispatch(Rows { left, first, columns, masked: &self, room, product });
            }
        })
    }
}

/// A block of rows.
struct Rows<'a> {
    left: &'a [f32],
    /// The first of its lists of what is wanted, which are as many as columns.
    first: usize,
    columns: usize,
    masked: &'a Masked<'a>,
    room: &'a mut Room,
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
    /// With so many vectors for [`LANES`] numbers.
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(self, simd: S) {
        let Self { left, first, columns, masked, room, product } = self;
        let Masked { right, terms, .. } = *masked;
        let Room { wanted, sums, packed } = room;
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

/// The sum of these, half to half.
#[inline(always)]
fn total(sums: &[f32; LANES]) -> f32 {
    let eight: [f32; LANES / 2] = from_fn(|lane| sums[lane] + sums[lane + LANES / 2]);
    let four: [f32; LANES / 4] = from_fn(|lane| eight[lane] + eight[lane + LANES / 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// At most [`WIDE`] numbers, and zeros after them.
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
