//! Which operands an op takes, what it makes of them, and the words of its refusal.

use wgvae::Error;
use wgvae::function::{
    ADD, BERNOULLI, FUNCTIONS, GAUSSIAN_KL, MOST, MULTIPLY, RELU, SOFTPLUS, Slope,
};
use wgvae::graph::{
    Binarize, Element, Fusion, Graph, LOG_ROWS, Op, Pixels, Role, Scalar, Shape, Stream, TensorId,
    Transpose,
};
use wgvae::optimizer::{Optimizer, RMSPROP};

use super::TestResult;

type Shapes<'a> = &'a [[usize; 2]];

const GATHER: Op = Op::GatherBatch { batch: 5, pixels: Pixels::Bytes, binarize: Binarize::None };
const REALS: Op = Op::GatherBatch { batch: 5, pixels: Pixels::Reals, binarize: Binarize::None };
const NORMAL: Op = Op::Normal { shape: Shape::new(5, 2), stream: Stream::Prior };
const UNIFORM: Op = Op::Uniform { shape: Shape::new(5, 2), stream: Stream::Bernoulli };
const SCALAR: Op = Op::StepScalar { shape: Shape::new(5, 2), scalar: Scalar::KlWeight };
const NOTHING: [Op; 3] = [
    Op::Normal { shape: Shape::new(5, 0), stream: Stream::Prior },
    Op::Uniform { shape: Shape::new(0, 2), stream: Stream::Bernoulli },
    Op::StepScalar { shape: Shape::new(0, 0), scalar: Scalar::LearningRate },
];
const SPLIT: Op = Op::SplitColumns { left: 2 };
const ONE_HOT: Op = Op::OneHot { batch: 5, classes: 4 };
const UPDATE: Op = Op::Update(Optimizer::of(&RMSPROP));

/// Operands of these shapes, of the element types that the op takes.
fn operands(graph: &mut Graph, op: Op, shapes: Shapes) -> Vec<TensorId> {
    let element = |place| match (op, place) {
        (REALS, 0) => Element::U32,
        (Op::GatherBatch { .. }, 0) => Element::U8,
        (Op::GatherBatch { .. }, 1) | (Op::OneHot { .. }, _) => Element::U32,
        _ => Element::F32,
    };
    let shapes = shapes.iter().enumerate();
    shapes
        .map(|(place, &[rows, columns])| {
            graph.data(&format!("t{place}"), Shape::new(rows, columns), element(place))
        })
        .collect()
}

/// Appends an op to a graph of its operands alone, and compares the shapes of what it makes.
fn check_shapes(op: Op, inputs: Shapes, outputs: Shapes) -> TestResult {
    let mut graph = Graph::new();
    let inputs = operands(&mut graph, op, inputs);
    let made = graph.apply(op, &inputs)?;
    let shapes = outputs.iter().map(|&[rows, columns]| Shape::new(rows, columns));
    let found = made.iter().map(|&id| graph.tensor(id));
    assert!(found.clone().map(|tensor| tensor.shape).eq(shapes), "{op:?}");
    assert!(found.clone().all(|t| t.is_workspace() && t.element == Element::F32), "{op:?}");
    let node = &graph.nodes()[0];
    assert_eq!((node.op, &node.inputs, &node.outputs), (op, &inputs, &made));
    assert!(node.parts.is_empty(), "{op:?}");
    Ok(())
}

/// Fails unless the op is refused for operands of these shapes, and the graph stays as it was.
fn check_refusal(op: Op, inputs: Shapes) {
    let mut graph = Graph::new();
    let tensors = operands(&mut graph, op, inputs);
    let before = graph.clone();
    let found = graph.apply(op, &tensors);
    let refused = matches!(found, Err(Error::Shape { op: name, .. }) if name == op.name());
    assert!(refused, "{op:?} {inputs:?}");
    assert_eq!(graph, before, "{op:?} {inputs:?}");
}

