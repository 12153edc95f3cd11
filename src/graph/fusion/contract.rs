//! Puts groups of nodes together and orders what results, if it can be ordered.

use super::Group;
use crate::graph::hazard::hazards;
use crate::graph::{Graph, Node, NodeId, Op};

/// The graph of the live nodes with each group as one node; none if two groups would have to wait
/// for each other. The order is that of the first nodes of the groups, as far as hazards allow.
pub(super) fn contract(graph: &Graph, live: &[NodeId], groups: &[Group]) -> Option<Graph> {
    let mut units: Vec<Unit> = groups.iter().map(|group| Unit::group(graph, group)).collect();
    let alone = |id: &&NodeId| !groups.iter().any(|group| group.nodes.contains(id));
    units.extend(live.iter().filter(alone).map(|&id| Unit::single(graph, id)));
    units.sort_by_key(|unit| unit.nodes.iter().min().copied());
    let unit_of = |id: NodeId| units.iter().position(|unit| unit.nodes.contains(&id));
    let waits: Vec<_> = hazards(graph, live)
        .iter()
        .map(|hazard| (unit_of(hazard.before), unit_of(hazard.after)))
        .filter(|(before, after)| before != after)
        .collect();
    let mut done = vec![false; units.len()];
    let mut nodes = Vec::with_capacity(units.len());
    while nodes.len() < units.len() {
        let is_done = |unit: Option<usize>| unit.is_none_or(|unit| done[unit]);
        let ready = |&unit: &usize| {
            !done[unit] && waits.iter().all(|&(b, a)| a != Some(unit) || is_done(b))
        };
        let next = (0..units.len()).find(ready)?;
        done[next] = true;
        nodes.push(units[next].node.clone());
    }
    Some(Graph { tensors: graph.tensors.clone(), nodes })
}

/// A node of the contracted graph, and those that it stands for.
struct Unit {
    nodes: Vec<NodeId>,
    node: Node,
}

impl Unit {
    fn single(graph: &Graph, id: NodeId) -> Self {
        Self { nodes: vec![id], node: graph.node(id).clone() }
    }

    fn group(graph: &Graph, group: &Group) -> Self {
        let mut nodes = group.nodes.clone();
        nodes.sort_unstable();
        let parts = nodes.iter().map(|&id| graph.node(id).clone()).collect();
        let (inputs, outputs) = (group.inputs.clone(), group.outputs.clone());
        Self { nodes, node: Node { op: Op::Fused(group.fusion), inputs, outputs, parts } }
    }
}
