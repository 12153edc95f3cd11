//! Cases of stages, alone and around products, and of other fused nodes.

use super::{Append, Case, Fill, Filling, PRODUCTS, SHAPES, optimizers};
use crate::Result;
use crate::function::{
    ADD, BERNOULLI, FUNCTIONS, Function, GAUSSIAN_KL, MULTIPLY, RELU, SOFTPLUS, SUBTRACT, Slope,
};
use crate::graph::{
    Binarize, Graph, LOG_ROWS, Op, Pixels, Role, Scalar, Shape, Stream, TensorId, Transpose,
};
use crate::optimizer::Optimizer;
use Fill::{Binary, Normal, Positive, Weight};
use std::iter::repeat_n;

/// Products for brief cases: rows and columns that are no multiples of a tile, and others.
const FEW: [[usize; 3]; 3] = [[63, 65, 64], [36, 68, 20], [1, 63, 257]];

impl Case {
    /// Cases of every function and its gradients, repeated operands, sums of blocks, and several
    /// stages.
    pub(in crate::kernel) fn stages() -> Vec<Self> {
        let mut cases = Vec::new();
        for &function in FUNCTIONS {
            cases.extend(Self::same(Op::Map(function), function.fills));
            cases.extend(gradients(function).flat_map(|(op, fills)| Self::same(op, &fills)));
        }
        let row = |shape: Shape| Shape::new(1, shape.columns);
        let column = |shape: Shape| Shape::new(shape.rows, 1);
        let one = |_: Shape| Shape::new(1, 1);
        cases.extend(Self::repeated(Op::Map(&ADD), 1, row));
        cases.extend(Self::repeated(Op::Map(&MULTIPLY), 0, column));
        cases.extend(Self::repeated(Op::Map(&SUBTRACT), 1, one));
        cases.extend(Self::repeated(Op::MapBackward(&GAUSSIAN_KL, 1), 0, column));
        cases.extend(Self::draws(|shape| Op::StepScalar { shape, scalar: Scalar::KlWeight }));
        cases.extend(Self::same(Op::BlockSum, &[Normal]));
        let halves = |graph: &mut Graph, x: &[TensorId]| {
            let (mean, s) = graph.split_columns(x[0], graph.tensor(x[1]).shape.columns)?;
            let stddev = graph.softplus(s)?;
            let z = graph.reparameterize(mean, stddev, x[1])?;
            Ok(vec![graph.concatenate(z, stddev)?])
        };
        let halves = Append::new(halves);
        cases.extend(SHAPES.iter().map(|&Shape { rows, columns }| {
            let shapes = [Shape::new(rows, 2 * columns), Shape::new(rows, columns)];
            Self::whole(&halves, shapes.map(|shape| (shape, Normal)).to_vec(), Vec::new())
        }));
        cases
    }

    /// Cases of products alone, then those of the default model, then each activation.
    pub(in crate::kernel) fn products() -> Vec<Self> {
        let matmul = |transpose, stored| Self::matmul(Op::Matmul(transpose), stored);
        let activations = FUNCTIONS.iter().filter(|function| function.is_activation);
        let others = activations.filter(|function| **function != &RELU);
        let brief = |case| Self { is_brief: true, ..case };
        [
            matmul(Transpose::None, |[m, n, k]| [Shape::new(m, k), Shape::new(k, n)]),
            matmul(Transpose::A, |[m, n, k]| [Shape::new(k, m), Shape::new(k, n)]),
            matmul(Transpose::B, |[m, n, k]| [Shape::new(m, k), Shape::new(n, k)]),
            Self::fused(&PRODUCTS, |graph, x| Ok(vec![linear(graph, x)?]), layer),
            Self::fused(&PRODUCTS, forward(&RELU), layer),
            Self::fused(&PRODUCTS, sample, sampled_layer),
            Self::fused(&PRODUCTS, bernoulli, observed_layer),
            Self::fused(&PRODUCTS, backward(&RELU), |mnk| backward_operands(&RELU, mnk)),
            Self::fused(&PRODUCTS, latent, latent_operands),
        ]
        .into_iter()
        .flatten()
        .chain(others.flat_map(|&function| {
            let operands = move |mnk| backward_operands(function, mnk);
            let wide = move |[m, n, k]: [usize; 3]| layer([m, function.arity() * n, k]);
            let both = [
                Self::fused(&FEW, forward(function), wide),
                Self::fused(&FEW, backward(function), operands),
            ];
            both.into_iter().flatten().map(brief)
        }))
        .collect()
    }

    /// Cases of gathered images with noise beside them.
    pub(in crate::kernel) fn batch() -> Vec<Self> {
        let append = Append::new(|graph: &mut Graph, operands: &[TensorId]| {
            let columns = graph.tensor(operands[0]).shape.columns;
            let rows = graph.tensor(operands[1]).shape.rows - 1;
            let x = graph.gather_batch(operands[0], operands[1], rows, Binarize::Stochastic)?;
            let noise = Shape::new(rows, columns.div_ceil(3));
            Ok(vec![x, graph.normal(noise, Stream::Latent)?])
        });
        let fused = |case| Self { work: super::Work::Fused(append.clone()), ..case };
        let gather = |pixels| Self::gather(pixels, Binarize::Stochastic);
        [Pixels::Bytes, Pixels::Reals].into_iter().flat_map(gather).map(fused).collect()
    }

