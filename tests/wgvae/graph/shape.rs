//! Which operands an op takes, what it makes of them, and the words of its refusal.

use wgvae::Error;
use wgvae::graph::{
    Binarize, Element, Graph, LOG_ROWS, Op, Pixels, RmsProp, Role, Shape, Stream, TensorId,
    Transpose,
};

use super::TestResult;

type Shapes<'a> = &'a [[usize; 2]];

const GATHER: Op = Op::GatherBatch { batch: 5, pixels: Pixels::Bytes, binarize: Binarize::None };
const NORMAL: Op = Op::Normal { shape: Shape::new(5, 2), stream: Stream::Prior };
const NOTHING: Op = Op::Normal { shape: Shape::new(5, 0), stream: Stream::Prior };
const SPLIT: Op = Op::SplitColumns { left: 2 };
const SAMPLE: Op = Op::BernoulliSample { stream: Stream::Bernoulli };
const UPDATE: Op = Op::RmsProp(RmsProp { decay: 0.9, epsilon: 0.0 });

/// Operands of these shapes, of the element types that the op takes.
fn operands(graph: &mut Graph, op: Op, shapes: Shapes) -> Vec<TensorId> {
    let element = |place| match (op, place) {
        (Op::GatherBatch { .. }, 0) => Element::U8,
        (Op::GatherBatch { .. }, 1) => Element::U32,
        _ => Element::F32,
    };
    let shapes = shapes.iter().enumerate();
    shapes
        .map(|(place, &[rows, columns])| {
            graph.data(&format!("t{place}"), Shape::new(rows, columns), element(place))
        })
        .collect()
}

#[test]
fn shapes_of_the_outputs() -> TestResult {
    let cases: [(Op, Shapes, Shapes); 25] = [
        (GATHER, &[[9, 2], [7, 1]], &[[5, 2]]),
        (Op::Matmul(Transpose::None), &[[2, 3], [3, 5]], &[[2, 5]]),
        (Op::Matmul(Transpose::A), &[[3, 2], [3, 5]], &[[2, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3], [5, 3]], &[[2, 5]]),
        (Op::Bias, &[[2, 3], [1, 3]], &[[2, 3]]),
        (Op::BiasBackward, &[[2, 3]], &[[1, 3]]),
        (Op::Relu, &[[2, 3]], &[[2, 3]]),
        (Op::ReluBackward, &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::Softplus, &[[2, 3]], &[[2, 3]]),
        (Op::SoftplusBackward, &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::Sigmoid, &[[2, 3]], &[[2, 3]]),
        (Op::SigmoidBackward, &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::Add, &[[2, 3], [2, 3]], &[[2, 3]]),
        (SPLIT, &[[4, 3]], &[[4, 2], [4, 1]]),
        (Op::SplitColumnsBackward, &[[4, 2], [4, 1]], &[[4, 3]]),
        (NORMAL, &[], &[[5, 2]]),
        (Op::Reparameterize, &[[2, 3], [2, 3], [2, 3]], &[[2, 3]]),
        (Op::ReparameterizeBackward, &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::BernoulliLogLikelihood, &[[2, 3], [2, 3]], &[[2, 1]]),
        (Op::BernoulliLogLikelihoodBackward, &[[2, 1], [2, 3], [2, 3]], &[[2, 3]]),
        (Op::GaussianKl, &[[2, 3], [2, 3]], &[[2, 1]]),
        (Op::CountNonfinite, &[[2, 3]], &[[2, 1]]),
        (Op::GaussianKlBackward, &[[2, 1], [2, 3], [2, 3]], &[[2, 3], [2, 3]]),
        (SAMPLE, &[[2, 3]], &[[2, 3]]),
        (Op::Matmul(Transpose::None), &[[1, 1], [1, 1]], &[[1, 1]]),
    ];
    for (op, inputs, outputs) in cases {
        let mut graph = Graph::new();
        let inputs = operands(&mut graph, op, inputs);
        let made = graph.apply(op, &inputs)?;
        let shapes = outputs.iter().map(|&[rows, columns]| Shape::new(rows, columns));
        let found = made.iter().map(|&id| graph.tensor(id));
        assert!(found.clone().map(|tensor| tensor.shape).eq(shapes), "{op:?}");
        assert!(found.clone().all(|t| t.is_workspace() && t.element == Element::F32), "{op:?}");
        let node = &graph.nodes()[0];
        assert_eq!((node.op, &node.inputs, &node.outputs), (op, &inputs, &made));
    }
    Ok(())
}

