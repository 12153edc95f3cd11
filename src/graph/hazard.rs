//! Order constraints between nodes: derived from the reads and writes of each node in program
//! order, never declared.

use super::{Graph, NodeId, TensorId};
use std::collections::BTreeSet;

/// The reason why one node must run before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The later node reads what the earlier one writes.
    ReadAfterWrite,
    /// The later node overwrites what the earlier one reads.
    WriteAfterRead,
    /// Both write, and the later value must remain.
    WriteAfterWrite,
}

/// A pair of nodes whose order must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// The node that must run first.
    pub before: NodeId,
    /// The node that must run second.
    pub after: NodeId,
    /// The tensor they share.
    pub tensor: TensorId,
    /// The kind of conflict.
    pub kind: Kind,
}

/// The nodes that constrain the next access to one tensor.
#[derive(Clone, Default)]
struct Accesses {
    writer: Option<NodeId>,
    readers: Vec<NodeId>,
}

/// The hazards between `nodes`, which are in program order. Pairs implied by others (a write before
/// the last write) are left out.
pub fn hazards(graph: &Graph, nodes: &[NodeId]) -> Vec<Hazard> {
    let mut accesses = vec![Accesses::default(); graph.tensors().len()];
    let mut found = Vec::new();
    for &after in nodes {
        let node = graph.node(after);
        for tensor in node.reads() {
            let access = &mut accesses[tensor.index()];
            found.extend(access.writer.map(|before| Hazard {
                before,
                after,
                tensor,
                kind: Kind::ReadAfterWrite,
            }));
            access.readers.push(after);
        }
        for tensor in node.writes() {
            let access = std::mem::take(&mut accesses[tensor.index()]);
            let readers = access.readers.into_iter().map(|before| (before, Kind::WriteAfterRead));
            let writer = access.writer.map(|before| (before, Kind::WriteAfterWrite));
            let pairs = readers.chain(writer).filter(|&(before, _)| before != after);
            found.extend(pairs.map(|(before, kind)| Hazard { before, after, tensor, kind }));
            accesses[tensor.index()].writer = Some(after);
        }
    }
    found
}

/// Puts numbered items with order constraints in order (Kahn, "Topological sorting of large
/// networks", 1962).
#[derive(Debug)]
pub(super) struct Waiting {
    /// For each item, the number of items that it waits for.
    missing: Vec<usize>,
    /// For each item, the items that wait for it.
    after: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
}

impl Waiting {
    /// `count` items; of each pair, the second item waits for the first.
    pub(super) fn new(count: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let (mut missing, mut after) = (vec![0; count], vec![Vec::new(); count]);
        for (first, second) in pairs {
            missing[second] += 1;
            after[first].push(second);
        }
        let ready = (0..count).filter(|&index| missing[index] == 0).collect();
        Self { missing, after, ready }
    }

    /// The items that wait for nothing.
    pub(super) fn ready(&self) -> &BTreeSet<usize> {
        &self.ready
    }

    /// Marks a ready item as finished.
    pub(super) fn finish(&mut self, index: usize) {
        self.ready.remove(&index);
        for &next in &self.after[index] {
            self.missing[next] -= 1;
            if self.missing[next] == 0 {
                self.ready.insert(next);
            }
        }
    }
}