#[test]
fn shapes_of_the_outputs() -> TestResult {
    let cases: [(Op, Shapes, Shapes); 26] = [
        (GATHER, &[[9, 2], [7, 1]], &[[5, 2]]),
        (REALS, &[[9, 2], [7, 1]], &[[5, 2]]),
        (Op::Matmul(Transpose::None), &[[2, 3], [3, 5]], &[[2, 5]]),
        (Op::Matmul(Transpose::A), &[[3, 2], [3, 5]], &[[2, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3], [5, 3]], &[[2, 5]]),
        (Op::Matmul(Transpose::None), &[[1, 1], [1, 1]], &[[1, 1]]),
        (Op::RowSum, &[[2, 3]], &[[2, 1]]),
        (Op::ColumnSum { group: 2 }, &[[2, 3]], &[[1, 3]]),
        (Op::ColumnSum { group: 2 }, &[[6, 3]], &[[3, 3]]),
        (Op::LogSumExp { group: 3 }, &[[6, 2]], &[[2, 2]]),
        (Op::RepeatRows { times: 3 }, &[[2, 5]], &[[6, 5]]),
        (ONE_HOT, &[[9, 1], [7, 1]], &[[5, 4]]),
        (Op::BlockSum, &[[2, 1]], &[[2, 1]]),
        (Op::BlockSum, &[[2, 4]], &[[2, 1]]),
        (Op::BlockSum, &[[2, 5]], &[[2, 2]]),
        (Op::CountNonfinite, &[[2, 3]], &[[2, 1]]),
        (SPLIT, &[[4, 3]], &[[4, 2], [4, 1]]),
        (Op::Concatenate, &[[4, 2], [4, 1]], &[[4, 3]]),
        (NORMAL, &[], &[[5, 2]]),
        (UNIFORM, &[], &[[5, 2]]),
        (SCALAR, &[], &[[5, 2]]),
        // A slope that needs all operands, one that needs the value.
        (Op::MapBackward(&GAUSSIAN_KL, 1), &[[2, 3], [2, 3], [2, 3]], &[[2, 3]]),
        (Op::MapBackward(&BERNOULLI, 0), &[[2, 3], [2, 3], [2, 3]], &[[2, 3]]),
        (Op::MapBackward(&SOFTPLUS, 0), &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::MapBackward(&RELU, 0), &[[2, 3], [2, 3]], &[[2, 3]]),
        (Op::MapBackward(&GAUSSIAN_KL, 1), &[[2, 3], [1, 3], [2, 1]], &[[2, 3]]),
    ];
    cases.into_iter().try_for_each(|(op, inputs, outputs)| check_shapes(op, inputs, outputs))
}

#[test]
fn every_function_takes_operands_of_one_shape() -> TestResult {
    for &function in FUNCTIONS {
        let same = vec![[2, 3]; function.arity()];
        check_shapes(Op::Map(function), &same, &[[2, 3]])?;
        check_refusal(Op::Map(function), &same[1..]);
        check_refusal(Op::Map(function), &[&same[..], &[[2, 3]]].concat());
        check_refusal(Op::Map(function), &vec![[2, 0]; function.arity()]);
        for (place, slope) in function.slopes.iter().enumerate() {
            let op = Op::MapBackward(function, place);
            let same = [[2, 3]; MOST + 1];
            let taken = match slope {
                Slope::Operands => Some(1 + function.arity()),
                Slope::Value => Some(2),
                // The gradient is made of other ops.
                _ => None,
            };
            for count in 0..=same.len() {
                if Some(count) == taken {
                    check_shapes(op, &same[..count], &[[2, 3]])?;
                } else {
                    check_refusal(op, &same[..count]);
                }
            }
        }
        for count in 0..=MOST + 1 {
            check_refusal(Op::MapBackward(function, function.arity()), &vec![[2, 3]; count]);
        }
    }
    Ok(())
}

