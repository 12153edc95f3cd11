//! Operators and conversions.

use super::Scope;
use crate::interpret::Result;
use crate::interpret::op::{Binary, Geometry, Op, Slot, Unary, ZERO};
use crate::interpret::types::{Scalar, Type};
use naga::{BinaryOperator, Expression, Handle, RelationalFunction, ScalarKind, UnaryOperator};
use std::sync::Arc;

impl Scope<'_, '_> {
    pub(super) fn unary(
        &mut self,
        op: UnaryOperator,
        operand: Handle<Expression>,
        to: Slot,
    ) -> Result<()> {
        let (a, scalar, count) = self.scalars_of(operand)?;
        let op = match op {
            UnaryOperator::Negate if scalar.is_real() => Unary::Negate,
            UnaryOperator::Negate => Unary::NegateInt,
            UnaryOperator::LogicalNot => Unary::Not,
            UnaryOperator::BitwiseNot => Unary::BitNot,
        };
        self.push_unary(op, scalar, count, to, a);
        Ok(())
    }

    pub(super) fn push_unary(&mut self, op: Unary, scalar: Scalar, count: u32, to: Slot, a: Slot) {
        self.push(Op::Unary { op, half: scalar == Scalar::F16, count: count as u8, to, a });
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
        to: Slot,
        ty: &Type,
    ) -> Result<()> {
        let (a, left) = self.registers_of(left)?;
        let (b, right) = self.registers_of(right)?;
        let (Some(scalar), Some(_)) = (left.scalar(), right.scalar()) else {
            return Err(self.unsupported("these operands"));
        };
        let half = scalar == Scalar::F16;
        if op == BinaryOperator::Multiply
            && let Some([columns, inner, rows]) = product(&left, &right)
        {
            self.push(Op::Multiply { to, a, b, columns, inner, rows, half });
            return Ok(());
        }
        let count = ty.cells();
        let a = self.spread(a, &left, count)?;
        let b = self.spread(b, &right, count)?;
        let count = count as u8;
        let (op, swap) = binary(op, scalar);
        let Some(op) = op else { return Err(self.unsupported("this operator")) };
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.push(Op::Binary { op, half, count, to, a, b });
        Ok(())
    }

    /// Returns an operand with as many components as the result.
    pub(super) fn spread(&mut self, from: Slot, ty: &Type, count: u64) -> Result<Slot> {
        if count == 1 || ty.cells() > 1 {
            return Ok(from);
        }
        let to = self.lowerer.registers(count)?;
        self.push(Op::Splat { to, from, count: count as u8 });
        Ok(to)
    }

    pub(super) fn relational(
        &mut self,
        function: RelationalFunction,
        argument: Handle<Expression>,
        to: Slot,
    ) -> Result<()> {
        let (a, scalar, count) = self.scalars_of(argument)?;
        let mut whole = |op| {
            self.push(Op::Geometry { op, half: false, size: count as u8, to, a, b: ZERO, c: ZERO });
        };
        match function {
            RelationalFunction::All => whole(Geometry::All),
            RelationalFunction::Any => whole(Geometry::Any),
            RelationalFunction::IsNan => self.push_unary(Unary::IsNan, scalar, count, to, a),
            RelationalFunction::IsInf => self.push_unary(Unary::IsInf, scalar, count, to, a),
        }
        Ok(())
    }

    /// Lowers a conversion of values, or of bits unless `convert` is set.
    pub(super) fn convert(
        &mut self,
        operand: Handle<Expression>,
        kind: ScalarKind,
        convert: bool,
        to: Slot,
        ty: &Arc<Type>,
    ) -> Result<()> {
        let (a, from, count) = self.scalars_of(operand)?;
        let Some(result) = ty.scalar() else { return Err(self.unsupported("this conversion")) };
        let op = match (convert, from, result) {
            _ if from == result => None,
            (false, Scalar::F32, Scalar::I32 | Scalar::U32) => Some(Unary::RealToBits),
            (false, Scalar::I32 | Scalar::U32, Scalar::F32) => Some(Unary::BitsToReal),
            (false, Scalar::I32, Scalar::U32) | (false, Scalar::U32, Scalar::I32) => None,
            (false, ..) => return Err(self.unsupported(format!("a bitcast to {kind:?}"))),
            (true, ..) => conversion(from, result),
        };
        match op {
            Some(op) => {
                let half = if result.is_real() { result } else { from };
                self.push_unary(op, half, count, to, a);
            }
            None => {
                self.push(Op::Copy { to, from: a, count });
            }
        }
        Ok(())
    }
}

