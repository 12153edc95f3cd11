//! Products whose left operand is mostly zeros, as pictures are: those terms are left out, which
//! changes no sum of finite numbers.

use super::outer::{Left, Product};
use super::{ARCH, Finish, Place, Tile, vectorized};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;

/// The share of numbers that are not 0 below which the others are left out. Each then costs a load and
/// an addition a vector, where a tile of eight rows loads a vector for eight additions.
const FEW: f64 = 0.25;

/// Numbers that are looked at at once.
const CHUNK: usize = 16;

/// A number that is not 0, and where it is.
#[derive(Clone, Copy, Debug, Default)]
struct Nonzero {
    row: u32,
    term: u32,
    number: f32,
}

/// What of a left operand is not 0, row by row.
#[derive(Debug, Default)]
struct Nonzeros {
    all: Vec<Nonzero>,
    /// Where each row begins, and the last ends.
    begins: Vec<usize>,
    /// Those of a transposed operand, as they are found.
    found: Vec<Nonzero>,
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
        let (values, pitch, used) = match left {
            Left::Rows(values) => (values, terms, 0..terms),
            Left::Columns { values, pitch, first } => (values, pitch, first..first + rows),
        };
        let most = (FEW * (rows * terms) as f64) as usize;
        let stored = (0..).zip(values.chunks_exact(pitch).map(|row| &row[used.clone()]));
        let Self { all, begins, found } = self;
        all.clear();
        begins.clear();
        found.clear();
        let found_few = vectorized(
            #[inline(always)]
            || {
                for (index, values) in stored {
                    match left {
                        Left::Rows(_) => {
                            begins.push(all.len());
                            each_nonzero(values, |term, number| {
                                all.push(Nonzero { row: index, term, number });
                            });
                        }
                        Left::Columns { .. } => each_nonzero(values, |row, number| {
                            found.push(Nonzero { row, term: index, number });
                        }),
                    }
                    if all.len() + found.len() > most {
                        return false;
                    }
                }
                true
            },
        );
        match left {
            Left::Rows(_) => begins.push(all.len()),
            Left::Columns { .. } if found_few => self.sort(rows),
            Left::Columns { .. } => (),
        }
        found_few
    }

    /// Puts what was found in the order of rows, by counting how many each has.
    fn sort(&mut self, rows: usize) {
        // Each count is kept two places on, so that it can become the place to put the next at, and
        // then where the next row begins.
        self.begins.resize(rows + 2, 0);
        for nonzero in &self.found {
            self.begins[nonzero.row as usize + 2] += 1;
        }
        for row in 2..self.begins.len() {
            self.begins[row] += self.begins[row - 1];
        }
        self.all.resize(self.found.len(), Nonzero::default());
        for &nonzero in &self.found {
            let place = &mut self.begins[nonzero.row as usize + 1];
            self.all[*place] = nonzero;
            *place += 1;
        }
    }
}

/// Takes the place and value of every number that is not 0, in order.
#[inline(always)]
fn each_nonzero(values: &[f32], mut take: impl FnMut(u32, f32)) {
    for (first, chunk) in (0..).step_by(CHUNK).zip(values.chunks(CHUNK)) {
        let bit = |(place, value): (usize, &f32)| u32::from(*value != 0.0) << place;
        let mut bits = chunk.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit);
        while bits != 0 {
            let place = bits.trailing_zeros();
            take(first + place, chunk[place as usize]);
            bits &= bits - 1;
        }
    }
}

struct Run<'a, 'b> {
    product: Product<'a>,
    nonzeros: &'b Nonzeros,
    finish: &'b mut dyn Finish,
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
            finish.prepare(&Place { rows: row..row + 1, columns: 0..product.columns });
            let nonzeros = &nonzeros.all[nonzeros.begins[row]..nonzeros.begins[row + 1]];
            let row_of = Row { product: &product, nonzeros };
            let mut column = 0;
            while column < product.columns {
                let left = product.columns - column;
                let columns = match left / S::F32_LANES {
                    12.. if S::REGISTER_COUNT >= 32 => {
                        row_of.sums::<S, 12>(simd, column, &mut sums)
                    }
                    6.. => row_of.sums::<S, 6>(simd, column, &mut sums),
                    3.. => row_of.sums::<S, 3>(simd, column, &mut sums),
                    1.. => row_of.sums::<S, 1>(simd, column, &mut sums),
                    0 => row_of.rest(simd, column, &mut sums),
                };
                finish.finish(Tile { row, column, sums: &sums, rows: 1, columns, pitch: MOST });
                column += columns;
            }
        }
    }
}

/// A row of the left operand.
struct Row<'a> {
    product: &'a Product<'a>,
    nonzeros: &'a [Nonzero],
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
        for &Nonzero { term, number, .. } in self.nonzeros {
            let at = term as usize * self.product.columns + column;
            let right = S::as_simd_f32s(&self.product.right[at..][..columns]).0;
            let number = simd.splat_f32s(number);
            for v in 0..VECTORS {
                found[v] = simd.mul_add_f32s(number, right[v], found[v]);
            }
        }
        let sums = S::as_mut_simd_f32s(&mut sums[..columns]).0;
        sums[..VECTORS].copy_from_slice(&found[..VECTORS]);
        columns
    }

    /// Those of the last columns, which are less than a vector.
    #[inline(always)]
    fn rest<S: Simd>(&self, simd: S, column: usize, sums: &mut [f32; MOST]) -> usize {
        let columns = self.product.columns - column;
        let mut found = simd.splat_f32s(0.0);
        for &Nonzero { term, number, .. } in self.nonzeros {
            let at = term as usize * self.product.columns + column;
            let right = simd.partial_load_f32s(&self.product.right[at..][..columns]);
            found = simd.mul_add_f32s(simd.splat_f32s(number), right, found);
        }
        simd.partial_store_f32s(&mut sums[..S::F32_LANES], found);
        columns
    }
}
