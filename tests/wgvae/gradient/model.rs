//! The whole model: the gradient of every parameter, and what a training step makes of it.

use wgvae::device::Blocking;
use wgvae::graph::{Plan, Scalar, Shape, Weight};
use wgvae::model::{Architecture, Forward, Observed, Training, forward, training};
use wgvae::optimizer::Optimizer;

use super::TestResult;
use super::problem::Draw::{Bit, Normal};
use super::problem::{Problem, RATE};

const BATCH: usize = 3;

/// The model 5-[4, 3, 2] on three images.
fn model(seed: u64) -> wgvae::Result<(Problem, Forward)> {
    labelled_model(seed, &[], 1)
}

/// The same with labels, and several draws of each image's latents.
fn labelled_model(seed: u64, labels: &[&str], samples: usize) -> wgvae::Result<(Problem, Forward)> {
    let names = labels.iter().map(ToString::to_string).collect();
    let architecture = Architecture::new(5, &[4, 3, 2])?.with_labels(names)?;
    let mut problem = Problem::new(&architecture, seed);
    let x = problem.data(Shape::new(BATCH, 5), Bit);
    let eps = problem.data(Shape::new(BATCH * samples, 2), Normal);
    let shape = Shape::new(BATCH, labels.len());
    // Any numbers, so that each weight of a label counts.
    let labels = (shape.columns > 0).then(|| problem.data(shape, Normal));
    let pass = forward(&mut problem.graph, &architecture, Observed { x, labels }, eps)?;
    for parameter in architecture.parameters() {
        let Some(tensor) = problem.graph.find(&parameter.name) else {
            panic!("the graph has no {}", parameter.name);
        };
        assert_eq!(problem.graph.tensor(tensor).shape, parameter.shape);
        problem.vary(tensor, Normal);
    }
    Ok((problem, pass))
}

#[test]
fn every_parameter() -> TestResult {
    for seed in 0..3 {
        for weights in [[-1.0, 1.0], [0.75, -1.5]] {
            let (mut problem, pass) = model(seed)?;
            problem.term(pass.log_likelihood, weights[0]);
            problem.term(pass.kl, weights[1]);
            problem.check_kinks()?;
            assert_eq!(problem.wrt.len(), 12);
            problem.check()?;
        }
    }
    Ok(())
}

#[test]
fn every_parameter_of_a_model_with_labels() -> TestResult {
    for samples in [1, 3] {
        let (mut problem, pass) = labelled_model(4, &["a", "b", "c"], samples)?;
        problem.term(pass.log_likelihood, -1.0);
        problem.term(pass.kl, 0.75);
        problem.check_kinks()?;
        let rows = |name: &str| {
            let tensor = problem.graph.find(name).ok_or(name.to_owned())?;
            Ok::<_, String>(problem.graph.tensor(tensor).shape.rows)
        };
        assert_eq!((rows("encoder.0.weight")?, rows("decoder.0.weight")?), (5 + 3, 2 + 3));
        problem.check()?;
    }
    Ok(())
}

#[test]
fn a_training_step_goes_down_the_gradient() -> TestResult {
    let constants = Optimizer::default().with("decay", 0.75)?.with("epsilon", 0.25)?;
    let (mut problem, pass) = model(0)?;
    problem.term(pass.log_likelihood, -1.0);
    problem.term(pass.kl, Weight::Step(Scalar::KlWeight));
    let mut graph = problem.graph.clone();
    training(&mut graph, &pass, Training { optimizer: constants, ..Training::default() })?;
    let mut run = problem.run(Plan::new(graph, &[pass.log_likelihood, pass.kl]))?;
    for &tensor in &problem.wrt {
        let name = &problem.graph.tensor(tensor).name;
        // From ms = 1: a quarter of the way to g².
        let (mut states, mut weights) = (Vec::new(), Vec::new());
        for (w, g) in problem.values(tensor).iter().zip(problem.differences(tensor)?) {
            let ms = 0.75 + 0.25 * g * g;
            states.push(ms);
            weights.push(w - RATE * g / (ms + 0.25).sqrt());
        }
        problem.compare(&run.session.read(&format!("rms.{name}"))?, &states, "ms");
        problem.compare(&run.session.read(name)?, &weights, name);
    }
    let rows = run.session.take_log(true)?;
    for (column, term) in [pass.log_likelihood, pass.kl].into_iter().enumerate() {
        let values = run.session.read_output(run.program, term)?;
        assert_eq!(values.len(), BATCH);
        assert_eq!(rows[0].values[column], values.iter().sum::<f64>());
    }
    Ok(())
}
