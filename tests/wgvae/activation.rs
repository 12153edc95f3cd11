//! `--activation`: every function between layers, in as few dispatches as ReLU, on every device, in
//! the files of a run and from them.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::sessions;
use crate::optimizer::{Short, worst};
use std::error::Error;
use wgvae::device::cpu::CpuSession;
use wgvae::model::{Activation, Architecture, load};
use wgvae::optimizer::Optimizer;
use wgvae::train::ConfigFile;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn every_activation_trains_as_on_the_oracle() -> Outcome {
    assert!(Activation::all().count() > 5);
    for activation in Activation::all() {
        let architecture = Architecture::new(60, &[33, 20, 6])?.with_activation(activation)?;
        let optimizer = Optimizer::default();
        let short = Short { architecture, optimizer, steps: 3, gradient_scale: 1.0 };
        assert_eq!(short.plan(true)?.nodes().len(), 13, "{activation}: nodes of a step");
        let expected = short.train(&mut CpuSession::<f64>::new(), true)?;
        for mut session in sessions() {
            let worst = worst(&short.train(session.as_mut(), true)?, &expected);
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
