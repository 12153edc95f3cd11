//! Stages, after a product or without one, computed tile by tile, so that each stage finds the
//! results of earlier ones in the first-level cache.

use super::masked::Masked;
use super::outer::Product;
use super::transposed::Transposed;
use super::{Part, Tile, vectorized};
use crate::function::{RELU, Rows};
use crate::graph::{SUM_COLUMNS, Step, Transpose};
use crate::kernel::{Call, Column, Epilogue, Operand, Store, Value};
use aligned_vec::{AVec, CACHELINE_ALIGN};
use smallvec::SmallVec;
use std::cell::RefCell;

/// Numbers of a value that are computed at once: eight values fit the first-level cache of most
/// CPUs.
const TILE: usize = 1024;

/// Padding between values, so that they do not all map to the same lines of a cache.
const PAD: usize = 16;

/// The number of values that are listed without an allocation.
const VALUES: usize = 24;

/// No rows.
const NONE: Rows<f32> = Rows { values: &[], pitch: 0 };

thread_local! {
    /// The values of a tile, kept from step to step, so that a step does not allocate.
    static VALUES_OF_TILE: RefCell<AVec<f32>> = RefCell::new(AVec::new(CACHELINE_ALIGN));
    /// Sums of a product, for its stages.
    static SUMS: RefCell<AVec<f32>> = RefCell::new(AVec::new(CACHELINE_ALIGN));
}

/// a, b, other operands -> the stages' outputs, computed from a·b.
pub(super) fn product(
    call: &Call,
    step: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let epilogue = of(call);
    let [_, columns, terms] = call.mnk();
    if let Some(mask) = mask(epilogue) {
        let [left, right, mask] = [0, 1, mask].map(|input| inputs[input].reals());
        return Masked { left, right, terms, mask }.run(outputs[0]);
    }
    let run = |finish: &mut dyn super::Finish| match epilogue.product {
        Some(Transpose::A) => {
            let [a, b] = [0, 1].map(|input| inputs[input].reals());
            let [k, n, _] = call.mnk();
            Product::of_gradient(part, [k, n], a, b).run_sparse(finish);
        }
        Some(Transpose::B) => Transposed::of(call, inputs).run(finish),
        _ => Product::of(call, inputs).run_sparse(finish),
    };
    let first_row = part.of(call.outputs[0].rows).start;
    let mut stages = Stages { epilogue, step, first_row, inputs, outputs };
    let width = epilogue.width;
    // Stages run on whole rows. Those of a transposed product may come in parts.
    SUMS.with_borrow_mut(|all| {
        let rows = stages.rows();
        let mut is_put_off = false;
        run(&mut |tile: Tile| {
            if tile.columns == columns {
                let Tile { row, column, rows, .. } = tile;
                let place = Place { row, column, rows, columns: width };
                stages.compute(place, halves(width, tile.sums, tile.pitch));
            } else {
                is_put_off = true;
                all.resize(all.len().max(rows * columns), 0.0);
                for (row, sums) in tile.rows() {
                    all[row * columns + tile.column..][..sums.len()].copy_from_slice(sums);
                }
            }
        });
        if is_put_off {
            stages.compute(
                Place { row: 0, column: 0, rows, columns: width },
                halves(width, all, columns),
            );
        }
    });
}

/// Rows of sums, and the same from the column `width` on.
fn halves(width: usize, sums: &[f32], pitch: usize) -> [Rows<'_, f32>; 2] {
    [0, width].map(|first| Rows { values: &sums[first..], pitch })
}

/// Operands -> the stages' outputs.
pub(super) fn stages(
    call: &Call,
    step: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let mut stages = Stages { epilogue: of(call), step, first_row: 0, inputs, outputs };
    let (rows, columns) = (stages.rows(), stages.epilogue.width);
    stages.compute(Place { row: 0, column: 0, rows, columns }, [NONE; 2]);
}

fn of(call: &Call) -> &Epilogue {
    match &call.epilogue {
        Some(epilogue) => epilogue,
        None => unreachable!("{} has stages", call.op.name()),
    }
}

