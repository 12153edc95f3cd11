//! Optimisers: every rule of the table updates all layers in one dispatch, as the oracle does, on every
//! device; the scale of gradients comes with the step; and a run's files have the rule and its constants.

use crate::cli::{stderr, wgvae};
use crate::devices::sessions;
use std::error::Error;
use std::ops::ControlFlow;
use wgvae::Vae;
use wgvae::checkpoint::Checkpoint;
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Session, Values};
use wgvae::graph::{Binarize, Element, Graph, Pixels, Plan, Shape, Step};
use wgvae::model::{Architecture, Images, Training, Weights, initial_weights, load};
use wgvae::optimizer::{ADAM, ADAMW, Optimizer, RULES};
use wgvae::random::pixels;
use wgvae::train::{Config, ConfigFile};

type Outcome = Result<(), Box<dyn Error>>;

const BATCH: usize = 16;

/// A few steps of training on random images.
pub(crate) struct Short {
    pub(crate) architecture: Architecture,
    pub(crate) optimizer: Optimizer,
    pub(crate) steps: u32,
    pub(crate) gradient_scale: f64,
}

impl Short {
    fn images(&self) -> usize {
        BATCH * self.steps as usize
    }

    pub(crate) fn plan(&self, fused: bool) -> wgvae::Result<Plan> {
        let (count, pixels) = (self.images(), Pixels::Bytes);
        let binarize = Binarize::Threshold;
        let images = Images { name: "train", count, batch: BATCH, pixels, binarize };
        self.architecture.training_plan(
            images,
            Training { optimizer: self.optimizer, ..Training::default() },
            fused,
        )
    }

    /// The weights after the steps.
    pub(crate) fn train(&self, session: &mut dyn Session, fused: bool) -> wgvae::Result<Weights> {
        let (architecture, count) = (&self.architecture, self.images());
        let program = session.load(self.plan(fused)?)?;
        initial_weights(architecture, 5).write(session)?;
        session.write("train.images", Values::U8(&pixels(count * architecture.input(), 1)))?;
        session.write("train.indices", Values::U32(&(0..count as u32).collect::<Vec<_>>()))?;
        let step = |index| {
            Step::new(2, index, index * BATCH as u32).with_gradient_scale(self.gradient_scale)
        };
        session.run(program, &(0..self.steps).map(step).collect::<Vec<_>>())?;
        Weights::read(architecture, session)
    }

    /// The optimiser's states of the first weight.
    fn states(&self, session: &mut dyn Session) -> wgvae::Result<Vec<Vec<f64>>> {
        let names = self.optimizer.states().map(|(state, _)| state.prefix);
        names.map(|prefix| session.read(&format!("{prefix}encoder.0.weight"))).collect()
    }
}

