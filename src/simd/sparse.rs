//! Products whose left operand has many zeros, as pictures have and what comes out of a ReLU: those
//! terms are left out, which changes no sum of finite numbers.

use super::outer::{Left, Product};
use super::{ARCH, Finish, Part, Tile, vectorized};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;

/// The share of numbers that are not 0 below which the others are left out. Each then costs a load and
/// an addition a vector, where a tile of eight rows loads a vector for eight additions.
const FEW: f64 = 0.6;

/// Vectors of columns whose sums are in registers at once.
const VECTORS: usize = 7;

/// Terms at once: so much of the right operand, and so wide, stays in the fastest cache while row
/// after row takes what it needs.
const TERMS: usize = 64;

/// Rows at once.
const ROWS: usize = 64;

/// The most columns at once, of the widest vectors.
const MOST: usize = VECTORS * 16;

/// Numbers that are passed over at once if all are 0.
const CHUNK: usize = 16;

/// A number that is not 0, and which of its [`TERMS`] it is.
#[derive(Clone, Copy, Debug, Default)]
struct Nonzero {
    term: u32,
    number: f32,
}

/// What of a left operand is not 0: of its first [`TERMS`] row by row, then of the next ones.
#[derive(Debug)]
struct Nonzeros {
    all: Vec<Nonzero>,
    /// Where those of each row and block of terms end.
    ends: Vec<usize>,
    /// The sums of some rows, between blocks of terms.
    sums: AVec<f32>,
    /// What of the right operand is used at once, side by side.
    packed: AVec<f32>,
}

impl Default for Nonzeros {
    fn default() -> Self {
        let zeros = |len| AVec::from_iter(CACHELINE_ALIGN, (0..len).map(|_| 0.0));
        Self {
            all: Vec::new(),
            ends: Vec::new(),
            sums: zeros(ROWS * MOST),
            packed: zeros(TERMS * MOST),
        }
    }
}

thread_local! {
    /// Kept from step to step, so that nothing is allocated in one.
    static NONZEROS: RefCell<Nonzeros> = RefCell::default();
}

impl Product<'_> {
    /// As [`run`](Self::run), but leaves out zeros if there are many.
    pub(super) fn run_sparse(self, finish: &mut dyn Finish) {
        NONZEROS.with_borrow_mut(|nonzeros| {
            if nonzeros.find(&self) {
                ARCH.dispatch(Run { product: self, nonzeros, finish });
            } else {
                self.run(finish);
            }
        });
    }
}

impl Nonzeros {
    /// Finds them, unless there are more than [`FEW`].
    fn find(&mut self, product: &Product) -> bool {
        let Product { left, rows, terms, .. } = *product;
        vectorized(
            #[inline(always)]
            || {
                let (values, pitch, used) = match left {
                    Left::Rows(values) => (values, terms, 0..terms),
                    Left::Columns { values, pitch, first } => (values, pitch, first..first + rows),
                };
                let stored = values.chunks_exact(pitch).map(|row| &row[used.clone()]);
                let count: usize = stored.clone().map(count).sum();
                if count as f64 > FEW * (rows * terms) as f64 {
                    return false;
                }
                let Self { all, ends, .. } = self;
                let spans = rows * terms.div_ceil(TERMS);
                all.resize(all.len().max(count + spans), Nonzero::default());
                ends.clear();
                for first in (0..terms).step_by(TERMS) {
                    let block = first..terms.min(first + TERMS);
                    if let Left::Rows(_) = left {
                        stored.clone().for_each(|row| keep(all, ends, &row[block.clone()]));
                    } else {
                        keep_by_columns(all, ends, stored.clone().skip(first).take(block.len()));
                    }
                }
                true
            },
        )
    }
}

/// Where those of a row and block begin: behind a place to spare after the ones before.
#[inline(always)]
fn begin(ends: &[usize], index: usize) -> usize {
    index.checked_sub(1).map_or(0, |previous| ends[previous] + 1)
}

/// How many are not 0.
#[inline(always)]
fn count(numbers: &[f32]) -> usize {
    numbers.iter().map(|&number| is_nonzero(number)).sum::<u32>() as usize
}

/// 1 for a number that is not 0, NaN among them.
#[inline(always)]
fn is_nonzero(number: f32) -> u32 {
    u32::from(number.to_bits() << 1 != 0)
}

/// Keeps what is not 0 of a row's terms. Every number is put down where the next one belongs, and
/// stays there if it is not 0: without a branch that no CPU could foresee.
#[inline(always)]
fn keep(all: &mut [Nonzero], ends: &mut Vec<usize>, numbers: &[f32]) {
    let mut end = begin(ends, ends.len());
    for (first, numbers) in (0..).step_by(CHUNK).zip(numbers.chunks(CHUNK)) {
        if count(numbers) > 0 {
            for (term, &number) in (first..).zip(numbers) {
                all[end] = Nonzero { term, number };
                end += is_nonzero(number) as usize;
            }
        }
    }
    ends.push(end);
}

/// As [`keep`], of some terms of all rows, which are stored as columns.
#[inline(always)]
fn keep_by_columns<'a>(
    all: &mut [Nonzero],
    ends: &mut Vec<usize>,
    stored: impl Iterator<Item = &'a [f32]> + Clone,
) {
    let rows = stored.clone().next().map_or(0, <[f32]>::len);
    let first = ends.len();
    let mut begin = begin(ends, first);
    // How many each row has; then where it begins; then, since that moves on, where it ends.
    ends.resize(first + rows, 0);
    let ends = &mut ends[first..];
    for numbers in stored.clone() {
        ends.iter_mut().zip(numbers).for_each(|(n, &number)| *n += is_nonzero(number) as usize);
    }
    for count in ends.iter_mut() {
        begin += std::mem::replace(count, begin) + 1;
    }
    for (term, numbers) in (0..).zip(stored) {
        for (ends, numbers) in ends.chunks_mut(CHUNK).zip(numbers.chunks(CHUNK)) {
            if count(numbers) > 0 {
                for (end, &number) in ends.iter_mut().zip(numbers) {
                    all[*end] = Nonzero { term, number };
                    *end += is_nonzero(number) as usize;
                }
            }
        }
    }
}

struct Run<'a, 'b> {
    product: Product<'a>,
    nonzeros: &'b mut Nonzeros,
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
    /// The sums of some vectors of columns, of which the last may be past the last column.
    #[inline(always)]
    fn columns<S: Simd, const VECTORS: usize>(&mut self, simd: S, column: usize) {
        let Product { right, rows, columns, terms, .. } = self.product;
        let Nonzeros { all, ends, sums, packed } = &mut *self.nonzeros;
        let wide = VECTORS * S::F32_LANES;
        let width = wide.min(columns - column);
        let blocks = terms.div_ceil(TERMS);
        let group = if blocks == 1 { 8 } else { ROWS };
        let mut in_pack = None;
        for first in (0..rows).step_by(group) {
            let group = first..rows.min(first + group);
            for block in 0..blocks {
                if in_pack.replace(block) != Some(block) {
                    let right = right.chunks_exact(columns).skip(block * TERMS);
                    for (packed, right) in packed.chunks_exact_mut(wide).zip(right).take(TERMS) {
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
                    if block > 0 {
                        found.copy_from_slice(&sums[..VECTORS]);
                    }
                    let index = block * rows + row;
                    for &Nonzero { term, number } in &all[begin(ends, index)..ends[index]] {
                        let right = S::as_simd_f32s(&packed[term as usize * wide..][..wide]).0;
                        let number = simd.splat_f32s(number);
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
