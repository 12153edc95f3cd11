//! The kernel table's fused kernels. Their meaning is the list of primitives of their node; here is
//! how a GPU computes it in one dispatch.

use super::case::Filling;
use super::core::{halves, layers, layers_and_terms};
use super::table::{columns, gather, invocations, noise, product, sources};
use super::{Call, Case, Fill, Grid, Kernel, Split, Table, Tolerance, WORKGROUP};
use crate::Result;
use crate::graph::{
    Fusion, Graph, LOG_ROWS, Op, RmsProp, Role, Shape, Stream, TensorId, Transpose,
};
use Fill::{Binary, Normal, Positive, Weight, Wide};

/// The kernels of the fused ops.
pub(super) static FUSED: &[Kernel] = &[
    Kernel {
        name: "batch",
        shader: "batch",
        entry_point: "batch",
        sources: sources!(
            "batch", "grid", "step", "now", "scalar", "log1p", "philox", "gather", "noise"
        ),
        constants: |call| {
            let parts = call.parts.iter().flat_map(|&part| match part {
                Op::GatherBatch { .. } => gather(part),
                other => noise(other),
            });
            let first = (gather_workgroups(call) * WORKGROUP) as f64;
            parts.chain([columns(call), ("FIRST_NOISE", first)]).collect()
        },
        grid: Grid::Own(|call| {
            let noise = call.outputs[1];
            let blocks = noise.rows * noise.columns.div_ceil(4);
            invocations(gather_workgroups(call) * WORKGROUP + blocks)
        }),
        table: None,
        twins: None,
        split: Split::Rows { whole: &[0, 1] },
        tolerance: |_| Tolerance::ELEMENTWISE,
        cases: || {
            Case::batch(|graph, operands| {
                let columns = graph.tensor(operands[0]).shape.columns;
                let rows = graph.tensor(operands[1]).shape.rows - 1;
                let binarize = crate::graph::Binarize::Stochastic;
                let x = graph.gather_batch(operands[0], operands[1], rows, binarize)?;
                let noise = Shape::new(rows, columns.div_ceil(3));
                Ok(vec![x, graph.normal(noise, Stream::Latent)?])
            })
        },
    },
    Kernel {
        split: LAYER,
        constants: |_| vec![("RELU", 0.0)],
        shader: "linear",
        ..product("linear", sources!("linear", "fours", "step", "size", "plain", "each"), || {
            Case::fused(|graph, x| Ok(vec![linear(graph, x)?]), layer, |_| Vec::new())
        })
    },
    Kernel {
        split: LAYER,
        constants: |_| vec![("RELU", 1.0)],
        shader: "linear",
        ..product(
            "linear_relu",
            sources!("linear", "fours", "step", "size", "plain", "each"),
            || {
                let append = |graph: &mut Graph, x: &[TensorId]| {
                    let y = linear(graph, x)?;
                    Ok(vec![graph.relu(y)?])
                };
                Case::fused(append, layer, |_| Vec::new())
            },
        )
    },
    Kernel {
        split: LAYER,
        grid: Grid::Tiles(halves),
        tolerance: |call| after_product(call),
        ..product(
            "linear_sample",
            sources!("linear_sample", "fours", "step", "size", "plain", "log1p", "stddev", "kl"),
            || Case::fused(sample, sampled_layer, |_| Vec::new()),
        )
    },
    Kernel {
        split: LAYER,
        constants: |call| {
            let Op::Fused(Fusion::LinearBernoulli { dlog_likelihood }) = call.op else {
                unreachable!("the row is for this op")
            };
            vec![("DLOG_LIKELIHOOD", dlog_likelihood.into())]
        },
        tolerance: |call| after_product(call),
        ..product(
            "linear_bernoulli",
            sources!(
                "linear_bernoulli",
                "fours",
                "step",
                "size",
                "plain",
                "log1p",
                "log_likelihood",
                "sigmoid"
            ),
            || Case::fused(bernoulli, observed_layer, |_| Vec::new()),
        )
    },
    Kernel {
        split: Split::Rows { whole: &[1] },
        ..product(
            "matmul_relu_backward",
            sources!("matmul_relu_backward", "fours", "step", "size", "plain", "each"),
            || {
                let append = |graph: &mut Graph, x: &[TensorId]| {
                    let dx = graph.matmul_transpose_b(x[0], x[1])?;
                    Ok(vec![graph.relu_backward(dx, x[2])?])
                };
                let operands = |[m, n, k]: [usize; 3]| {
                    vec![
                        (Shape::new(m, k), Normal),
                        (Shape::new(n, k), Weight),
                        (Shape::new(m, n), Wide),
                    ]
                };
                Case::fused(append, operands, |_| Vec::new())
            },
        )
    },
    Kernel {
        split: Split::Rows { whole: &[1] },
        constants: |call| {
            let Op::Fused(Fusion::LatentBackward { dkl }) = call.op else {
                unreachable!("the row is for this op")
            };
            vec![("DKL", dkl.into())]
        },
        tolerance: |call| after_product(call),
        ..product(
            "latent_backward",
            sources!("latent_backward", "fours", "step", "size", "plain", "each", "sigmoid"),
            || Case::fused(latent, latent_operands, |_| Vec::new()),
        )
    },
    Kernel {
        constants: |call| {
            let RmsProp { decay, epsilon } = call.rmsprop();
            let gain = 1.0 - decay;
            vec![("GAIN", gain), ("EPSILON", epsilon), ("LOG_ROWS", LOG_ROWS as f64)]
        },
        grid: Grid::Tiles(layers),
        split: Split::Layers,
        table: Some(UPDATE),
        // A mean square is a tenth of a squared gradient, so twice its relative error.
        tolerance: |call| Tolerance { relative: 5e-6, ..after_product(call) },
        ..product(
            "update",
            sources!("update", "fours", "each", "step", "size", "reduce", "descent"),
            || {
                [Case::fused(update, update_operands, update_targets), vec![three_layers()]]
                    .concat()
            },
        )
    },
];