    /// Cases of one layer, then of several with terms of the loss, for each rule, and for averages.
    pub(in crate::kernel) fn updates() -> Vec<Self> {
        let of_optimizer = |(index, optimizer): (usize, Optimizer)| {
            let append = Append::new(move |graph: &mut Graph, x: &[TensorId]| {
                update(graph, optimizer, x)?;
                Ok(Vec::new())
            });
            let is_brief = index > 0;
            let products = if is_brief { &FEW[..] } else { &PRODUCTS };
            let one =
                |&mnk| Self::whole(&append, update_operands(mnk), update_targets(optimizer, mnk));
            let cases = products.iter().map(one).chain([three_layers(optimizer)]);
            cases.map(|case| Self { is_brief, ..case }).collect::<Vec<_>>()
        };
        optimizers().enumerate().flat_map(of_optimizer).collect()
    }

    /// Cases in which the operand at `place` has another shape than the others.
    fn repeated(op: Op, place: usize, shape: fn(Shape) -> Shape) -> Vec<Self> {
        let fills = match op {
            Op::MapBackward(function, _) => [&[Normal], function.fills].concat(),
            _ => vec![Normal, Normal],
        };
        let mut cases = Self::same(op, &fills);
        // If all operands are repeated, so is the result.
        for case in &mut cases {
            case.inputs[place].shape = shape(case.inputs[place].shape);
        }
        cases
    }

    /// Cases of products of these shapes with stages.
    fn fused(
        products: &[[usize; 3]],
        append: impl Fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>> + Send + Sync + 'static,
        operands: impl Fn([usize; 3]) -> Vec<Filling>,
    ) -> Vec<Self> {
        let append = Append::new(append);
        products.iter().map(|&mnk| Self::whole(&append, operands(mnk), Vec::new())).collect()
    }
}

/// Returns the gradients of a function that have a slope of their own, and the numbers for their
/// check.
fn gradients(function: &'static Function) -> impl Iterator<Item = (Op, Vec<Fill>)> {
    function.slopes.iter().enumerate().filter_map(move |(operand, slope)| {
        let fills = match slope {
            Slope::Operands => [&[Normal], function.fills].concat(),
            Slope::Value => vec![Normal, function.value],
            _ => return None,
        };
        Some((Op::MapBackward(function, operand), fills))
    })
}

/// Appends a linear layer: x, weight, bias -> x·weight + bias.
fn linear(graph: &mut Graph, x: &[TensorId]) -> Result<TensorId> {
    let product = graph.matmul(x[0], x[1])?;
    graph.bias(product, x[2])
}

fn layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    vec![(Shape::new(m, k), Normal), (Shape::new(k, n), Weight), (Shape::new(1, n), Normal)]
}

/// Returns a function that appends a layer with an activation, and returns the tensors that its
/// gradient needs, and its value.
fn forward(
    function: &'static Function,
) -> impl Fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>> + Send + Sync {
    move |graph, operands| {
        let x = linear(graph, operands)?;
        let parts = graph.split(x, function.arity())?;
        let y = graph.map(function, &parts)?;
        Ok(if function.slopes[0] == Slope::Operands { vec![x, y] } else { vec![y] })
    }
}

/// Returns a function that appends a layer's backward pass, given dy, weight, and the tensor that
/// the activation's slope depends on.
fn backward(
    function: &'static Function,
) -> impl Fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>> + Send + Sync {
    move |graph, x| {
        let dy = graph.matmul_transpose_b(x[0], x[1])?;
        let parts = [&[dy], &graph.split(x[2], function.arity())?[..]].concat();
        let slope = |place| Op::MapBackward(function, place);
        let first = graph.apply(slope(0), &parts)?[0];
        if function.arity() == 1 {
            return Ok(vec![first]);
        }
        let second = graph.apply(slope(1), &parts)?[0];
        Ok(vec![graph.concatenate(first, second)?])
    }
}

fn backward_operands(function: &'static Function, [m, n, k]: [usize; 3]) -> Vec<Filling> {
    let is_value = function.slopes[0] == Slope::Value;
    let of_slope = if is_value { function.value } else { function.fills[0] };
    let kept = Shape::new(m, function.arity() * n);
    vec![(Shape::new(m, k), Normal), (Shape::new(n, k), Weight), (kept, of_slope)]
}

/// Returns the operands of the encoder's last layer with a sample; n is the number of latent units.
fn sampled_layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    let mut operands = layer([m, 2 * n, k]);
    operands.push((Shape::new(m, n), Normal));
    operands
}

