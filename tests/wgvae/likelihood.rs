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
use wgvae::model::{
    Activation, Architecture, BERNOULLI, Bound, GAUSSIAN, Init, LIKELIHOODS, Likelihood, Scale,
    Weights, initial_weights, load,
};
use wgvae::optimizer::{Optimizer, RULES};
use wgvae::random::pixels;
use wgvae::train::{Config, ConfigFile, OutputBias, Trainer};
use wgvae::{Matrix, Vae};

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

/// The distributions of a pixel: a likelihood, and a standard deviation if it is fixed.
fn distributions() -> impl Iterator<Item = (&'static Likelihood, Option<f64>)> {
    LIKELIHOODS.iter().map(|&likelihood| (likelihood, None)).chain([(&GAUSSIAN, Some(0.5))])
}

/// Settings with every bound, distribution of pixels, activation and optimiser; layers, starts and
/// schedules in turn.
fn combinations() -> Result<Vec<Config>, Box<dyn Error>> {
    let bounds = [
        (Bound::Elbo, 1, 0.0),
        (Bound::Elbo, 3, 0.0),
        (Bound::Elbo, 1, 0.05),
        (Bound::Iwae, 3, 0.0),
        (Bound::Dreg, 3, 0.0),
    ];
    let mut all = Vec::new();
    for (objective, samples, free_bits) in bounds {
        for (likelihood, pixel_stddev) in distributions() {
            for activation in Activation::all() {
                for rule in RULES {
                    let index = all.len();
                    // An epsilon for which a gradient near 0 makes a small update.
                    let optimizer = Optimizer::of(rule).with("epsilon", 1e-3)?;
                    let averaging = optimizer.with_average(0.9)?;
                    all.push(Config {
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
                        clip_norm: (index % 5 == 0).then_some(3.0),
                        optimizer: if index % 4 == 0 { averaging } else { optimizer },
                        activation,
                        likelihood,
                        pixel_stddev,
                        objective,
                        samples,
                        free_bits,
                        ..Config::default()
                    });
                }
            }
        }
    }
    Ok(all)
}

/// Trains as on the oracle, and with the same bits in two parts; returns what is wrong.
fn fault(
    session: &mut dyn Session,
    config: &Config,
    expected: &Weights,
) -> Result<Option<String>, Box<dyn Error>> {
    let found = train(session, config, false)?;
    let worst = worst(&found, expected);
    // In each of 20 steps, weights below 4 are rounded up to twice.
    let allowed = 20.0 * 2.0 * 2.4e-7;
    let is_smooth = !["relu", "leaky_relu"].contains(&config.activation.function().name);
    // At a kink, rounding decides between two gradients; then an update differs as a whole.
    let allowed = if is_smooth { allowed } else { 20.0 * 1e-4 };
    let Config { likelihood, objective, samples, activation, optimizer, .. } = config;
    let what = format!(
        "{} {objective:?} {samples} {activation} {optimizer} on {}",
        likelihood.name,
        session.description()
    );
    let is_near = worst < allowed;
    if is_near && train(session, config, true)? != found {
        return Ok(Some(format!("{what}: other bits in two parts")));
    }
    Ok((!is_near).then(|| format!("{what}: {worst}")))
}

/// Asserts that there is no fault.
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_combination_trains_on_the_cpu() -> Outcome {
    let all = combinations()?;
    assert!(all.len() >= 5 * 4 * 9 * 5);
    let mut faults = Vec::new();
    for config in &all {
        let unfused = Config { fuse: false, ..config.clone() };
        let expected = train(&mut CpuSession::<f64>::new(), &unfused, false)?;
        let session = &mut CpuSession::<f32>::with_threads(Some(1));
        faults.extend(fault(session, config, &expected)?);
    }
    assert_none(&faults);
    Ok(())
}

/// Every 71st combination: each bound, distribution, activation and optimiser several times.
#[test]
fn combinations_train_on_every_device() -> Outcome {
    let mut faults = Vec::new();
    for config in combinations()?.iter().step_by(71) {
        let unfused = Config { fuse: false, ..config.clone() };
        let expected = train(&mut CpuSession::<f64>::new(), &unfused, false)?;
        for mut session in sessions() {
            faults.extend(fault(session.as_mut(), config, &expected)?);
        }
    }
    assert_none(&faults);
    Ok(())
}

/// The log-density of a fixed standard deviation, and its mean and samples.
#[test]
fn a_fixed_stddev_is_that_of_every_pixel() -> Outcome {
    let stddev = 0.3;
    let architecture = Architecture::new(20, &[3, 2])?.with_likelihood(&GAUSSIAN)?;
    let architecture = architecture.with_pixel_stddev(Some(stddev))?;
    assert_eq!(architecture.outputs_per_pixel(), 1);
    for session in sessions() {
        let mut vae = Vae::new(session, &initial_weights(&architecture, 3))?;
        let rows = 600;
        let z = Matrix::new(rows, 2, vec![0.5; 2 * rows])?;
        let x = Matrix::new(rows, 20, vec![0.25; 20 * rows])?;
        let mean = vae.decode(&z)?;
        let expected = |row: usize| -> f64 {
            let means = &mean.values()[20 * row..][..20];
            let density = |&mean: &f32| {
                let distance = (0.25 - f64::from(mean)) / stddev;
                -distance * distance / 2.0 - (stddev * std::f64::consts::TAU.sqrt()).ln()
            };
            means.iter().map(density).sum()
        };
        for (row, &found) in vae.log_likelihood(&x, &z)?.iter().enumerate() {
            let expected = expected(row);
            assert!((f64::from(found) - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
        let drawn = vae.prior_predictive(rows, 5)?;
        let both = drawn.sample.values().iter().zip(drawn.probabilities.values());
        let squares: f64 = both.map(|(x, mean)| f64::from(x - mean).powi(2)).sum();
        let found = (squares / (20 * rows) as f64).sqrt();
        // The standard error of this estimate is 0.65 %.
        assert!((found / stddev - 1.0).abs() < 0.03, "{found} instead of {stddev}");
    }
    for (likelihood, wrong) in [(&GAUSSIAN, 0.01), (&GAUSSIAN, f64::NAN), (&BERNOULLI, 0.3)] {
        let architecture = Architecture::new(20, &[2])?.with_likelihood(likelihood)?;
        assert!(architecture.with_pixel_stddev(Some(wrong)).is_err(), "{wrong}");
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
    let fixed = ["train", "--likelihood", "gaussian", "--pixel-stddev", "0.2", "--run", &run];
    let output = wgvae(&[&fixed[..], &["--binarize", "none"], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let model = load(format!("{run}/model.safetensors").as_ref())?;
    assert_eq!(model.architecture.pixel_stddev(), Some(0.2));
    let more = wgvae(&["train", "--resume", &run, "--epochs", "2"])?;
    assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
    fs::remove_dir_all(&run)?;
    let grey = ["train", "--binarize", "none", "--run", &run];
    let output = wgvae(&[&grey[..], &small].concat())?;
    assert!(stderr(&output).contains("these are grey"), "{}", stderr(&output));
    let unknown = wgvae(&["train", "--likelihood", "poisson"])?;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("continuous-bernoulli"), "{}", stderr(&unknown));
    Ok(())
}
