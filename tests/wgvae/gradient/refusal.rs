//! Ops without a rule: a gradient through one is refused, not left out.

use std::collections::HashMap;

use wgvae::Error;
use wgvae::function::{FUNCTIONS, LESS, Slope};
use wgvae::graph::{Binarize, Element, Graph, Op, Role, Shape, Stream, TensorId, gradients};
use wgvae::kernel::{Case, CaseGraph, Work, kernels};
use wgvae::optimizer::Optimizer;

use super::TestResult;

const SHAPE: Shape = Shape::new(3, 5);

/// The ops that have a rule, besides the functions, whose table has their slopes; `rule` checks each.
const WITH_RULE: [&str; 9] = [
    "matmul",
    "matmul_transpose_a",
    "matmul_transpose_b",
    "row_sum",
    "column_sum",
    "log_sum_exp",
    "repeat_rows",
    "split_columns",
    "concatenate",
];

/// The op for which the gradient of the sum of `y` is refused, if it is.
fn refused(graph: &Graph, y: TensorId, wrt: &[TensorId]) -> Result<Option<&'static str>, Error> {
    match gradients(&mut graph.clone(), &[(y, 0.75)], wrt) {
        Ok(_) => Ok(None),
        Err(Error::NotDifferentiable { op }) => Ok(Some(op)),
        Err(other) => Err(other),
    }
}

/// A case of each op that is no fused one.
fn cases() -> HashMap<&'static str, Case> {
    let mut found = HashMap::new();
    for case in kernels().flat_map(|kernel| (kernel.cases)()) {
        if let Work::Op(op) = case.work {
            found.entry(op.name()).or_insert(case);
        }
    }
    found
}

#[test]
fn every_op_has_a_rule_or_is_refused() -> TestResult {
    let cases = cases();
    for (&name, case) in &cases {
        let CaseGraph { graph, operands } = case.graph("t")?;
        let node = &graph.nodes()[0];
        let inputs = &operands[..case.inputs.len()];
        let found = refused(&graph, node.outputs[0], inputs)?;
        let has_rule = match node.op {
            Op::Map(function) => !function.slopes.contains(&Slope::None),
            _ => WITH_RULE.contains(&name) || inputs.is_empty(),
        };
        assert_eq!(found, (!has_rule).then_some(name));
    }
    assert!(WITH_RULE.iter().all(|name| cases.contains_key(name)));
    let all = ["relu", "relu_backward", "block_sum", "count_nonfinite", "rmsprop", "loss_sum"];
    assert!(all.iter().all(|name| cases.contains_key(name)), "{:?}", cases.keys());
    Ok(())
}

#[test]
fn a_function_is_refused_for_the_operands_without_slope() -> TestResult {
    for &function in FUNCTIONS {
        let mut graph = Graph::new();
        let name = |place| format!("x{place}");
        let operands: Vec<_> =
            (0..function.arity()).map(|place| graph.parameter(&name(place), SHAPE)).collect();
        let y = graph.map(function, &operands)?;
        for (&operand, &slope) in operands.iter().zip(function.slopes) {
            let expected = (slope == Slope::None).then_some(function.name);
            assert_eq!(refused(&graph, y, &[operand])?, expected, "{slope:?}");
        }
    }
    Ok(())
}

#[test]
fn a_gradient_has_no_gradient_of_its_own() -> TestResult {
    let mut graph = Graph::new();
    let [a, b] = ["a", "b"].map(|name| graph.parameter(name, SHAPE));
    let y = graph.softplus(a)?;
    let term = graph.multiply(y, b)?;
    let da = gradients(&mut graph, &[(term, 0.75)], &[a])?[0];
    assert_eq!(refused(&graph, da, &[a])?, Some("softplus_backward"));
    assert_eq!(refused(&graph, da, &[b])?, Some("softplus_backward"));
    Ok(())
}

#[test]
fn a_parameter_behind_an_op_without_rule() -> TestResult {
    let mut graph = Graph::new();
    let w = graph.parameter("w", SHAPE);
    let probabilities = graph.sigmoid(w)?;
    let sample = graph.bernoulli_sample(probabilities, Stream::Bernoulli)?;
    let y = graph.add(sample, w)?;
    assert_eq!(refused(&graph, y, &[w])?, Some("less"));
    assert_eq!(refused(&graph, y, &[sample])?, None, "the way does not lead through it");

    let images = graph.data("images", SHAPE, Element::U8);
    let indices = graph.data("indices", Shape::new(3, 1), Element::U32);
    let x = graph.gather_batch(images, indices, 3, Binarize::None)?;
    let y = graph.add(x, w)?;
    assert_eq!(refused(&graph, y, &[w])?, None);
    for data in [images, indices] {
        assert_eq!(refused(&graph, y, &[w, data])?, Some("gather_batch"));
    }
    Ok(())
}

#[test]
fn a_parameter_behind_an_update() -> TestResult {
    let mut graph = Graph::new();
    let (dw, w) = (graph.parameter("dw", SHAPE), graph.parameter("w", SHAPE));
    let ms = graph.add_tensor("rms.w", SHAPE, Element::F32, Role::State(1.0));
    graph.update(Optimizer::default(), dw, w, &[ms])?;
    let y = graph.relu(w)?;
    assert_eq!(refused(&graph, y, &[dw])?, Some("rmsprop"));
    Ok(())
}

#[test]
fn a_parameter_as_noise_or_as_data() -> TestResult {
    let mut graph = Graph::new();
    let [a, b] = ["a", "b"].map(|name| graph.parameter(name, SHAPE));
    let noise = graph.normal(SHAPE, Stream::Latent)?;
    let z = graph.reparameterize(a, b, noise)?;
    assert_eq!(refused(&graph, z, &[a, b])?, None, "noise depends on nothing");
    let eps = graph.sigmoid(b)?;
    let z = graph.reparameterize(a, a, eps)?;
    assert_eq!(refused(&graph, z, &[a, b])?, None, "a product has both its slopes");
    let likelihood = graph.bernoulli_log_likelihood(a, b)?;
    assert_eq!(refused(&graph, likelihood, &[a])?, None);
    assert_eq!(refused(&graph, likelihood, &[b])?, Some("bernoulli"));
    Ok(())
}

#[test]
fn a_rule_for_one_use_is_none_for_another() -> TestResult {
    let mut graph = Graph::new();
    let a = graph.parameter("a", SHAPE);
    let likelihood = graph.bernoulli_log_likelihood(a, a)?;
    assert_eq!(refused(&graph, likelihood, &[a])?, Some("bernoulli"));
    let less = graph.map(&LESS, &[a, a])?;
    assert_eq!(refused(&graph, less, &[a])?, Some("less"));
    Ok(())
}
