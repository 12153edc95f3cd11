//! Matrix products. A tile of sums stays in registers while terms are added to it one after the
//! other: numbers of the left operand, each times a piece of a row of the right one. The operands are
//! copied to where a tile reads them one after the other (Goto and van de Geijn, "Anatomy of
//! High-Performance Matrix Multiplication", 2008).

use super::{Finish, Part, Tile, arch};
use crate::kernel::{Call, Operand};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::array::from_fn;
use std::cell::RefCell;
use std::ops::Range;

/// The left operand of a product, `rows` × `terms`.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Stored by rows of `terms` numbers.
    Rows(&'a [f32]),
    /// Stored transposed, in rows of `pitch` numbers; the operand's part of each row begins at
    /// `first`.
    Columns {
        /// The stored matrix.
        values: &'a [f32],
        /// Columns of the stored matrix.
        pitch: usize,
        /// The first column that is used.
        first: usize,
    },
}

/// left · right, of which `right` is `terms` × `columns`.
pub(super) struct Product<'a> {
    pub(super) left: Left<'a>,
    pub(super) right: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) terms: usize,
}

impl<'a> Product<'a> {
    /// The product of the first two inputs, with all rows of the left one.
    pub(super) fn of(call: &Call, inputs: &[Operand<'a, f32>]) -> Self {
        let [left, right] = [0, 1].map(|input| inputs[input].reals());
        let [_, columns, terms] = call.mnk();
        Self { left: Left::Rows(left), right, rows: left.len() / terms, columns, terms }
    }

    /// A part of the rows of xᵀ·dy; x has `k` columns and dy `n`.
    pub(super) fn of_gradient(part: Part, [k, n]: [usize; 2], x: &'a [f32], dy: &'a [f32]) -> Self {
        let rows = part.of(k);
        let left = Left::Columns { values: x, pitch: k, first: rows.start };
        Self { left, right: dy, rows: rows.len(), columns: n, terms: dy.len() / n }
    }

    /// Computes all sums and passes them to `finish`, whole rows, one group after the other.
    pub(super) fn run(self, finish: &mut dyn Finish) {
        if self.rows > 0 {
            SCRATCH.with_borrow_mut(|scratch| {
                arch().dispatch(Run { product: self, scratch, finish });
            });
        }
    }
}

/// Bytes of the left operand and the sums of rows that are computed together: they stay in the
/// second-level cache while all columns are computed.
const BYTES: usize = 256 << 10;

/// The maximum number of terms in a block: that many vectors of the right operand stay in the
/// first-level cache while a tile after the other uses them.
const TERMS: usize = 400;

/// Terms that are added in one round of the inner loop.
const AT_ONCE: usize = 8;

/// Buffers kept from step to step, so that a step does not allocate.
#[derive(Debug)]
struct Scratch {
    /// The right operand: panels of a tile's columns, each term by term.
    right: AVec<f32>,
    /// Rows of a left operand that is stored transposed: groups of a tile's rows, each term by term.
    left: AVec<f32>,
    /// The sums of some rows.
    sums: AVec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = {
        let [right, left, sums] = from_fn(|_| AVec::new(CACHELINE_ALIGN));
        RefCell::new(Scratch { right, left, sums })
    };
}

struct Run<'a, 'b> {
    product: Product<'a>,
    scratch: &'b mut Scratch,
    finish: &'b mut dyn Finish,
}

impl WithSimd for Run<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers, besides those for a row of the right operand and a
        // number of the left one.
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 8, 3>(simd);
        } else {
            self.tiles::<S, 6, 2>(simd);
        }
    }
}

impl Run<'_, '_> {
    /// Computes with tiles of `ROWS` rows and `VECTORS` vectors of columns.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { product, scratch: Scratch { right, left, sums }, finish } = self;
        let Product { rows, columns, terms, .. } = product;
        let wide = VECTORS * S::F32_LANES;
        let panels = columns.div_ceil(wide);
        let pitch = panels * wide;
        let together = (BYTES / size_of::<f32>() / (pitch + terms)).max(1).next_multiple_of(ROWS);
        // If all rows are computed together, a panel is used once.
        let is_once = rows <= together;
        let most = rows.min(together).next_multiple_of(ROWS);
        grow(right, terms * if is_once { wide } else { pitch });
        grow(left, if product.left.is_turned() { most * terms } else { 0 });
        grow(sums, most * pitch);
        let block = terms.div_ceil(terms.div_ceil(TERMS));
        for first in (0..rows).step_by(together) {
            let group = first..rows.min(first + together);
            product.pack_left::<ROWS>(group.clone(), left);
            for column in (0..columns).step_by(wide) {
                let panel = if is_once { 0 } else { column * terms };
                let right = &mut right[panel..][..terms * wide];
                if first == 0 {
                    product.pack_right::<S, VECTORS>(simd, 0..terms, column, right);
                }
                for begin in (0..terms).step_by(block) {
                    let terms = begin..terms.min(begin + block);
                    let right = &right[terms.start * wide..terms.end * wide];
                    let right = S::as_simd_f32s(right).0.as_chunks::<VECTORS>().0;
                    for row in (0..group.len()).step_by(ROWS) {
                        let place = |r: usize| (row + r) * pitch + column;
                        let mut found = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                        if begin > 0 {
                            for r in 0..ROWS {
                                let sums = S::as_simd_f32s(&sums[place(r)..][..wide]).0;
                                found[r].copy_from_slice(sums);
                            }
                        }
                        product.add(simd, (first, row), terms.clone(), left, right, &mut found);
                        for r in 0..ROWS {
                            let sums = S::as_mut_simd_f32s(&mut sums[place(r)..][..wide]).0;
                            sums.copy_from_slice(&found[r]);
                        }
                    }
                }
            }
            finish.finish(Tile { row: first, column: 0, sums, rows: group.len(), columns, pitch });
        }
    }
}

