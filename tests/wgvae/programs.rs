//! Plans that come and go in one session, and tensors that are written in parts.

use crate::devices::{NO_ADAPTER, sessions};
use std::ops::ControlFlow::Continue;
use wgvae::data::{Dataset, Levels, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::{Adapters, Gpu, GpuSession};
use wgvae::device::{Device, LogRow, Memory, ProgramId, Session, Values};
use wgvae::graph::{Binarize, Element, Graph, Pixels, Plan, Shape, Step, TensorId};
use wgvae::kernel::Passing;
use wgvae::model::{
    Architecture, DECODER_INPUT, Images, Parameter, Training, Weights, decoding, initial_weights,
};
use wgvae::optimizer::RMSPROP;
use wgvae::random::pixels;
use wgvae::train::{Config, Trainer};
use wgvae::{Error, Result, Vae};

/// Large enough for threads to share a step on the CPU.
const HIDDEN: [usize; 2] = [200, 30];
const WIDTH: usize = 99; // no whole number of words
const BATCH: usize = 64;

fn architecture() -> Result<Architecture> {
    Architecture::new(WIDTH, &HIDDEN)
}

fn images(count: usize) -> Images<'static> {
    let (pixels, binarize) = (Pixels::Bytes, Binarize::None);
    Images { name: "train", count, batch: BATCH, pixels, binarize }
}

fn load_training(device: &mut dyn Device, count: usize) -> Result<ProgramId> {
    device.load(architecture()?.training_plan(images(count), Training::default(), true)?)
}

/// Writes the starting weights whose names begin with `prefix`.
fn write_weights(device: &mut dyn Device, prefix: &str) -> Result<()> {
    let Weights { architecture, values } = initial_weights(&architecture()?, 5);
    for (Parameter { name, .. }, values) in architecture.parameters().iter().zip(&values) {
        if name.starts_with(prefix) {
            device.write(name, Values::F32(values))?;
        }
    }
    Ok(())
}

/// Some steps of training on images that were written by `write`.
fn train(
    session: &mut dyn Session,
    program: ProgramId,
    count: usize,
    write: impl FnOnce(&mut dyn Session, &[u8], &[u32]) -> Result<()>,
) -> Result<Vec<LogRow>> {
    let indices: Vec<_> = (0..count as u32).rev().collect();
    // Every pixel matters.
    let images: Vec<_> = (0..count * WIDTH).map(|i| (i * 37 % 251 + 5) as u8).collect();
    write(session, &images, &indices)?;
    let steps = (0..4).map(|index| Step::new(9, index, index % 2 * BATCH as u32));
    session.run(program, &steps.collect::<Vec<_>>())?;
    session.take_log(true)
}

fn write_whole(session: &mut dyn Session, images: &[u8], indices: &[u32]) -> Result<()> {
    session.write("train.images", Values::U8(images))?;
    session.write("train.indices", Values::U32(indices))
}

fn values(rows: &[LogRow]) -> Vec<Vec<u64>> {
    rows.iter().map(|row| row.values.iter().map(|value| value.to_bits()).collect()).collect()
}

/// A decoder, and what it makes of some latents.
struct Decoder(ProgramId, TensorId);

impl Decoder {
    fn load(device: &mut dyn Device) -> Result<Self> {
        let (plan, probabilities) = decoding(&architecture()?, 70)?;
        device.load(plan).map(|program| Self(program, probabilities))
    }

    fn decode(&self, session: &mut dyn Session) -> Result<Vec<f32>> {
        let z: Vec<_> = (0..70 * HIDDEN[1]).map(|i| (i % 13) as f32 * 0.2 - 1.0).collect();
        session.write(DECODER_INPUT, Values::F32(&z))?;
        session.run(self.0, &[Step::default()])?;
        session.read_output_f32(self.0, self.1)
    }
}

/// On each adapter with a device of its own, since wgpu counts what all sessions of one make, and with
/// both ways to pass arguments; then on the CPU.
fn with_each(check: impl Fn(&mut dyn Session, Option<&Gpu>) -> Result<()>) -> Result<()> {
    let adapters = Adapters::enumerate();
    assert!(!adapters.list().is_empty(), "{NO_ADAPTER}");
    for adapter in adapters.list() {
        for passing in [Passing::Immediate, Passing::Uniform] {
            let gpu = adapters.open(adapter.index)?.passing_by(passing)?;
            check(&mut GpuSession::new(gpu.clone()), Some(&gpu))?;
        }
    }
    check(&mut CpuSession::<f32>::with_threads(Some(2)), None)
}

/// What a session holds, and wgpu's buffers, once nothing is under way.
fn held(session: &mut dyn Session, gpu: Option<&Gpu>) -> Result<(Memory, Option<[isize; 2]>)> {
    // Waits for all that was submitted before, copies that nobody asked for included.
    session.read("decoder.0.bias")?;
    Ok((session.memory(), gpu.map(Gpu::allocations)))
}

