//! Devices that are polled: training on a thread that never waits, with the bits of the run that does.

use crate::devices::{gpus, sessions};
use std::task::Poll;
use std::thread;
use wgvae::data::{Dataset, Levels, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::GpuSession;
use wgvae::device::{Blocking, Device, ProgramId, Reals, Session, Source, Values};
use wgvae::eval::Measures;
use wgvae::graph::{Element, Graph, Plan, Shape, Step, TensorId};
use wgvae::model::Weights;
use wgvae::random::pixels;
use wgvae::train::{Config, Report, StepReport, Trainer};
use wgvae::{Error, Result};

const EPOCHS: u32 = 2;

fn data() -> Result<Split> {
    let size = "4x5".parse().or(Err(Error::UnknownProgram))?;
    let set = |count: usize, seed| Dataset::new(Levels::Bytes(pixels(20 * count, seed)), size);
    // An epoch of 71 steps: the weights are looked at within it, and a batch is left out.
    Ok(Split::new(set(8 * 71 + 3, 1)?, set(1203, 2)?))
}

fn config() -> Config {
    Config { hidden: vec![9, 4], epochs: EPOCHS, batch: 8, seed: 11, ..Config::default() }
}

/// All that a run reports but its times, and its weights.
#[derive(Debug, Default, PartialEq)]
struct Trained {
    steps: Vec<StepReport>,
    epochs: Vec<(u32, Measures, Measures)>,
    weights: Option<Weights>,
}

impl Trained {
    fn add(&mut self, report: Report) {
        match report {
            Report::Step(step) => self.steps.push(step),
            Report::Epoch(epoch) => self.epochs.push((epoch.epoch, epoch.train, epoch.test)),
            other => panic!("no step was to be timed: {other:?}"),
        }
    }
}

fn train_blocking(session: &mut dyn Session) -> Result<Trained> {
    let mut trainer = Trainer::new(session, &config(), &data()?)?;
    let mut trained = Trained::default();
    for _ in 0..EPOCHS {
        trainer.epoch(session, |report| {
            trained.add(report);
            Ok(())
        })?;
    }
    trained.weights = Some(trainer.weights(session)?);
    Ok(trained)
}

/// Trains by `poll` alone; also returns how often the caller could do something else meanwhile.
fn train_polled(session: &mut dyn Session) -> Result<(Trained, u64)> {
    let device: &mut dyn Device = session;
    let mut trainer = Trainer::new(device, &config(), &data()?)?;
    let (mut trained, mut count) = (Trained::default(), 0);
    while trained.epochs.len() < EPOCHS as usize {
        match trainer.next(device)? {
            Poll::Ready(report) => trained.add(report),
            Poll::Pending => {
                device.poll()?;
                count += 1;
            }
        }
    }
    trained.weights = Some(trainer.weights(session)?);
    Ok((trained, count))
}

/// A pair of sessions on each device.
fn pairs() -> impl Iterator<Item = [Box<dyn Session>; 2]> {
    sessions().into_iter().zip(sessions()).map(|(one, other)| [one, other])
}

#[test]
fn training_by_polling_has_the_bits_of_the_blocking_run() -> Result<()> {
    for [mut blocking, mut polled] in pairs() {
        let expected = train_blocking(blocking.as_mut())?;
        assert_eq!(expected.steps.len(), 71 * EPOCHS as usize);
        let name = polled.description().to_string();
        // A session goes to whichever thread has it.
        let found = thread::spawn(move || train_polled(polled.as_mut())).join();
        let (found, count) = found.unwrap_or_else(|_| panic!("{name}: the thread panicked"))?;
        assert!(found == expected, "{name}");
        assert!(count >= 2 * u64::from(EPOCHS), "{name}: pending {count} times");
    }
    Ok(())
}

#[test]
fn sessions_are_send() -> Result<()> {
    fn assert_send<T: Send>() {}
    assert_send::<CpuSession<f32>>();
    assert_send::<CpuSession<f64>>();
    assert_send::<GpuSession>();
    assert_send::<Box<dyn Session>>();
    for [mut here, mut there] in pairs() {
        let expected = train_blocking(here.as_mut())?;
        let found = thread::spawn(move || train_blocking(there.as_mut())).join();
        assert!(found.is_ok_and(|found| found.is_ok_and(|found| found == expected)));
    }
    Ok(())
}

#[test]
fn what_has_to_wait_is_refused_where_nothing_may() -> Result<()> {
    let mut session = CpuSession::<f32>::new();
    for (config, flag) in [
        (Config { profile_every: Some(3), ..config() }, "profile_every"),
        (Config { self_check: Some(3), ..config() }, "self_check"),
    ] {
        let mut trainer = Trainer::new(&mut session, &config, &data()?)?;
        match trainer.next(&mut session) {
            Err(Error::Setting { setting, .. }) => assert_eq!(setting, flag),
            other => panic!("{other:?}"),
        }
        trainer.unload(&mut session)?;
    }
    Ok(())
}

/// A plan whose output is its input.
fn load_copy(device: &mut dyn Device) -> Result<(ProgramId, TensorId)> {
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(2, 3), Element::F32);
    let y = graph.relu(x)?;
    let program = device.load(Plan::new(graph, &[y]))?;
    Ok((program, y))
}

