//! Ops without a rule: a gradient through one is refused, not left out.

use wgvae::Error;
use wgvae::graph::{
    Binarize, Element, Graph, Op, RmsProp, Role, Shape, Stream, TensorId, gradients,
};
use wgvae::kernel::{CaseGraph, kernels};

use super::TestResult;

const SHAPE: Shape = Shape::new(3, 5);

/// The ops that have a rule; `rule` checks each.
const WITH_RULE: [&str; 12] = [
    "matmul",
    "matmul_transpose_a",
    "matmul_transpose_b",
    "bias",
    "relu",
    "softplus",
    "sigmoid",
    "add",
    "split_columns",
    "reparameterize",
    "bernoulli_log_likelihood",
    "gaussian_kl",
];

/// The op for which the gradient of the sum of `y` is refused, if it is.
fn refused(graph: &Graph, y: TensorId, wrt: &[TensorId]) -> Result<Option<&'static str>, Error> {
    match gradients(&mut graph.clone(), &[(y, 0.75)], wrt) {
        Ok(_) => Ok(None),
        Err(Error::NotDifferentiable { op }) => Ok(Some(op)),
        Err(other) => Err(other),
    }
}

#[test]
fn every_op_has_a_rule_or_is_refused() -> TestResult {
    for kernel in kernels().filter(|kernel| kernel.twins.is_some()) {
        let Some(case) = (kernel.cases)().into_iter().next() else {
            panic!("{} has no case", kernel.name);
        };
        let CaseGraph { graph, operands } = case.graph("t")?;
        let node = &graph.nodes()[0];
        // The others of these are noise and data.
        let wrt = match node.op {
            Op::Reparameterize => &operands[..2],
            Op::BernoulliLogLikelihood => &operands[..1],
            _ => &operands[..case.inputs.len()],
        };
        let outputs = node.outputs.clone();
        let found = refused(&graph, outputs[0], wrt)?;
        let has_rule = WITH_RULE.contains(&kernel.name) || wrt.is_empty();
        assert_eq!(found, (!has_rule).then_some(kernel.name));
    }
    assert!(WITH_RULE.iter().all(|name| kernels().any(|kernel| kernel.name == *name)));
    Ok(())
}

#[test]
fn a_parameter_behind_an_op_without_rule() -> TestResult {
    let mut graph = Graph::new();
    let w = graph.parameter("w", SHAPE);
    let probabilities = graph.sigmoid(w)?;
    let sample = graph.bernoulli_sample(probabilities, Stream::Bernoulli)?;
    let y = graph.add(sample, w)?;
    assert_eq!(refused(&graph, y, &[w])?, Some("bernoulli_sample"));
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
    graph.rmsprop(RmsProp::default(), dw, w, ms)?;
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
    assert_eq!(refused(&graph, z, &[a])?, None);
    assert_eq!(refused(&graph, z, &[a, b])?, Some("reparameterize"));
    let likelihood = graph.bernoulli_log_likelihood(a, b)?;
    assert_eq!(refused(&graph, likelihood, &[a])?, None);
    assert_eq!(refused(&graph, likelihood, &[b])?, Some("bernoulli_log_likelihood"));
    Ok(())
}

#[test]
fn a_rule_for_one_use_is_none_for_another() -> TestResult {
    let mut graph = Graph::new();
    let [a, b] = ["a", "b"].map(|name| graph.parameter(name, SHAPE));
    for operands in [[a, b, a], [b, a, a], [a, a, a]] {
        let [mean, stddev, eps] = operands;
        let z = graph.reparameterize(mean, stddev, eps)?;
        assert_eq!(refused(&graph, z, &[a])?, Some("reparameterize"), "{operands:?}");
    }
    let likelihood = graph.bernoulli_log_likelihood(a, a)?;
    assert_eq!(refused(&graph, likelihood, &[a])?, Some("bernoulli_log_likelihood"));
    Ok(())
}
