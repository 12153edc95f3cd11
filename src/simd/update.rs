//! The gradients of all layers, the optimiser's updates with them, and the sums of the loss.

use super::outer::Product;
use super::{Finish, Part, Tile, vectorized};
use crate::graph::{LOG_ROWS, Step};
use crate::kernel::{Call, Operand};
use crate::optimizer::{Block, Constants, Optimizer, Rates};

/// Columns of a bias whose gradients are summed at once.
const COLUMNS: usize = 64;

/// Updates every layer's weight and bias, with their states, then the log: see
/// [`UpdateLayout`](crate::graph::UpdateLayout). A part has the same share of the rows of every weight,
/// and of the columns of every bias; the first has the log, too.
pub(super) fn update(
    call: &Call,
    step: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let Some(layout) = call.update() else { unreachable!("the kernel is for updates") };
    let coefficients = layout.optimizer.prepared();
    let rates = step.rates(layout.optimizer);
    let (targets, log) = outputs.split_at_mut(layout.targets(layout.layers).start);
    for (layer, targets) in targets.chunks_mut(layout.targets(0).len()).enumerate() {
        let matrices = layout.matrices(layer);
        let shapes = &call.inputs[matrices.clone()];
        let (k, n) = (shapes[0].columns, shapes[1].columns);
        let (x, dy) = (inputs[matrices.start].reals(), inputs[matrices.start + 1].reals());
        let (weight, bias) = targets.split_at_mut(layout.parameter());
        let [weight, bias] = [weight, bias].map(|all| Parameter {
            optimizer: layout.optimizer,
            coefficients: &coefficients,
            rates,
            stride: n,
            all,
        });
        Product::of_gradient(part, [k, n], x, dy).run_sparse(&mut { weight });
        update_bias(bias, (dy, n), part.of(n).start);
    }
    if let Some(log) = log.first_mut().filter(|log| !log.is_empty()) {
        let row = step.index as usize % LOG_ROWS * (log.len() / LOG_ROWS);
        for (column, term) in call.loss_columns().zip(layout.loss_terms()) {
            log[row + column] = sum(inputs[term].reals(), call.inputs[term].columns);
        }
    }
}

/// The bias's columns from `first` on, with the sums of those of dy, which has `n`.
fn update_bias(mut bias: Parameter, (dy, n): (&[f32], usize), first: usize) {
    let len = bias.all[0].len();
    for start in (0..len).step_by(COLUMNS) {
        let mut gradients = [0.0; COLUMNS];
        let gradients = &mut gradients[..COLUMNS.min(len - start)];
        vectorized(
            #[inline(always)]
            || {
                for dy in dy.chunks_exact(n) {
                    let dy = &dy[first + start..][..gradients.len()];
                    gradients.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
                }
            },
        );
        bias.update(Block { first: start, ..Block::whole(gradients) });
    }
}

/// Numbers that are summed at once.
const LANES: usize = 16;

/// The part of a weight or bias that is updated, and its states.
struct Parameter<'a, 'b> {
    optimizer: Optimizer,
    coefficients: &'a Constants,
    rates: Rates<f64>,
    /// Columns.
    stride: usize,
    all: &'a mut [&'b mut [f32]],
}

impl Parameter<'_, '_> {
    fn update(&mut self, block: Block<f32>) {
        if let [weights, states @ ..] = &mut self.all {
            let (optimizer, rule) = (self.optimizer, self.optimizer.rule().vectors);
            optimizer.update(rule, self.coefficients, self.rates, block, weights, states);
        }
    }
}

impl Finish for Parameter<'_, '_> {
    fn finish(&mut self, tile: Tile) {
        self.update(Block {
            gradients: &tile.sums[..tile.pitch * tile.rows],
            pitch: tile.pitch,
            columns: tile.columns,
            first: tile.row * self.stride + tile.column,
            stride: self.stride,
        });
    }
}

/// The sum of all terms, row by row, so that in f32 no sum runs over very many.
fn sum(terms: &[f32], columns: usize) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            let row = |row: &[f32]| -> f64 {
                let mut sums = [0.0_f32; LANES];
                for terms in row.chunks(LANES) {
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                }
                sums.iter().copied().map(f64::from).sum()
            };
            terms.chunks(columns).map(row).sum::<f64>() as f32
        },
    )
}
