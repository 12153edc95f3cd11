//! Random numbers: Philox against published answers, then what a device makes of them. Every bound
//! on a statistic is five standard errors of that statistic, so that a sound generator would fail
//! one check in two million. [`check_noise`] takes any session: every device has to pass it.

use std::error::Error;

use crate::devices::sessions;
use wgvae::cpu::philox::{philox, words};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Session, Values};
use wgvae::graph::{Graph, Op, Plan, Shape, Step, Stream, TensorId};

mod bernoulli;
mod gather;
mod normal;

type Outcome = Result<(), Box<dyn Error>>;

const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Everything that a device has to get right about noise.
///
/// # Errors
/// If the device fails. What it gets wrong panics.
pub(crate) fn check_noise(session: &mut dyn Session) -> Outcome {
    normal::check_moments(session)?;
    normal::check_extremes(session)?;
    normal::check_independence(session)?;
    normal::check_split(session)?;
    bernoulli::check_samples(session)?;
    bernoulli::check_split(session)?;
    gather::check_stochastic(session)?;
    gather::check_grey_levels(session)?;
    gather::check_reals(session)?;
    gather::check_order(session)
}

/// What an op reads.
struct Operand<'a> {
    name: &'a str,
    shape: Shape,
    values: Values<'a>,
}

/// Runs an op on a device.
fn output(
    session: &mut dyn Session,
    op: Op,
    operands: &[Operand],
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    made(session, |graph, inputs| Ok(graph.apply(op, inputs)?[0]), operands, step)
}

/// Runs what is appended to a graph with these operands on a device.
fn made(
    session: &mut dyn Session,
    append: impl Fn(&mut Graph, &[TensorId]) -> wgvae::Result<TensorId>,
    operands: &[Operand],
    step: Step,
) -> wgvae::Result<Vec<f64>> {
    let mut graph = Graph::new();
    // Sessions know tensors by name, so each shape needs a name of its own.
    let name = |operand: &Operand| format!("{} {}", operand.name, operand.shape);
    let data = operands.iter();
    let inputs: Vec<_> = data
        .map(|operand| graph.data(&name(operand), operand.shape, operand.values.element()))
        .collect();
    let output = append(&mut graph, &inputs)?;
    let program = session.load(Plan::new(graph, &[output]))?;
    for operand in operands {
        session.write(&name(operand), operand.values)?;
    }
    session.poison(program)?;
    session.run(program, &[step])?;
    session.read_output(program, output)
}

/// Fails if a statistic is more than five standard errors from its expectation, or NaN.
#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, standard_error: f64) {
    assert!(
        (found - expected).abs() <= 5.0 * standard_error,
        "{what}: expected {expected} to within 5 standard errors of {standard_error}, found {found}"
    );
}

#[test]
fn philox_gives_the_published_words() {
    // Random123's kat_vectors, "philox4x32 10".
    for (counter, key, expected) in [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ] {
        assert_eq!(philox(counter, key), expected, "counter {counter:x?}, key {key:x?}");
    }
}

#[test]
fn every_number_of_an_element_has_its_word() {
    let key = [0x89ab_cdef, 0x0123_4567];
    for stream in normal::STREAMS {
        let expected = philox([5, 4, 3, stream as u32], key);
        assert_eq!(words(SEED, 3, stream, 4, 5), expected, "{stream:?}");
    }
    assert_eq!(normal::STREAMS.map(|stream| stream as u32), [0, 1, 2, 3, 4]);
}

#[test]
fn noise_of_every_device() -> Outcome {
    for mut session in sessions() {
        println!("{:?}", session.description());
        check_noise(session.as_mut())?;
    }
    Ok(())
}

#[test]
fn noise_of_the_oracle() -> Outcome {
    check_noise(&mut CpuSession::<f64>::new())
}
