//! Chains that are no autoencoder's: a user's layers, and random graphs.

use std::collections::HashMap;

use wgvae::function::SQUARE;
use wgvae::graph::{Element, FusionOptions, Graph, Node, Shape, TensorId, gradients};
use wgvae::optimizer::Optimizer;
use wgvae::random::generator;

use super::super::TestResult;
use super::super::random::{Sample, for_samples};
use super::{BOTH, check_values, labels};

#[test]
fn random_graphs_keep_their_values() -> TestResult {
    // Many: widths that can be taken for each other are rare.
    const SAMPLES: u64 = 3000;
    let (mut kinds, mut repeated) = (HashMap::new(), 0);
    for_samples(SAMPLES, |sample| {
        for options in BOTH {
            let fused = check_values(sample, options)?;
            for node in fused.nodes() {
                *kinds.entry(node.op.name()).or_insert(0) += 1;
            }
            let parts: Vec<_> = fused.nodes().iter().flat_map(|node| &node.parts).collect();
            let is_twice = |part: &&&Node| parts.iter().filter(|other| other == part).count() > 1;
            repeated += usize::from(parts.iter().any(|part| is_twice(&part)));
        }
        Ok(())
    })?;
    assert!(kinds.get("stages").is_some_and(|&count| count > 3000), "{kinds:?}");
    assert!(repeated > 50, "only {repeated} compute something twice");
    Ok(())
}

/// The tensors of a layer that is nobody's but the user's.
struct Layer {
    weight: TensorId,
    bias: TensorId,
    mask: TensorId,
    scale: TensorId,
}

impl Layer {
    /// A layer on the rows of x `[batch, inputs]`.
    fn new(graph: &mut Graph, name: &str, x: TensorId, outputs: usize) -> Self {
        let Shape { rows, columns } = graph.tensor(x).shape;
        let mut data = |part, columns| {
            graph.data(&format!("{name}.{part}"), Shape::new(rows, columns), Element::F32)
        };
        Self {
            mask: data("mask", outputs),
            scale: data("scale", 1),
            weight: graph.parameter(&format!("{name}.weight"), Shape::new(columns, outputs)),
            bias: graph.parameter(&format!("{name}.bias"), Shape::new(1, outputs)),
        }
    }

    /// sigmoid(x·weight + bias)·mask·scale + skip.
    fn apply(&self, graph: &mut Graph, x: TensorId, skip: TensorId) -> wgvae::Result<TensorId> {
        let product = graph.matmul(x, self.weight)?;
        let sum = graph.bias(product, self.bias)?;
        let sigmoid = graph.sigmoid(sum)?;
        let masked = graph.multiply(sigmoid, self.mask)?;
        let scaled = graph.multiply(masked, self.scale)?;
        graph.add(scaled, skip)
    }
}

#[test]
fn a_chain_of_anybody_is_one_node() -> TestResult {
    // Also where the widths are such that operands could be taken for others.
    for [batch, inputs, outputs] in [[5, 7, 6], [6, 6, 6], [3, 4, 1], [1, 5, 2], [2, 6, 12]] {
        let mut graph = Graph::new();
        let x = graph.data("x", Shape::new(batch, inputs), Element::F32);
        let skip = graph.data("skip", Shape::new(batch, outputs), Element::F32);
        let layer = Layer::new(&mut graph, "layer", x, outputs);
        let y = layer.apply(&mut graph, x, skip)?;
        let primitives = graph.nodes().to_vec();
        let sample = Sample::of(0, graph, vec![y], generator(0, 0));
        let fused = check_values(&sample, FusionOptions::default())?;
        assert_eq!(labels(&fused), ["linear+sigmoid"], "{fused}");
        let node = &fused.nodes()[0];
        assert_eq!(node.parts, primitives);
        let Layer { weight, bias, mask, scale } = layer;
        assert_eq!(node.inputs, [x, weight, bias, mask, scale, skip]);
        assert_eq!(node.outputs, [y]);
    }
    Ok(())
}

/// Two layers with a connection that skips each, the sums of their squares, and the gradients of all
/// parameters: x, the values of the layers, the gradients.
fn residual(width: usize) -> wgvae::Result<(Graph, [TensorId; 3], Vec<TensorId>)> {
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(5, width), Element::F32);
    let layers = ["first", "second"].map(|name| Layer::new(&mut graph, name, x, width));
    let first = layers[0].apply(&mut graph, x, x)?;
    let second = layers[1].apply(&mut graph, first, first)?;
    let squares = graph.map(&SQUARE, &[second])?;
    let parameters = layers.iter().flat_map(|layer| [layer.weight, layer.bias]);
    let found = gradients(&mut graph, &[(squares, 0.75)], &parameters.collect::<Vec<_>>())?;
    Ok((graph, [x, first, second], found))
}

#[test]
fn the_gradient_of_a_chain_is_one_node() -> TestResult {
    for width in [6, 5, 1] {
        let (graph, [_, first, second], gradients) = residual(width)?;
        let sample = Sample::of(0, graph.clone(), gradients.clone(), generator(0, 0));
        let fused = check_values(&sample, FusionOptions::default())?;
        let expected = [
            "column_sum",
            "column_sum",
            "linear+sigmoid",
            "linear+sigmoid+square",
            "linear_backward+sigmoid",
            "matmul_transpose_a",
            "matmul_transpose_a",
        ];
        assert_eq!(labels(&fused), expected, "{fused}");
        // What the host asks for, too: the first is stored anyway, the second is a tensor more than
        // its node can bind.
        for (output, is_free) in [(first, true), (second, false)] {
            let outputs = [&gradients[..], &[output]].concat();
            let sample = Sample::of(0, graph.clone(), outputs, generator(0, 0));
            let fused = check_values(&sample, FusionOptions::default())?;
            assert_eq!(fused.nodes().len() == expected.len(), is_free, "{fused}");
        }
    }
    Ok(())
}

#[test]
fn what_is_updated_in_between_is_not_computed_once_more() -> TestResult {
    for is_updated in [false, true] {
        let mut graph = Graph::new();
        let shape = Shape::new(4, 4);
        let [x, dw] = ["x", "dw"].map(|name| graph.data(name, shape, Element::F32));
        let (w, ms) = super::super::weight(&mut graph, "w", shape);
        // Of w before the update: two products read it.
        let before = graph.softplus(w)?;
        let first = graph.matmul(x, dw)?;
        let first = graph.multiply(first, before)?;
        if is_updated {
            graph.update(Optimizer::default(), dw, w, &[ms])?;
        }
        // This one reads w, too, so it could compute the function of it by itself.
        let second = graph.matmul(first, dw)?;
        let second = graph.multiply(second, w)?;
        let second = graph.multiply(second, before)?;
        let sample = Sample::of(0, graph, vec![first, second], generator(0, 0));
        let fused = check_values(&sample, FusionOptions::default())?;
        let makers = fused.nodes().iter().flat_map(Node::primitives);
        let makers = makers.filter(|part| part.outputs == [before]).count();
        assert_eq!(makers, if is_updated { 1 } else { 2 }, "{fused}");
    }
    Ok(())
}
