//! Products whose left operand is mostly zeros, as pictures are: those terms are left out, which
//! changes no sum of finite numbers.

use super::Tile;
use super::outer::{Left, Product};
use pulp::{Arch, Simd, WithSimd};
use std::cell::RefCell;

/// The share of numbers below which leaving out the zeros is faster than tiles, by measurement
/// (`cargo bench --bench simd`).
const FEW: f64 = 0.25;

/// Numbers that are skipped at once if they are all 0.
const CHUNK: usize = 16;

/// Of each row of a left operand the terms that are not 0, and their numbers.
#[derive(Debug, Default)]
struct Nonzeros {
    terms: Vec<u32>,
    numbers: Vec<f32>,
    /// Where each row begins, and the last ends.
    begins: Vec<usize>,
    /// Of columns: row, term and number, as they are found.
    found: Vec<(u32, u32, f32)>,
}

thread_local! {
    /// Kept from step to step, so that nothing is allocated in one.
    static NONZEROS: RefCell<Nonzeros> = RefCell::default();
}

impl Product<'_> {
    /// As [`run`](Self::run), but leaves out zeros if there are many.
    pub(super) fn run_sparse(self, finish: &mut dyn FnMut(Tile)) {
        NONZEROS.with_borrow_mut(|nonzeros| {
            if nonzeros.find(&self) {
                Arch::new().dispatch(Run { product: self, nonzeros, finish });
            } else {
                self.run(finish);
            }
        });
    }
}

impl Nonzeros {
    /// Finds them, unless there are more than [`FEW`].
    fn find(&mut self, product: &Product) -> bool {
        let most = (FEW * (product.rows * product.terms) as f64) as usize;
        self.terms.clear();
        self.numbers.clear();
        self.begins.clear();
        self.found.clear();
        match product.left {
            Left::Rows(values) => self.find_in_rows(values, product.terms, most),
            Left::Columns { values, pitch, first } => {
                let all = values.chunks_exact(pitch).map(|row| &row[first..][..product.rows]);
                self.find_in_columns(all, product.rows, most)
            }
        }
    }

    fn find_in_rows(&mut self, values: &[f32], terms: usize, most: usize) -> bool {
        for row in values.chunks_exact(terms) {
            self.begins.push(self.terms.len());
            for_nonzeros(row, |term| {
                self.terms.push(term as u32);
                self.numbers.push(row[term]);
            });
            if self.terms.len() > most {
                return false;
            }
        }
        self.begins.push(self.terms.len());
        true
    }

    /// By counting how many each row has, then putting each where its row is.
    fn find_in_columns<'a>(
        &mut self,
        stored: impl Iterator<Item = &'a [f32]>,
        rows: usize,
        most: usize,
    ) -> bool {
        // Each row's count is kept two places on, so that it can become the place to put the next at,
        // and then where the next row begins.
        self.begins.resize(rows + 2, 0);
        for (term, stored) in stored.enumerate() {
            for_nonzeros(stored, |row| {
                self.begins[row + 2] += 1;
                self.found.push((row as u32, term as u32, stored[row]));
            });
            if self.found.len() > most {
                return false;
            }
        }
        for row in 2..self.begins.len() {
            self.begins[row] += self.begins[row - 1];
        }
        self.terms.resize(self.found.len(), 0);
        self.numbers.resize(self.found.len(), 0.0);
        for &(row, term, number) in &self.found {
            let place = &mut self.begins[row as usize + 1];
            self.terms[*place] = term;
            self.numbers[*place] = number;
            *place += 1;
        }
        true
    }
}

/// Calls with the place of every number that is not 0, in order.
fn for_nonzeros(values: &[f32], mut take: impl FnMut(usize)) {
    for (index, chunk) in values.chunks(CHUNK).enumerate() {
        let some = chunk.iter().fold(0, |bits, value| bits | value.to_bits() << 1);
        if some != 0 {
            let nonzero = chunk.iter().enumerate().filter(|(_, value)| **value != 0.0);
            nonzero.for_each(|(place, _)| take(index * CHUNK + place));
        }
    }
}

struct Run<'a, 'b> {
    product: Product<'a>,
    nonzeros: &'b Nonzeros,
    finish: &'b mut dyn FnMut(Tile),
}

/// The most numbers of a tile: 12 vectors of 16.
const MOST: usize = 12 * 16;

impl WithSimd for Run<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { product, nonzeros, finish } = self;
        let mut sums = [0.0; MOST];
        for row in 0..product.rows {
            let range = nonzeros.begins[row]..nonzeros.begins[row + 1];
            let (terms, numbers) = (&nonzeros.terms[range.clone()], &nonzeros.numbers[range]);
            let row_of = Row { product: &product, terms, numbers };
            let mut column = 0;
            while column < product.columns {
                let left = product.columns - column;
                let columns = match left / S::F32_LANES {
                    12.. if S::REGISTER_COUNT >= 32 => row_of.sums::<S, 12>(simd, column, &mut sums),
                    6.. => row_of.sums::<S, 6>(simd, column, &mut sums),
                    3.. => row_of.sums::<S, 3>(simd, column, &mut sums),
                    1.. => row_of.sums::<S, 1>(simd, column, &mut sums),
                    0 => row_of.rest(simd, column, &mut sums),
                };
                finish(Tile { row, column, sums: &sums, rows: 1, columns, pitch: MOST });
                column += columns;
            }
        }
    }
}

/// A row of the left operand.
struct Row<'a> {
    product: &'a Product<'a>,
    terms: &'a [u32],
    numbers: &'a [f32],
}

impl Row<'_> {
    /// The sums of some vectors of columns; returns how many columns that is.
    #[inline(always)]
    fn sums<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        column: usize,
        sums: &mut [f32; MOST],
    ) -> usize {
        let columns = VECTORS * S::F32_LANES;
        let mut found = [simd.splat_f32s(0.0); VECTORS];
        for (&term, &number) in self.terms.iter().zip(self.numbers) {
            let at = term as usize * self.product.columns + column;
            let right = S::as_simd_f32s(&self.product.right[at..][..columns]).0;
            let number = simd.splat_f32s(number);
            for (sum, &right) in found.iter_mut().zip(right) {
                *sum = simd.mul_add_f32s(number, right, *sum);
            }
        }
        S::as_mut_simd_f32s(&mut sums[..columns]).0.copy_from_slice(&found);
        columns
    }

    /// Those of the last columns, which are less than a vector.
    #[inline(always)]
    fn rest<S: Simd>(&self, simd: S, column: usize, sums: &mut [f32; MOST]) -> usize {
        let columns = self.product.columns - column;
        let mut found = simd.splat_f32s(0.0);
        for (&term, &number) in self.terms.iter().zip(self.numbers) {
            let at = term as usize * self.product.columns + column;
            let right = simd.partial_load_f32s(&self.product.right[at..][..columns]);
            found = simd.mul_add_f32s(simd.splat_f32s(number), right, found);
        }
        simd.partial_store_f32s(&mut sums[..S::F32_LANES], found);
        columns
    }
}