/// The largest difference of two models' weights.
pub(crate) fn worst(found: &Weights, expected: &Weights) -> f32 {
    let all = found.values.concat().into_iter().zip(expected.values.concat());
    all.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_rule_trains_as_on_the_oracle() -> Outcome {
    assert!(RULES.len() >= 3);
    let rules = RULES.iter().map(|rule| Optimizer::of(rule));
    let averaging = [Optimizer::default(), Optimizer::of(&ADAM)].map(|rule| rule.with_average(0.7));
    let averaging = averaging.into_iter().collect::<wgvae::Result<Vec<_>>>()?;
    for optimizer in rules.chain(averaging) {
        let architecture = Architecture::new(60, &[33, 20, 6])?;
        let short = Short { architecture, optimizer, steps: 5, gradient_scale: 0.5 };
        assert_eq!(short.plan(true)?.nodes().len(), 13, "{optimizer}: nodes of a step");
        let oracle = &mut CpuSession::<f64>::new();
        let (expected, states) = (short.train(oracle, false)?, short.states(oracle)?);
        for fused in [true, false] {
            for mut session in sessions() {
                let found = short.train(session.as_mut(), fused)?;
                let own = short.states(session.as_mut())?;
                let worst = worst(&found, &expected);
                // As whole steps are verified: an update is about 1e-3.
                assert!(worst < 2e-6, "{optimizer} on {}: {worst}", session.description());
                for (found, expected) in own.concat().iter().zip(states.concat()) {
                    let near = (found - expected).abs() <= 1e-5 * (1.0 + expected.abs());
                    assert!(near, "{optimizer} on {}: {found}", session.description());
                }
            }
        }
    }
    Ok(())
}

/// One tensor after each of three updates of a weight of 1 by gradients of 2, of which the step takes half.
fn one_weight(optimizer: Optimizer, learning_rate: f64, tensor: &str) -> wgvae::Result<Vec<f64>> {
    let mut graph = Graph::new();
    let w = graph.parameter("w", Shape::new(1, 1));
    let dw = graph.data("dw", Shape::new(1, 1), Element::F32);
    graph.optimize(optimizer, &[w], &[dw])?;
    let mut session = CpuSession::<f64>::new();
    let program = session.load(Plan::new(graph, &[]))?;
    session.write("w", Values::F64(&[1.0]))?;
    session.write("dw", Values::F64(&[2.0]))?;
    let mut found = Vec::new();
    for index in 0..3 {
        let step = Step::new(0, index, 0).with_learning_rate(learning_rate);
        session.run(program, &[step.with_gradient_scale(0.5)])?;
        found.extend(session.read(tensor)?);
    }
    Ok(found)
}

/// With equal gradients, Adam's corrected means are the gradient and its square from the first step on.
#[test]
fn the_corrections_and_the_scale_come_with_the_step() -> Outcome {
    let near = |found: &[f64], expected: &[f64]| {
        let mut both = found.iter().zip(expected);
        let all = both.all(|(found, expected)| (found - expected).abs() < 1e-8);
        assert!(all && found.len() == expected.len(), "{found:?} instead of {expected:?}");
    };
    near(&one_weight(Optimizer::of(&ADAM), 0.1, "w")?, &[0.9, 0.8, 0.7]);
    let mut decaying = 1.0;
    let expected = [0; 3].map(|_| {
        decaying = decaying * (1.0 - 0.1 * 0.01) - 0.1;
        decaying
    });
    near(&one_weight(Optimizer::of(&ADAMW), 0.1, "w")?, &expected);
    // Weights by how long ago they were: 1; 1 and 0.5; 1, 0.5 and 0.25.
    let averaging = Optimizer::of(&ADAM).with_average(0.5)?;
    let expected = [0.9, (0.8 + 0.45) / 1.5, (0.7 + 0.4 + 0.225) / 1.75];
    near(&one_weight(averaging, 0.1, "average.w")?, &expected);
    near(&one_weight(averaging, 0.1, "w")?, &[0.9, 0.8, 0.7]);
    Ok(())
}

#[test]
fn the_files_of_a_run_have_its_optimizer() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = ["--device", "cpu", "--epochs", "1", "--limit", "640", "--hidden", "8,2"];
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "[optimizer]\nname = \"adam\"\nbeta1 = 0.8\n")?;
    let settings = settings.display().to_string();
    let flags = ["train", "--config", &settings, "--run", &run];
    let output = wgvae(&[&flags[..], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let wanted = Optimizer::of(&ADAM).with("beta1", 0.8)?;
    let file = ConfigFile::read(format!("{run}/config.toml").as_ref())?;
    assert_eq!(file.config.optimizer, wanted);
    let more = wgvae(&["train", "--resume", &run, "--epochs", "2"])?;
    assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
    let refused = wgvae(&["train", "--resume", &run, "--optimizer", "adamw"])?;
    assert_eq!(refused.status.code(), Some(2));
    // A checkpoint of one optimiser is none of another's run.
    let config = format!("{run}/config.toml");
    let text = std::fs::read_to_string(&config)?;
    std::fs::write(&config, text.replace("beta1 = 0.8", "beta1 = 0.7"))?;
    let refused = wgvae(&["train", "--resume", &run, "--epochs", "3"])?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("beta1 0.8"), "{}", stderr(&refused));
    // The flag, and words for what there is not.
    let printed = wgvae(&["train", "--optimizer", "adamw", "--print-config"])?;
    let printed = crate::cli::stdout(&printed);
    assert!(
        printed.contains("[optimizer]") && printed.contains("weight_decay = 0.01"),
        "{printed}"
    );
    let unknown = wgvae(&["train", "--optimizer", "lion"])?;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(RULES.iter().all(|rule| stderr(&unknown).contains(rule.name)));
    for (line, said) in [
        (
            "name = \"lion\"",
            "expected one of rmsprop, rmsprop_torch, rmsprop_centered, adam, adamw, found 'lion'",
        ),
        ("name = \"adam\"\nbeta3 = 0.5", "a constant of adam: beta1, beta2, epsilon, initial"),
        ("name = \"adam\"\nbeta1 = 1", "beta1: a number from 0 to below 1"),
    ] {
        std::fs::write(&settings, format!("[optimizer]\n{line}\n"))?;
        let refused = wgvae(&["train", "--config", &settings])?;
        assert_eq!(refused.status.code(), Some(2), "{line}");
        assert!(stderr(&refused).contains(said), "{line}: {}", stderr(&refused));
    }
    Ok(())
}

