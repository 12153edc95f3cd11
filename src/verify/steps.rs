//! Verification of whole training steps of the default model against the f64 oracle: with the same
//! weights, data and noise on both, the loss is compared after each step and every weight after the
//! last.

use super::{Row, compare};
use crate::Result;
use crate::device::cpu::CpuSession;
use crate::device::{Session, Values};
use crate::graph::{Binarize, Pixels, Step};
use crate::kernel::Tolerance;
use crate::model::{Architecture, Images, Training, initial_weights};
use crate::optimizer::{Optimizer, RMSPROP};
use crate::random::pixels;

/// Number of compared steps.
pub const STEPS: usize = 20;

const BATCH: usize = 64;
const COUNT: usize = BATCH * STEPS;

/// Tolerance of the loss. Each term is a sum over the batch of sums over a row, of one sign: the
/// relative rounding error was at most 3e-7 on three devices over all steps. This is ten times
/// that.
const LOSS: Tolerance = Tolerance { absolute: 0.0, relative: 3e-6 };

/// Tolerance of weights. An update moves a weight by at most 1e-3·g/√ms; where g is near 0 its
/// relative error is large and its size small, so weights are compared absolutely. This is ten
/// times the largest error seen.
const WEIGHTS: Tolerance = Tolerance { absolute: 1e-6, relative: 1e-6 };

/// Tolerance of mean squares of gradients, which are themselves sums over the batch. This is ten
/// times the largest error seen.
const STATES: Tolerance = Tolerance { absolute: 1e-6, relative: 5e-5 };

/// Trains on a device, with ops fused or not, and on the oracle, with ops not fused: returns a row
/// for the loss of each step, then one each for the weights and RMSProp's mean squares after the
/// last.
///
/// # Errors
/// If the device fails.
pub fn verify_steps(session: &mut dyn Session, seed: u64, fused: bool) -> Result<Vec<Row>> {
    let variant = if fused { "fused" } else { "unfused" };
    let architecture = Architecture::new(784, &[200, 100])?;
    let found = train(session, &architecture, seed, fused)?;
    let expected = train(&mut CpuSession::<f64>::new(), &architecture, seed, false)?;
    let mut rows: Vec<_> = found
        .losses
        .iter()
        .zip(&expected.losses)
        .enumerate()
        .map(|(step, (found, expected))| {
            let comparison = compare(found, expected, LOSS);
            Row::new("training step", variant, format!("step {}, loss", step + 1), &comparison)
        })
        .collect();
    for (what, tolerance) in [("weights", WEIGHTS), ("mean squares", STATES)] {
        let rows_of_tensors = found.tensors.iter().zip(&expected.tensors).filter_map(|(a, b)| {
            let comparison = compare(&a.values, &b.values, tolerance);
            let shape = format!("{} after {STEPS} steps", a.name);
            (a.what == what).then(|| Row::new(what, variant, shape, &comparison))
        });
        rows.extend(rows_of_tensors.reduce(Row::worse));
    }
    Ok(rows)
}

/// A tensor after the last step.
struct Trained {
    what: &'static str,
    name: String,
    values: Vec<f64>,
}

struct Run {
    losses: Vec<Vec<f64>>,
    tensors: Vec<Trained>,
}

fn train(
    session: &mut dyn Session,
    architecture: &Architecture,
    seed: u64,
    fused: bool,
) -> Result<Run> {
    let images = Images {
        name: "verify",
        count: COUNT,
        batch: BATCH,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let program =
        session.load(architecture.training_plan(images, Training::default(), fused)?)?;
    initial_weights(architecture, seed).write(session)?;
    let states = architecture.starting_states(Optimizer::default());
    architecture.write_states(Optimizer::default(), &states, session)?;
    session.write("verify.images", Values::U8(&pixels(COUNT * architecture.input(), seed)))?;
    let indices: Vec<u32> = (0..COUNT as u32).collect();
    session.write("verify.indices", Values::U32(&indices))?;
    let step = |index| Step::new(seed, index as u32, (index * BATCH) as u32);
    session.run(program, &(0..STEPS).map(step).collect::<Vec<_>>())?;
    let losses = session.take_log(true)?.into_iter().map(|row| row.values.to_vec()).collect();
    let mut tensors = Vec::new();
    for parameter in architecture.parameters() {
        for (what, name) in [
            ("weights", parameter.name.clone()),
            ("mean squares", format!("{}{}", RMSPROP.states[0].prefix, parameter.name)),
        ] {
            let values = session.read(&name)?;
            tensors.push(Trained { what, name, values });
        }
    }
    Ok(Run { losses, tensors })
}
