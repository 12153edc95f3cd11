//! `--likelihood`: every distribution of pixels, with every objective, activation and optimiser, on every
//! device, in the files of a run and from them.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::sessions;
use crate::optimizer::worst;
use std::error::Error;
use std::fs;
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::Session;
use wgvae::device::cpu::CpuSession;
use wgvae::graph::Binarize;
use wgvae::model::{Activation, Bound, Init, LIKELIHOODS, Likelihood, Scale, Weights, load};
use wgvae::optimizer::{Optimizer, RULES};
use wgvae::random::pixels;
use wgvae::train::{Config, ConfigFile, OutputBias, Trainer};

type Outcome = Result<(), Box<dyn Error>>;

/// Grey images of 5 by 4 pixels.
fn data() -> Result<Split, Box<dyn Error>> {
    let size = Size::new(5, 4).ok_or("a size")?;
    let images = |count: usize, seed| Dataset::new(Levels::Bytes(pixels(count * 20, seed)), size);
    Ok(Split::new(images(24, 1)?, images(5, 2)?))
}

/// The weights after 20 steps; with `in_parts`, of two trainers one after the other.
fn train(
    session: &mut dyn Session,
    config: &Config,
    in_parts: bool,
) -> Result<Weights, Box<dyn Error>> {
    let data = data()?;
    let mut trainer = Trainer::new(session, config, &data)?;
    let advance_to = |trainer: &mut Trainer, session: &mut dyn Session, step: u32| {
        while trainer.position().step < step {
            let most = step - trainer.position().step;
            trainer.advance(session, most, &|| false, |_| Ok(()))?;
        }
        wgvae::Result::Ok(())
    };
    if in_parts {
        advance_to(&mut trainer, session, 7)?;
        let state = (trainer.weights(session)?, trainer.states(session)?, trainer.position());
        trainer.unload(session)?;
        trainer = Trainer::new(session, config, &data)?;
        trainer.resume(session, &state.0, &state.1, state.2)?;
    }
    advance_to(&mut trainer, session, 20)?;
    let weights = trainer.weights(session)?;
    trainer.unload(session)?;
    Ok(weights)
}

/// Every objective with every likelihood, activations and optimisers in turn: as the oracle trains, and
/// with the same bits in two parts.
#[test]
fn every_combination_trains() -> Outcome {
    let activations: Vec<_> = Activation::all().collect();
    let mut index = 0;
    for &likelihood in LIKELIHOODS {
        for (objective, samples, free_bits) in [
            (Bound::Elbo, 1, 0.0),
            (Bound::Elbo, 3, 0.0),
            (Bound::Elbo, 1, 0.05),
            (Bound::Iwae, 3, 0.0),
            (Bound::Dreg, 3, 0.0),
        ] {
            // Smooth functions, since rounding decides what a step's kink does.
            let activation = activations[index % activations.len()];
            let is_smooth = !["relu", "leaky_relu"].contains(&activation.function().name);
            let activation = if is_smooth { activation } else { "tanh".parse()? };
            // An epsilon for which a gradient near 0 makes a small update.
            let optimizer = Optimizer::of(RULES[index % RULES.len()]).with("epsilon", 1e-3)?;
            index += 1;
            let config = Config {
                hidden: vec![9, 4, 2],
                decoder: (index % 3 == 0).then(|| vec![5]),
                scale: Scale::ALL[index % 2],
                init: Init::ALL[index % 3],
                output_bias: [OutputBias::Zero, OutputBias::Data][index % 2],
                batch: 6,
                binarize: Binarize::None,
                epochs: 5,
                seed: index as u64,
                learning_rate: 1e-4,
                beta: 0.5,
                kl_warm_up: 2.0,
                activation,
                likelihood,
                objective,
                samples,
                free_bits,
                optimizer,
                ..Config::default()
            };
            let what =
                format!("{} {objective:?} {samples} {activation} {optimizer}", likelihood.name);
            let unfused = Config { fuse: false, ..config.clone() };
            let expected = train(&mut CpuSession::<f64>::new(), &unfused, false)?;
            for mut session in sessions() {
                let found = train(session.as_mut(), &config, false)?;
                let worst = worst(&found, &expected);
                let name = session.description().clone();
                // In each of 20 steps, weights below 4 are rounded up to twice.
                assert!(worst < 20.0 * 2.0 * 2.4e-7, "{what} on {name}: {worst}");
                assert!(train(session.as_mut(), &config, true)? == found, "{what} on {name}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_files_of_a_run_name_its_likelihood() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = ["--device", "cpu", "--epochs", "1", "--limit", "640", "--hidden", "8,2"];
    for likelihood in LIKELIHOODS.iter().filter(|likelihood| !likelihood.is_binary) {
        let name = likelihood.name;
        let flags = ["train", "--likelihood", name, "--binarize", "none", "--run", &run];
        let output = wgvae(&[&flags[..], &small].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(!stderr(&output).contains("these are grey"), "{}", stderr(&output));
        let file = ConfigFile::read(format!("{run}/config.toml").as_ref())?;
        assert_eq!(file.config.likelihood, Likelihood::named(name)?);
        let model = format!("{run}/model.safetensors");
        assert_eq!(load(model.as_ref())?.architecture.likelihood().name, name);
        let more = wgvae(&["train", "--resume", &run, "--epochs", "2"])?;
        assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
        let picture = folder.path().join("x.png").display().to_string();
        for run in [&run, &model] {
            let limit = ["--device", "cpu", "--limit", "50"];
            for command in [&["eval", run][..], &["sample", run, "--output", &picture]] {
                let limit = if command[0] == "eval" { &limit[..] } else { &limit[..2] };
                let output = wgvae(&[command, limit].concat())?;
                let said = (stdout(&output), stderr(&output));
                assert_eq!(output.status.code(), Some(0), "{said:?}");
            }
        }
        fs::remove_dir_all(&run)?;
    }
    let grey = ["train", "--binarize", "none", "--run", &run];
    let output = wgvae(&[&grey[..], &small].concat())?;
    assert!(stderr(&output).contains("these are grey"), "{}", stderr(&output));
    let unknown = wgvae(&["train", "--likelihood", "poisson"])?;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("continuous-bernoulli"), "{}", stderr(&unknown));
    Ok(())
}
