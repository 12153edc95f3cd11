//! The printed form of a graph and of its plan.

use wgvae::graph::{Binarize, Element, Graph, Plan, RmsProp, Role, Shape, gradients};

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
    graph.rmsprop(RmsProp::default(), gradients[0], w, ms)?;
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
x [2, 3] = gather_batch(images, indices)
logits [2, 3] = matmul(x, w)
bernoulli_log_likelihood.7 [2, 1] = bernoulli_log_likelihood(logits, x)
loss [1024, 1] <- loss_sum(bernoulli_log_likelihood.7)
dlogits [2, 3] = bernoulli_log_likelihood_backward(constant -1 [2, 1], logits, x)
dw [3, 3] = matmul_transpose_a(x, dlogits)
w [3, 3], rms.w [3, 3] <- rmsprop(dw)
split_columns.11 [2, 1], split_columns.12 [2, 2] = split_columns(logits)
";

const PLAN: &str = "\
data       images U8[60, 3]
data       indices U32[60, 1]
parameter  w F32[3, 3]
state      rms.w F32[3, 3]
log        loss F32[1024, 1]
constant   constant -1 [2, 1] F32[2, 1]
x [2, 3] @1 = gather_batch(images, indices)
logits [2, 3] @0 = matmul(x, w)
bernoulli_log_likelihood.7 [2, 1] @2 = bernoulli_log_likelihood(logits, x)
loss [1024, 1] <- loss_sum(bernoulli_log_likelihood.7)
dlogits [2, 3] @2 = bernoulli_log_likelihood_backward(constant -1 [2, 1], logits, x)
dw [3, 3] @0 = matmul_transpose_a(x, dlogits)
w [3, 3], rms.w [3, 3] <- rmsprop(dw)
7 nodes; 5 tensors in 3 slots: 84 bytes instead of 116
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