/// Resizes a buffer that is shorter than `len`.
pub(super) fn grow(buffer: &mut AVec<f32>, len: usize) {
    buffer.resize(buffer.len().max(len), 0.0);
}

impl Left<'_> {
    fn is_turned(self) -> bool {
        matches!(self, Self::Columns { .. })
    }
}

impl Product<'_> {
    /// Copies rows of a left operand that is stored transposed to groups of `ROWS`, each term by term.
    #[inline(always)]
    fn pack_left<const ROWS: usize>(&self, rows: Range<usize>, to: &mut [f32]) {
        let Left::Columns { values, pitch, first } = self.left else { return };
        for (row, to) in rows.clone().step_by(ROWS).zip(to.chunks_exact_mut(ROWS * self.terms)) {
            let count = ROWS.min(rows.end - row);
            for (from, to) in values.chunks_exact(pitch).zip(to.as_chunks_mut::<ROWS>().0) {
                let from = &from[first + row..];
                match from.first_chunk() {
                    Some(from) if count == ROWS => *to = *from,
                    _ => to[..count].copy_from_slice(&from[..count]),
                }
            }
        }
    }

    /// Copies `VECTORS` vectors of columns of the right operand, term by term; numbers past the last
    /// column are unspecified.
    #[inline(always)]
    pub(super) fn pack_right<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        terms: Range<usize>,
        column: usize,
        to: &mut [f32],
    ) {
        let width = (VECTORS * S::F32_LANES).min(self.columns - column);
        let rows = &self.right[terms.start * self.columns..terms.end * self.columns];
        let rows = rows.chunks_exact(self.columns);
        for (from, to) in rows.zip(S::as_mut_simd_f32s(to).0.as_chunks_mut::<VECTORS>().0) {
            let (vectors, rest) = S::as_simd_f32s(&from[column..][..width]);
            match vectors.first_chunk() {
                Some(vectors) => *to = *vectors,
                None => {
                    to[..vectors.len()].copy_from_slice(vectors);
                    if !rest.is_empty() {
                        to[vectors.len()] = simd.partial_load_f32s(rest);
                    }
                }
            }
        }
    }

    /// Adds some terms to the tile at `row` of the rows from `first` on. Rows past the last one are
    /// unspecified.
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        (first, row): (usize, usize),
        terms: Range<usize>,
        left: &[f32],
        right: &[[S::f32s; VECTORS]],
        sums: &mut [[S::f32s; VECTORS]; ROWS],
    ) {
        match self.left {
            Left::Rows(values) => {
                let last = self.rows - 1;
                let rows: [_; ROWS] = from_fn(|r| {
                    let row = (first + row + r).min(last);
                    values[row * self.terms..][terms.clone()].as_chunks::<AT_ONCE>()
                });
                let (whole, rest) = right.as_chunks::<AT_ONCE>();
                for (index, right) in whole.iter().enumerate() {
                    let left: [&[f32; AT_ONCE]; ROWS] = from_fn(|r| &rows[r].0[index]);
                    for term in 0..AT_ONCE {
                        add(simd, from_fn(|r| left[r][term]), right[term], sums);
                    }
                }
                for (term, right) in rest.iter().enumerate() {
                    add(simd, from_fn(|r| rows[r].1[term]), *right, sums);
                }
            }
            Left::Columns { .. } => {
                let left = &left[row * self.terms..][terms.start * ROWS..terms.end * ROWS];
                for (left, right) in left.as_chunks().0.iter().zip(right) {
                    add(simd, *left, *right, sums);
                }
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    left: [f32; ROWS],
    right: [S::f32s; VECTORS],
    sums: &mut [[S::f32s; VECTORS]; ROWS],
) {
    for r in 0..ROWS {
        let left = simd.splat_f32s(left[r]);
        for v in 0..VECTORS {
            sums[r][v] = simd.mul_add_f32s(left, right[v], sums[r][v]);
        }
    }
}
