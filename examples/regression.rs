//! A regression that uses only the graph: a layer of GELU units that learns a sine, with a loss
//! that no model of this crate has. All of it is fused: `cargo run --release --example regression`.

use wgvae::device::{Choice, Options, Values, open};
use wgvae::function::{GELU, SQUARE};
use wgvae::graph::{Element, FusionOptions, Graph, Plan, Shape, Step, fuse, gradients};
use wgvae::optimizer::{ADAM, Optimizer};
use wgvae::random::{generator, normals};

const POINTS: usize = 256;
const UNITS: usize = 32;

fn main() -> wgvae::Result<()> {
    let mut graph = Graph::new();
    let column = Shape::new(POINTS, 1);
    let (x, y) = (graph.data("x", column, Element::F32), graph.data("y", column, Element::F32));
    let [w1, b1] = ["w1", "b1"].map(|name| graph.parameter(name, Shape::new(1, UNITS)));
    let w2 = graph.parameter("w2", Shape::new(UNITS, 1));
    let b2 = graph.parameter("b2", Shape::new(1, 1));
    let product = graph.matmul(x, w1)?; // [POINTS, UNITS]
    let inner = graph.bias(product, b1)?;
    let hidden = graph.map(&GELU, &[inner])?;
    let product = graph.matmul(hidden, w2)?; // [POINTS, 1]
    let found = graph.bias(product, b2)?;

    // The loss: a log of the squared errors' sum, its gradients, and the updates of the parameters.
    let error = graph.subtract(found, y)?;
    let squares = graph.map(&SQUARE, &[error])?;
    let log = graph.log("loss", 1);
    graph.loss_sum(squares, log, 0)?;
    let parameters = [w1, b1, w2, b2];
    let gradients = gradients(&mut graph, &[(squares, 1.0 / POINTS as f64)], &parameters)?;
    graph.optimize(Optimizer::of(&ADAM), &parameters, &gradients)?;

    let mut session = open(&Choice::Auto, Options::default())?;
    let plan = Plan::new(fuse(&graph, &[], FusionOptions::default()), &[]);
    plan.nodes().for_each(|node| println!("{}", node.label()));
    let program = session.load(plan)?;
    println!("{} dispatches a step on {}", session.launches(program)?.len(), session.description());

    let mut rng = generator(0, 0);
    let noise: Vec<f32> = normals(&mut rng).take(2 * UNITS).map(|draw| draw as f32).collect();
    let points: Vec<f32> = (0..POINTS).map(|i| i as f32 / 128.0 - 1.0).collect();
    let sine: Vec<f32> = points.iter().map(|x| (3.0 * x).sin()).collect();
    session.write("x", Values::F32(&points))?;
    session.write("y", Values::F32(&sine))?;
    session.write("w1", Values::F32(&noise[..UNITS]))?;
    session.write("w2", Values::F32(&noise[UNITS..]))?;
    let steps: Vec<_> = (0..1000).map(|index| Step::new(0, index, 0)).collect();
    session.run(program, &steps)?;
    for row in session.take_log(true)?.iter().step_by(200) {
        println!("step {:>4}: mean squared error {:.4}", row.step, row.values[0] / POINTS as f64);
    }
    Ok(())
}
