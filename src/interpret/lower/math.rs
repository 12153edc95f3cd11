//! Built-in functions.

use super::Scope;
use crate::interpret::Result;
use crate::interpret::op::{Binary, Geometry, Op, Pack, Slot, Ternary, Unary, ZERO};
use crate::interpret::types::{Scalar, Type};
use naga::{Expression, Handle, MathFunction};
use std::sync::Arc;

/// The operation of a function.
enum Lowering {
    Unary(Unary),
    Binary(Binary),
    Ternary(Ternary),
    Geometry(Geometry),
    InsertBits,
    Outer,
    Transpose,
}

/// Operands: their first registers, and the first one's type.
struct Operands {
    slots: [Slot; 4],
    first: Arc<Type>,
}

impl Scope<'_, '_> {
    /// Lowers a built-in function.
    pub(super) fn math(
        &mut self,
        function: MathFunction,
        arguments: [Option<Handle<Expression>>; 4],
        to: Slot,
        ty: &Type,
    ) -> Result<()> {
        let operands = self.operands(function, arguments, ty)?;
        let Some(scalar) = operands.first.scalar() else {
            return Err(self.unsupported("this argument"));
        };
        let half = scalar == Scalar::F16;
        let [a, b, c, d] = operands.slots;
        let (count, size) = (ty.cells() as u8, operands.first.cells() as u8);
        let Some(lowering) = lowering(function, scalar) else {
            return Err(self.unsupported(format!("the function {function:?} of {scalar:?}")));
        };
        let op = match lowering {
            Lowering::Unary(op) => Op::Unary { op, half, count, to, a },
            Lowering::Binary(op) => Op::Binary { op, half, count, to, a, b },
            Lowering::Ternary(op) => Op::Ternary { op, half, count, to, a, b, c },
            Lowering::InsertBits => {
                Op::InsertBits { count, to, bits: a, insert: b, offset: c, width: d }
            }
            Lowering::Geometry(op) => {
                let size = match *operands.first {
                    Type::Matrix { columns, .. } => columns as u8,
                    _ => size,
                };
                Op::Geometry { op, half, size, to, a, b, c }
            }
            Lowering::Outer => {
                let rows = size;
                Op::Outer { to, a, b, columns: count / rows, rows, half }
            }
            Lowering::Transpose => match *operands.first {
                Type::Matrix { columns, rows, .. } => {
                    Op::Transpose { to, a, columns: columns as u8, rows: rows as u8 }
                }
                _ => return Err(self.unsupported("this transpose")),
            },
        };
        self.push(op);
        Ok(())
    }

    /// Returns the operands; scalars among component-wise operands are spread.
    fn operands(
        &mut self,
        function: MathFunction,
        arguments: [Option<Handle<Expression>>; 4],
        result: &Type,
    ) -> Result<Operands> {
        use MathFunction::{Clamp, ExtractBits, InsertBits, Mix, SmoothStep, Step};
        let mut slots = [ZERO; 4];
        let mut first = None;
        for (handle, slot) in arguments.into_iter().flatten().zip(&mut slots) {
            let (from, ty) = self.registers_of(handle)?;
            let is_spread =
                matches!(function, Clamp | ExtractBits | InsertBits | Mix | SmoothStep | Step);
            *slot = if is_spread { self.spread(from, &ty, result.cells())? } else { from };
            first.get_or_insert(ty);
        }
        match first {
            Some(first) => Ok(Operands { slots, first }),
            None => Err(self.unsupported("a function without arguments")),
        }
    }
}

/// Returns the operation of a function for a scalar type; none if it is not supported.
fn lowering(function: MathFunction, scalar: Scalar) -> Option<Lowering> {
    if scalar.is_real() { real(function) } else { integer(function, scalar) }
}

fn real(function: MathFunction) -> Option<Lowering> {
    use MathFunction as M;
    Some(match function {
        M::Min => Lowering::Binary(Binary::Min),
        M::Max => Lowering::Binary(Binary::Max),
        M::Pow => Lowering::Binary(Binary::Pow),
        M::Atan2 => Lowering::Binary(Binary::Atan2),
        M::Step => Lowering::Binary(Binary::Step),
        M::Ldexp => Lowering::Binary(Binary::Ldexp),
        M::Fma => Lowering::Ternary(Ternary::Fma),
        M::Clamp => Lowering::Ternary(Ternary::Clamp),
        M::Mix => Lowering::Ternary(Ternary::Mix),
        M::SmoothStep => Lowering::Ternary(Ternary::SmoothStep),
        M::Outer => Lowering::Outer,
        M::Transpose => Lowering::Transpose,
        M::Dot => Lowering::Geometry(Geometry::Dot),
        M::Cross => Lowering::Geometry(Geometry::Cross),
        M::Distance => Lowering::Geometry(Geometry::Distance),
        M::Length => Lowering::Geometry(Geometry::Length),
        M::Normalize => Lowering::Geometry(Geometry::Normalize),
        M::FaceForward => Lowering::Geometry(Geometry::FaceForward),
        M::Reflect => Lowering::Geometry(Geometry::Reflect),
        M::Refract => Lowering::Geometry(Geometry::Refract),
        M::Modf => Lowering::Geometry(Geometry::Modf),
        M::Frexp => Lowering::Geometry(Geometry::Frexp),
        M::Determinant => Lowering::Geometry(Geometry::Determinant),
        M::Pack4x8snorm => Lowering::Geometry(Geometry::Pack(Pack::Snorm8)),
        M::Pack4x8unorm => Lowering::Geometry(Geometry::Pack(Pack::Unorm8)),
        M::Pack2x16snorm => Lowering::Geometry(Geometry::Pack(Pack::Snorm16)),
        M::Pack2x16unorm => Lowering::Geometry(Geometry::Pack(Pack::Unorm16)),
        M::Pack2x16float => Lowering::Geometry(Geometry::Pack(Pack::Float16)),
        other => Lowering::Unary(real_unary(other)?),
    })
}