#[test]
fn an_operand_may_be_repeated_along_rows_and_columns() -> TestResult {
    type Case = ([usize; 2], [usize; 2], Option<[usize; 2]>);
    let cases: [Case; 15] = [
        ([2, 3], [1, 3], Some([2, 3])),
        ([2, 3], [2, 1], Some([2, 3])),
        ([2, 3], [1, 1], Some([2, 3])),
        ([2, 1], [1, 3], Some([2, 3])),
        ([1, 3], [1, 1], Some([1, 3])),
        ([2, 1], [1, 1], Some([2, 1])),
        ([1, 1], [1, 1], Some([1, 1])),
        ([3, 3], [3, 1], Some([3, 3])),
        ([2, 3], [3, 3], None),
        ([2, 3], [2, 2], None),
        ([2, 3], [3, 2], None),
        ([4, 3], [2, 3], None), // a divisor is no repetition
        ([4, 6], [4, 3], None),
        ([2, 1], [3, 3], None),
        ([1, 2], [3, 3], None),
    ];
    for (a, b, whole) in cases {
        for [a, b] in [[a, b], [b, a]] {
            // The gradient of the value, with the two operands: it may be the repeated one, too.
            let backward = Op::MapBackward(&GAUSSIAN_KL, 1);
            for (op, inputs) in [(Op::Map(&MULTIPLY), vec![a, b]), (backward, vec![a, b, a])] {
                match whole {
                    Some(whole) => check_shapes(op, &inputs, &[whole])?,
                    None => check_refusal(op, &inputs),
                }
            }
        }
    }
    Ok(())
}

#[test]
fn an_op_refuses_what_does_not_fit_and_leaves_the_graph_alone() {
    let cases: [(Op, Shapes); 48] = [
        (GATHER, &[[9, 2], [7, 2]]),
        (GATHER, &[[0, 2], [7, 1]]),
        (
            Op::GatherBatch { batch: 0, pixels: Pixels::Bytes, binarize: Binarize::None },
            &[[9, 2], [7, 1]],
        ),
        (Op::Matmul(Transpose::None), &[[2, 3], [2, 3]]),
        (Op::Matmul(Transpose::None), &[[2, 3], [5, 3]]),
        (Op::Matmul(Transpose::None), &[[2, 0], [0, 3]]),
        (Op::Matmul(Transpose::None), &[[2, 3], [1, 1]]), // products repeat nothing
        (Op::Matmul(Transpose::A), &[[2, 3], [3, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3], [3, 5]]),
        (Op::Matmul(Transpose::B), &[[2, 3]]),
        (Op::RowSum, &[]),
        (Op::RowSum, &[[2, 0]]),
        (Op::RowSum, &[[2, 3], [2, 3]]),
        (Op::ColumnSum { group: 2 }, &[]),
        (Op::ColumnSum { group: 2 }, &[[0, 3]]),
        (Op::ColumnSum { group: 0 }, &[[2, 3]]),
        (Op::ColumnSum { group: 2 }, &[[3, 3]]),
        (Op::ColumnSum { group: 2 }, &[[2, 3], [2, 3]]),
        (Op::LogSumExp { group: 4 }, &[[2, 3]]),
        (Op::LogSumExp { group: 1 }, &[[2, 3], [2, 3]]),
        (Op::RepeatRows { times: 0 }, &[[2, 3]]),
        (Op::RepeatRows { times: usize::MAX }, &[[2, 3]]),
        (Op::RepeatRows { times: 1 }, &[[2, 3], [2, 3]]),
        (ONE_HOT, &[[9, 1]]),
        (ONE_HOT, &[[9, 2], [7, 1]]),
        (ONE_HOT, &[[9, 1], [7, 2]]),
        (Op::OneHot { batch: 5, classes: 0 }, &[[9, 1], [7, 1]]),
        (Op::BlockSum, &[]),
        (Op::BlockSum, &[[2, 0]]),
        (Op::BlockSum, &[[2, 3], [2, 3]]),
        (Op::CountNonfinite, &[]),
        (Op::CountNonfinite, &[[2, 3], [2, 3]]),
        (Op::Map(&RELU), &[]),
        (Op::Map(&RELU), &[[2, 0]]),
        (Op::Map(&RELU), &[[0, 3]]),
        (Op::Map(&ADD), &[[0, 3], [1, 3]]),
        (SPLIT, &[]),
        (SPLIT, &[[2, 2]]),
        (SPLIT, &[[2, 1]]),
        (SPLIT, &[[2, 3], [2, 3]]),
        (Op::SplitColumns { left: 0 }, &[[2, 2]]),
        (Op::Concatenate, &[[2, 3], [1, 3]]),
        (Op::Concatenate, &[[2, 3]]),
        (Op::Concatenate, &[[2, 0], [2, 3]]),
        (NORMAL, &[[5, 2]]),
        (UNIFORM, &[[5, 2]]),
        (SCALAR, &[[5, 2]]),
        (UPDATE, &[[2, 3]]), // updates need targets
    ];
    cases.into_iter().for_each(|(op, inputs)| check_refusal(op, inputs));
    NOTHING.into_iter().for_each(|op| check_refusal(op, &[]));
}

