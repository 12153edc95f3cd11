//! Constants: scalars share a register each, other values have a run of registers.

use super::{Lowerer, Scope, Value};
use crate::interpret::Result;
use crate::interpret::code::Constant;
use crate::interpret::op::{Slot, ZERO};
use crate::interpret::types::{Scalar, Type};
use naga::{Arena, Expression, Handle, Literal};
use std::sync::Arc;

impl Lowerer<'_> {
    /// Returns the scalars of a constant expression of the module.
    pub(super) fn constant(&mut self, handle: Handle<Expression>) -> Result<Vec<Constant>> {
        let module = self.module;
        self.evaluate(&module.global_expressions, handle)
    }

    fn evaluate(
        &mut self,
        arena: &Arena<Expression>,
        handle: Handle<Expression>,
    ) -> Result<Vec<Constant>> {
        let span = arena.get_span(handle);
        match &arena[handle] {
            Expression::Literal(literal) => match scalar(*literal) {
                Some((constant, _)) => Ok(vec![constant]),
                None => Err(self.unsupported(span, format!("the literal {literal:?}"))),
            },
            Expression::Constant(constant) => self.constant(self.module.constants[*constant].init),
            Expression::ZeroValue(ty) => {
                let ty = self.ty(*ty, span)?;
                super::limited("scalars of a constant", super::MOST_REGISTERS, ty.cells())?;
                // A zero has the same bits in every type.
                Ok(vec![Constant::Bits(0); ty.cells() as usize])
            }
            Expression::Compose { components, .. } => {
                let mut scalars = Vec::new();
                for &component in components {
                    scalars.extend(self.evaluate(arena, component)?);
                }
                Ok(scalars)
            }
            Expression::Splat { size, value } => {
                let value = self.evaluate(arena, *value)?;
                Ok(value.repeat(*size as usize))
            }
            other => Err(self.unsupported(span, format!("the constant expression {other:?}"))),
        }
    }

    /// Returns a register with a constant scalar.
    pub(super) fn scalar_register(&mut self, constant: Constant) -> Result<Slot> {
        let key = match constant {
            Constant::Bits(0) => return Ok(ZERO),
            Constant::Bits(bits) => (false, bits.into()),
            Constant::Real(number) => (true, number.to_bits()),
        };
        if let Some(&slot) = self.scalars.get(&key) {
            return Ok(slot);
        }
        let slot = self.registers(1)?;
        self.code.constants.push((slot, constant));
        self.scalars.insert(key, slot);
        Ok(slot)
    }

    /// Returns the first of the registers with constant scalars.
    pub(super) fn constant_registers(&mut self, scalars: Vec<Constant>) -> Result<Slot> {
        if let [scalar] = scalars[..] {
            return self.scalar_register(scalar);
        }
        let first = self.registers(scalars.len() as u64)?;
        self.code.constants.extend((first..).zip(scalars));
        Ok(first)
    }
}

impl Scope<'_, '_> {
    /// Returns a register with an integer.
    pub(super) fn integer(&mut self, value: u32) -> Result<Slot> {
        self.lowerer.scalar_register(Constant::Bits(value))
    }

    /// Returns the value of an expression that is never emitted: a literal, constant or zero value.
    pub(super) fn constant_value(&mut self, handle: Handle<Expression>) -> Result<Value> {
        let function = self.function;
        let ty = match &function.expressions[handle] {
            Expression::Literal(literal) => {
                scalar(*literal).map(|(_, scalar)| Arc::new(Type::Scalar(scalar)))
            }
            _ => None,
        };
        let ty = ty.map_or_else(|| self.type_of(handle), Ok)?;
        let scalars = self.lowerer.evaluate(&function.expressions, handle)?;
        let slot = self.lowerer.constant_registers(scalars)?;
        Ok(Value::Registers(slot, ty))
    }
}

/// Returns a literal's scalar and type.
fn scalar(literal: Literal) -> Option<(Constant, Scalar)> {
    Some(match literal {
        Literal::F32(number) => (Constant::Real(number.into()), Scalar::F32),
        Literal::F16(number) => (Constant::Real(number.into()), Scalar::F16),
        Literal::U32(number) => (Constant::Bits(number), Scalar::U32),
        Literal::I32(number) => (Constant::Bits(number as u32), Scalar::I32),
        Literal::Bool(is_true) => (Constant::Bits(is_true.into()), Scalar::Bool),
        _ => return None,
    })
}