fn real_unary(function: MathFunction) -> Option<Unary> {
    use MathFunction as M;
    Some(match function {
        M::Abs => Unary::Abs,
        M::Sign => Unary::Sign,
        M::Saturate => Unary::Saturate,
        M::Cos => Unary::Cos,
        M::Cosh => Unary::Cosh,
        M::Sin => Unary::Sin,
        M::Sinh => Unary::Sinh,
        M::Tan => Unary::Tan,
        M::Tanh => Unary::Tanh,
        M::Acos => Unary::Acos,
        M::Asin => Unary::Asin,
        M::Atan => Unary::Atan,
        M::Asinh => Unary::Asinh,
        M::Acosh => Unary::Acosh,
        M::Atanh => Unary::Atanh,
        M::Radians => Unary::Radians,
        M::Degrees => Unary::Degrees,
        M::Ceil => Unary::Ceil,
        M::Floor => Unary::Floor,
        M::Round => Unary::Round,
        M::Fract => Unary::Fract,
        M::Trunc => Unary::Trunc,
        M::Exp => Unary::Exp,
        M::Exp2 => Unary::Exp2,
        M::Log => Unary::Log,
        M::Log2 => Unary::Log2,
        M::Sqrt => Unary::Sqrt,
        M::InverseSqrt => Unary::InverseSqrt,
        M::QuantizeToF16 => Unary::QuantizeToF16,
        _ => return None,
    })
}

fn integer(function: MathFunction, scalar: Scalar) -> Option<Lowering> {
    use MathFunction as M;
    let signed = scalar == Scalar::I32;
    fn either<T>(signed: bool, int: T, uint: T) -> T {
        if signed { int } else { uint }
    }
    Some(match function {
        M::Abs => Lowering::Unary(either(signed, Unary::AbsInt, Unary::Identity)),
        M::Sign => Lowering::Unary(Unary::SignInt),
        M::Min => Lowering::Binary(either(signed, Binary::MinInt, Binary::MinUint)),
        M::Max => Lowering::Binary(either(signed, Binary::MaxInt, Binary::MaxUint)),
        M::Clamp => Lowering::Ternary(either(signed, Ternary::ClampInt, Ternary::ClampUint)),
        M::Dot => Lowering::Geometry(Geometry::DotInt),
        M::Dot4I8Packed => Lowering::Geometry(Geometry::DotPacked { signed: true }),
        M::Dot4U8Packed => Lowering::Geometry(Geometry::DotPacked { signed: false }),
        M::CountTrailingZeros => Lowering::Unary(Unary::CountTrailingZeros),
        M::CountLeadingZeros => Lowering::Unary(Unary::CountLeadingZeros),
        M::CountOneBits => Lowering::Unary(Unary::CountOneBits),
        M::ReverseBits => Lowering::Unary(Unary::ReverseBits),
        M::FirstTrailingBit => Lowering::Unary(Unary::FirstTrailingBit),
        M::FirstLeadingBit => {
            Lowering::Unary(either(signed, Unary::FirstLeadingBitSigned, Unary::FirstLeadingBit))
        }
        M::ExtractBits => {
            Lowering::Ternary(either(signed, Ternary::ExtractBitsSigned, Ternary::ExtractBits))
        }
        M::InsertBits => Lowering::InsertBits,
        M::Pack4xI8 => Lowering::Geometry(Geometry::Pack(Pack::Int8)),
        M::Pack4xU8 => Lowering::Geometry(Geometry::Pack(Pack::Uint8)),
        M::Pack4xI8Clamp => Lowering::Geometry(Geometry::Pack(Pack::Int8Clamp)),
        M::Pack4xU8Clamp => Lowering::Geometry(Geometry::Pack(Pack::Uint8Clamp)),
        M::Unpack4x8snorm => Lowering::Geometry(Geometry::Unpack(Pack::Snorm8)),
        M::Unpack4x8unorm => Lowering::Geometry(Geometry::Unpack(Pack::Unorm8)),
        M::Unpack2x16snorm => Lowering::Geometry(Geometry::Unpack(Pack::Snorm16)),
        M::Unpack2x16unorm => Lowering::Geometry(Geometry::Unpack(Pack::Unorm16)),
        M::Unpack2x16float => Lowering::Geometry(Geometry::Unpack(Pack::Float16)),
        M::Unpack4xI8 => Lowering::Geometry(Geometry::Unpack(Pack::Int8)),
        M::Unpack4xU8 => Lowering::Geometry(Geometry::Unpack(Pack::Uint8)),
        _ => return None,
    })
}
