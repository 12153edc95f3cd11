//! A formula as loops over rows, one for its value and one for the slope by each operand.

use super::{Formula, Lane, Number};

/// Rows of one operand: `columns` numbers each, `pitch` apart. A pitch of 0 repeats one row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    /// The numbers, from the first row on.
    pub values: &'a [T],
    /// Distance between the beginnings of two rows.
    pub pitch: usize,
}

impl<'a, T> Rows<'a, T> {
    /// Row `index`, of `columns` numbers.
    #[inline(always)]
    fn row(&self, index: usize, columns: usize) -> &'a [T] {
        &self.values[index * self.pitch..][..columns]
    }
}

/// Computes rows of `columns` numbers, as many as `out` has, from rows of the operands.
pub type Loop<T> = fn(operands: &[Rows<T>], columns: usize, out: &mut [T]);

/// Computes rows of values and of slopes like [`Loops::slopes`], from the operands of a slope.
pub type BothLoop<T> = fn(operands: &[Rows<T>], columns: usize, out: [&mut [T]; 2]);

/// The loops of a formula for one number type.
#[derive(Clone, Copy, Debug)]
pub struct Loops<T> {
    /// Computes the value from all operands.
    pub value: Loop<T>,
    /// Computes the slope by each operand times the first given operand, the value's gradient. The
    /// other given operands are all operands of the value, or the value itself, depending on the
    /// [slope](super::Slope).
    pub slopes: [Loop<T>; MOST],
}

/// The maximum number of operands of a formula.
pub const MOST: usize = 3;

/// Converts between stored numbers and those that a formula is evaluated in.
pub(crate) trait Stored<N: Number>: Copy {
    /// Converts from storage.
    fn load(self) -> N;
    /// Converts to storage.
    fn store(number: N) -> Self;
}

impl<N: Number> Stored<N> for N {
    #[inline(always)]
    fn load(self) -> N {
        self
    }
    #[inline(always)]
    fn store(number: N) -> Self {
        number
    }
}

impl Stored<Lane> for f32 {
    #[inline(always)]
    fn load(self) -> Lane {
        Lane(self)
    }
    #[inline(always)]
    fn store(number: Lane) -> Self {
        number.0
    }
}

/// Runs a loop's body, with or without vectors.
pub(crate) trait Runner {
    /// Runs `body`.
    fn run(body: impl FnOnce());
}

/// Runs a body without vectors.
#[derive(Debug)]
pub(crate) struct Plain;

impl Runner for Plain {
    fn run(body: impl FnOnce()) {
        body();
    }
}

/// Runs a body with the widest vectors of the CPU, or the selected ones.
#[derive(Debug)]
pub(crate) struct Vectorized;

impl Runner for Vectorized {
    #[inline(always)]
    fn run(body: impl FnOnce()) {
        crate::vectors::vectorized(body);
    }
}

impl<T: Copy> Loops<T> {
    /// The loops of `F` in numbers `N`, stored as `T`.
    pub(super) const fn of<F, const ARITY: usize, N, R>() -> Self
    where
        F: Formula<ARITY>,
        N: Number,
        T: Stored<N>,
        R: Runner,
    {
        Self {
            value: value::<F, ARITY, N, T, R>,
            slopes: [
                slope::<F, ARITY, 0, N, T, R>,
                slope::<F, ARITY, 1, N, T, R>,
                slope::<F, ARITY, 2, N, T, R>,
            ],
        }
    }
}

/// The loops of `F` for values together with the slopes by each operand.
pub(super) const fn both_loops<F, const ARITY: usize, N, T, R>() -> [BothLoop<T>; MOST]
where
    F: Formula<ARITY>,
    N: Number,
    T: Stored<N>,
    R: Runner,
{
    [both::<F, ARITY, 0, N, T, R>, both::<F, ARITY, 1, N, T, R>, both::<F, ARITY, 2, N, T, R>]
}

/// The length of a row, or of all rows if they are contiguous in each operand.
fn joined<T>(operands: &[Rows<T>], columns: usize, len: usize) -> usize {
    if operands.iter().all(|rows| rows.pitch == columns) { len } else { columns }
}

/// Row `index` of each operand.
#[inline(always)]
fn rows<'a, const ARITY: usize, T>(
    operands: &[Rows<'a, T>],
    index: usize,
    columns: usize,
) -> [&'a [T]; ARITY] {
    std::array::from_fn(|operand| operands[operand].row(index, columns))
}

/// The numbers of a column.
#[inline(always)]
fn at<const ARITY: usize, N: Number, T: Stored<N>>(
    rows: &[&[T]; ARITY],
    column: usize,
) -> [N; ARITY] {
    let mut x = [N::of(0.0); ARITY];
    for operand in 0..ARITY {
        x[operand] = rows[operand][column].load();
    }
    x
}

fn value<F, const ARITY: usize, N, T, R>(operands: &[Rows<T>], columns: usize, out: &mut [T])
where
    F: Formula<ARITY>,
    N: Number,
    T: Stored<N>,
    R: Runner,
{
    let columns = joined(operands, columns, out.len());
    R::run(
        #[inline(always)]
        || {
            for (index, out) in out.chunks_exact_mut(columns).enumerate() {
                let rows = rows::<ARITY, T>(operands, index, columns);
                for (column, out) in out.iter_mut().enumerate() {
                    *out = T::store(F::value(at(&rows, column)));
                }
            }
        },
    );
}

fn slope<F, const ARITY: usize, const OPERAND: usize, N, T, R>(
    operands: &[Rows<T>],
    columns: usize,
    out: &mut [T],
) where
    F: Formula<ARITY>,
    N: Number,
    T: Stored<N>,
    R: Runner,
{
    let columns = joined(operands, columns, out.len());
    R::run(
        #[inline(always)]
        || {
            for (index, out) in out.chunks_exact_mut(columns).enumerate() {
                let dy = operands[0].row(index, columns);
                let rows = rows::<ARITY, T>(&operands[1..], index, columns);
                for (column, out) in out.iter_mut().enumerate() {
                    let slope = F::slope(OPERAND, at(&rows, column));
                    *out = T::store(dy[column].load() * slope);
                }
            }
        },
    );
}

fn both<F, const ARITY: usize, const OPERAND: usize, N, T, R>(
    operands: &[Rows<T>],
    columns: usize,
    [values, slopes]: [&mut [T]; 2],
) where
    F: Formula<ARITY>,
    N: Number,
    T: Stored<N>,
    R: Runner,
{
    let columns = joined(operands, columns, values.len());
    R::run(
        #[inline(always)]
        || {
            let out = values.chunks_exact_mut(columns).zip(slopes.chunks_exact_mut(columns));
            for (index, (values, slopes)) in out.enumerate() {
                let dy = operands[0].row(index, columns);
                let rows = rows::<ARITY, T>(&operands[1..], index, columns);
                for (column, (value, slope)) in values.iter_mut().zip(slopes).enumerate() {
                    let x = at(&rows, column);
                    *value = T::store(F::value(x));
                    *slope = T::store(dy[column].load() * F::slope(OPERAND, x));
                }
            }
        },
    );
}
