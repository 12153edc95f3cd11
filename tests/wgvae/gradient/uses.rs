//! Tensors that are used more than once, in part or not at all.

use wgvae::function::SQUARE as SQUARES;
use wgvae::graph::{Element, Graph, Op, Plan, Role, Scalar, Shape, Weight, gradients};

use super::TestResult;
use super::problem::Draw::{Bit, Normal, Positive};
use super::problem::Problem;

const WIDE: Shape = Shape::new(3, 5);
const SQUARE: Shape = Shape::new(3, 3);

#[test]
fn two_operands_of_one_node() -> TestResult {
    for seed in 0..3 {
        let mut sum = Problem::new("a + a", seed);
        let a = sum.parameter(WIDE, Normal);
        let y = sum.graph.add(a, a)?;
        sum.judge(y, 0.75)?;
        sum.check()?;

        let mut product = Problem::new("a·a", seed);
        let a = product.parameter(SQUARE, Normal);
        let y = product.graph.matmul(a, a)?;
        product.judge(y, -1.5)?;
        product.check()?;

        let mut square = Problem::new("a·a, element by element", seed);
        let a = square.parameter(WIDE, Normal);
        let y = square.graph.multiply(a, a)?;
        square.judge(y, -1.5)?;
        square.check()?;

        let mut nothing = Problem::new("a − a", seed);
        let a = nothing.parameter(WIDE, Normal);
        let y = nothing.graph.subtract(a, a)?;
        nothing.judge(y, 0.75)?;
        nothing.check()?;

        let mut twice = Problem::new("a beside a", seed);
        let a = twice.parameter(WIDE, Normal);
        let y = twice.graph.concatenate(a, a)?;
        twice.judge(y, 0.75)?;
        twice.check()?;

        let mut kl = Problem::new("KL(a, a)", seed);
        let a = kl.parameter(WIDE, Positive);
        let y = kl.graph.gaussian_kl(a, a)?;
        kl.judge(y, 0.75)?;
        kl.check()?;
    }
    Ok(())
}

#[test]
fn operands_of_several_nodes() -> TestResult {
    for seed in 0..3 {
        let mut problem = Problem::new("x in three products and a sum", seed);
        let x = problem.parameter(WIDE, Normal);
        let mut sum = problem.graph.add(x, x)?;
        for _ in 0..3 {
            let w = problem.parameter(Shape::new(5, 5), Normal);
            let product = problem.graph.matmul(x, w)?;
            sum = problem.graph.add(sum, product)?;
        }
        problem.judge(sum, 0.75)?;
        problem.check()?;
    }
    Ok(())
}

#[test]
fn terms_that_share_what_they_read() -> TestResult {
    for seed in 0..3 {
        let mut problem = Problem::new("two terms, one of them twice", seed);
        let (a, x) = (problem.parameter(WIDE, Normal), problem.data(WIDE, Bit));
        let logits = problem.graph.sigmoid(a)?;
        let term = problem.graph.bernoulli_log_likelihood(logits, x)?;
        problem.term(term, 0.75);
        problem.term(term, -2.5);
        problem.judge(logits, 0.5)?;
        // A term that another one is made of.
        problem.judge(term, 0.25)?;
        problem.check()?;
    }
    Ok(())
}

#[test]
fn halves_of_a_split() -> TestResult {
    for used in [0, 1] {
        let mut half = Problem::new(format!("only part {used} is used"), 0);
        let x = half.parameter(WIDE, Normal);
        let (left, right) = half.graph.split_columns(x, 2)?;
        half.judge([left, right][used], 0.75)?;
        half.check()?;
    }
    let mut both = Problem::new("left + right", 0);
    let x = both.parameter(Shape::new(3, 4), Normal);
    let (left, right) = both.graph.split_columns(x, 2)?;
    let sum = both.graph.add(left, right)?;
    both.judge(sum, 0.75)?;
    both.check()
}

#[test]
fn a_term_may_be_any_tensor() -> TestResult {
    let mut problem = Problem::new("sums of matrices", 0);
    let (a, b) = (problem.parameter(WIDE, Normal), problem.parameter(WIDE, Normal));
    let sum = problem.graph.add(a, b)?;
    // The gradient of b is the weight itself, and no node makes it.
    let mut graph = problem.graph.clone();
    let found = gradients(&mut graph, &[(sum, 0.75)], &[b])?;
    assert_eq!(graph.tensor(found[0]).role, Role::Constant(0.75));
    let sigmoid = problem.graph.sigmoid(a)?;
    for (term, weight) in [(sum, 0.75), (sigmoid, -1.5)] {
        problem.term(term, weight);
    }
    problem.check()
}

