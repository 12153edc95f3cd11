//! Fusion: what is put together in the autoencoder at any depth and in graphs of others, that nothing
//! which somebody else needs is hidden, that no node has more tensors than a shader can bind, and that
//! results stay the same, in the autoencoder and in random graphs.

use std::collections::HashSet;

use wgvae::device::cpu::CpuSession;
use wgvae::graph::schedule::live_nodes;
use wgvae::graph::{
    Fusion, FusionOptions, Graph, Node, Op, Plan, Role, SUM_COLUMNS, Step, TensorId, fuse,
};
use wgvae::kernel::Tolerance;
use wgvae::verify::compare;

use super::random::Sample;
use super::{plan, reference};

mod autoencoder;
mod chain;
mod width;

const BOTH: [FusionOptions; 2] =
    [FusionOptions { updates: true }, FusionOptions { updates: false }];

/// Sums of blocks are added in another order.
const REORDERED: Tolerance = Tolerance { absolute: 0.0, relative: 1e-12 };

fn labels(graph: &Graph) -> Vec<String> {
    let mut labels: Vec<_> = graph.nodes().iter().map(Node::label).collect();
    labels.sort_unstable();
    labels
}

fn is_constant(graph: &Graph, id: TensorId) -> bool {
    matches!(graph.tensor(id).role, Role::Constant(_))
}

/// The tensors that nodes change in place.
fn updated(graph: &Graph) -> HashSet<TensorId> {
    let primitives = graph.nodes().iter().flat_map(Node::primitives);
    primitives.filter(|node| node.op.updates()).flat_map(|node| node.outputs.clone()).collect()
}

/// Checks what holds of the nodes of every fused graph.
fn check_nodes(graph: &Graph, fused: &Graph, outputs: &[TensorId]) {
    for node in fused.nodes() {
        check_bindings(node);
        check_interface(fused, node, outputs);
    }
    // Everything that is needed is still computed, and what is computed more than once is cheap and
    // the same each time.
    let primitives = || fused.nodes().iter().flat_map(Node::primitives);
    for id in live_nodes(graph, outputs) {
        let made = &graph.node(id).outputs;
        assert!(primitives().any(|part| part.outputs == *made), "{:?}:\n{fused}", graph.node(id));
    }
    let updated = updated(graph);
    for part in primitives() {
        let meant = graph.nodes().iter().filter(|other| *other == part).count();
        if primitives().filter(|other| *other == part).count() > meant.max(1) {
            assert!(matches!(part.op, Op::Map(_) | Op::SplitColumns { .. }), "{part:?}");
            let is_kept = |id: &TensorId| !updated.contains(id);
            assert!(part.inputs.iter().chain(&part.outputs).all(is_kept), "{part:?}");
        }
    }
    let made: HashSet<_> = fused.nodes().iter().flat_map(Node::writes).collect();
    for &id in outputs.iter().filter(|&&id| graph.tensor(id).is_workspace()) {
        assert!(made.contains(&id), "nobody writes {}", graph.tensor(id).name);
        assert_eq!(fused.tensor(id), graph.tensor(id));
    }
}

/// Stages bind each of their tensors, a product's also a buffer for its slices; the others have a
/// table.
fn check_bindings(node: &Node) {
    let products = node.parts.iter().filter(|part| matches!(part.op, Op::Matmul(_))).count();
    if node.op == Op::Fused(Fusion::Stages) {
        assert!(products <= 1 && node.parts.len() > 1, "{node:?}");
        assert!(node.inputs.len() + node.outputs.len() + products <= 8, "{node:?}");
    }
}