#[test]
fn unload_frees_what_a_plan_has_to_itself() -> Result<()> {
    with_each(|session, gpu| {
        let name = session.description().clone();
        let decoder = Decoder::load(session)?;
        write_weights(session, "decoder")?;
        let expected = decoder.decode(session)?;
        let before = held(session, gpu)?;
        assert!(before.0.weights > 0 && before.1.is_none_or(|[buffers, _]| buffers > 0));
        // The second time as the first.
        for count in [2 * BATCH, 3 * BATCH + 1] {
            let program = load_training(session, count)?;
            write_weights(session, "")?;
            let rows = train(session, program, count, write_whole)?;
            assert_eq!(rows.len(), 4, "{name}");
            let during = held(session, gpu)?;
            assert!(during.0.weights > before.0.weights && during.0.optimizer > 0, "{during:?}");
            assert!(decoder.decode(session)? != expected, "{name}: trained");
            session.unload(program)?;
            assert_eq!(held(session, gpu)?, before, "{name}");
            assert!(matches!(session.read("train.images"), Err(Error::UnknownTensor { .. })));
            write_weights(session, "decoder")?;
            assert!(decoder.decode(session)? == expected, "{name}: the same weights as before");
        }
        session.unload(decoder.0)?;
        assert_eq!(session.memory(), Memory::default(), "{name}");
        Ok(())
    })
}

/// The evaluation's images do not fit a tensor that the session has: the plans before it are unloaded.
#[test]
fn a_trainer_that_cannot_load_leaves_nothing() -> Result<()> {
    let levels = |count: usize| Levels::Bytes(vec![200; count * WIDTH]);
    let size = "9x11".parse().or(Err(Error::UnknownProgram))?;
    let images = |count| Dataset::new(levels(count), size);
    let data = Split::new(images(BATCH)?, images(3)?);
    let config = Config { hidden: HIDDEN.to_vec(), batch: BATCH, ..Config::default() };
    with_each(|session, gpu| {
        let mut graph = Graph::new();
        let images = graph.data("test.images", Shape::new(1, 1), Element::F32);
        let bias = graph.parameter("decoder.0.bias", Shape::new(1, HIDDEN[0]));
        let y = graph.add(bias, images)?;
        session.load(Plan::new(graph, &[y]))?;
        let before = held(session, gpu)?;
        let refused = Trainer::new(session, &config, &data).err();
        assert!(matches!(refused, Some(Error::TensorMismatch { .. })), "{refused:?}");
        assert_eq!(held(session, gpu)?, before, "{}", session.description());
        Ok(())
    })
}

#[test]
fn the_id_of_a_plan_that_is_not_loaded_is_an_error() -> Result<()> {
    for (mut session, mut other) in sessions().into_iter().zip(sessions()) {
        let Decoder(unloaded, tensor) = Decoder::load(session.as_mut())?;
        session.unload(unloaded)?;
        let decoder = Decoder::load(session.as_mut())?;
        write_weights(session.as_mut(), "decoder")?;
        let Decoder(foreign, _) = Decoder::load(other.as_mut())?;
        for id in [unloaded, foreign] {
            let step = [Step::default()];
            let errors = [
                session.submit(id, &step).err(),
                session.run(id, &step).err(),
                session.read_output(id, tensor).err(),
                session.launches(id).err(),
                session.time_steps(id, &step).err(),
                session.poison(id).err(),
                session.unload(id).err(),
            ];
            for (index, error) in errors.into_iter().enumerate() {
                assert!(matches!(error, Some(Error::UnknownProgram)), "{index}: {error:?}");
            }
        }
        assert!(decoder.decode(session.as_mut())?.iter().all(|value| value.is_finite()));
    }
    Ok(())
}

/// A plan that has some of the parameters comes first, with weights, and then one that has all.
#[test]
fn no_bit_depends_on_the_order_in_which_plans_are_loaded() -> Result<()> {
    let count = 2 * BATCH;
    with_each(|session, _| {
        let decoder = Decoder::load(session)?;
        write_weights(session, "decoder")?;
        let untrained = decoder.decode(session)?;
        let program = load_training(session, count)?;
        assert!(decoder.decode(session)? == untrained, "the weights are where they were");
        write_weights(session, "encoder")?;
        let rows = train(session, program, count, write_whole)?;
        let found = (values(&rows), Weights::read(&architecture()?, session)?);
        let decoded = decoder.decode(session)?;
        session.unload(program)?;
        session.unload(decoder.0)?;

        let program = load_training(session, count)?;
        write_weights(session, "")?;
        let rows = train(session, program, count, write_whole)?;
        let expected = (values(&rows), Weights::read(&architecture()?, session)?);
        let decoder = Decoder::load(session)?;
        assert!(found == expected, "{}", session.description());
        assert!(decoded == decoder.decode(session)?, "{}", session.description());
        let mean_square = session.read(&format!("{}decoder.0.weight", RMSPROP.states[0].prefix))?;
        assert!(mean_square.iter().all(|&value| value > 0.0 && value != 1.0));
        // What was loaded first goes first, and the rest takes its places.
        session.unload(program)?;
        assert!(decoded == decoder.decode(session)?, "{}", session.description());
        Ok(())
    })
}

