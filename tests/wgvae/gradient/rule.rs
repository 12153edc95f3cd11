//! The rule of each op, at awkward shapes, with an upstream gradient that differs in each element.
//! Functions are those of the table, so a new one is checked as soon as it has a row.

use wgvae::function::{FUNCTIONS, Function, Slope};
use wgvae::graph::{Op, Shape, Transpose};
use wgvae::kernel::Fill;

use super::TestResult;
use super::problem::Draw::{self, Bit, Normal, NotZero, Positive};
use super::problem::Problem;

const SHAPES: [Shape; 5] =
    [Shape::new(1, 1), Shape::new(3, 5), Shape::new(7, 2), Shape::new(1, 6), Shape::new(5, 1)];

/// An operand: its shape, what it is filled with, and whether the loss is differentiated by it.
type Operand = (Shape, Draw, bool);

/// Checks an op; each output goes into a term of its own weight.
fn check(op: Op, operands: &[Operand]) -> TestResult {
    for seed in 0..3 {
        let shapes: Vec<_> = operands.iter().map(|(shape, ..)| shape.to_string()).collect();
        let mut problem = Problem::new(format!("{op:?} {}", shapes.join(" ")), seed);
        let mut inputs = Vec::new();
        for &(shape, draw, is_varied) in operands {
            inputs.push(match is_varied {
                true => problem.parameter(shape, draw),
                false => problem.data(shape, draw),
            });
        }
        let outputs = problem.graph.apply(op, &inputs)?;
        for (output, weight) in outputs.into_iter().zip([0.75, -1.5]) {
            problem.judge(output, weight)?;
        }
        problem.check()?;
    }
    Ok(())
}

/// Operands of these shapes, as a function wants them: where it has a derivative, varied by those that
/// have a slope.
fn operands(function: &Function, shapes: &[Shape]) -> Vec<Operand> {
    let draw = |fill| match fill {
        Fill::Positive => Positive,
        Fill::Binary => Bit,
        _ => NotZero,
    };
    let places = shapes.iter().zip(function.fills).zip(function.slopes);
    places.map(|((&shape, &fill), slope)| (shape, draw(fill), *slope != Slope::None)).collect()
}

/// The functions that have a slope.
fn differentiable() -> impl Iterator<Item = &'static Function> {
    let has_slope = |function: &&Function| function.slopes.iter().any(|s| *s != Slope::None);
    FUNCTIONS.iter().copied().filter(has_slope)
}

#[test]
fn every_function() -> TestResult {
    for function in differentiable() {
        for shape in SHAPES {
            check(Op::Map(function), &operands(function, &vec![shape; function.arity()]))?;
        }
    }
    // A comparison, and a mean and a quantile of a distribution.
    assert_eq!(FUNCTIONS.len() - differentiable().count(), 3, "functions without a slope");
    Ok(())
}

/// Every list of `count` shapes, each of which can be repeated to the first of `choices`.
fn combinations(choices: &[Shape], count: usize) -> Vec<Vec<Shape>> {
    let mut lists = vec![Vec::new()];
    for _ in 0..count {
        let longer =
            |list: Vec<Shape>| choices.iter().map(move |&one| [&list[..], &[one]].concat());
        lists = lists.into_iter().flat_map(longer).collect();
    }
    lists
}

#[test]
fn every_function_of_repeated_operands() -> TestResult {
    let choices = [Shape::new(3, 4), Shape::new(1, 4), Shape::new(3, 1), Shape::new(1, 1)];
    let mut repeated = 0;
    for function in differentiable() {
        for shapes in combinations(&choices, function.arity()) {
            check(Op::Map(function), &operands(function, &shapes))?;
            repeated += usize::from(shapes.iter().any(|shape| *shape != shapes[0]));
        }
    }
    let binary = differentiable().filter(|function| function.arity() == 2).count();
    assert!(repeated >= 12 * binary && binary > 0, "only {repeated} have operands of two shapes");
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
            check(Op::Matmul(transpose), &[(a, Normal, true), (b, Normal, true)])?;
        }
    }
    Ok(())
}

#[test]
fn sums_of_rows_and_columns() -> TestResult {
    for shape in SHAPES {
        for op in [Op::RowSum, Op::ColumnSum { group: shape.rows }] {
            check(op, &[(shape, Normal, true)])?;
        }
    }
    Ok(())
}

#[test]
fn groups_of_rows() -> TestResult {
    for (groups, group, columns) in [(1, 1, 1), (1, 3, 2), (3, 2, 1), (2, 5, 3), (4, 1, 2)] {
        let shape = Shape::new(groups * group, columns);
        for op in
            [Op::ColumnSum { group }, Op::LogSumExp { group }, Op::RepeatRows { times: group }]
        {
            check(op, &[(shape, Normal, true)])?;
        }
    }
    Ok(())
}

#[test]
fn split_columns() -> TestResult {
    for (rows, columns, left) in [(1, 2, 1), (3, 5, 1), (3, 5, 4), (7, 2, 1), (4, 6, 3)] {
        check(Op::SplitColumns { left }, &[(Shape::new(rows, columns), Normal, true)])?;
    }
    Ok(())
}

#[test]
fn concatenate() -> TestResult {
    for (rows, left, right) in [(1, 1, 1), (3, 1, 4), (3, 4, 1), (7, 2, 2), (1, 3, 2)] {
        let part = |columns| (Shape::new(rows, columns), Normal, true);
        check(Op::Concatenate, &[part(left), part(right)])?;
    }
    Ok(())
}
