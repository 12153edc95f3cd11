//! Numbers that go wrong: infinities and NaN are noticed, traced to a kernel and never saved, and
//! results that are finite but wrong do not pass the self-check.

use crate::devices::sessions;
use crate::tampered::Tampered;
use std::error::Error as AnyError;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use wgvae::checkpoint::{Checkpoint, FILE_NAME, Position};
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, ProgramId, Session, Values};
use wgvae::graph::Step;
use wgvae::random::pixels;
use wgvae::train::{Config, Ended, EpochReport, Report, Run, Trainer};
use wgvae::{Error, Result};

type Fallible<T> = std::result::Result<T, Box<dyn AnyError>>;

const BATCH: usize = 8;
const STEPS: u32 = 160;

/// Images of 6 by 6 pixels, the first of which is always black.
fn images(count: usize, seed: u64) -> Fallible<Dataset> {
    let mut levels = pixels(count * 36, seed);
    levels.chunks_mut(36).for_each(|image| image[0] = 0);
    let size = Size::new(6, 6).ok_or("a size")?;
    Ok(Dataset::new(Levels::Bytes(levels), size)?)
}

fn data() -> Fallible<Split> {
    Ok(Split::new(images(BATCH * STEPS as usize, 1)?, images(15, 2)?))
}

fn config() -> Config {
    Config { hidden: vec![9, 5], epochs: 2, batch: BATCH, seed: 7, ..Config::default() }
}

/// An epoch of so many steps, after the session was tampered with.
fn epoch(
    session: &mut dyn Session,
    config: &Config,
    data: &Split,
    tamper: impl FnOnce(&mut dyn Session) -> Result<()>,
) -> Result<(Trainer, EpochReport)> {
    let mut trainer = Trainer::new(session, config, data)?;
    tamper(session)?;
    let report = trainer.epoch(session, |_| Ok(()))?;
    Ok((trainer, report))
}

/// Writes a number over the first of a tensor.
fn overwrite(session: &mut dyn Session, name: &str, value: f64) -> Result<()> {
    let mut values = session.read(name)?;
    values[0] = value;
    session.write(name, Values::F64(&values))
}

#[test]
fn a_weight_that_no_loss_depends_on_is_noticed_within_a_hundred_steps() -> Fallible<()> {
    let (data, config) = (data()?, config());
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        // On the CPU, which leaves out the terms of products with black pixels.
        let begun = AtomicU32::new(0);
        let mut counting = Tampered::new(|cpu, program, steps| {
            begun.fetch_max(steps.last().map_or(0, |step| step.index + 1), Ordering::Relaxed);
            cpu.run(program, steps)
        });
        let tamper = |session: &mut dyn Session| overwrite(session, "encoder.0.weight", value);
        match epoch(&mut counting, &config, &data, tamper) {
            Err(Error::NonFinite { what, step: 50, origin: None }) => {
                let expected = "encoder.0.weight has 1 elements that are infinite or NaN";
                assert_eq!(what, expected);
            }
            Err(error) => panic!("{value}: {error}"),
            Ok(_) => panic!("{value}: not seen"),
        }
        let begun = begun.load(Ordering::Relaxed);
        assert!((50..=100).contains(&begun), "{begun}");
    }
    for mut session in sessions() {
        let tamper = |session: &mut dyn Session| overwrite(session, "encoder.0.weight", f64::NAN);
        match epoch(session.as_mut(), &config, &data, tamper) {
            Err(Error::NonFinite { step: 1..=50, .. }) => {}
            Err(error) => panic!("{}: {error}", session.description()),
            Ok(_) => panic!("{}: not seen", session.description()),
        }
    }
    Ok(())
}

#[test]
fn numbers_that_are_not_finite_are_not_handed_out() -> Fallible<()> {
    let (data, config) = (data()?, config());
    for mut session in sessions() {
        let session = session.as_mut();
        let (trainer, _) = epoch(session, &config, &data, |_| Ok(()))?;
        overwrite(session, "rms.decoder.0.bias", f64::INFINITY)?;
        let wrong = trainer.states(session).err().ok_or("infinite mean squares")?;
        let expected = "rms.decoder.0.bias has 1 elements that are infinite or NaN at step 160";
        assert_eq!(wrong.to_string(), expected);
        assert!(trainer.weights(session).is_ok());
        overwrite(session, "decoder.0.bias", f64::NAN)?;
        assert!(matches!(trainer.weights(session), Err(Error::NonFinite { .. })));
    }
    Ok(())
}

fn run(
    folder: &Path,
    config: &Config,
    session: &mut dyn Session,
    tell: impl FnMut(&Report) -> Result<()>,
) -> Fallible<Result<Ended>> {
    let data = data()?;
    Ok(Run::new(config, &data, folder).begin(session, tell))
}