#[test]
fn one_model_is_trained_on_data_sets_of_different_sizes() -> Result<()> {
    let size = "9x11".parse().or(Err(Error::UnknownProgram))?;
    let set = |count, seed| Dataset::new(Levels::Bytes(pixels(WIDTH * count, seed)), size);
    let small = Split::new(set(130, 1)?, set(9, 2)?);
    let large = Split::new(set(400, 3)?, set(31, 4)?);
    let config = Config { hidden: HIDDEN.to_vec(), epochs: 1, ..Config::default() };
    let weights = initial_weights(&architecture()?, 0);
    for (session, fresh) in sessions().into_iter().zip(sessions()) {
        let name = session.description().clone();
        let mut vae = Vae::new(session, &weights)?;
        let before = vae.session().memory();
        let mut elbos = Vec::new();
        for data in [&small, &large, &small] {
            weights.write(vae.session())?;
            vae.fit(data, &config, |report| {
                elbos.push(report.test.elbo);
                Ok(Continue(()))
            })?;
            assert_eq!(vae.session().memory(), before, "{name}");
        }
        assert!(elbos[0] == elbos[2] && elbos[0] != elbos[1], "{name}: {elbos:?}");
        let mut vae = Vae::new(fresh, &weights)?;
        vae.fit(&large, &config, |report| {
            assert_eq!(report.test.elbo, elbos[1], "{name}");
            Ok(Continue(()))
        })?;
    }
    Ok(())
}

#[test]
fn rows_that_are_written_in_parts_are_those_written_at_once() -> Result<()> {
    let count = 2 * BATCH + 1;
    for mut session in sessions() {
        let session = session.as_mut();
        let name = session.description().clone();
        let program = load_training(session, count)?;
        write_weights(session, "")?;
        let expected = values(&train(session, program, count, write_whole)?);
        // Parts in awkward orders, and rows that are written over: first with something else.
        let parts = [(7, 8), (0, 7), (8, 50), (51, count), (50, 51), (0, 1), (count - 1, count)];
        let in_parts = |session: &mut dyn Session, images: &[u8], indices: &[u32]| -> Result<()> {
            session.write("train.images", Values::U8(&vec![7; images.len()]))?;
            session.write("train.indices", Values::U32(&vec![0; indices.len()]))?;
            for (first, end) in parts {
                let rows = Values::U8(&images[first * WIDTH..end * WIDTH]);
                session.write_rows("train.images", first, rows)?;
                session.write_rows("train.indices", first, Values::U32(&indices[first..end]))?;
            }
            Ok(())
        };
        write_weights(session, "")?;
        for Parameter { name, shape } in architecture()?.parameters() {
            session.write(
                &format!("{}{name}", RMSPROP.states[0].prefix),
                Values::F32(&vec![1.0; shape.len()]),
            )?;
        }
        let again = values(&train(session, program, count, in_parts)?);
        assert!(again == expected, "{name}");
    }
    Ok(())
}

#[test]
fn real_rows_can_be_written_in_parts_and_wrong_parts_are_refused() -> Result<()> {
    for mut session in sessions() {
        let mut graph = Graph::new();
        let x = graph.data("x", Shape::new(5, 3), Element::F32);
        let y = graph.relu(x)?;
        session.load(Plan::new(graph, &[y]))?;
        let all: Vec<_> = (0..15).map(|i| i as f32).collect();
        for (first, end) in [(3, 5), (0, 1), (1, 3)] {
            session.write_rows("x", first, Values::F32(&all[3 * first..3 * end]))?;
        }
        assert_eq!(session.read_f32("x")?, all);
        session.write_rows("x", 4, Values::F64(&[0.5; 3]))?;
        session.write_rows("x", 5, Values::F32(&[]))?;
        let expected = [&all[..12], &[0.5; 3]].concat();
        assert_eq!(session.read_f32("x")?, expected);
        for (first, values) in [
            (0, Values::F32(&all[..4])),
            (3, Values::F32(&all[..9])),
            (5, Values::F32(&all[..3])),
            (usize::MAX, Values::F32(&all[..3])),
            (0, Values::U32(&[1, 2, 3])),
            (0, Values::U8(&[1, 2, 3])),
        ] {
            match session.write_rows("x", first, values) {
                Err(Error::TensorMismatch { .. }) => {}
                other => panic!("{first}, {values:?}: {other:?}"),
            }
        }
        assert!(matches!(
            session.write_rows("z", 0, Values::U8(&[])),
            Err(Error::UnknownTensor { .. })
        ));
        assert_eq!(session.read_f32("x")?, expected);
    }
    Ok(())
}
