//! Which nodes must wait for which: derived from what each node reads and writes in program order,
//! never declared.

use super::{Graph, NodeId, TensorId};

/// Why one node must run before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The later node reads what the earlier one writes.
    ReadAfterWrite,
    /// The later node overwrites what the earlier one reads.
    WriteAfterRead,
    /// Both write, and the later value must stay.
    WriteAfterWrite,
}

/// One such pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Must run first.
    pub before: NodeId,
    /// Must run second.
    pub after: NodeId,
    /// The tensor they share.
    pub tensor: TensorId,
    /// What would go wrong otherwise.
    pub kind: Kind,
}

/// The nodes that matter to the next access of one tensor.
#[derive(Clone, Default)]
struct Accesses {
    writer: Option<NodeId>,
    readers: Vec<NodeId>,
}

/// The hazards between `nodes`, which are given in program order. Pairs that follow from others
/// (a write before the last write) are left out.
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
