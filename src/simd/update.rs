//! The gradients of all layers, RMSProp with them, and the sums of the loss.

use super::math::reciprocal_sqrt;
use super::outer::Product;
use super::{Finish, Part, Tile, vectorized};
use crate::graph::{LOG_ROWS, RmsProp, Step};
use crate::kernel::{Call, Operand};

/// Columns of a bias whose gradients are summed at once.
const COLUMNS: usize = 64;

/// x, dy of each layer, then each term of the loss; updates each layer's weight, the weight's mean
/// square, its bias and the bias's mean square, then the log. A part has the same share of the rows
/// of every weight, and of the columns of every bias; the first has the log, too.
pub(super) fn update(
    call: &Call,
    step: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let descent = Descent::of(call, step);
    let layers = outputs.len() / 4;
    let (matrices, terms) = inputs.split_at(2 * layers);
    let mut log = None;
    for (layer, targets) in outputs.chunks_mut(4).enumerate() {
        match targets {
            [weight, weight_ms, bias, bias_ms] => {
                let [x, dy] = [0, 1].map(|operand| matrices[2 * layer + operand].reals());
                let [k, n] = [0, 1].map(|operand| call.inputs[2 * layer + operand].columns);
                Product::of_gradient(part, [k, n], x, dy).run_sparse(&mut Layer {
                    descent,
                    n,
                    weight,
                    weight_ms,
                });
                let first = part.of(n).start;
                update_bias(descent, (dy, n), first, bias, bias_ms);
            }
            [found] => log = Some(found),
            _ => unreachable!("four tensors a layer, and the log"),
        }
    }
    if let Some(log) = log.filter(|log| !log.is_empty()) {
        let row = step.index as usize % LOG_ROWS * (log.len() / LOG_ROWS);
        for ((column, term), shape) in
            call.loss_columns().zip(terms).zip(&call.inputs[2 * layers..])
        {
            log[row + column] = sum(term.reals(), shape.columns);
        }
    }
}

/// The bias's columns from `first` on, with the sums of those of dy, which has n.
fn update_bias(
    descent: Descent,
    (dy, n): (&[f32], usize),
    first: usize,
    bias: &mut [f32],
    bias_ms: &mut [f32],
) {
    let starts = (first..).step_by(COLUMNS);
    for ((start, bias), bias_ms) in
        starts.zip(bias.chunks_mut(COLUMNS)).zip(bias_ms.chunks_mut(COLUMNS))
    {
        vectorized(
            #[inline(always)]
            || {
                let mut gradients = [0.0; COLUMNS];
                let gradients = &mut gradients[..bias.len()];
                for dy in dy.chunks_exact(n) {
                    let dy = &dy[start..][..gradients.len()];
                    gradients.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
                }
                descent.follow(gradients, bias, bias_ms);
            },
        );
    }
}

/// Numbers that are updated, or summed, at once.
const LANES: usize = 16;

/// The rows of a weight that a part updates.
struct Layer<'a> {
    descent: Descent,
    /// Columns.
    n: usize,
    weight: &'a mut [f32],
    weight_ms: &'a mut [f32],
}

impl Finish for Layer<'_> {
    fn finish(&mut self, tile: Tile) {
        let Self { descent, n, weight, weight_ms } = self;
        vectorized(
            #[inline(always)]
            || {
                for (row, gradients) in tile.rows() {
                    let at = row * *n + tile.column..row * *n + tile.column + gradients.len();
                    descent.follow(gradients, &mut weight[at.clone()], &mut weight_ms[at]);
                }
            },
        );
    }
}

/// RMSProp's constants.
#[derive(Clone, Copy)]
struct Descent {
    learning_rate: f32,
    gain: f32,
    epsilon: f32,
}

impl Descent {
    fn of(call: &Call, step: Step) -> Self {
        let RmsProp { decay, epsilon } = call.rmsprop();
        Self {
            learning_rate: step.scalars.learning_rate as f32,
            gain: (1.0 - decay) as f32,
            epsilon: epsilon as f32,
        }
    }

    /// As [`rmsprop`](crate::cpu::rmsprop::rmsprop).
    #[inline(always)]
    fn follow(self, gradients: &[f32], weights: &mut [f32], mean_squares: &mut [f32]) {
        let rest = self.follow_by::<LANES>(gradients, weights, mean_squares);
        let rest = self.follow_by::<{ LANES / 2 }>(rest.0, rest.1, rest.2);
        self.follow_by::<1>(rest.0, rest.1, rest.2);
    }

    /// Updates so many at once, and returns what is left.
    #[inline(always)]
    fn follow_by<'a, const LANES: usize>(
        self,
        gradients: &'a [f32],
        weights: &'a mut [f32],
        mean_squares: &'a mut [f32],
    ) -> (&'a [f32], &'a mut [f32], &'a mut [f32]) {
        let (gradients, rest) = gradients.as_chunks::<LANES>();
        let (weights, weights_rest) = weights.as_chunks_mut::<LANES>();
        let (mean_squares, mean_squares_rest) = mean_squares.as_chunks_mut::<LANES>();
        for ((gradients, weights), mean_squares) in gradients.iter().zip(weights).zip(mean_squares)
        {
            // Local copies tell the compiler that the slices do not alias.
            let [mut new_weights, mut new_mean_squares] = [*weights, *mean_squares];
            for lane in 0..LANES {
                let (gradient, mean_square) = (gradients[lane], &mut new_mean_squares[lane]);
                *mean_square += (gradient * gradient - *mean_square) * self.gain;
                let root = reciprocal_sqrt(*mean_square + self.epsilon);
                new_weights[lane] -= self.learning_rate * gradient * root;
            }
            [*weights, *mean_squares] = [new_weights, new_mean_squares];
        }
        (rest, weights_rest, mean_squares_rest)
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
