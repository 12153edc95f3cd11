//! The whole model: the gradient of every parameter, and what a training step makes of it.

use wgvae::device::Blocking;
use wgvae::graph::{Plan, Scalar, Shape, Weight};
use wgvae::model::{Architecture, Forward, Training, forward, training};
use wgvae::optimizer::Optimizer;

use super::TestResult;
use super::problem::Draw::{Bit, Normal};
use super::problem::{Problem, RATE};

const BATCH: usize = 3;

/// The model 5-[4, 3, 2] on three images.
fn model(seed: u64) -> wgvae::Result<(Problem, Forward)> {
    let architecture = Architecture::new(5, &[4, 3, 2])?;
    let mut problem = Problem::new(&architecture, seed);
    let x = problem.data(Shape::new(BATCH, 5), Bit);
    let eps = problem.data(Shape::new(BATCH, 2), Normal);
    let pass = forward(&mut problem.graph, &architecture, x, eps)?;
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
