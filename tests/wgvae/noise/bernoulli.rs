//! Draws of 0 and 1: how often they are 1, and that they are drawn anew when and only when they
//! should be. [`check_draws`] is for every op that draws so.

use super::{Operand, Outcome, SEED, Session, Shape, Step, Stream, Values, assert_near, made};

/// Rows of a check: enough for the rarest probability here to be met some forty times.
pub(super) const ROWS: usize = 20_011;

const STEP: u32 = 5;

/// Checks draws `[ROWS, probabilities]`, whose columns are 1 with these probabilities. Standard
/// errors: of a share p of n draws, √(p(1 − p)/n); of the product of two independent draws less
/// their means, √(p(1 − p)q(1 − q)/n).
pub(super) fn check_draws(
    probabilities: &[f64],
    mut draw: impl FnMut(Step) -> wgvae::Result<Vec<f64>>,
) -> Outcome {
    let step = Step::new(SEED, STEP, 0);
    let drawn = draw(step)?;
    assert_eq!(drawn.len(), ROWS * probabilities.len());
    assert!(drawn.iter().all(|&x| x == 0.0 || x == 1.0));
    assert!(drawn == draw(step)?, "the same step gives other draws");
    check_shares("ones", &drawn, probabilities);
    check_neighbours(&drawn, probabilities);

    let both: Vec<f64> = probabilities.iter().map(|p| p * p + (1.0 - p) * (1.0 - p)).collect();
    for (what, other) in [
        ("next step", Step::new(SEED, STEP + 1, 0)),
        ("next seed", Step::new(SEED + 1, STEP, 0)),
        ("upper half of the seed", Step::new(SEED + (1 << 32), STEP, 0)),
        ("next rows", Step::new(SEED, STEP, ROWS as u32)),
    ] {
        let other = draw(other)?;
        check_shares(what, &other, probabilities);
        let agreement = drawn.iter().zip(&other).map(|(a, b)| f64::from(u8::from(a == b)));
        check_shares(&format!("agreement with the {what}"), &agreement.collect::<Vec<_>>(), &both);
    }
    Ok(())
}

fn check_shares(what: &str, drawn: &[f64], probabilities: &[f64]) {
    let n = ROWS as f64;
    for (column, &p) in probabilities.iter().enumerate() {
        let ones: f64 = drawn.iter().skip(column).step_by(probabilities.len()).sum();
        let what = format!("{what} in column {column}");
        assert_near(&what, ones / n, p, (p * (1.0 - p) / n).sqrt());
    }
}

/// Draws up to four columns apart, as far as the next counter, in the same row or the one below, are
/// unrelated. Not for the rare:
/// they are too few for their products to be about normal.
fn check_neighbours(drawn: &[f64], probabilities: &[f64]) {
    let rows = || drawn.chunks_exact(probabilities.len());
    let common = |&(_, p): &(usize, &f64)| (0.1..=0.9).contains(p);
    for (a, &p) in probabilities.iter().enumerate().filter(common) {
        let near = |(b, _): &(usize, &f64)| b.abs_diff(a) <= 4;
        for (b, &q) in probabilities.iter().enumerate().filter(near).filter(common) {
            for down in usize::from(b <= a)..=1 {
                let pairs = rows().zip(rows().skip(down));
                let sum: f64 = pairs.map(|(row, below)| (row[a] - p) * (below[b] - q)).sum();
                let n = (ROWS - down) as f64;
                let error = (p * (1.0 - p) * q * (1.0 - q) / n).sqrt();
                let what = format!("product of columns {a} and {b}, {down} below");
                assert_near(&what, sum / n, 0.0, error);
            }
        }
    }
}

fn samples(
    session: &mut dyn Session,
    shape: Shape,
    probabilities: &[f32],
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    let values = Values::F32(probabilities);
    let operand = Operand { name: "noise.probabilities", shape, values };
    made(session, |graph, x| graph.bernoulli_sample(x[0], Stream::Bernoulli), &[operand], step)
}

/// Columns with probabilities from never to always.
pub(super) fn check_samples(session: &mut dyn Session) -> Outcome {
    let row: [f32; 11] =
        [0.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.75, 0.125, 0.875, 1.0 / 512.0, 511.0 / 512.0];
    let shape = Shape::new(ROWS, row.len());
    check_draws(&row.map(f64::from), |step| samples(session, shape, &row.repeat(ROWS), step))
}

/// A row's samples follow from its place alone.
pub(super) fn check_split(session: &mut dyn Session) -> Outcome {
    let columns = 785;
    let probabilities: Vec<f32> = (0..64 * columns).map(|i| (i % 127) as f32 / 126.0).collect();
    let mut in_parts = |rows: usize| -> wgvae::Result<Vec<f64>> {
        let shape = Shape::new(rows, columns);
        let parts = probabilities.chunks(shape.len()).enumerate().map(|(part, probabilities)| {
            samples(session, shape, probabilities, Step::new(SEED, 3, (17 + part * rows) as u32))
        });
        Ok(parts.collect::<wgvae::Result<Vec<_>>>()?.concat())
    };
    let whole = in_parts(64)?;
    assert_eq!(whole.len(), 64 * columns);
    assert!(whole == in_parts(32)?, "halves of 64 rows");
    assert!(whole == in_parts(1)?, "single rows");
    Ok(())
}
