//! Exact counts of executed operations. The interpreter counts executions per operation; what one
//! execution costs is known from the program.

use super::code::Code;
use super::op::{Binary, Geometry, Op, Ternary, Unary, WORKGROUP};
use std::ops::AddAssign;

/// Loads and stores of a memory. Atomic read-modify-write operations count as both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Executed loads, of any number of scalars.
    pub loads: u64,
    /// Bytes of these loads.
    pub load_bytes: u64,
    /// Executed stores, of any number of scalars.
    pub stores: u64,
    /// Bytes of these stores.
    pub store_bytes: u64,
}

/// Counts of a run, over all invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invocations.
    pub invocations: u64,
    /// Executed operations of the interpreter, times the scalars of each result.
    pub operations: u64,
    /// Floating-point operations, without `fma`. An elementary function, a minimum or a maximum is
    /// one; a comparison, a sign or a conversion is none.
    pub flops: u64,
    /// Calls of `fma`, per component: two floating-point operations each.
    pub fma: u64,
    /// Integer operations and comparisons, without those that compute addresses.
    pub integer_ops: u64,
    /// Traffic of workgroup memory.
    pub workgroup: Traffic,
    /// Traffic of storage buffers.
    pub storage: Traffic,
    /// Traffic of uniform buffers and immediate data.
    pub uniform: Traffic,
    /// Bytes of storage buffers that were read or written at least once.
    pub distinct_bytes: u64,
    /// Barriers, per workgroup.
    pub barriers: u64,
    /// Subgroup and quad operations, per invocation.
    pub collectives: u64,
    /// Additional accesses that 32 banks of workgroup memory, each 4 bytes wide, would need for
    /// the accesses of subgroups; only counted on request.
    pub bank_conflicts: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.loads += other.loads;
        self.load_bytes += other.load_bytes;
        self.stores += other.stores;
        self.store_bytes += other.store_bytes;
    }
}

impl Traffic {
    fn times(self, count: u64) -> Self {
        Self {
            loads: self.loads * count,
            load_bytes: self.load_bytes * count,
            stores: self.stores * count,
            store_bytes: self.store_bytes * count,
        }
    }
}

impl Counts {
    /// Adds `executions` executions of an operation.
    pub(super) fn add(&mut self, code: &Code, op: &Op, executions: u64) {
        let [flops, fma, integer_ops] = arithmetic(op).map(|count| count * executions);
        self.flops += flops;
        self.fma += fma;
        self.integer_ops += integer_ops;
        self.operations += width(op) * executions;
        self.collectives += if matches!(op, Op::Collective { .. }) { executions } else { 0 };
        let (access, loads, stores) = match *op {
            Op::Load { access, .. } | Op::AtomicLoad { access, .. } => (access, 1, 0),
            Op::Store { access, .. } | Op::AtomicStore { access, .. } => (access, 0, 1),
            Op::Atomic { access, .. } => (access, 1, 1),
            _ => return,
        };
        let bytes = code.sites[access.site as usize].bytes;
        let (load_bytes, store_bytes) = (loads * bytes, stores * bytes);
        let traffic = Traffic { loads, load_bytes, stores, store_bytes }.times(executions);
        match code.buffers.get(access.memory as usize) {
            None => self.workgroup += traffic,
            Some(buffer) if buffer.is_storage => self.storage += traffic,
            Some(_) => self.uniform += traffic,
        }
        debug_assert!(access.memory == WORKGROUP || (access.memory as usize) < code.buffers.len());
    }
}