/// Returns the input that masks the product, if the only stage is a ReLU's gradient.
fn mask(Epilogue { product, values, stores, .. }: &Epilogue) -> Option<usize> {
    match (values.as_slice(), stores.as_slice()) {
        (
            [Value::Sum, Value::Load { input, is_row: false, column: Column::Same }, slope],
            [Store::Same(2)],
        ) if *product == Some(Transpose::B) => {
            let is_mask = *slope == Value::Slope(&RELU, 0, SmallVec::from_slice(&[0, 1]));
            (is_mask && *input > 1).then_some(*input)
        }
        _ => None,
    }
}

/// A rectangle of computed elements.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
}

/// The place of a value's numbers.
#[derive(Clone, Copy)]
enum Source<'a> {
    Outside(Rows<'a, f32>),
    /// Index of the first number in the values of the tile.
    Tile {
        first: usize,
        pitch: usize,
    },
}

impl<'a> Source<'a> {
    /// The value's rows, given the values of the tile.
    fn rows<'b>(self, values: &'b [f32]) -> Rows<'b, f32>
    where
        'a: 'b,
    {
        match self {
            Self::Outside(rows) => rows,
            Self::Tile { first, pitch } => Rows { values: &values[first..], pitch },
        }
    }
}

struct Stages<'a, 'b, 'c> {
    epilogue: &'a Epilogue,
    step: Step,
    /// The part's first row, as an offset into inputs that are passed whole.
    first_row: usize,
    inputs: &'a [Operand<'a, f32>],
    outputs: &'b mut [&'c mut [f32]],
}

impl Stages<'_, '_, '_> {
    /// The number of rows of this part.
    fn rows(&self) -> usize {
        let width = self.epilogue.width;
        let of_row = match self.epilogue.stores[0] {
            Store::Same(_) => width,
            Store::Halves(..) => 2 * width,
            Store::Blocks(_) => width.div_ceil(SUM_COLUMNS),
        };
        self.outputs[0].len() / of_row
    }

    /// Maps a row of the part to a row of an input: inputs that are passed whole have an offset.
    fn row(&self, input: usize, row: usize) -> usize {
        let is_whole = self.epilogue.whole_inputs() >> input & 1 == 1;
        if is_whole { self.first_row + row } else { row }
    }

    /// Computes a rectangle in tiles, from its sums and partners of the product.
    fn compute(&mut self, whole: Place, sums: [Rows<f32>; 2]) {
        VALUES_OF_TILE.with_borrow_mut(|values| {
            let most = self.epilogue.values.len() * (TILE + PAD);
            values.resize(values.len().max(most), 0.0);
            let columns = whole.columns.min(TILE);
            let rows = TILE / columns;
            for column in (0..whole.columns).step_by(columns) {
                for row in (0..whole.rows).step_by(rows) {
                    let place = Place {
                        row: whole.row + row,
                        column: whole.column + column,
                        rows: rows.min(whole.rows - row),
                        columns: columns.min(whole.columns - column),
                    };
                    let sums = sums.map(|Rows { values, pitch }| {
                        let first = (row * pitch + column).min(values.len());
                        Rows { values: &values[first..], pitch }
                    });
                    self.tile(place, sums, values);
                }
            }
        });
    }

    fn tile(&mut self, place: Place, [sums, partners]: [Rows<f32>; 2], values: &mut [f32]) {
        let width = self.epilogue.width;
        let len = place.rows * place.columns;
        let size = len.next_multiple_of(PAD) + PAD;
        let mut sources: SmallVec<[Source; VALUES]> = SmallVec::new();
        let mut next = 0;
        for (index, value) in self.epilogue.values.iter().enumerate() {
            let (before, free) = values.split_at_mut(next);
            let (own, free) = free.split_at_mut(len);
            let find = |&operand: &usize| sources[operand].rows(before);
            let tile = Source::Tile { first: next, pitch: place.columns };
            let row = Source::Tile { first: next, pitch: 0 };
            let source = match value {
                Value::Sum => Source::Outside(sums),
                Value::Partner => Source::Outside(partners),
                Value::Load { input, is_row, column: Column::Only } => {
                    let numbers = self.inputs[*input].reals();
                    let first_row = self.row(*input, place.row);
                    for (row, own) in own.chunks_exact_mut(place.columns).enumerate() {
                        own.fill(numbers[if *is_row { 0 } else { first_row + row }]);
                    }
                    tile
                }
                Value::Load { input, is_row, column } => {
                    let place = Place { row: self.row(*input, place.row), ..place };
                    let numbers = self.inputs[*input].reals();
                    Source::Outside(load(numbers, *is_row, *column, place, width))
                }
                Value::Constant(number) => {
                    own[..place.columns].fill(*number as f32);
                    row
                }
                Value::Scalar(scalar) => {
                    own[..place.columns].fill(scalar.of(self.step) as f32);
                    row
                }
                // Computed with its slope, below.
                Value::Map(..) if self.epilogue.pairs[index].is_some() => Source::Outside(NONE),
                Value::Map(function, operands) => {
                    let operands: SmallVec<[_; 3]> = operands.iter().map(find).collect();
                    (function.vectors.value)(&operands, place.columns, own);
                    tile
                }
                Value::Slope(function, operand, operands) => {
                    let operands: SmallVec<[_; 4]> = operands.iter().map(find).collect();
                    if let Some(value) = self.epilogue.pairs[index] {
                        let slopes = &mut free[size - len..][..len];
                        (function.both[*operand])(&operands, place.columns, [own, slopes]);
                        sources[value] = tile;
                        Source::Tile { first: next + size, pitch: place.columns }
                    } else {
                        (function.vectors.slopes[*operand])(&operands, place.columns, own);
                        tile
                    }
                }
            };
            if let Source::Tile { first, .. } = source {
                next = first + size;
            }
            sources.push(source);
        }
        let find = |value: usize| sources[value].rows(values);
        for (store, output) in self.epilogue.stores.iter().zip(self.outputs.iter_mut()) {
            match *store {
                Store::Same(value) => put(find(value), place, output, [width, 0]),
                Store::Halves(left, right) => {
                    put(find(left), place, output, [2 * width, 0]);
                    put(find(right), place, output, [2 * width, width]);
                }
                Store::Blocks(value) => {
                    sum_blocks(find(value), place, output, width.div_ceil(SUM_COLUMNS));
                }
            }
        }
    }
}

