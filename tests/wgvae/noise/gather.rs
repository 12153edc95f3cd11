//! Batches of images: which images, and what becomes of their grey levels.

use wgvae::graph::{Binarize, Pixels};
use wgvae::kernel::Tolerance;
use wgvae::verify::compare;

use super::bernoulli::{ROWS, check_draws};
use super::{Op, Operand, Outcome, SEED, Session, Shape, Step, Values, output};

/// Rows of images `[images, columns]` in the order of the indices.
fn gather(
    session: &mut dyn Session,
    images: (Values, usize),
    indices: &[u32],
    op: Op,
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    let (values, columns) = images;
    let operands = [
        Operand {
            name: "noise.images",
            shape: Shape::new(values.len() / columns, columns),
            values,
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
        let op = Op::GatherBatch { batch, pixels: Pixels::Bytes, binarize: Binarize::Stochastic };
        gather(session, (Values::U8(&levels), levels.len()), &[0; 3], op, step)
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
        let op = Op::GatherBatch { batch: 1, pixels: Pixels::Bytes, binarize };
        gather(session, (Values::U8(&levels), levels.len()), &[0], op, Step::new(SEED, 0, 0))
    };
    let threshold = found(Binarize::Threshold)?;
    assert_eq!(threshold[126..130], [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(threshold, [[0.0; 128], [1.0; 128]].concat());
    let expected: Vec<_> = levels.iter().map(|&level| f64::from(level) / 255.0).collect();
    let grey = compare(&found(Binarize::None)?, &expected, Tolerance::ROUNDING);
    assert!(grey.ok, "{grey:?}");
    Ok(())
}

/// Real numbers: white above a half, themselves, or as often white as they are bright.
pub(super) fn check_reals(session: &mut dyn Session) -> Outcome {
    let below = f32::from_bits(0.5_f32.to_bits() - 1);
    let above = f32::from_bits(0.5_f32.to_bits() + 1);
    let levels = [0.0, 1e-30, 0.1, 0.25, below, 0.5, above, 0.9, 1.0_f32];
    let bits = levels.map(f32::to_bits);
    let mut found = |batch: usize, binarize, step: Step| {
        let op = Op::GatherBatch { batch, pixels: Pixels::Reals, binarize };
        gather(session, (Values::U32(&bits), levels.len()), &[0; 3], op, step)
    };
    let step = Step::new(SEED, 0, 0);
    let white = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    assert_eq!(found(1, Binarize::Threshold, step)?, white);
    assert_eq!(found(1, Binarize::None, step)?, levels.map(f64::from));
    let shares = levels.map(f64::from);
    check_draws(&shares, |step| found(ROWS, Binarize::Stochastic, step))
}

/// Images whose width is no whole number of words, in the order of the indices from the step's
/// first row on; past the end, the last again.
pub(super) fn check_order(session: &mut dyn Session) -> Outcome {
    let columns = 5;
    let image = |number: u32| (0..5).map(move |column| (5 * number + column + 100) as u8);
    let bytes: Vec<u8> = (0..7).flat_map(image).collect();
    let indices = [6, 0, 3, 3, 5, 1, 2];
    for first_row in 0..9 {
        let op = Op::GatherBatch { batch: 4, pixels: Pixels::Bytes, binarize: Binarize::None };
        let step = Step::new(SEED, 0, first_row);
        let grey = gather(session, (Values::U8(&bytes), columns), &indices, op, step)?;
        let found: Vec<_> = grey.iter().map(|x| (255.0 * x).round() as u8).collect();
        let numbers = (first_row..).take(4).map(|row| indices[(row as usize).min(6)]);
        assert_eq!(found, numbers.flat_map(image).collect::<Vec<_>>(), "from row {first_row} on");
    }
    Ok(())
}