#[test]
fn a_fused_op_is_not_applied() {
    for fusion in [Fusion::Batch, Fusion::Stages, Fusion::Update] {
        check_refusal(Op::Fused(fusion), &[[2, 3], [3, 2]]);
    }
}

#[test]
fn element_types_have_to_fit() {
    let shape = Shape::new(2, 1);
    for (op, elements) in [
        (Op::Map(&ADD), [Element::F32, Element::U8]),
        (Op::Map(&ADD), [Element::U32, Element::F32]),
        (Op::MapBackward(&RELU, 0), [Element::U8, Element::F32]),
        (Op::Concatenate, [Element::F32, Element::U32]),
        (Op::Matmul(Transpose::B), [Element::U8, Element::F32]),
        (GATHER, [Element::F32, Element::U32]),
        (GATHER, [Element::U32, Element::U8]),
        (GATHER, [Element::U32, Element::U32]),
        (REALS, [Element::U8, Element::U32]),
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
    let result = graph.apply_in_place(op, &inputs, &targets);
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
        (Op::Map(&RELU), &["dw"], &["w"]),
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

#[test]
fn a_builder_appends_the_primitives_of_its_formula() -> TestResult {
    let mut graph = Graph::new();
    let wide = |graph: &mut Graph, name| graph.data(name, Shape::new(2, 3), Element::F32);
    let [a, b, c] = ["a", "b", "c"].map(|name| wide(&mut graph, name));
    let row = graph.data("row", Shape::new(1, 3), Element::F32);
    graph.bias(a, row)?;
    graph.reparameterize(a, b, c)?;
    graph.bernoulli_log_likelihood(a, b)?;
    graph.gaussian_kl(a, b)?;
    graph.bernoulli_sample(a, Stream::Bernoulli)?;
    graph.scale(a, 0.5)?;
    graph.offset(a, 0.5)?;
    let names: Vec<_> = graph.nodes().iter().map(|node| node.op.name()).collect();
    let expected = [
        "add",
        "multiply",
        "add",
        "bernoulli",
        "row_sum",
        "gaussian_kl",
        "row_sum",
        "uniform",
        "less",
        "multiply",
        "add",
    ];
    assert_eq!(names, expected);
    // One number for all: a scale and an offset share it.
    let [scale, offset] = [&graph.nodes()[9], &graph.nodes()[10]];
    assert_eq!(scale.inputs, offset.inputs);
    assert_eq!(graph.tensor(scale.inputs[1]).shape, Shape::new(1, 1));
    Ok(())
}
