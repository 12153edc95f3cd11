//! Activations, logarithms of densities, and their slopes, by PyTorch's numbers.

use super::{Golden, Outcome};
use wgvae::function::{
    CONTINUOUS_BERNOULLI, CONTINUOUS_BERNOULLI_MEAN, CONTINUOUS_BERNOULLI_QUANTILE, Function,
    GAUSSIAN, Rows, Slope,
};
use wgvae::kernel::Tolerance;
use wgvae::model::Activation;
use wgvae::verify::compare;

/// PyTorch's own formulas lose some digits around a logit of 0.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-9, relative: 1e-9 };

fn check(golden: &Golden, function: &'static Function, operands: &[&str]) -> Outcome {
    let values = |name: &str| golden.must(name).map(|(_, values)| values);
    let operands = operands.iter().map(|name| values(name)).collect::<Result<Vec<_>, _>>()?;
    let count = operands[0].len();
    let rows: Vec<_> = operands.iter().map(|values| Rows { values, pitch: count }).collect();
    let mut found = vec![0.0; count];
    (function.f64.value)(&rows, count, &mut found);
    let result = compare(&found, &values(function.name)?, TOLERANCE);
    assert!(result.ok, "{function:?}: {result:?}");
    let (ones, value) = (vec![1.0; count], found.clone());
    let dy = Rows { values: &ones, pitch: count };
    for (place, slope) in function.slopes.iter().enumerate() {
        let operands = match slope {
            Slope::Operands => [&[dy], &rows[..]].concat(),
            Slope::Value => vec![dy, Rows { values: &value, pitch: count }],
            _ => continue,
        };
        (function.f64.slopes[place])(&operands, count, &mut found);
        let expected = values(&format!("{}.slope_{place}", function.name))?;
        let result = compare(&found, &expected, TOLERANCE);
        assert!(result.ok, "slope {place} of {function:?}: {result:?}");
    }
    Ok(())
}

#[test]
fn every_activation() -> Outcome {
    let golden = Golden::open("functions", 1, &[1])?;
    for activation in Activation::all() {
        let operands = &["a", "b"][..activation.operands()];
        check(&golden, activation.function(), operands)?;
    }
    Ok(())
}

#[test]
fn every_density() -> Outcome {
    let golden = Golden::open("functions", 1, &[1])?;
    check(&golden, &CONTINUOUS_BERNOULLI, &["l", "x"])?;
    check(&golden, &CONTINUOUS_BERNOULLI_MEAN, &["l"])?;
    check(&golden, &CONTINUOUS_BERNOULLI_QUANTILE, &["l", "x"])?;
    check(&golden, &GAUSSIAN, &["l", "s", "x"])
}
