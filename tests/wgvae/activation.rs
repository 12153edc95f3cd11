//! `--activation`: every function between layers, in as few dispatches as ReLU, on every device, in
//! the files of a run and from them.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::sessions;
use std::error::Error;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Session, Values};
use wgvae::graph::{Binarize, Pixels, Plan, Step};
use wgvae::model::{Activation, Architecture, Images, Weights, initial_weights, load};
use wgvae::optimizer::Optimizer;
use wgvae::random::pixels;
use wgvae::train::ConfigFile;

type Outcome = Result<(), Box<dyn Error>>;

const BATCH: usize = 16;
const STEPS: u32 = 3;

fn plan(architecture: &Architecture) -> wgvae::Result<Plan> {
    let (count, pixels) = (BATCH * STEPS as usize, Pixels::Bytes);
    let binarize = Binarize::Threshold;
    let images = Images { name: "train", count, batch: BATCH, pixels, binarize };
    architecture.training_plan(images, Optimizer::default(), true)
}

/// The weights after some steps.
fn trained(session: &mut dyn Session, architecture: &Architecture) -> wgvae::Result<Weights> {
    let program = session.load(plan(architecture)?)?;
    initial_weights(architecture, 5).write(session)?;
    let count = BATCH * STEPS as usize;
    session.write("train.images", Values::U8(&pixels(count * architecture.input(), 1)))?;
    session.write("train.indices", Values::U32(&(0..count as u32).collect::<Vec<_>>()))?;
    let step = |index| Step::new(2, index, index * BATCH as u32);
    session.run(program, &(0..STEPS).map(step).collect::<Vec<_>>())?;
    Weights::read(architecture, session)
}

#[test]
fn every_activation_trains_as_on_the_oracle() -> Outcome {
    assert!(Activation::all().count() > 5);
    for activation in Activation::all() {
        let architecture = Architecture::new(60, &[33, 20, 6])?.with_activation(activation);
        assert_eq!(plan(&architecture)?.nodes().len(), 13, "{activation}: nodes of a step");
        let expected = trained(&mut CpuSession::<f64>::new(), &architecture)?;
        for mut session in sessions() {
            let found = trained(session.as_mut(), &architecture)?;
            let all = found.values.concat().into_iter().zip(expected.values.concat());
            let worst = all.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // As whole steps are verified: an update is at most 1e-3·g/√ms.
            assert!(worst < 2e-6, "{activation} on {}: {worst}", session.description());
        }
    }
    Ok(())
}

#[test]
fn the_files_of_a_run_say_what_is_between_its_layers() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = ["--device", "cpu", "--epochs", "1", "--limit", "640", "--hidden", "8,2"];
    let flags = ["train", "--activation", "leaky_relu", "--run", &run];
    let output = wgvae(&[&flags[..], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let wanted: Activation = "leaky_relu".parse()?;
    let file = ConfigFile::read(format!("{run}/config.toml").as_ref())?;
    assert_eq!(file.config.activation, wanted);
    let model = format!("{run}/model.safetensors");
    assert_eq!(load(model.as_ref())?.architecture.activation(), wanted);
    // Resumed, repeated and evaluated with it, from the folder or the file alone.
    let more = wgvae(&["train", "--resume", &run, "--epochs", "2"])?;
    assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
    for run in [&run, &model] {
        let output = wgvae(&["eval", run, "--device", "cpu"])?;
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    }
    let refused = wgvae(&["train", "--resume", &run, "--activation", "tanh"])?;
    assert_eq!(refused.status.code(), Some(2));
    let unknown = wgvae(&["train", "--activation", "mish"])?;
    assert_eq!(unknown.status.code(), Some(2));
    let said = stderr(&unknown);
    for activation in Activation::all() {
        assert!(said.contains(&activation.to_string()), "{said}");
    }
    assert!(said.contains("'mish'"), "{said}");
    Ok(())
}
