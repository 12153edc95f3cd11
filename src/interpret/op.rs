//! The compact form of a program: a list of operations on registers. Each function's registers have
//! fixed places, since WGSL has no recursion. A value takes one register per scalar.

use super::types::Scalar;

/// A register's place in an invocation's registers.
pub(super) type Slot = u32;

/// The register that always contains 0.
pub(super) const ZERO: Slot = 0;

/// The workgroup's memory, as the memory of an operation; buffers have their index.
pub(super) const WORKGROUP: u16 = u16::MAX;

/// Marks the address of an element past the end. The address itself is that of the last element.
pub(super) const OUTSIDE: u64 = 1 << 63;

/// Component-wise operations with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    /// Real to real.
    Negate,
    Abs,
    Sign,
    Saturate,
    Sqrt,
    InverseSqrt,
    Ceil,
    Floor,
    Round,
    Fract,
    Trunc,
    Exp,
    Exp2,
    Log,
    Log2,
    Cos,
    Cosh,
    Sin,
    Sinh,
    Tan,
    Tanh,
    Acos,
    Asin,
    Atan,
    Asinh,
    Acosh,
    Atanh,
    Radians,
    Degrees,
    /// Rounds to f16, and back.
    QuantizeToF16,
    /// f32 to f16 or back.
    Convert,
    /// Integer to integer.
    /// The absolute value of a u32.
    Identity,
    NegateInt,
    AbsInt,
    SignInt,
    Not,
    BitNot,
    CountTrailingZeros,
    CountLeadingZeros,
    CountOneBits,
    ReverseBits,
    FirstTrailingBit,
    FirstLeadingBitSigned,
    FirstLeadingBit,
    /// Between kinds.
    RealToInt,
    RealToUint,
    RealToBool,
    IntToReal,
    UintToReal,
    IntToBool,
    BoolToReal,
    /// `bitcast` between f32 and integers.
    RealToBits,
    BitsToReal,
    IsNan,
    IsInf,
}

/// Component-wise operations with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    /// Real to real.
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Min,
    Max,
    Pow,
    Atan2,
    Step,
    /// Real by an integer power of two.
    Ldexp,
    /// Real to bool.
    Equal,
    NotEqual,
    Less,
    LessEqual,
    /// Signed integers.
    AddInt,
    SubtractInt,
    MultiplyInt,
    DivideInt,
    RemainderInt,
    MinInt,
    MaxInt,
    LessInt,
    LessEqualInt,
    ShiftLeftInt,
    ShiftRightInt,
    /// Unsigned integers.
    AddUint,
    SubtractUint,
    MultiplyUint,
    DivideUint,
    RemainderUint,
    MinUint,
    MaxUint,
    LessUint,
    LessEqualUint,
    ShiftLeft,
    ShiftRight,
    /// Bits.
    And,
    Or,
    Xor,
    EqualBits,
    NotEqualBits,
}

/// Component-wise operations with three operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ternary {
    Fma,
    Clamp,
    Mix,
    SmoothStep,
    ClampInt,
    ClampUint,
    ExtractBits,
    ExtractBitsSigned,
}

/// Operations on whole vectors; `size` is that of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Geometry {
    Dot,
    DotInt,
    Cross,
    Distance,
    Length,
    Normalize,
    FaceForward,
    Reflect,
    Refract,
    Modf,
    Frexp,
    Determinant,
    /// To a bool.
    All,
    Any,
    Pack(Pack),
    Unpack(Pack),
    /// Dot product of four bytes of two words.
    DotPacked {
        signed: bool,
    },
}

/// Formats of several numbers in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pack {
    Snorm8,
    Unorm8,
    Snorm16,
    Unorm16,
    Float16,
    Int8,
    Uint8,
    Int8Clamp,
    Uint8Clamp,
}

/// Read-modify-write operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atomic {
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
pub(super) struct Access {
    pub(super) base: Slot,
    pub(super) offset: u32,
    pub(super) count: u32,
    /// [`WORKGROUP`] or a buffer.
    pub(super) memory: u16,
    /// Index in [`Code::sites`].
    pub(super) site: u16,
}

/// An operation. `to` is always the first register of the result, and `count` its registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
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
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self, Self::AtomicLoad { .. } | Self::AtomicStore { .. } | Self::Atomic { .. })
    }
}

/// How a collective operation exchanges values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
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
pub(super) enum Reduce {
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
pub(super) struct Collective {
    pub(super) exchange: Exchange,
    pub(super) scalar: Scalar,
    pub(super) to: Slot,
    pub(super) from: Slot,
    pub(super) count: u32,
}

/// The targets of a switch.
#[derive(Debug, Default)]
pub(super) struct Switch {
    /// Values and targets, sorted by value.
    pub(super) cases: Vec<(u32, u32)>,
    pub(super) default: u32,
}
