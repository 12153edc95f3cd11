//! The rule of each op, at awkward shapes, with an upstream gradient that differs in each element.

use wgvae::graph::{Op, Shape, Transpose};

use super::TestResult;
use super::problem::Draw::{self, Bit, Normal, NotZero, Positive};
use super::problem::Problem;

const SHAPES: [Shape; 5] =
    [Shape::new(1, 1), Shape::new(3, 5), Shape::new(7, 2), Shape::new(1, 6), Shape::new(5, 1)];

/// Checks an op on operands that are varied, then operands that are not; each output goes into a
/// term of its own weight.
fn check(op: Op, varied: &[(Shape, Draw)], fixed: &[(Shape, Draw)]) -> TestResult {
    for seed in 0..3 {
        let shapes: Vec<_> = varied.iter().map(|(shape, _)| shape.to_string()).collect();
        let mut problem = Problem::new(format!("{op:?} {}", shapes.join(" ")), seed);
        let mut inputs = Vec::new();
        for &(shape, draw) in varied {
            inputs.push(problem.parameter(shape, draw));
        }
        for &(shape, draw) in fixed {
            inputs.push(problem.data(shape, draw));
        }
        let outputs = problem.graph.apply(op, &inputs)?;
        for (output, weight) in outputs.into_iter().zip([0.75, -1.5]) {
            problem.judge(output, weight)?;
        }
        problem.check()?;
    }
    Ok(())
}

/// Checks an op on operands of one shape.
fn check_same(op: Op, varied: &[Draw], fixed: &[Draw]) -> TestResult {
    for shape in SHAPES {
        let [varied, fixed] = [varied, fixed]
            .map(|draws| draws.iter().map(|&draw| (shape, draw)).collect::<Vec<_>>());
        check(op, &varied, &fixed)?;
    }
    Ok(())
}

#[test]
fn matmul() -> TestResult {
    for [m, n, k] in [[1, 1, 1], [3, 5, 2], [7, 2, 4], [1, 6, 3], [4, 1, 5], [2, 3, 1]] {
        let (a, a_transposed) = (Shape::new(m, k), Shape::new(k, m));
        let (b, b_transposed) = (Shape::new(k, n), Shape::new(n, k));
        for (transpose, a, b) in [
            (Transpose::None, a, b),
            (Transpose::A, a_transposed, b),
            (Transpose::B, a, b_transposed),
        ] {
            check(Op::Matmul(transpose), &[(a, Normal), (b, Normal)], &[])?;
        }
    }
    Ok(())
}

#[test]
fn bias() -> TestResult {
    for shape in SHAPES {
        check(Op::Bias, &[(shape, Normal), (Shape::new(1, shape.columns), Normal)], &[])?;
    }
    Ok(())
}

#[test]
fn relu() -> TestResult {
    check_same(Op::Relu, &[NotZero], &[])
}

#[test]
fn softplus() -> TestResult {
    check_same(Op::Softplus, &[Normal], &[])
}

#[test]
fn sigmoid() -> TestResult {
    check_same(Op::Sigmoid, &[Normal], &[])
}

#[test]
fn add() -> TestResult {
    check_same(Op::Add, &[Normal, Normal], &[])
}

#[test]
fn split_columns() -> TestResult {
    for (rows, columns, left) in [(1, 2, 1), (3, 5, 1), (3, 5, 4), (7, 2, 1), (4, 6, 3)] {
        check(Op::SplitColumns { left }, &[(Shape::new(rows, columns), Normal)], &[])?;
    }
    Ok(())
}

#[test]
fn reparameterize() -> TestResult {
    check_same(Op::Reparameterize, &[Normal, Positive], &[Normal])
}

#[test]
fn bernoulli_log_likelihood() -> TestResult {
    check_same(Op::BernoulliLogLikelihood, &[Normal], &[Bit])
}

#[test]
fn gaussian_kl() -> TestResult {
    check_same(Op::GaussianKl, &[Normal, Positive], &[])
}