#[test]
fn a_weight_may_be_a_number_of_the_step() -> TestResult {
    for scalar in [Scalar::KlWeight, Scalar::LearningRate] {
        let mut problem = Problem::new(format!("weighted by {}", scalar.name()), 0);
        let a = problem.parameter(WIDE, Normal);
        let squares = problem.graph.map(&SQUARES, &[a])?;
        problem.term(squares, Weight::Step(scalar));
        // Its gradient is repeated along rows, then along columns.
        for sum in [problem.graph.row_sum(squares)?, problem.graph.column_sum(squares)?] {
            problem.term(sum, Weight::Step(scalar));
        }
        problem.check()?;
        let mut graph = problem.graph.clone();
        gradients(&mut graph, &[(squares, Weight::Step(scalar))], &[a])?;
        assert!(graph.nodes().iter().any(|node| node.op == Op::StepScalar { shape: WIDE, scalar }));
    }
    Ok(())
}

#[test]
fn sums_of_sums() -> TestResult {
    for seed in 0..3 {
        let mut problem = Problem::new("row sums of column sums, and the reverse", seed);
        let a = problem.parameter(WIDE, Normal);
        let columns = problem.graph.column_sum(a)?;
        let both = problem.graph.row_sum(columns)?; // [1, 1]
        // Of a product with what was summed up: the sum is repeated to all of it.
        let scaled = problem.graph.multiply(a, both)?;
        problem.judge(scaled, 0.75)?;
        let rows = problem.graph.row_sum(scaled)?;
        let all = problem.graph.column_sum(rows)?;
        problem.judge(all, -0.5)?;
        problem.term(both, 0.25);
        problem.check()?;
    }
    Ok(())
}

#[test]
fn what_the_loss_does_not_need_has_gradient_zero() -> TestResult {
    let mut graph = Graph::new();
    let used = graph.parameter("used", WIDE);
    let unused = graph.parameter("unused", Shape::new(2, 7));
    let dead = graph.parameter("dead", WIDE);
    let y = graph.sigmoid(used)?;
    graph.add(y, dead)?;
    let before = graph.clone();
    let found = gradients(&mut graph, &[(y, 0.75)], &[unused, used, dead])?;
    assert!(graph.nodes().starts_with(before.nodes()), "what was there stays");
    for (gradient, shape) in [(found[0], Shape::new(2, 7)), (found[2], WIDE)] {
        let tensor = graph.tensor(gradient);
        assert_eq!((tensor.role, tensor.shape), (Role::Constant(0.0), shape));
    }
    assert_eq!(graph.tensor(found[1]).name, "dused");
    let names: Vec<_> = Plan::new(graph, &found[1..2]).nodes().map(|node| node.op.name()).collect();
    assert_eq!(names, ["sigmoid", "sigmoid_backward"]);
    Ok(())
}

#[test]
fn an_intermediate_has_a_gradient_too() -> TestResult {
    let mut graph = Graph::new();
    let x = graph.data("x", WIDE, Element::F32);
    let inner = graph.sigmoid(x)?;
    let y = graph.softplus(inner)?;
    let found = gradients(&mut graph, &[(y, 0.75)], &[inner, y])?;
    let names = graph.nodes().iter().map(|node| node.op.name());
    assert_eq!(names.collect::<Vec<_>>(), ["sigmoid", "softplus", "softplus_backward"]);
    assert_eq!(graph.nodes()[2].outputs, [found[0]]);
    assert_eq!(graph.tensor(found[1]).role, Role::Constant(0.75));
    Ok(())
}

/// A weight for each element of a term.
#[test]
fn weights_of_elements() -> TestResult {
    for seed in 0..3 {
        let mut problem = Problem::new("a², weighted", seed);
        let a = problem.parameter(WIDE, Normal);
        let weights = problem.data(WIDE, Normal);
        let y = problem.graph.map(&SQUARES, &[a])?;
        problem.term(y, Weight::Tensor(weights));
        problem.check()?;
    }
    let mut graph = Graph::new();
    let a = graph.parameter("a", SQUARE);
    let narrow = graph.data("narrow", Shape::new(3, 1), Element::F32);
    let refused = gradients(&mut graph, &[(a, Weight::Tensor(narrow))], &[a]);
    assert!(matches!(refused, Err(wgvae::Error::Shape { op: "gradients", .. })), "{refused:?}");
    Ok(())
}
