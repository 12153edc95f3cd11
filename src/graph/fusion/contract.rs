//! Contracts groups of nodes, and orders the result if possible.

use super::Group;
use crate::graph::hazard::{Hazard, Waiting};
use crate::graph::{Graph, Node, NodeId, Op};

/// The graph of the live nodes with each group as one node, in the order of [`order`].
pub(super) fn contract(
    graph: &Graph,
    live: &[NodeId],
    hazards: &[Hazard],
    groups: &[Group],
) -> Option<Graph> {
    let nodes = order(live, hazards, groups)?.iter().map(|unit| unit.node(graph)).collect();
    Some(Graph { tensors: graph.tensors.clone(), nodes })
}

/// A node of the contracted graph.
pub(super) enum Unit<'a> {
    Single(NodeId),
    Group(&'a Group),
}

impl Unit<'_> {
    fn nodes(&self) -> &[NodeId] {
        match self {
            Self::Single(id) => std::slice::from_ref(id),
            Self::Group(group) => &group.nodes,
        }
    }

    fn node(&self, graph: &Graph) -> Node {
        match self {
            Self::Single(id) => graph.node(*id).clone(),
            Self::Group(group) => {
                let mut nodes = [group.nodes.as_slice(), &group.repeated].concat();
                nodes.sort_unstable();
                let parts = nodes.iter().map(|&id| graph.node(id).clone()).collect();
                let (inputs, outputs) = (group.inputs.clone(), group.outputs.clone());
                Node { op: Op::Fused(group.fusion), inputs, outputs, parts }
            }
        }
    }
}

/// The live nodes with each group as one unit; none if two groups would have to wait for each
/// other. The order is that of the groups' first nodes, as far as the hazards among the live nodes
/// allow.
pub(super) fn order<'a>(
    live: &[NodeId],
    hazards: &[Hazard],
    groups: &'a [Group],
) -> Option<Vec<Unit<'a>>> {
    let mut unit_of = vec![None; live.last().map_or(0, |last| last.index() + 1)];
    let mut units: Vec<Unit> = groups.iter().map(Unit::Group).collect();
    units.iter().flat_map(Unit::nodes).for_each(|id| unit_of[id.index()] = Some(0));
    let alone = live.iter().filter(|id| unit_of[id.index()].is_none());
    units.extend(alone.map(|&id| Unit::Single(id)));
    units.sort_by_key(|unit| unit.nodes().iter().min().copied());
    for (index, unit) in units.iter().enumerate() {
        unit.nodes().iter().for_each(|id| unit_of[id.index()] = Some(index));
    }
    let place = |id: NodeId| unit_of[id.index()];
    let pairs = hazards.iter().filter_map(|hazard| place(hazard.before).zip(place(hazard.after)));
    let mut waiting = Waiting::new(units.len(), pairs.filter(|(before, after)| before != after));
    let mut ordered: Vec<_> = units.into_iter().map(Some).collect();
    let mut order = Vec::with_capacity(ordered.len());
    while let Some(&next) = waiting.ready().first() {
        waiting.finish(next);
        order.extend(ordered[next].take());
    }
    (order.len() == ordered.len()).then_some(order)
}