/// Scalars of an operation's result, at least 1.
fn width(op: &Op) -> u64 {
    match *op {
        Op::Copy { count, .. }
        | Op::Clear { count, .. }
        | Op::Pick { count, .. }
        | Op::Select { count, .. }
        | Op::LoadLocal { count, .. }
        | Op::StoreLocal { count, .. } => count.into(),
        Op::Gather { count, .. }
        | Op::Splat { count, .. }
        | Op::Unary { count, .. }
        | Op::Binary { count, .. }
        | Op::Ternary { count, .. }
        | Op::InsertBits { count, .. } => count.into(),
        Op::Load { access, .. } | Op::Store { access, .. } => access.count.into(),
        Op::Geometry { size, .. } => size.into(),
        Op::Multiply { columns, inner, rows, .. } => product(columns, rows) * u64::from(inner),
        Op::Transpose { columns, rows, .. } | Op::Outer { columns, rows, .. } => {
            product(columns, rows)
        }
        _ => 1,
    }
}

fn product(columns: u8, rows: u8) -> u64 {
    u64::from(columns) * u64::from(rows)
}

/// Floating-point operations, fused ones and integer operations of one execution.
fn arithmetic(op: &Op) -> [u64; 3] {
    match *op {
        Op::Unary { op, count, .. } => unary(op).map(|each| each * u64::from(count)),
        Op::Binary { op, count, .. } => binary(op).map(|each| each * u64::from(count)),
        Op::Ternary { op, count, .. } => ternary(op).map(|each| each * u64::from(count)),
        Op::InsertBits { count, .. } => [0, 0, count.into()],
        Op::Geometry { op, size, .. } => geometry(op, size.into()),
        Op::Multiply { columns, inner, rows, .. } => {
            [product(columns, rows) * (2 * u64::from(inner) - 1), 0, 0]
        }
        Op::Outer { columns, rows, .. } => [product(columns, rows), 0, 0],
        _ => [0; 3],
    }
}

fn unary(op: Unary) -> [u64; 3] {
    use Unary::*;
    match op {
        Negate | Abs | Sign | Convert | QuantizeToF16 | RealToInt | RealToUint | RealToBool
        | IntToReal | UintToReal | IntToBool | BoolToReal | RealToBits | BitsToReal | IsNan
        | IsInf | Not => [0; 3],
        NegateInt
        | AbsInt
        | SignInt
        | BitNot
        | CountTrailingZeros
        | CountLeadingZeros
        | CountOneBits
        | ReverseBits
        | FirstTrailingBit
        | FirstLeadingBitSigned
        | FirstLeadingBit => [0, 0, 1],
        _ => [1, 0, 0],
    }
}

fn binary(op: Binary) -> [u64; 3] {
    use Binary::*;
    match op {
        Add | Subtract | Multiply | Divide | Remainder | Min | Max | Pow | Atan2 | Step | Ldexp => {
            [1, 0, 0]
        }
        Equal | NotEqual | Less | LessEqual => [0; 3],
        _ => [0, 0, 1],
    }
}

fn ternary(op: Ternary) -> [u64; 3] {
    use Ternary::*;
    match op {
        Fma => [0, 1, 0],
        Clamp => [2, 0, 0],
        // x (1 - a) + y a.
        Mix => [4, 0, 0],
        // t = saturate((x - low) / (high - low)), t t (3 - 2 t).
        SmoothStep => [9, 0, 0],
        ClampInt | ClampUint => [0, 0, 2],
        ExtractBits | ExtractBitsSigned => [0, 0, 1],
    }
}

fn geometry(op: Geometry, size: u64) -> [u64; 3] {
    use Geometry::*;
    match op {
        Dot => [2 * size - 1, 0, 0],
        DotInt => [0, 0, 2 * size - 1],
        DotPacked { .. } => [0, 0, 7],
        Cross => [9, 0, 0],
        Length => [2 * size, 0, 0],
        Distance | Normalize => [3 * size, 0, 0],
        Reflect => [4 * size, 0, 0],
        Refract => [6 * size + 6, 0, 0],
        FaceForward => [2 * size - 1, 0, 0],
        Determinant => [[0, 0, 3, 14, 40][size as usize % 5], 0, 0],
        Pack(_) | Unpack(_) => [0, 0, size],
        Modf | Frexp | All | Any => [0; 3],
    }
}
