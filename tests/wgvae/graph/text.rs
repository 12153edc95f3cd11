//! The printed form of a graph and of its plan.

use wgvae::function::SQUARE;
use wgvae::graph::{
    Binarize, Element, FusionOptions, Graph, Node, Plan, Role, Shape, Stream, TensorId, fuse,
    gradients,
};
use wgvae::optimizer::Optimizer;

use super::TestResult;

/// A layer, its loss and its training, with one tensor of each role and element type.
fn small() -> wgvae::Result<Graph> {
    let mut graph = Graph::new();
    let images = graph.data("images", Shape::new(60, 3), Element::U8);
    let indices = graph.data("indices", Shape::new(60, 1), Element::U32);
    let w = graph.parameter("w", Shape::new(3, 3));
    let ms = graph.add_tensor("rms.w", Shape::new(3, 3), Element::F32, Role::State(1.0));
    let log = graph.log("loss", 1);
    let x = graph.gather_batch(images, indices, 2, Binarize::Threshold)?;
    graph.rename(x, "x");
    let logits = graph.matmul(x, w)?;
    graph.rename(logits, "logits");
    let term = graph.bernoulli_log_likelihood(logits, x)?;
    graph.loss_sum(term, log, 0)?;
    let gradients = gradients(&mut graph, &[(term, -1.0)], &[w])?;
    graph.update(Optimizer::default(), gradients[0], w, &[ms])?;
    graph.split_columns(logits, 1)?;
    Ok(graph)
}

const GRAPH: &str = "\
data       images U8[60, 3]
data       indices U32[60, 1]
parameter  w F32[3, 3]
state      rms.w F32[3, 3]
log        loss F32[1024, 1]
constant   constant -1 [2, 1] F32[2, 1]
constant   constant -1 [2, 3] F32[2, 3]
x [2, 3] = gather_batch(images, indices)
logits [2, 3] = matmul(x, w)
bernoulli.7 [2, 3] = bernoulli(logits, x)
row_sum.8 [2, 1] = row_sum(bernoulli.7)
loss [1024, 1] <- loss_sum(row_sum.8)
dlogits [2, 3] = bernoulli_backward(constant -1 [2, 3], logits, x)
dw [3, 3] = matmul_transpose_a(x, dlogits)
w [3, 3], rms.w [3, 3] <- rmsprop(dw)
split_columns.13 [2, 1], split_columns.14 [2, 2] = split_columns(logits)
";

const PLAN: &str = "\
data       images U8[60, 3]
data       indices U32[60, 1]
parameter  w F32[3, 3]
state      rms.w F32[3, 3]
log        loss F32[1024, 1]
constant   constant -1 [2, 3] F32[2, 3]
x [2, 3] @1 = gather_batch(images, indices)
logits [2, 3] @0 = matmul(x, w)
bernoulli.7 [2, 3] @2 = bernoulli(logits, x)
row_sum.8 [2, 1] @3 = row_sum(bernoulli.7)
loss [1024, 1] <- loss_sum(row_sum.8)
dlogits [2, 3] @2 = bernoulli_backward(constant -1 [2, 3], logits, x)
dw [3, 3] @0 = matmul_transpose_a(x, dlogits)
w [3, 3], rms.w [3, 3] <- rmsprop(dw)
8 nodes; 6 tensors in 4 slots: 92 bytes instead of 140
";

#[test]
fn a_graph_as_text() -> TestResult {
    assert_eq!(small()?.to_string(), GRAPH);
    Ok(())
}

#[test]
fn a_plan_as_text() -> TestResult {
    assert_eq!(Plan::new(small()?, &[]).to_string(), PLAN);
    Ok(())
}

const FUSED: &str = "\
data       images U8[60, 3]
data       indices U32[60, 1]
parameter  w F32[3, 3]
state      rms.w F32[3, 3]
log        loss F32[1024, 1]
constant   constant -1 [2, 1] F32[2, 1]
constant   constant -1 [2, 3] F32[2, 3]
x [2, 3] = gather_batch(images, indices)
row_sum.8 [2, 1], dlogits [2, 3] = matmul+bernoulli(x, w)
loss [1024, 1] <- loss_sum(row_sum.8)
dw [3, 3] = matmul_transpose_a(x, dlogits)
w [3, 3], rms.w [3, 3] <- rmsprop(dw)
";

#[test]
fn a_fused_graph_as_text() -> TestResult {
    assert_eq!(fuse(&small()?, &[], FusionOptions::default()).to_string(), FUSED);
    Ok(())
}

/// The labels of what is fused of the nodes that make something of operands `[6, 6]`, and of nothing
/// else.
fn labels(
    make: impl Fn(&mut Graph, &[TensorId; 4]) -> wgvae::Result<TensorId>,
) -> wgvae::Result<Vec<String>> {
    let mut graph = Graph::new();
    let operands = ["a", "b", "c", "d"].map(|name| graph.parameter(name, Shape::new(6, 6)));
    let output = make(&mut graph, &operands)?;
    let fused = fuse(&graph, &[output], FusionOptions::default());
    Ok(fused.nodes().iter().map(Node::label).collect())
}

#[test]
fn a_label_has_the_product_then_the_functions() -> TestResult {
    let found = labels(|graph, &[a, b, c, _]| {
        let product = graph.matmul(a, b)?;
        let sum = graph.add(product, c)?;
        graph.relu(sum)
    })?;
    assert_eq!(found, ["linear+relu"]);
    let found = labels(|graph, &[a, b, c, d]| {
        let product = graph.matmul_transpose_a(a, b)?;
        let scaled = graph.multiply(product, c)?;
        let sum = graph.add(scaled, d)?;
        graph.bernoulli_sample(sum, Stream::Bernoulli)
    })?;
    assert_eq!(found, ["uniform", "matmul_transpose_a+less"]);
    let found = labels(|graph, &[a, b, c, _]| {
        let product = graph.matmul(a, b)?;
        let scaled = graph.multiply(product, c)?;
        let square = graph.map(&SQUARE, &[scaled])?;
        // Each function once.
        graph.map(&SQUARE, &[square])
    })?;
    assert_eq!(found, ["matmul+square"]);
    let found = labels(|graph, &[a, b, c, d]| {
        let product = graph.multiply(a, b)?;
        let sum = graph.add(product, c)?;
        graph.add(sum, d)
    })?;
    assert_eq!(found, ["multiply+add"], "arithmetic is named if there is nothing else");
    let found = labels(|graph, &[a, b, ..]| graph.matmul_transpose_b(a, b))?;
    assert_eq!(found, ["matmul_transpose_b"], "a primitive has its own name");
    Ok(())
}