/// Rows of x, and whole weights.
const LAYER: Split = Split::Rows { whole: &[1, 2] };

const UPDATE: Table = Table {
    buffers: 4,
    // Workspace, parameters, mean squares, log.
    buffer: |call, operand| {
        let (layers, _) = layers_and_terms(call);
        match operand.checked_sub(call.inputs.len()) {
            None => 0,
            Some(output) if output == 4 * layers => 3,
            Some(output) => 1 + output % 2,
        }
    },
    entries: |call, places| {
        let (layers, terms) = layers_and_terms(call);
        let log_columns = if terms > 0 { call.outputs[4 * layers].columns } else { 1 };
        let head = [layers, terms, log_columns].map(|count| count as u32);
        let (inputs, outputs) = places.split_at(call.inputs.len());
        let (matrices, starts) = inputs.split_at(2 * layers);
        let shape = |layer: usize, operand: usize| call.inputs[2 * layer + operand].columns as u32;
        let layer = |layer: usize| {
            let sizes = [shape(layer, 0), shape(layer, 1)];
            [&sizes, &matrices[2 * layer..][..2], &outputs[4 * layer..][..4]].concat()
        };
        let columns = call.loss_columns().map(|column| column as u32);
        let lengths = call.inputs[2 * layers..].iter().map(|shape| shape.len() as u32);
        let term = |((&start, length), column)| [start, length, column];
        let terms = starts.iter().zip(lengths).zip(columns).flat_map(term);
        head.into_iter().chain((0..layers).flat_map(layer)).chain(terms).collect()
    },
};

/// The error of a product with weights N(0, 0.1²), passed through functions of slope up to ten.
fn after_product(call: &Call) -> Tolerance {
    Tolerance { relative: 1e-5, ..Tolerance::cancelling_sum(call.mnk()[2]) }
}

fn gather_workgroups(call: &Call) -> usize {
    call.outputs[0].len().div_ceil(WORKGROUP)
}

/// x, weight, bias -> x·weight + bias.
fn linear(graph: &mut Graph, x: &[TensorId]) -> Result<TensorId> {
    let product = graph.matmul(x[0], x[1])?;
    graph.bias(product, x[2])
}

fn layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    vec![(Shape::new(m, k), Normal), (Shape::new(k, n), Weight), (Shape::new(1, n), Normal)]
}

/// n is the number of latent units.
fn sampled_layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    let mut operands = layer([m, 2 * n, k]);
    operands.push((Shape::new(m, n), Normal));
    operands
}

