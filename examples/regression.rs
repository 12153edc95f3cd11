//! Logistic regression on the same graph, gradients, scheduler and kernels: there is nothing of a
//! VAE in them. `cargo run --release --example regression -- [DEVICE]`.

use wgvae::device::{Choice, Options, Session, Values, open};
use wgvae::graph::{Element, FusionOptions, Graph, Plan, RmsProp, Shape, Step, fuse, gradients};
use wgvae::optimizer;
use wgvae::random::{generator, normals};

const POINTS: usize = 512;
const STEPS: u32 = 400;

fn main() -> wgvae::Result<()> {
    let device = std::env::args().nth(1).unwrap_or_else(|| "auto".to_owned());
    let Ok(choice) = device.parse::<Choice>();
    let mut session: Box<dyn Session> = open(&choice, Options::default())?;

    // The model: y is 1 with probability sigmoid(x·weight + bias).
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(POINTS, 2), Element::F32);
    let y = graph.data("y", Shape::new(POINTS, 1), Element::F32);
    let weight = graph.parameter("weight", Shape::new(2, 1));
    let bias = graph.parameter("bias", Shape::new(1, 1));
    let product = graph.matmul(x, weight)?; // [points, 1]
    let logits = graph.bias(product, bias)?;
    let log_likelihood = graph.bernoulli_log_likelihood(logits, y)?;

    // The loss, −Σ log-likelihood: a log of it, its gradients, and what they do to the parameters.
    let log = graph.log("loss", 1);
    graph.loss_sum(log_likelihood, log, 0)?;
    let parameters = [weight, bias];
    let gradients = gradients(&mut graph, &[(log_likelihood, -1.0)], &parameters)?;
    optimizer::rmsprop(&mut graph, RmsProp::default(), &parameters, &gradients)?;

    let plan = Plan::new(fuse(&graph, &[], FusionOptions::default()), &[]);
    let program = session.load(plan)?;
    println!("{}", session.description());

    // Points on either side of the line 2 a − b + 0.5 = 0.
    let points: Vec<f32> =
        normals(&mut generator(0, 0)).take(2 * POINTS).map(|draw| draw as f32).collect();
    let side = |point: &[f32]| f32::from(u8::from(2.0 * point[0] - point[1] + 0.5 > 0.0));
    session.write("x", Values::F32(&points))?;
    session.write("y", Values::F32(&points.chunks_exact(2).map(side).collect::<Vec<_>>()))?;

    let step = |index| Step::new(0, index, 0).with_learning_rate(0.01);
    let steps: Vec<_> = (0..STEPS).map(step).collect();
    session.run(program, &steps)?;
    for row in session.take_log(true)?.iter().step_by(80) {
        println!(
            "step {:>3}: log-likelihood {:.3} a point",
            row.step,
            row.values[0] / POINTS as f64
        );
    }
    let weight = session.read("weight")?;
    let bias = session.read("bias")?[0] / -weight[1];
    println!("the line: {:.2} a - b + {bias:.2} = 0", weight[0] / -weight[1]);
    Ok(())
}