/// Selects an input's numbers in a rectangle of stages with `width` columns.
fn load(
    numbers: &[f32],
    is_row: bool,
    column: Column,
    place: Place,
    width: usize,
) -> Rows<'_, f32> {
    let is_wide = matches!(column, Column::Left | Column::Right);
    let columns = if is_wide { 2 * width } else { width };
    let half = if column == Column::Right { width } else { 0 };
    let (row, pitch) = if is_row { (0, 0) } else { (place.row, columns) };
    Rows { values: &numbers[row * columns + half + place.column..], pitch }
}

/// Copies a value to its place in rows of `pitch` numbers, shifted by `first`.
fn put(from: Rows<f32>, place: Place, to: &mut [f32], [pitch, first]: [usize; 2]) {
    for row in 0..place.rows {
        let to = &mut to[(place.row + row) * pitch + first + place.column..][..place.columns];
        to.copy_from_slice(&from.values[row * from.pitch..][..place.columns]);
    }
}

/// Sums a value over blocks of columns; a row has `count` blocks. Tiles come in the order of their
/// columns, so the first of two tiles that share a block writes its sum, and the second adds to it.
fn sum_blocks(from: Rows<f32>, place: Place, to: &mut [f32], count: usize) {
    vectorized(
        #[inline(always)]
        || {
            for row in 0..place.rows {
                let values = &from.values[row * from.pitch..][..place.columns];
                let blocks = &mut to[(place.row + row) * count..][..count];
                let begun = place.column.next_multiple_of(SUM_COLUMNS) - place.column;
                let (last, values) = values.split_at(begun.min(values.len()));
                last.iter().for_each(|value| blocks[place.column / SUM_COLUMNS] += value);
                let blocks = &mut blocks[place.column.div_ceil(SUM_COLUMNS)..];
                let (whole, rest) = values.as_chunks::<SUM_COLUMNS>();
                for (block, values) in blocks.iter_mut().zip(whole) {
                    *block = values.iter().sum();
                }
                if !rest.is_empty() {
                    blocks[whole.len()] = rest.iter().sum();
                }
            }
        },
    );
}
