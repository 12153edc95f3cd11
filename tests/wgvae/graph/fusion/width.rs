//! Small graphs in which a tensor could be taken for one of another width: sums of rows, halves, and
//! what is repeated.

use wgvae::function::{ADD, EXP, LOG, MULTIPLY, SQUARE, SUBTRACT};
use wgvae::graph::{Element, FusionOptions, Graph, Scalar, Shape, TensorId, Weight, gradients};
use wgvae::random::generator;

use super::super::TestResult;
use super::super::random::Sample;
use super::check_values;

/// Checks the values of a small graph, of which the host reads the tensors that are returned.
fn check_small(
    make: impl Fn(&mut Graph) -> wgvae::Result<Vec<TensorId>>,
) -> Result<Graph, Box<dyn std::error::Error>> {
    let mut graph = Graph::new();
    let outputs = make(&mut graph)?;
    let sample = Sample::of(0, graph, outputs, generator(0, 0));
    check_values(&sample, FusionOptions::default())
}

#[test]
fn a_sum_of_a_row_is_no_element_of_it() -> TestResult {
    // In one block, the sum of the row is made by the stages, which cannot read it again.
    for columns in [1, 2, 4, 5, 8] {
        for function in [&ADD, &SUBTRACT, &MULTIPLY] {
            check_small(|graph| {
                let x = graph.data("x", Shape::new(3, columns), Element::F32);
                let h = graph.sigmoid(x)?;
                let sum = graph.row_sum(h)?;
                Ok(vec![graph.map(function, &[h, sum])?])
            })?;
        }
        // A product in place of the data, and the sum at the end of the chain.
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, 2), Element::F32);
            let w = graph.data("w", Shape::new(2, columns), Element::F32);
            let product = graph.matmul(x, w)?;
            let h = graph.map(&EXP, &[product])?;
            let sum = graph.row_sum(h)?;
            let logarithm = graph.map(&LOG, &[sum])?;
            Ok(vec![graph.subtract(product, logarithm)?])
        })?;
    }
    Ok(())
}

#[test]
fn halves_of_halves() -> TestResult {
    for is_left in [true, false] {
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, 8), Element::F32);
            let (left, right) = graph.split_columns(x, 4)?;
            let (half, other) = if is_left { (left, right) } else { (right, left) };
            let (first, second) = graph.split_columns(half, 2)?;
            Ok(vec![other, first, second])
        })?;
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, 2), Element::F32);
            let y = graph.data("y", Shape::new(3, 2), Element::F32);
            let both = graph.concatenate(x, y)?;
            let four = graph.concatenate(both, both)?;
            let (left, right) = graph.split_columns(four, 4)?;
            let (first, second) = graph.split_columns(if is_left { left } else { right }, 2)?;
            Ok(vec![graph.add(first, second)?])
        })?;
    }
    Ok(())
}

#[test]
fn what_is_computed_once_more_may_be_wider() -> TestResult {
    for wide in [2, 4, 8] {
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, wide / 2), Element::F32);
            let y = graph.data("y", Shape::new(3, wide), Element::F32);
            let column = graph.row_sum(x)?;
            let sum = graph.add(column, y)?;
            let h = graph.sigmoid(column)?;
            let product = graph.multiply(h, sum)?;
            Ok(vec![sum, h, product])
        })?;
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, 1), Element::F32);
            let half = graph.constant(0.5, Shape::new(3, wide));
            let sum = graph.add(x, half)?;
            let h = graph.sigmoid(x)?;
            let product = graph.multiply(h, sum)?;
            Ok(vec![sum, h, product])
        })?;
    }
    Ok(())
}

#[test]
fn numbers_that_no_text_can_have_stay_operands() -> TestResult {
    for number in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let mut graph = Graph::new();
        let x = graph.data("x", Shape::new(3, 4), Element::F32);
        let mask = graph.constant(number.into(), Shape::new(3, 4));
        let inner = graph.sigmoid(x)?;
        let y = graph.add(inner, mask)?;
        let fused = wgvae::graph::fuse(&graph, &[y], FusionOptions::default());
        assert_eq!(fused.nodes().len(), 1);
        assert_eq!(fused.nodes()[0].inputs, [x, mask]);
    }
    Ok(())
}

#[test]
fn a_sum_of_rows_beside_their_halves() -> TestResult {
    for columns in [2, 4, 8] {
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, columns), Element::F32);
            let squares = graph.map(&SQUARE, &[x])?;
            let penalty = graph.row_sum(squares)?;
            let (mean, s) = graph.split_columns(squares, columns / 2)?;
            Ok(vec![penalty, graph.softplus(mean)?, graph.softplus(s)?])
        })?;
        // As a penalty on what an encoder puts out.
        check_small(|graph| {
            let x = graph.data("x", Shape::new(3, 5), Element::F32);
            let w = graph.data("w", Shape::new(5, columns), Element::F32);
            let encoded = graph.matmul(x, w)?;
            let squares = graph.map(&SQUARE, &[encoded])?;
            let penalty = graph.row_sum(squares)?;
            let (mean, s) = graph.split_columns(encoded, columns / 2)?;
            let stddev = graph.softplus(s)?;
            Ok(vec![penalty, graph.add(mean, stddev)?])
        })?;
    }
    Ok(())
}

#[test]
fn constants_and_numbers_of_the_step_as_wide_as_two_halves() -> TestResult {
    // A column that is repeated is as wide as half of the result.
    check_small(|graph| {
        let x = graph.data("x", Shape::new(3, 1), Element::F32);
        let h = graph.sigmoid(x)?;
        let twice = graph.constant(0.5, Shape::new(3, 2));
        Ok(vec![graph.multiply(h, twice)?])
    })?;
    check_small(|graph| {
        let x = graph.data("x", Shape::new(3, 1), Element::F32);
        let h = graph.sigmoid(x)?;
        let twice = graph.step_scalar(Scalar::KlWeight, Shape::new(3, 2))?;
        Ok(vec![graph.multiply(h, twice)?])
    })?;
    // The gradient of a row sum is repeated so.
    check_small(|graph| {
        let x = graph.parameter("x", Shape::new(3, 2));
        let sum = graph.row_sum(x)?;
        let y = graph.sigmoid(sum)?;
        gradients(graph, &[(y, 0.75)], &[x])
    })?;
    Ok(())
}

#[test]
fn halves_of_constants_and_of_numbers_of_the_step() -> TestResult {
    for weight in [Weight::Constant(0.75), Weight::Step(Scalar::KlWeight)] {
        // The gradient of a concatenation is split.
        check_small(|graph| {
            let [a, b] = ["a", "b"].map(|name| graph.parameter(name, Shape::new(3, 2)));
            let (left, right) = (graph.sigmoid(a)?, graph.softplus(b)?);
            let both = graph.concatenate(left, right)?;
            gradients(graph, &[(both, weight)], &[a, b])
        })?;
    }
    Ok(())
}