#[test]
fn an_op_refuses_what_does_not_fit_and_leaves_the_graph_alone() {
    let cases: [(Op, Shapes); 36] = [
        (GATHER, &[[9, 2], [7, 2]]),
        (GATHER, &[[0, 2], [7, 1]]),
        (
            Op::GatherBatch { batch: 0, pixels: Pixels::Bytes, binarize: Binarize::None },
            &[[9, 2], [7, 1]],
        ),
        (Op::Matmul(Transpose::None), &[[2, 3], [2, 3]]),
        (Op::Matmul(Transpose::None), &[[2, 3], [5, 3]]),
        (Op::Matmul(Transpose::None), &[[2, 0], [0, 3]]),
        (Op::Matmul(Transpose::A), &[[2, 3], [3, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3], [3, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3]]),
        (Op::Bias, &[[2, 3], [1, 2]]),
        (Op::Bias, &[[2, 3], [2, 3]]),
        (Op::Bias, &[[3, 3], [3, 1]]),
        (Op::BiasBackward, &[[0, 3]]),
        (Op::BiasBackward, &[[2, 3], [2, 3]]),
        (Op::Relu, &[]),
        (Op::Relu, &[[2, 0]]),
        (Op::Relu, &[[2, 3], [2, 3]]),
        (Op::ReluBackward, &[[2, 3], [3, 2]]),
        (Op::SoftplusBackward, &[[2, 3], [1, 3]]),
        (Op::SigmoidBackward, &[[2, 3], [2, 1]]),
        (Op::Add, &[[2, 3], [1, 3]]),
        (Op::Add, &[[2, 3], [2, 3], [2, 3]]),
        (SPLIT, &[[2, 2]]),
        (SPLIT, &[[2, 1]]),
        (Op::SplitColumns { left: 0 }, &[[2, 2]]),
        (Op::SplitColumnsBackward, &[[2, 3], [1, 3]]),
        (NORMAL, &[[5, 2]]),
        (NOTHING, &[]),
        (Op::Reparameterize, &[[2, 3], [2, 3], [1, 3]]),
        (Op::Reparameterize, &[[2, 3], [1, 3], [2, 3]]),
        (Op::ReparameterizeBackward, &[[2, 3], [3, 3]]),
        (Op::BernoulliLogLikelihood, &[[2, 3], [2, 1]]),
        (Op::BernoulliLogLikelihoodBackward, &[[1, 2], [2, 3], [2, 3]]),
        (Op::GaussianKl, &[[2, 3], [3, 3]]),
        (Op::GaussianKlBackward, &[[2, 3], [2, 3], [2, 3]]),
        (UPDATE, &[[2, 3]]), // updates need targets
    ];
    for (op, inputs) in cases {
        let mut graph = Graph::new();
        let inputs = operands(&mut graph, op, inputs);
        let before = graph.clone();
        let found = graph.apply(op, &inputs);
        assert!(matches!(found, Err(Error::Shape { op: name, .. }) if name == op.name()), "{op:?}");
        assert_eq!(graph, before, "{op:?}");
    }
}

#[test]
fn element_types_have_to_fit() {
    let shape = Shape::new(2, 1);
    for (op, elements) in [
        (Op::Add, [Element::F32, Element::U8]),
        (Op::Add, [Element::U32, Element::F32]),
        (GATHER, [Element::F32, Element::U32]),
        (GATHER, [Element::U32, Element::U8]),
    ] {
        let mut graph = Graph::new();
        let inputs = elements.map(|element| graph.data("t", shape, element));
        assert!(matches!(graph.apply(op, &inputs), Err(Error::Shape { .. })), "{op:?}");
    }
}