/// The operation that converts between two different scalar types; none if the bits are the same.
fn conversion(from: Scalar, to: Scalar) -> Option<Unary> {
    use Scalar::{Bool, F16, F32, I32, U32};
    match (from, to) {
        (F32 | F16, F32 | F16) => Some(Unary::Convert),
        (F32 | F16, I32) => Some(Unary::RealToInt),
        (F32 | F16, U32) => Some(Unary::RealToUint),
        (F32 | F16, Bool) => Some(Unary::RealToBool),
        (I32, F32 | F16) => Some(Unary::IntToReal),
        (U32, F32 | F16) => Some(Unary::UintToReal),
        (Bool, F32 | F16) => Some(Unary::BoolToReal),
        (I32 | U32, Bool) => Some(Unary::IntToBool),
        _ => None,
    }
}

/// Columns, terms and rows of a product of matrices; none if it is component-wise. A vector on the
/// left is a matrix of one row, and on the right one of one column.
fn product(left: &Type, right: &Type) -> Option<[u8; 3]> {
    let [columns, inner, rows] = match (left, right) {
        (Type::Matrix { columns: inner, rows, .. }, Type::Matrix { columns, .. }) => {
            [*columns, *inner, *rows]
        }
        (Type::Matrix { columns: inner, rows, .. }, Type::Vector { .. }) => [1, *inner, *rows],
        (Type::Vector { size, .. }, Type::Matrix { columns, .. }) => [*columns, *size, 1],
        _ => return None,
    };
    Some([columns as u8, inner as u8, rows as u8])
}

/// The operation, and whether its operands are swapped.
fn binary(op: BinaryOperator, scalar: Scalar) -> (Option<Binary>, bool) {
    use Scalar::{Bool, F16, F32, I32, U32};
    let swap = matches!(op, BinaryOperator::Greater | BinaryOperator::GreaterEqual);
    let of = |real, int, uint| match scalar {
        F32 | F16 => real,
        I32 => int,
        U32 => uint,
        Bool => None,
    };
    let arithmetic = |real, int, uint| of(Some(real), Some(int), Some(uint));
    let lowered = match op {
        BinaryOperator::Add => arithmetic(Binary::Add, Binary::AddInt, Binary::AddUint),
        BinaryOperator::Subtract => {
            arithmetic(Binary::Subtract, Binary::SubtractInt, Binary::SubtractUint)
        }
        BinaryOperator::Multiply => {
            arithmetic(Binary::Multiply, Binary::MultiplyInt, Binary::MultiplyUint)
        }
        BinaryOperator::Divide => arithmetic(Binary::Divide, Binary::DivideInt, Binary::DivideUint),
        BinaryOperator::Modulo => {
            arithmetic(Binary::Remainder, Binary::RemainderInt, Binary::RemainderUint)
        }
        BinaryOperator::Less | BinaryOperator::Greater => {
            arithmetic(Binary::Less, Binary::LessInt, Binary::LessUint)
        }
        BinaryOperator::LessEqual | BinaryOperator::GreaterEqual => {
            arithmetic(Binary::LessEqual, Binary::LessEqualInt, Binary::LessEqualUint)
        }
        BinaryOperator::Equal if scalar.is_real() => Some(Binary::Equal),
        BinaryOperator::NotEqual if scalar.is_real() => Some(Binary::NotEqual),
        BinaryOperator::Equal => Some(Binary::EqualBits),
        BinaryOperator::NotEqual => Some(Binary::NotEqualBits),
        BinaryOperator::And | BinaryOperator::LogicalAnd => Some(Binary::And),
        BinaryOperator::InclusiveOr | BinaryOperator::LogicalOr => Some(Binary::Or),
        BinaryOperator::ExclusiveOr => Some(Binary::Xor),
        BinaryOperator::ShiftLeft => of(None, Some(Binary::ShiftLeftInt), Some(Binary::ShiftLeft)),
        BinaryOperator::ShiftRight => {
            of(None, Some(Binary::ShiftRightInt), Some(Binary::ShiftRight))
        }
    };
    (lowered, swap)
}
