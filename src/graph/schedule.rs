//! The order in which the nodes run: any order that respects the hazards is correct; this one
//! minimises live memory greedily, and is deterministic. [`check`] validates an order
//! independently.

use super::hazard::{Waiting, hazards};
use super::{Graph, NodeId, TensorId};
use std::collections::HashSet;

/// The nodes, in program order, that the outputs need or that update a tensor kept between steps.
pub fn live_nodes(graph: &Graph, outputs: &[TensorId]) -> Vec<NodeId> {
    let mut needed: HashSet<TensorId> = outputs.iter().copied().collect();
    let mut live = Vec::new();
    for id in graph.node_ids().rev() {
        let node = graph.node(id);
        if node.op.updates() || node.writes().any(|tensor| needed.contains(&tensor)) {
            needed.extend(node.reads());
            live.push(id);
        }
    }
    live.reverse();
    live
}

/// Orders the live nodes: among those whose hazards are satisfied, always the one after which the
/// fewest bytes of workspace are alive; the first in program order among equals.
pub fn schedule(graph: &Graph, outputs: &[TensorId]) -> Vec<NodeId> {
    let live = live_nodes(graph, outputs);
    let mut places = vec![0; graph.nodes().len()];
    live.iter().enumerate().for_each(|(place, id)| places[id.index()] = place);
    let pairs = hazards(graph, &live)
        .into_iter()
        .map(|hazard| (places[hazard.before.index()], places[hazard.after.index()]));
    let mut waiting = Waiting::new(live.len(), pairs);
    let mut readers_left = vec![0usize; graph.tensors().len()];
    for tensor in live.iter().flat_map(|&id| unique_reads(graph, id)) {
        readers_left[tensor.index()] += 1;
    }
    // The host reads an output after the last node, so it is never freed.
    outputs.iter().for_each(|output| readers_left[output.index()] += 1);
    let mut order = Vec::with_capacity(live.len());
    loop {
        let growth = |&place: &usize| (memory_growth(graph, live[place], &readers_left), place);
        // Hazards point forwards in program order, so while nodes wait, the first is ready.
        let Some(next) = waiting.ready().iter().copied().min_by_key(growth) else {
            return order;
        };
        unique_reads(graph, live[next]).for_each(|tensor| readers_left[tensor.index()] -= 1);
        waiting.finish(next);
        order.push(live[next]);
    }
}

/// Bytes of workspace that running the node makes, less those that no node reads after it.
fn memory_growth(graph: &Graph, id: NodeId, readers_left: &[usize]) -> i64 {
    let bytes = |tensor: TensorId| graph.tensor(tensor).bytes() as i64;
    let workspace = |tensor: &TensorId| graph.tensor(*tensor).is_workspace();
    let made: i64 = graph.node(id).writes().filter(workspace).map(bytes).sum();
    let last_read = |tensor: &TensorId| readers_left[tensor.index()] == 1;
    let freed = unique_reads(graph, id).filter(workspace).filter(last_read);
    made - freed.map(bytes).sum::<i64>()
}

fn unique_reads(graph: &Graph, id: NodeId) -> impl Iterator<Item = TensorId> {
    let reads: HashSet<_> = graph.node(id).reads().collect();
    reads.into_iter()
}

/// An error in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A node occurs twice.
    #[error("node {0:?} runs twice")]
    Repeated(NodeId),
    /// A node that the outputs need is missing.
    #[error("node {0:?} is needed and does not run")]
    Missing(NodeId),
    /// Two nodes share a tensor that one of them writes, and run against program order.
    #[error("node {first:?} runs before {second:?}, which comes first in the program")]
    Swapped {
        /// The node that runs first.
        first: NodeId,
        /// The node that runs second.
        second: NodeId,
    },
}

/// Validates any order of any graph, pair by pair, without using [`hazards`].
///
/// # Errors
/// The first error found.
pub fn check(graph: &Graph, outputs: &[TensorId], order: &[NodeId]) -> Result<(), OrderError> {
    for (place, &second) in order.iter().enumerate() {
        for &first in &order[..place] {
            if first == second {
                return Err(OrderError::Repeated(second));
            }
            if second < first && conflict(graph, first, second) {
                return Err(OrderError::Swapped { first, second });
            }
        }
    }
    let missing = live_nodes(graph, outputs).into_iter().find(|id| !order.contains(id));
    missing.map_or(Ok(()), |id| Err(OrderError::Missing(id)))
}

/// Whether two nodes touch a common tensor and one of them writes it.
fn conflict(graph: &Graph, a: NodeId, b: NodeId) -> bool {
    let (a, b) = (graph.node(a), graph.node(b));
    a.writes().any(|t| b.reads().chain(b.writes()).any(|u| t == u))
        || b.writes().any(|t| a.reads().any(|u| t == u))
}