fn sample(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let encoded = linear(graph, x)?;
    let (mean, s) = graph.split_columns(encoded, graph.tensor(encoded).shape.columns / 2)?;
    let stddev = graph.softplus(s)?;
    let stddev = graph.offset(stddev, 1e-6)?;
    let z = graph.reparameterize(mean, stddev, x[3])?;
    let kl = graph.map(&GAUSSIAN_KL, &[mean, stddev])?;
    let kl = graph.apply(Op::BlockSum, &[kl])?[0];
    Ok(vec![encoded, z, kl])
}

fn observed_layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    let mut operands = layer([m, n, k]);
    operands.push((Shape::new(m, n), Binary));
    operands
}

fn bernoulli(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let logits = linear(graph, x)?;
    let pixels = graph.map(&BERNOULLI, &[logits, x[3]])?;
    let sums = graph.apply(Op::BlockSum, &[pixels])?[0];
    let dpixels = graph.constant(-1.5, graph.tensor(logits).shape);
    let dlogits = graph.apply(Op::MapBackward(&BERNOULLI, 0), &[dpixels, logits, x[3]])?[0];
    Ok(vec![sums, dlogits])
}

/// Returns dy, weight, eps, and the encoder's output.
fn latent_operands([m, n, k]: [usize; 3]) -> Vec<Filling> {
    vec![
        (Shape::new(m, k), Normal),
        (Shape::new(n, k), Weight),
        (Shape::new(m, n), Normal),
        (Shape::new(m, 2 * n), Normal),
    ]
}

fn latent(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let &[dy, weight, eps, encoded] = x else { return Ok(Vec::new()) };
    let dz = graph.matmul_transpose_b(dy, weight)?;
    let shape = graph.tensor(dz).shape;
    let (mean, s) = graph.split_columns(encoded, shape.columns)?;
    let stddev = graph.softplus(s)?;
    let stddev = graph.offset(stddev, 1e-6)?;
    let through_z = graph.multiply(dz, eps)?;
    let dkl = graph.step_scalar(Scalar::KlWeight, shape)?;
    let kl_mean = graph.multiply(dkl, mean)?;
    let kl_stddev = graph.apply(Op::MapBackward(&GAUSSIAN_KL, 1), &[dkl, mean, stddev])?[0];
    let dmean = graph.add(kl_mean, dz)?;
    let dstddev = graph.add(kl_stddev, through_z)?;
    let ds = graph.apply(Op::MapBackward(&SOFTPLUS, 0), &[dstddev, s])?[0];
    Ok(vec![graph.concatenate(dmean, ds)?])
}

/// Returns x and dy.
fn update_operands([m, n, k]: [usize; 3]) -> Vec<Filling> {
    vec![(Shape::new(k, m), Normal), (Shape::new(k, n), Weight)]
}

/// Returns weight, its states, bias, its states.
fn update_targets(optimizer: Optimizer, [m, n, _]: [usize; 3]) -> Vec<(Filling, Role)> {
    let parameter = |shape| {
        let state = ((shape, Positive), Role::State(0.0));
        let states = repeat_n(state, optimizer.states().count());
        [((shape, Normal), Role::Parameter)].into_iter().chain(states)
    };
    parameter(Shape::new(m, n)).chain(parameter(Shape::new(1, n))).collect()
}

/// Appends a layer's updates, given x, dy and the targets.
fn update(graph: &mut Graph, optimizer: Optimizer, x: &[TensorId]) -> Result<()> {
    let (matrices, targets) = x.split_at(2);
    let (weight, bias) = targets.split_at(targets.len() / 2);
    let dweight = graph.matmul_transpose_a(matrices[0], matrices[1])?;
    graph.update(optimizer, dweight, weight[0], &weight[1..])?;
    let dbias = graph.column_sum(matrices[1])?;
    graph.update(optimizer, dbias, bias[0], &bias[1..])
}

/// The case of layers 7-65-130-3 with a batch of 33, and two terms of the loss.
fn three_layers(optimizer: Optimizer) -> Case {
    let layers = [[7, 65, 33], [65, 130, 33], [130, 3, 33]];
    let terms = [(Shape::new(33, 33), Normal), (Shape::new(33, 1), Normal)];
    let log = ((Shape::new(LOG_ROWS, 3), Normal), Role::Log);
    let append = Append::new(move |graph: &mut Graph, x: &[TensorId]| {
        let (inputs, targets) = x.split_at(8);
        let (log, targets) = targets.split_last().unwrap_or((&x[0], &[]));
        for (operands, targets) in inputs.chunks(2).zip(targets.chunks(targets.len() / 3)) {
            update(graph, optimizer, &[operands, targets].concat())?;
        }
        graph.loss_sum(inputs[6], *log, 0)?;
        graph.loss_sum(inputs[7], *log, 2)?;
        Ok(Vec::new())
    });
    let inputs = layers.into_iter().flat_map(update_operands).chain(terms).collect();
    let targets = layers.into_iter().flat_map(|mnk| update_targets(optimizer, mnk)).chain([log]);
    Case::whole(&append, inputs, targets.collect())
}
