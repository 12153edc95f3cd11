//! Draws from N(0, 1): their distribution, its ends, and that no two of them are related.

use wgvae::cpu::philox::words;

use super::{Op, Outcome, SEED, Session, Shape, Step, Stream, assert_near, output};

/// Every noise sequence.
pub(super) const STREAMS: [Stream; 5] =
    [Stream::Latent, Stream::Binarize, Stream::Evaluation, Stream::Prior, Stream::Bernoulli];

/// √(−2 ln 2⁻²⁴), the size of the draws for the smallest uniform number.
const LARGEST: f64 = 5.768_107_546_4;

/// Rows of seed 0, step 0, stream `Latent`, whose first uniform numbers are the smallest and the
/// largest of the 2²⁴ that there are.
const SMALLEST_ROW: u32 = 1_224_113;
const LARGEST_ROW: u32 = 5_150_801;

/// The shares of N(0, 1) beyond 1, 2, 3 and 4 standard deviations, to either side.
const BEYOND: [f64; 4] =
    [0.317_310_507_863, 0.045_500_263_896, 0.002_699_796_063, 6.334_248_367e-5];

fn draws(
    session: &mut dyn Session,
    shape: Shape,
    stream: Stream,
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    output(session, Op::Normal { shape, stream }, &[], step)
}

/// Standard errors of the moments of n numbers from N(0, 1): mean 1/√n, variance √(2/n), skewness
/// √(6/n), kurtosis √(24/n); of a share p, √(p(1 − p)/n).
pub(super) fn check_moments(session: &mut dyn Session) -> Outcome {
    // Columns that are no multiple of the four that share a counter.
    let shape = Shape::new(1021, 1003);
    let draws = draws(session, shape, Stream::Latent, Step::new(SEED, 1, 0))?;
    assert_eq!(draws.len(), shape.len());
    assert!(draws.len() > 1_000_000);
    let inside = |&x: &f64| x.abs() <= LARGEST * (1.0 + 1e-6);
    assert_eq!(draws.iter().find(|x| !inside(x)), None);

    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let central = |power| draws.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n;
    let variance = central(2);
    assert_near("mean", mean, 0.0, (1.0 / n).sqrt());
    assert_near("variance", variance, 1.0, (2.0 / n).sqrt());
    assert_near("skewness", central(3) / variance.powf(1.5), 0.0, (6.0 / n).sqrt());
    assert_near("kurtosis", central(4) / variance.powi(2), 3.0, (24.0 / n).sqrt());
    for (deviations, share) in (1..).zip(BEYOND) {
        let beyond = draws.iter().filter(|x| x.abs() > f64::from(deviations)).count();
        let what = format!("share beyond {deviations}");
        assert_near(&what, beyond as f64 / n, share, (share * (1.0 - share) / n).sqrt());
    }
    Ok(())
}

/// The first two columns of a row are a point in the plane: its distance from the origin follows
/// from the first uniform number alone.
pub(super) fn check_extremes(session: &mut dyn Session) -> Outcome {
    let top = |row| words(0, 0, Stream::Latent, row, 0)[0] >> 8;
    assert_eq!((top(SMALLEST_ROW), top(LARGEST_ROW)), (0, (1 << 24) - 1));
    for (row, expected) in [(SMALLEST_ROW, LARGEST), (LARGEST_ROW, 0.0)] {
        let step = Step::new(0, 0, row);
        let point = draws(session, Shape::new(1, 2), Stream::Latent, step)?;
        let distance = point[0].hypot(point[1]);
        assert!((distance - expected).abs() <= 1e-5, "row {row}: {point:?}");
    }
    Ok(())
}

/// Draws that differ from one another in one thing.
fn planes(session: &mut dyn Session) -> wgvae::Result<Vec<(String, Vec<f64>)>> {
    let step = Step::new(SEED, 7, 0);
    let mut planes = vec![
        ("next step".to_owned(), Stream::Latent, Step::new(SEED, 8, 0)),
        ("next seed".to_owned(), Stream::Latent, Step::new(SEED + 1, 7, 0)),
        ("upper half of the seed".to_owned(), Stream::Latent, Step::new(SEED + (1 << 32), 7, 0)),
    ];
    planes.extend(STREAMS.map(|stream| (format!("{stream:?}"), stream, step)));
    let draw = |(name, stream, step)| Ok((name, draws(session, PLANE, stream, step)?));
    planes.into_iter().map(draw).collect()
}

const PLANE: Shape = Shape::new(131, 259);

/// No plane is related to another, nor to itself moved by a row or by up to four columns: as far as
/// the next counter. Where two numbers are independent, their product has mean 0 and standard error
/// 1/√n, and that of their squares less 1, whose variance is 2, has standard error 2/√n.
pub(super) fn check_independence(session: &mut dyn Session) -> Outcome {
    let planes = planes(session)?;
    for (index, (a_name, a)) in planes.iter().enumerate() {
        for (b_name, b) in &planes[index..] {
            for (down, right) in (-1..=1).flat_map(|down| (-4..=4).map(move |right| (down, right)))
            {
                if a_name == b_name && (down, right) == (0, 0) {
                    continue;
                }
                let [products, squares, n] = relation(a, b, down, right);
                let what = format!("{a_name}, {b_name} moved by {down} rows, {right} columns");
                assert_near(&format!("product of {what}"), products, 0.0, 1.0 / n.sqrt());
                assert_near(&format!("squares of {what}"), squares, 0.0, 2.0 / n.sqrt());
            }
        }
    }
    Ok(())
}

/// The mean of a·b and of (a² − 1)(b² − 1) where b is moved, and the number of terms.
fn relation(a: &[f64], b: &[f64], down: isize, right: isize) -> [f64; 3] {
    let moved = |at: usize, by: isize, size| at.checked_add_signed(by).filter(|&at| at < size);
    let [mut products, mut squares, mut n] = [0.0; 3];
    for row in 0..PLANE.rows {
        let Some(b_row) = moved(row, down, PLANE.rows) else { continue };
        let a = &a[row * PLANE.columns..][..PLANE.columns];
        let b = &b[b_row * PLANE.columns..][..PLANE.columns];
        for (column, a) in a.iter().enumerate() {
            let Some(b_column) = moved(column, right, PLANE.columns) else { continue };
            let b = b[b_column];
            products += a * b;
            squares += (a * a - 1.0) * (b * b - 1.0);
            n += 1.0;
        }
    }
    [products / n, squares / n, n]
}

/// A row's draws follow from its place alone: one call of 64 rows, two of 32 and 64 of one row give
/// the same. Wide enough for the CPU to share the rows out over its threads.
pub(super) fn check_split(session: &mut dyn Session) -> Outcome {
    for columns in [1, 6, 785] {
        let mut in_parts = |rows: usize| -> wgvae::Result<Vec<f64>> {
            let part = |first| {
                let step = Step::new(SEED, 3, 17 + first as u32);
                draws(session, Shape::new(rows, columns), Stream::Prior, step)
            };
            Ok((0..64).step_by(rows).map(part).collect::<wgvae::Result<Vec<_>>>()?.concat())
        };
        let whole = in_parts(64)?;
        assert_eq!(whole.len(), 64 * columns);
        assert!(whole == in_parts(32)?, "halves of 64 rows, {columns} columns");
        assert!(whole == in_parts(1)?, "single rows, {columns} columns");
    }
    Ok(())
}
