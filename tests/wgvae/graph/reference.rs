//! What the graph code should find, from the definitions alone: slow, and without its shortcuts.

use std::collections::{HashMap, HashSet};

use wgvae::graph::{Graph, Node, NodeId, Op, Role, Step, TensorId};
use wgvae::kernel::{Call, Kernel, Operand};

use super::random::Sample;

/// What a node reads, and what it writes.
pub(super) fn touched(node: &Node) -> [HashSet<TensorId>; 2] {
    let writes: HashSet<_> = node.outputs.iter().copied().collect();
    let mut reads: HashSet<_> = node.inputs.iter().copied().collect();
    if matches!(node.op, Op::RmsProp(_) | Op::LossSum { .. }) {
        reads.extend(&writes);
    }
    [reads, writes]
}

/// Whether two nodes share a tensor that one of them writes.
pub(super) fn conflict(graph: &Graph, a: NodeId, b: NodeId) -> bool {
    let [[a_reads, a_writes], [b_reads, b_writes]] = [a, b].map(|id| touched(graph.node(id)));
    !a_writes.is_disjoint(&b_reads)
        || !a_writes.is_disjoint(&b_writes)
        || !a_reads.is_disjoint(&b_writes)
}

/// The updates, whatever makes an output, and whatever makes what those read, until nothing more
/// is found.
pub(super) fn live(graph: &Graph, outputs: &[TensorId]) -> Vec<NodeId> {
    let mut live = HashSet::new();
    let mut needed: HashSet<_> = outputs.iter().copied().collect();
    loop {
        let before = live.len();
        for id in graph.node_ids() {
            let node = graph.node(id);
            let [reads, writes] = touched(node);
            let updates = !reads.is_disjoint(&writes);
            if updates || !writes.is_disjoint(&needed) {
                live.insert(id);
                needed.extend(reads);
            }
        }
        if live.len() == before {
            return graph.node_ids().filter(|id| live.contains(id)).collect();
        }
    }
}

/// The places from the first to the last at which a tensor is touched, the host's place after the
/// last node included; none if nothing touches it.
pub(super) fn lifetime(
    graph: &Graph,
    order: &[NodeId],
    outputs: &[TensorId],
    tensor: TensorId,
) -> Option<(usize, usize)> {
    let touches = |id: NodeId| touched(graph.node(id)).iter().any(|all| all.contains(&tensor));
    let places = || (0..order.len()).filter(|&place| touches(order[place]));
    let last = if outputs.contains(&tensor) { Some(order.len()) } else { places().next_back() };
    Some((places().next()?, last?))
}

/// Every tensor's values after each of these steps, the nodes run in program order with memory of
/// their own.
pub(super) fn interpret(sample: &Sample, steps: &[Step]) -> Vec<HashMap<TensorId, Vec<f64>>> {
    let graph = &sample.graph;
    let start = |id: TensorId| match graph.tensor(id).role {
        Role::State(value) | Role::Constant(value) => f64::from(value),
        Role::Workspace => f64::NAN,
        _ => 0.0,
    };
    let filled = |id: TensorId| (id, vec![start(id); graph.tensor(id).shape.len()]);
    let mut values: HashMap<_, _> = graph.tensor_ids().map(filled).collect();
    values.extend(sample.values.iter().cloned());
    let mut after = Vec::new();
    for &step in steps {
        graph.nodes().iter().for_each(|node| run(graph, node, step, &mut values));
        after.push(values.clone());
    }
    after
}

fn run(graph: &Graph, node: &Node, step: Step, values: &mut HashMap<TensorId, Vec<f64>>) {
    let mut outputs: Vec<_> = node.outputs.iter().map(|id| values[id].clone()).collect();
    let inputs: Vec<_> = node.inputs.iter().map(|id| Operand::Reals(&values[id])).collect();
    let mut views: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let Some(twins) = Kernel::of(&node.op).twins else { panic!("{} is fused", node.op.name()) };
    (twins.f64)(&Call::of(graph, node), step, &inputs, &mut views);
    values.extend(node.outputs.iter().copied().zip(outputs));
}