/// A run with averages evaluates, draws and saves them, and resumes with the same bits.
#[test]
fn a_run_with_averages_saves_them_as_its_model() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let small = ["--device", "cpu", "--limit", "640", "--hidden", "8,2", "--ema", "0.9"];
    let train = |run: &str, epochs: &str| -> Outcome {
        let flags = ["train", "--epochs", epochs, "--run", run];
        let output = wgvae(&[&flags[..], &small].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(())
    };
    let [whole, parts] = ["whole", "parts"].map(path);
    train(&whole, "3")?;
    train(&parts, "1")?;
    let resumed = wgvae(&["train", "--resume", &parts, "--epochs", "3"])?;
    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    let model = |run: &str| load(format!("{run}/model.safetensors").as_ref());
    assert!(model(&whole)? == model(&parts)?, "a resumed run has other averages");
    let Checkpoint { weights, states, .. } =
        Checkpoint::load(format!("{whole}/checkpoint.safetensors").as_ref())?;
    assert_eq!(states.len(), 2);
    assert!(model(&whole)?.values == states[1], "the model is not the average");
    assert!(weights.values != states[1], "the checkpoint has no weights of its own");
    // `eval` reads the model: its ELBO is that of the last epoch, but for the noise.
    let metrics = std::fs::read_to_string(format!("{whole}/metrics.jsonl"))?;
    let last: serde_json::Value = serde_json::from_str(metrics.lines().last().ok_or("no line")?)?;
    let eval = wgvae(&["eval", &whole, "--device", "cpu", "--json"])?;
    let found: serde_json::Value = serde_json::from_str(&crate::cli::stdout(&eval))?;
    let [found, expected] = [&found["elbo"], &last["test_elbo"]].map(|elbo| elbo.as_f64());
    let (found, expected) = found.zip(expected).ok_or("no ELBO")?;
    // The weights themselves are 60 nats better.
    assert!((found - expected).abs() < 6.0, "{found} instead of {expected}");
    let refused = wgvae(&["train", "--ema", "1"])?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--ema: expected a number from 0 to below 1, found 1"));
    Ok(())
}

/// After a training, a model has the averages; the next one continues from the weights.
#[test]
fn a_model_continues_from_the_weights_that_were_averaged() -> Outcome {
    let size = Size::new(4, 4).ok_or("a size")?;
    let images = |seed| Dataset::new(Levels::Bytes(pixels(64 * 16, seed)), size);
    let data = Split::new(images(1)?, images(2)?);
    let fit = |epochs: &[u32]| -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
        let mut vae = Vae::builder(16).hidden(&[5, 2]).device("cpu".parse()?).build()?;
        let optimizer = Optimizer::default().with_average(0.9)?;
        for &epochs in epochs {
            let config = Config { optimizer, epochs, batch: 16, ..vae.config() };
            vae.fit(&data, &config, |_| Ok(ControlFlow::Continue(())))?;
        }
        Ok(vae.weights()?.values)
    };
    assert!(fit(&[1, 2])? == fit(&[3])?);
    Ok(())
}
