//! Memory sharing between temporary tensors. Tensors that are never alive at the same time may use
//! one slot; each slot is a separate buffer, since one buffer cannot be bound both read-only and
//! writable in one dispatch.
//!
//! Slots are filled greedily by size: the largest tensor first, into the smallest slot that is
//! free for its whole life (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
//! Inference", 2020).

use super::{Graph, NodeId, TensorId};
use std::collections::HashMap;

/// A slot's place in [`Slots::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(crate) u32);

impl SlotId {
    /// The place as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The first and last place in the order at which a tensor's value matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Place of the first write.
    pub first: usize,
    /// Place of the last access; past the end of the order for an output.
    pub last: usize,
}

impl Lifetime {
    /// Whether both are alive at some point.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The lifetime of every workspace tensor that the order touches.
pub fn lifetimes(
    graph: &Graph,
    order: &[NodeId],
    outputs: &[TensorId],
) -> HashMap<TensorId, Lifetime> {
    let mut lifetimes = HashMap::new();
    for (place, &id) in order.iter().enumerate() {
        let node = graph.node(id);
        for tensor in node.reads().chain(node.writes()) {
            let fresh = Lifetime { first: place, last: place };
            lifetimes.entry(tensor).or_insert(fresh).last = place;
        }
    }
    for output in outputs {
        if let Some(lifetime) = lifetimes.get_mut(output) {
            lifetime.last = order.len();
        }
    }
    lifetimes.retain(|&tensor, _| graph.tensor(tensor).is_workspace());
    lifetimes
}

/// The slot of each workspace tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slots {
    /// Size of each slot.
    pub bytes: Vec<usize>,
    /// Maps each workspace tensor to its slot.
    pub of: HashMap<TensorId, SlotId>,
}

/// Packs the tensors into slots.
pub fn assign(graph: &Graph, lifetimes: &HashMap<TensorId, Lifetime>) -> Slots {
    let mut tensors: Vec<_> = lifetimes.keys().copied().collect();
    tensors.sort_by_key(|&tensor| (std::cmp::Reverse(graph.tensor(tensor).bytes()), tensor));
    let mut slots = Slots::default();
    let mut tenants: Vec<Vec<Lifetime>> = Vec::new();
    for tensor in tensors {
        let lifetime = lifetimes[&tensor];
        let free = |slot: &usize| !tenants[*slot].iter().any(|other| other.overlaps(lifetime));
        // Sizes fall as tensors are placed, so every slot so far is large enough.
        let slot = (0..tenants.len()).rev().find(free).unwrap_or_else(|| {
            slots.bytes.push(graph.tensor(tensor).bytes());
            tenants.push(Vec::new());
            tenants.len() - 1
        });
        tenants[slot].push(lifetime);
        slots.of.insert(tensor, SlotId(slot as u32));
    }
    slots
}

/// An error in an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// A tensor has no slot, or one that is too small.
    #[error("{0:?} does not fit its slot")]
    DoesNotFit(TensorId),
    /// A node would read another tensor's data from the slot of one of its operands.
    #[error("{reader:?} reads {expected:?} from a slot that holds {found:?}")]
    Overwritten {
        /// The node; none if it is the host, after the last node.
        reader: Option<NodeId>,
        /// The tensor that it reads.
        expected: TensorId,
        /// The tensor in the slot, if any.
        found: Option<TensorId>,
    },
    /// A node reads and writes, or writes twice, the same slot.
    #[error("{0:?} has two operands in one slot")]
    Shared(NodeId),
}

/// Validates an assignment by simulating the order and tracking the tensor in each slot.
///
/// # Errors
/// The first error found.
pub fn check(
    graph: &Graph,
    order: &[NodeId],
    outputs: &[TensorId],
    slots: &Slots,
) -> Result<(), SlotError> {
    let mut holds: HashMap<SlotId, TensorId> = HashMap::new();
    for &id in order {
        let node = graph.node(id);
        let reads = in_slots(graph, slots, node.reads())?;
        let writes = in_slots(graph, slots, node.writes())?;
        check_held(&holds, &reads, Some(id))?;
        for (place, &(tensor, slot)) in writes.iter().enumerate() {
            let mut others = reads.iter().chain(&writes[..place]);
            if others.any(|&(other, used)| used == slot && other != tensor) {
                return Err(SlotError::Shared(id));
            }
            holds.insert(slot, tensor);
        }
    }
    check_held(&holds, &in_slots(graph, slots, outputs.iter().copied())?, None)
}

fn check_held(
    holds: &HashMap<SlotId, TensorId>,
    reads: &[(TensorId, SlotId)],
    reader: Option<NodeId>,
) -> Result<(), SlotError> {
    for &(expected, slot) in reads {
        let found = holds.get(&slot).copied();
        if found != Some(expected) {
            return Err(SlotError::Overwritten { reader, expected, found });
        }
    }
    Ok(())
}

/// The workspace tensors among `tensors`, each with its slot.
fn in_slots(
    graph: &Graph,
    slots: &Slots,
    tensors: impl Iterator<Item = TensorId>,
) -> Result<Vec<(TensorId, SlotId)>, SlotError> {
    let fits = |tensor: TensorId, slot: SlotId| {
        slots.bytes.get(slot.index()).is_some_and(|&size| size >= graph.tensor(tensor).bytes())
    };
    tensors
        .filter(|&tensor| graph.tensor(tensor).is_workspace())
        .map(|tensor| match slots.of.get(&tensor) {
            Some(&slot) if fits(tensor, slot) => Ok((tensor, slot)),
            _ => Err(SlotError::DoesNotFit(tensor)),
        })
        .collect()
}