fn sample(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let encoded = linear(graph, x)?;
    let (mean, s) = graph.split_columns(encoded, graph.tensor(encoded).shape.columns / 2)?;
    let stddev = graph.softplus(s)?;
    let z = graph.reparameterize(mean, stddev, x[3])?;
    let kl = graph.apply(Op::GaussianKlBlocks, &[mean, stddev])?[0];
    Ok(vec![mean, s, stddev, z, kl])
}

fn observed_layer([m, n, k]: [usize; 3]) -> Vec<Filling> {
    let mut operands = layer([m, n, k]);
    operands.push((Shape::new(m, n), Binary));
    operands
}

fn bernoulli(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let logits = linear(graph, x)?;
    let sums = graph.apply(Op::BernoulliLogLikelihoodBlocks, &[logits, x[3]])?[0];
    let dlog_likelihood = graph.constant(-1.5, Shape::new(graph.tensor(logits).shape.rows, 1));
    let dlogits = graph.bernoulli_log_likelihood_backward(dlog_likelihood, logits, x[3])?;
    Ok(vec![sums, dlogits])
}

/// dy, weight, eps, mean, stddev, s.
fn latent_operands([m, n, k]: [usize; 3]) -> Vec<Filling> {
    let latent = Shape::new(m, n);
    let product = [(Shape::new(m, k), Normal), (Shape::new(n, k), Weight)];
    let own = [(latent, Normal), (latent, Normal), (latent, Positive), (latent, Normal)];
    [&product[..], &own].concat()
}

fn latent(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let &[dy, weight, eps, mean, stddev, s] = x else { return Ok(Vec::new()) };
    let dz = graph.matmul_transpose_b(dy, weight)?;
    let through_z = graph.reparameterize_backward(dz, eps)?;
    let dkl = graph.constant(1.5, Shape::new(graph.tensor(dz).shape.rows, 1));
    let (kl_mean, kl_stddev) = graph.gaussian_kl_backward(dkl, mean, stddev)?;
    let dmean = graph.add(kl_mean, dz)?;
    let dstddev = graph.add(kl_stddev, through_z)?;
    let ds = graph.softplus_backward(dstddev, s)?;
    Ok(vec![graph.split_columns_backward(dmean, ds)?])
}

/// x, dy.
fn update_operands([m, n, k]: [usize; 3]) -> Vec<Filling> {
    vec![(Shape::new(k, m), Normal), (Shape::new(k, n), Weight)]
}

/// weight, its mean square, bias, its mean square.
fn update_targets([m, n, _]: [usize; 3]) -> Vec<(Filling, Role)> {
    let pair = |shape| [((shape, Normal), Role::Parameter), ((shape, Positive), Role::State(1.0))];
    [pair(Shape::new(m, n)), pair(Shape::new(1, n))].concat()
}

fn update(graph: &mut Graph, x: &[TensorId]) -> Result<Vec<TensorId>> {
    let &[input, dy, weight, weight_ms, bias, bias_ms] = x else { return Ok(Vec::new()) };
    let dweight = graph.apply(Op::Matmul(Transpose::A), &[input, dy])?[0];
    graph.rmsprop(RmsProp::default(), dweight, weight, weight_ms)?;
    let dbias = graph.bias_backward(dy)?;
    graph.rmsprop(RmsProp::default(), dbias, bias, bias_ms)?;
    Ok(Vec::new())
}

/// Layers 7-65-130-3 with a batch of 33, and two terms of the loss.
fn three_layers() -> Case {
    let layers = [[7, 65, 33], [65, 130, 33], [130, 3, 33]];
    let terms = [(Shape::new(33, 33), Normal), (Shape::new(33, 1), Normal)];
    let log = ((Shape::new(LOG_ROWS, 3), Normal), Role::Log);
    let append = |graph: &mut Graph, x: &[TensorId]| {
        let (inputs, targets) = x.split_at(8);
        for (operands, targets) in inputs.chunks(2).zip(targets.chunks_exact(4)) {
            update(graph, &[operands, targets].concat())?;
        }
        graph.loss_sum(inputs[6], targets[12], 0)?;
        graph.loss_sum(inputs[7], targets[12], 2)?;
        Ok(Vec::new())
    };
    let inputs = layers.into_iter().flat_map(update_operands).chain(terms).collect();
    let targets = layers.into_iter().flat_map(update_targets).chain([log]).collect();
    Case::whole(append, inputs, targets)
}