/// The parts of a node read what it reads, what an earlier part has made, or constants; and it puts out
/// what others need of it, no less and no more.
fn check_interface(fused: &Graph, node: &Node, outputs: &[TensorId]) {
    let mut known: HashSet<_> = node.inputs.iter().copied().collect();
    known.extend(if node.op.updates() { node.outputs.as_slice() } else { &[] });
    for part in &node.parts {
        assert!(part.parts.is_empty(), "a fused node in a fused node");
        for &input in &part.inputs {
            assert!(known.contains(&input) || is_constant(fused, input), "{part:?} of {node:?}");
        }
        known.extend(&part.outputs);
    }
    let inside: HashSet<_> = node.primitives().iter().flat_map(Node::writes).collect();
    assert!(node.outputs.iter().all(|id| inside.contains(id)), "{node:?}");
    if node.op == Op::Fused(Fusion::Stages) {
        let others = || fused.nodes().iter().filter(|other| *other != node);
        for &id in &node.outputs {
            let is_read =
                outputs.contains(&id) || others().any(|other| other.reads().any(|t| t == id));
            assert!(is_read, "nobody reads {}", fused.tensor(id).name);
        }
        let operands = node.parts.iter().flat_map(|part| &part.inputs).collect::<HashSet<_>>();
        assert!(node.inputs.iter().all(|input| operands.contains(input)), "{node:?}");
        // A product reads its operands from memory, even where a part makes one of them once more.
        let is_product = node.parts.iter().any(|part| matches!(part.op, Op::Matmul(_)));
        let others = &node.inputs[if is_product { 2 } else { 0 }..];
        assert!(!others.iter().any(|input| inside.contains(input)), "{node:?}");
    }
}

/// The tensors that depend on a sum of several blocks, now or in a later step.
fn reordered(graph: &Graph) -> HashSet<TensorId> {
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for node in graph.nodes() {
            let is_long =
                node.op == Op::RowSum && graph.tensor(node.inputs[0]).shape.columns > SUM_COLUMNS;
            if is_long || node.reads().any(|id| found.contains(&id)) {
                found.extend(node.writes());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Fuses a graph and compares all that the host can read with what the primitives make of it, in two
/// steps; then each node's stages with its primitives.
fn check_values(
    sample: &Sample,
    options: FusionOptions,
) -> Result<Graph, Box<dyn std::error::Error>> {
    let steps = [Step::new(11, 0, 0), Step::new(11, 1, 5)];
    let steps = steps.map(|step| step.with_learning_rate(0.5).with_kl_weight(0.625));
    let fused = fuse(&sample.graph, &sample.outputs, options);
    check_nodes(&sample.graph, &fused, &sample.outputs);
    let reordered = reordered(&sample.graph);
    let meant = reference::interpret(sample, &steps);
    let plan = Plan::new(fused.clone(), &sample.outputs);
    for (found, expected) in
        plan::run(&mut CpuSession::<f64>::new(), sample, &plan, &steps)?.iter().zip(&meant)
    {
        for (id, found) in found {
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let is_same = match reordered.contains(id) {
                // What is subtracted may cancel.
                true => {
                    let tolerance = Tolerance { absolute: 1e-12, ..REORDERED };
                    compare(found, &expected[id], tolerance.for_results(&expected[id])).ok
                }
                false => bits(found) == bits(&expected[id]),
            };
            let name = &sample.graph.tensor(*id).name;
            assert!(is_same, "{name}: {found:?} instead of {:?}:\n{fused}", expected[id]);
        }
    }
    check_stages(sample, &fused, steps[0]);
    Ok(fused)
}

/// Compares the stages of each node, as kernels compute them, with its primitives, to the bit.
fn check_stages(sample: &Sample, fused: &Graph, step: Step) {
    let mut values = reference::starting_values(fused, &sample.values);
    for node in fused.nodes() {
        let before = values.clone();
        reference::run(fused, node, step, &mut values);
        let Some(found) = reference::stages(fused, node, step, &before) else { continue };
        for (id, found) in node.outputs.iter().zip(&found) {
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let name = &fused.tensor(*id).name;
            assert!(bits(found) == bits(&values[id]), "{name} of {}:\n{fused}", node.label());
        }
    }
}
