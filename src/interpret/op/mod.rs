//! The compact form of a program: a list of operations on registers. Each function's registers have
//! fixed places, since WGSL has no recursion. A value takes one register per scalar.

mod collective;
mod function;

use crate::interpret::types::Scalar;

pub(crate) use collective::{Collective, Exchange, Reduce};
pub(crate) use function::{Binary, Geometry, Pack, Ternary, Unary};

/// A register's place in an invocation's registers.
pub(crate) type Slot = u32;

/// The register that always contains 0.
pub(crate) const ZERO: Slot = 0;

/// The workgroup's memory, as the memory of an operation; buffers have their index.
pub(crate) const WORKGROUP: u16 = u16::MAX;

/// Marks the address of an element past the end. The address itself is that of the last element.
pub(crate) const OUTSIDE: u64 = 1 << 63;

/// Read-modify-write operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atomic {
    Add,
    Subtract,
    And,
    Xor,
    Or,
    Min,
    Max,
    Exchange,
    /// Stores if the value equals `compare`; the result is the old value and whether it stored.
    CompareExchange {
        compare: Slot,
    },
}

/// Memory operand of a load or store: the address is the register `base` plus `offset`, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) base: Slot,
    pub(crate) offset: u32,
    pub(crate) count: u32,
    /// [`WORKGROUP`] or a buffer.
    pub(crate) memory: u16,
    /// Index in [`Code::sites`].
    pub(crate) site: u16,
}

/// An operation. `to` is always the first register of the result, and `count` its registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    Copy {
        to: Slot,
        from: Slot,
        count: u32,
    },
    /// Zeroes registers.
    Clear {
        to: Slot,
        count: u32,
    },
    /// Four scalars at most from anywhere.
    Gather {
        to: Slot,
        from: [Slot; 4],
        count: u8,
    },
    Splat {
        to: Slot,
        from: Slot,
        count: u8,
    },
    /// Element `index` of the `length` elements of `count` registers each.
    Pick {
        to: Slot,
        from: Slot,
        index: Slot,
        length: u32,
        count: u32,
    },
    /// One choice for `each` components: 1 for a vector of conditions, else all.
    Select {
        to: Slot,
        condition: Slot,
        accept: Slot,
        reject: Slot,
        count: u32,
        each: u32,
    },
    Unary {
        op: Unary,
        half: bool,
        count: u8,
        to: Slot,
        a: Slot,
    },
    Binary {
        op: Binary,
        half: bool,
        count: u8,
        to: Slot,
        a: Slot,
        b: Slot,
    },
    Ternary {
        op: Ternary,
        half: bool,
        count: u8,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    InsertBits {
        count: u8,
        to: Slot,
        bits: Slot,
        insert: Slot,
        offset: Slot,
        width: Slot,
    },
    Geometry {
        op: Geometry,
        half: bool,
        size: u8,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// Columns of `rows` numbers: `to[c][r] = Σ a[k][r] · b[c][k]` over `inner` values of k.
    Multiply {
        to: Slot,
        a: Slot,
        b: Slot,
        columns: u8,
        inner: u8,
        rows: u8,
        half: bool,
    },
    Transpose {
        to: Slot,
        a: Slot,
        columns: u8,
        rows: u8,
    },
    /// `to[c][r] = a[r] · b[c]`.
    Outer {
        to: Slot,
        a: Slot,
        b: Slot,
        columns: u8,
        rows: u8,
        half: bool,
    },
    /// Address of element `index`; `length` is a register.
    Index {
        to: Slot,
        base: Slot,
        index: Slot,
        length: Slot,
        stride: u32,
    },
    /// Registers at an address: variables of the function and private ones.
    LoadLocal {
        to: Slot,
        base: Slot,
        offset: u32,
        count: u32,
    },
    StoreLocal {
        from: Slot,
        base: Slot,
        offset: u32,
        count: u32,
    },
    Load {
        to: Slot,
        access: Access,
    },
    Store {
        from: Slot,
        access: Access,
    },
    /// Precedes the store of a vector's component, which may write the whole vector: WGSL allows
    /// that, so it races with accesses to the other components. `access` is the vector.
    Widen {
        access: Access,
    },
    AtomicLoad {
        to: Slot,
        access: Access,
    },
    AtomicStore {
        from: Slot,
        access: Access,
    },
    /// `scalar` is that of the atomic.
    Atomic {
        op: Atomic,
        scalar: Scalar,
        to: Slot,
        value: Slot,
        access: Access,
    },
    Jump {
        target: u32,
    },
    JumpUnless {
        condition: Slot,
        target: u32,
    },
    /// `table` is an index in [`Code::switches`].
    Switch {
        selector: Slot,
        table: u32,
    },
    /// Counts an iteration.
    Loop,
    Call {
        target: u32,
    },
    Return,
    /// The invocation's end.
    End,
    Barrier {
        storage: bool,
        workgroup: bool,
        subgroup: bool,
    },
    /// `collective` is an index in [`Code::collectives`].
    Collective {
        collective: u32,
    },
}

impl Op {
    /// Whether the operation accesses an atomic.
    pub(crate) fn is_atomic(&self) -> bool {
        matches!(self, Self::AtomicLoad { .. } | Self::AtomicStore { .. } | Self::Atomic { .. })
    }
}

/// The targets of a switch.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// Values and targets, sorted by value.
    pub(crate) cases: Vec<(u32, u32)>,
    pub(crate) default: u32,
}
