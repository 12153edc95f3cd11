//! Graphs, the order in which they run and the memory they share: on toy nodes whose answers are
//! written out, and on random graphs against brute-force definitions, computed by the f64 twins, and on
//! every device.

use std::error::Error;

use wgvae::graph::{Element, Graph, NodeId, Role, Shape, TensorId};

mod devices;
mod fusion;
mod hazard;
mod memory;
mod plan;
mod random;
mod reference;
mod schedule;
mod shape;
mod text;

type TestResult = Result<(), Box<dyn Error>>;

/// What a toy graph begins with: 64 bytes.
const SQUARE: Shape = Shape::new(4, 4);

fn square(graph: &mut Graph, name: &str) -> TensorId {
    graph.data(name, SQUARE, Element::F32)
}

/// A weight and its mean square.
fn weight(graph: &mut Graph, name: &str, shape: Shape) -> (TensorId, TensorId) {
    let w = graph.parameter(name, shape);
    (w, graph.add_tensor(format!("rms.{name}"), shape, Element::F32, Role::State(1.0)))
}

/// The ids of the nodes at these places.
fn nodes<const N: usize>(graph: &Graph, places: [usize; N]) -> [NodeId; N] {
    let ids: Vec<_> = graph.node_ids().collect();
    places.map(|place| ids[place])
}

/// Every pair of places with `earlier < later < len`.
fn pairs(len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).flat_map(|later| (0..later).map(move |earlier| (earlier, later)))
}