#[test]
fn the_kernel_that_it_began_in_is_named_and_the_last_checkpoint_stays() -> Fallible<()> {
    // The first update makes weights of 1e30, the second step squares them.
    let config = Config { learning_rate: 1e30, ..config() };
    for mut session in sessions() {
        let folder = tempfile::tempdir()?;
        match run(folder.path(), &config, session.as_mut(), |_| Ok(()))? {
            Err(error @ Error::NonFinite { step: 2, .. }) => {
                let text = error.to_string();
                assert!(text.contains(" at step 2; it began in step 2's matmul, whose "), "{text}");
                assert!(text.contains(".product ["), "{text}");
                assert!(text.contains(" in row 1, column "), "{text}");
            }
            other => panic!("{}: {other:?}", session.description()),
        }
        let last = Checkpoint::load(&folder.path().join(FILE_NAME))?;
        assert_eq!(last.state.position.step, 0);
    }
    Ok(())
}

/// The numbers that a kernel was given are those from before the step, which makes NaN of most.
#[test]
fn what_an_origin_is_given_is_from_before_its_step() -> Fallible<()> {
    let (data, config) = (data()?, config());
    for mut session in sessions() {
        let session = session.as_mut();
        let mut trainer = Trainer::new(session, &config, &data)?;
        let states = trainer.states(session)?;
        let mut weights = trainer.weights(session)?;
        weights.values[0].fill(2e38);
        let (begun, stop) = (Position::default(), || false);
        let found = trainer.find_nonfinite(session, &weights, &states, begun, 1, &stop)?;
        let found = found.ok_or("no origin")?;
        assert!(
            found.starts_with("step 1's matmul, whose encoder.0.product [8, 9] has inf in row ")
        );
        assert!(found.ends_with(", from numbers up to 2.000e38"), "{found}");
        let found = trainer.find_nonfinite(session, &weights, &states, begun, 1, &|| true)?;
        assert_eq!(found, None);
        // A mean square that was infinite after step 49, looked for from the weights after step 100.
        weights.values[0].fill(0.01);
        let mut states = states;
        states[0][0][0] = f32::INFINITY;
        let later = Position { step: 49, ..begun };
        let found = trainer.find_nonfinite(session, &weights, &states, later, 100, &stop)?;
        let found = found.ok_or("no origin")?;
        assert!(found.starts_with("step 50's rmsprop, whose "), "{found}");
    }
    Ok(())
}

/// Tampers with what a run's 70th step leaves, once or whenever it is run.
fn tampered<'a>(again: bool, name: &'a str, value: f64) -> Tampered<'a> {
    let mut is_new = true;
    Tampered::new(move |cpu: &mut CpuSession<f32>, program: ProgramId, steps: &[Step]| {
        cpu.run(program, steps)?;
        if steps.iter().any(|step| step.index == 69) && (again || is_new) {
            is_new = false;
            overwrite(cpu, name, value)?;
        }
        Ok(())
    })
}

#[test]
fn what_does_not_happen_again_has_no_origin() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let config = Config { checkpoint_every: "60".parse().ok(), ..config() };
    let mut session = tampered(false, "decoder.2.weight", f64::NAN);
    match run(folder.path(), &config, &mut session, |_| Ok(()))? {
        Err(Error::NonFinite { step: 71, origin: None, .. }) => {}
        other => panic!("{other:?}"),
    }
    let last = Checkpoint::load(&folder.path().join(FILE_NAME))?;
    assert_eq!(last.state.position.step, 60);
    Ok(())
}

#[test]
fn healthy_devices_pass_the_self_check_and_keep_their_bits() -> Fallible<()> {
    let data = data()?;
    for fuse in [true, false] {
        let config = Config { fuse, ..config() };
        let checked = Config { self_check: Some(20), profile_every: Some(40), ..config.clone() };
        for (mut plain, mut session) in sessions().into_iter().zip(sessions()) {
            let (trainer, expected) = epoch(plain.as_mut(), &config, &data, |_| Ok(()))?;
            let expected = (expected.train, expected.test, trainer.weights(plain.as_mut())?);
            let (trainer, found) = epoch(session.as_mut(), &checked, &data, |_| Ok(()))?;
            let found = (found.train, found.test, trainer.weights(session.as_mut())?);
            assert!(found == expected, "{}", session.description());
        }
    }
    Ok(())
}

#[test]
fn a_device_that_is_wrong_fails_the_self_check() -> Fallible<()> {
    let (data, config) = (data()?, Config { self_check: Some(35), ..config() });
    for (again, name, found) in [
        (false, "decoder.2.weight", "element 0 of decoder.2.weight is 5e-1 at first, and "),
        (false, "rms.encoder.0.bias", "element 0 of rms.encoder.0.bias is 5e-1 at first, and "),
        (true, "decoder.2.weight", " gives 5e-1 for element 0 of decoder.2.weight, where the f64 "),
    ] {
        match epoch(&mut tampered(again, name, 0.5), &config, &data, |_| Ok(())) {
            Err(Error::Device { step: Some(70), message, .. }) => {
                assert!(message.starts_with("wrong results: "), "{message}");
                assert!(message.contains(found), "{message}");
            }
            Err(error) => panic!("{name}: {error}"),
            Ok(_) => panic!("{name}: not seen"),
        }
    }
    Ok(())
}
