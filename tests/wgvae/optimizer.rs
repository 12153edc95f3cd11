//! Optimisers: every rule of the table updates all layers in one dispatch, as the oracle does, on every
//! device; the scale of gradients comes with the step; and a run's files have the rule and its constants.

use crate::cli::{stderr, wgvae};
use crate::devices::sessions;
use std::error::Error;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Session, Values};
use wgvae::graph::{Binarize, Element, Graph, Pixels, Plan, Shape, Step};
use wgvae::model::{Architecture, Images, Training, Weights, initial_weights};
use wgvae::optimizer::{ADAM, ADAMW, Optimizer, RULES, Rule};
use wgvae::random::pixels;
use wgvae::train::ConfigFile;

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
        let states = self.optimizer.rule().states.iter();
        states.map(|state| session.read(&format!("{}encoder.0.weight", state.prefix))).collect()
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
    for optimizer in RULES.iter().map(|rule| Optimizer::of(rule)) {
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

/// One weight of 1 after each of three updates by gradients of 2, of which the step takes half.
fn one_weight(rule: &'static Rule, learning_rate: f64) -> wgvae::Result<Vec<f64>> {
    let mut graph = Graph::new();
    let w = graph.parameter("w", Shape::new(1, 1));
    let dw = graph.data("dw", Shape::new(1, 1), Element::F32);
    graph.optimize(Optimizer::of(rule), &[w], &[dw])?;
    let mut session = CpuSession::<f64>::new();
    let program = session.load(Plan::new(graph, &[]))?;
    session.write("w", Values::F64(&[1.0]))?;
    session.write("dw", Values::F64(&[2.0]))?;
    let mut found = Vec::new();
    for index in 0..3 {
        let step = Step::new(0, index, 0).with_learning_rate(learning_rate);
        session.run(program, &[step.with_gradient_scale(0.5)])?;
        found.extend(session.read("w")?);
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
    near(&one_weight(&ADAM, 0.1)?, &[0.9, 0.8, 0.7]);
    let mut decaying = 1.0;
    let expected = [0; 3].map(|_| {
        decaying = decaying * (1.0 - 0.1 * 0.01) - 0.1;
        decaying
    });
    near(&one_weight(&ADAMW, 0.1)?, &expected);
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