/// Appends an update of tensors, given by name, of a graph that has some of each kind; one that is
/// refused has to leave the graph alone.
fn try_update(op: Op, inputs: &[&str], targets: &[&str]) -> wgvae::Result<()> {
    let mut graph = Graph::new();
    let (wide, empty) = (Shape::new(2, 3), Shape::new(0, 1));
    for name in ["dw", "w", "ms"] {
        graph.parameter(name, wide);
        graph.parameter(&format!("empty {name}"), empty);
    }
    graph.parameter("narrow", Shape::new(2, 1));
    graph.data("words", wide, Element::U32);
    graph.data("data", wide, Element::F32);
    let constant = graph.constant(1.0, wide);
    graph.rename(constant, "constant");
    graph.log("log", 2);
    graph.add_tensor("short log", wide, Element::F32, Role::Log);
    graph.parameter("no log", Shape::new(LOG_ROWS, 2));
    let find = |names: &[&str]| names.iter().map(|name| graph.find(name)).collect();
    let [Some(inputs), Some(targets)]: [Option<Vec<_>>; 2] = [find(inputs), find(targets)] else {
        panic!("one of {inputs:?} {targets:?} is no tensor");
    };
    let before = graph.clone();
    let result = graph.update(op, &inputs, &targets);
    match &result {
        Ok(()) => assert_eq!(graph.nodes()[0].outputs, targets),
        Err(_) => assert_eq!(graph, before),
    }
    result
}

#[test]
fn an_update_takes_targets_that_fit() -> TestResult {
    let sum = Op::LossSum { column: 1 };
    try_update(UPDATE, &["dw"], &["w", "ms"])?;
    try_update(sum, &["narrow"], &["log"])?;
    try_update(sum, &["dw"], &["log"])?;
    let cases: [(Op, &[&str], &[&str]); 15] = [
        (UPDATE, &["narrow"], &["w", "ms"]),
        (UPDATE, &["dw"], &["narrow", "ms"]),
        (UPDATE, &["dw"], &["w", "narrow"]),
        (UPDATE, &["dw"], &["w"]),
        (UPDATE, &["words"], &["w", "ms"]),
        (UPDATE, &["empty dw"], &["empty w", "empty ms"]),
        (UPDATE, &["w"], &["w", "ms"]),
        (UPDATE, &["dw"], &["w", "w"]),
        (UPDATE, &["dw"], &["data", "ms"]),
        (UPDATE, &["dw"], &["w", "constant"]),
        (sum, &["empty w"], &["log"]),
        (sum, &["narrow"], &["short log"]),
        (sum, &["narrow"], &["no log"]),
        (Op::LossSum { column: 2 }, &["narrow"], &["log"]),
        (Op::Relu, &["dw"], &["w"]),
    ];
    for (op, inputs, targets) in cases {
        let found = try_update(op, inputs, targets);
        let refused = matches!(found, Err(Error::Shape { op: name, .. }) if name == op.name());
        assert!(refused, "{op:?} {inputs:?} {targets:?}");
    }
    Ok(())
}

#[test]
fn equal_constants_are_one_tensor() {
    let (mut graph, wide) = (Graph::new(), Shape::new(2, 3));
    let half = graph.constant(0.5, wide);
    assert_eq!(graph.constant(0.5, wide), half);
    let others = [graph.constant(0.25, wide), graph.constant(0.5, Shape::new(3, 2))];
    assert!(!others.contains(&half));
    assert_eq!(graph.tensors().len(), 3);
    assert_eq!((graph.tensor(half).role, graph.tensor(half).shape), (Role::Constant(0.5), wide));
}

#[test]
fn a_refusal_says_what_it_found() {
    let mut graph = Graph::new();
    let a = graph.data("pixels", Shape::new(2, 3), Element::U8);
    let b = graph.parameter("weight", Shape::new(4, 5));
    let message = graph.matmul(a, b).map_or_else(|error| error.to_string(), |_| String::new());
    let words = "expected operands that fit Matmul(None), found pixels U8[2, 3], weight F32[4, 5]";
    assert_eq!(message, format!("matmul: {words}"));
}
