//! Batches of images: which images, and what becomes of their grey levels.

use wgvae::graph::Binarize;
use wgvae::kernel::Tolerance;
use wgvae::verify::compare;

use super::bernoulli::{ROWS, check_draws};
use super::{Op, Operand, Outcome, SEED, Session, Shape, Step, Values, output};

/// Rows of images `[images, columns]` in the order of the indices.
fn gather(
    session: &mut dyn Session,
    images: (&[u8], usize),
    indices: &[u32],
    op: Op,
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    let (bytes, columns) = images;
    let operands = [
        Operand {
            name: "noise.images",
            shape: Shape::new(bytes.len() / columns, columns),
            values: Values::U8(bytes),
        },
        Operand {
            name: "noise.indices",
            shape: Shape::new(indices.len(), 1),
            values: Values::U32(indices),
        },
    ];
    output(session, op, &operands, step)
}

/// A grey level is as often white as it is bright, and drawn anew for each step; a row's draws
/// follow from its place alone.
pub(super) fn check_stochastic(session: &mut dyn Session) -> Outcome {
    let levels: Vec<u8> = (0..=255).step_by(5).collect();
    let mut drawn = |batch: usize, step: Step| {
        let op = Op::GatherBatch { batch, binarize: Binarize::Stochastic };
        gather(session, (&levels, levels.len()), &[0; 3], op, step)
    };
    let shares: Vec<_> = levels.iter().map(|&level| f64::from(level) / 255.0).collect();
    check_draws(&shares, |step| drawn(ROWS, step))?;

    let from = |row: usize| Step::new(SEED, 3, 17 + row as u32);
    let whole = drawn(ROWS, from(0))?;
    for row in [0, 1, 15_000] {
        let part = &whole[row * levels.len()..][..64 * levels.len()];
        assert!(part == drawn(64, from(row))?, "64 rows from row {row} on");
    }
    Ok(())
}

/// Without a draw: white from 128 on, or the brightness itself.
pub(super) fn check_grey_levels(session: &mut dyn Session) -> Outcome {
    let levels: Vec<u8> = (0..=255).collect();
    let mut found = |binarize| {
        let op = Op::GatherBatch { batch: 1, binarize };
        gather(session, (&levels, levels.len()), &[0], op, Step::new(SEED, 0, 0))
    };
    let threshold = found(Binarize::Threshold)?;
    assert_eq!(threshold[126..130], [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(threshold, [[0.0; 128], [1.0; 128]].concat());
    let expected: Vec<_> = levels.iter().map(|&level| f64::from(level) / 255.0).collect();
    let grey = compare(&found(Binarize::None)?, &expected, Tolerance::ROUNDING);
    assert!(grey.ok, "{grey:?}");
    Ok(())
}

/// Images whose width is no whole number of words, in the order of the indices from the step's
/// first row on; past the end, the last again.
pub(super) fn check_order(session: &mut dyn Session) -> Outcome {
    let columns = 5;
    let image = |number: u32| (0..5).map(move |column| (5 * number + column + 100) as u8);
    let bytes: Vec<u8> = (0..7).flat_map(image).collect();
    let indices = [6, 0, 3, 3, 5, 1, 2];
    for first_row in 0..9 {
        let op = Op::GatherBatch { batch: 4, binarize: Binarize::None };
        let step = Step::new(SEED, 0, first_row);
        let grey = gather(session, (&bytes, columns), &indices, op, step)?;
        let found: Vec<_> = grey.iter().map(|x| (255.0 * x).round() as u8).collect();
        let numbers = (first_row..).take(4).map(|row| indices[(row as usize).min(6)]);
        assert_eq!(found, numbers.flat_map(image).collect::<Vec<_>>(), "from row {first_row} on");
    }
    Ok(())
}
