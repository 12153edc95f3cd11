//! Operations of subgroups and quads.

use super::Slot;
use crate::interpret::types::Scalar;

/// How a collective operation exchanges values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// Bits of the invocations whose predicate is set.
    Ballot,
    BroadcastFirst,
    /// From the invocation in a register.
    Broadcast(Slot),
    Shuffle(Slot),
    ShuffleDown(Slot),
    ShuffleUp(Slot),
    ShuffleXor(Slot),
    QuadBroadcast(Slot),
    /// From invocation `id ^ mask` of the quad.
    QuadSwap {
        mask: u32,
    },
    Reduce(Reduce),
    Inclusive(Reduce),
    Exclusive(Reduce),
}

/// How a reduction combines values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduce {
    All,
    Any,
    Add,
    Mul,
    Min,
    Max,
    And,
    Or,
    Xor,
}

/// An operation of a subgroup or quad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collective {
    pub(crate) exchange: Exchange,
    pub(crate) scalar: Scalar,
    pub(crate) to: Slot,
    pub(crate) from: Slot,
    pub(crate) count: u32,
}