#[test]
fn requests_and_writes_keep_their_order() -> Result<()> {
    for mut session in sessions() {
        let device: &mut dyn Device = session.as_mut();
        let (program, y) = load_copy(device)?;
        let mut tickets = Vec::new();
        for value in [0.0, 1.0, 2.0] {
            device.write("x", Values::F64(&[value; 6]))?;
            while device.submit(program, &[Step::default()])? == 0 {
                device.poll()?;
            }
            tickets.push(device.request(Source::Output(program, y))?);
            tickets.push(device.request(Source::Tensor("x"))?);
        }
        while device.poll()? {
            thread::yield_now();
        }
        // In another order than they were asked for.
        for (index, value) in [(2, 2.0), (0, 0.0), (1, 1.0)] {
            for ticket in &tickets[2 * index..][..2] {
                let found = device.take(*ticket);
                assert_eq!(found, Some(Reals::F32(vec![value; 6])), "{}", device.description());
            }
        }
        assert_eq!(device.take(tickets[0]), None, "handed out once");
    }
    Ok(())
}

/// Nobody waits in `submit`: it takes no more than a device can have in flight.
#[test]
fn submit_takes_what_fits() -> Result<()> {
    for mut session in sessions() {
        let device: &mut dyn Device = session.as_mut();
        let (program, _) = load_copy(device)?;
        device.write("x", Values::F64(&[0.0; 6]))?;
        let steps = [Step::default(); 100];
        let mut taken = 0;
        // The first submits of a plan are short; nothing finishes while nobody polls.
        for _ in 0..9 {
            taken += device.submit(program, &steps)?;
        }
        assert_eq!(device.submit(program, &steps)?, 0, "{}", device.description());
        assert!((1..=8).contains(&taken), "{taken}");
        while device.poll()? {
            thread::yield_now();
        }
        assert!(device.submit(program, &steps)? > 0);
        assert_eq!(device.submit(program, &[])?, 0);
        session.finish()?;
    }
    Ok(())
}

#[test]
fn reals_keep_their_precision() -> Result<()> {
    let third = [1.0 / 3.0; 6];
    for mut session in sessions() {
        let (_, _) = load_copy(session.as_mut())?;
        session.write("x", Values::F64(&third))?;
        let found = session.fetch(Source::Tensor("x"))?;
        assert_eq!(found, Reals::F32(vec![1.0 / 3.0; 6]));
        assert_eq!(session.read("x")?, [f64::from(1.0_f32 / 3.0); 6]);
    }
    let mut oracle = CpuSession::<f64>::new();
    load_copy(&mut oracle)?;
    oracle.write("x", Values::F64(&third))?;
    assert_eq!(oracle.fetch(Source::Tensor("x"))?, Reals::F64(third.to_vec()));
    assert_eq!(oracle.read_f32("x")?, [1.0 / 3.0; 6]);
    assert!(!gpus().is_empty());
    Ok(())
}
