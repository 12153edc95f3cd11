//! Expressions: values in registers.

use super::place::value_type;
use super::{Scope, Value};
use crate::interpret::Result;
use crate::interpret::op::{Op, Slot, ZERO};
use crate::interpret::types::Type;
use naga::{Expression, Handle, SwizzleComponent, VectorSize};
use std::sync::Arc;

impl Scope<'_, '_> {
    /// Sets an expression's value.
    pub(super) fn set(&mut self, handle: Handle<Expression>, value: Value) {
        self.values[handle.index()] = Some(value);
    }

    /// Returns an expression's value. Expressions that are never emitted are lowered here.
    pub(super) fn value(&mut self, handle: Handle<Expression>) -> Result<Value> {
        if let Some(value) = &self.values[handle.index()] {
            return Ok(value.clone());
        }
        let value = match self.function.expressions[handle] {
            Expression::FunctionArgument(index) => self.argument(index)?,
            Expression::GlobalVariable(global) => match self.lowerer.globals.get(&global) {
                Some(pointer) => Value::Pointer(pointer.clone()),
                None => return Err(self.unsupported("this variable")),
            },
            Expression::LocalVariable(local) => {
                let ty = self.function.local_variables[local].ty;
                let ty = self.lowerer.ty(ty, self.span)?;
                let slot = self.locals[local.index()];
                Value::Pointer(super::Pointer::new(super::Memory::Local, slot, ty))
            }
            _ => self.constant_value(handle)?,
        };
        self.set(handle, value.clone());
        Ok(value)
    }

    /// Returns the first register of an expression's value, and its type.
    pub(super) fn registers_of(&mut self, handle: Handle<Expression>) -> Result<(Slot, Arc<Type>)> {
        match self.value(handle)? {
            Value::Registers(slot, ty) => Ok((slot, value_type(&ty))),
            Value::Pointer(_) => Err(self.unsupported("a pointer as a value")),
        }
    }

    /// Lowers an emitted expression.
    pub(super) fn emit(&mut self, handle: Handle<Expression>) -> Result<()> {
        let function = self.function;
        let value = match &function.expressions[handle] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::ZeroValue(_)
            | Expression::FunctionArgument(_)
            | Expression::GlobalVariable(_)
            | Expression::LocalVariable(_) => return Ok(()),
            Expression::Access { base, index } => self.access(*base, *index)?,
            Expression::AccessIndex { base, index } => {
                let base = self.value(*base)?;
                self.element(base, *index)?
            }
            Expression::Load { pointer } => {
                let pointer = self.pointer(*pointer)?;
                self.load(&pointer)?
            }
            Expression::ArrayLength(array) => self.array_length(*array)?,
            other => {
                let ty = self.type_of(handle)?;
                let to = self.lowerer.registers(ty.cells())?;
                self.compute(other, to, &ty)?;
                Value::Registers(to, ty)
            }
        };
        self.set(handle, value);
        Ok(())
    }

    /// Computes a value from other values into the registers from `to` on.
    fn compute(&mut self, expression: &Expression, to: Slot, ty: &Arc<Type>) -> Result<()> {
        match expression {
            Expression::Compose { components, .. } => self.compose(components, to),
            Expression::Splat { size, value } => {
                let (from, _) = self.registers_of(*value)?;
                self.push(Op::Splat { to, from, count: *size as u8 });
                Ok(())
            }
            Expression::Swizzle { size, vector, pattern } => {
                self.swizzle(*size, *vector, *pattern, to)
            }
            Expression::Select { condition, accept, reject } => {
                let (condition, chosen) = self.registers_of(*condition)?;
                let (accept, _) = self.registers_of(*accept)?;
                let (reject, _) = self.registers_of(*reject)?;
                let count = ty.cells() as u32;
                let each = if matches!(*chosen, Type::Vector { .. }) { 1 } else { count };
                self.push(Op::Select { to, condition, accept, reject, count, each });
                Ok(())
            }
            Expression::Unary { op, expr } => self.unary(*op, *expr, to),
            Expression::Binary { op, left, right } => self.binary(*op, *left, *right, to, ty),
            Expression::Relational { fun, argument } => self.relational(*fun, *argument, to),
            Expression::As { expr, kind, convert } => {
                self.convert(*expr, *kind, convert.is_some(), to, ty)
            }
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let arguments = [Some(*arg), *arg1, *arg2, *arg3];
                self.math(*fun, arguments, to, ty)
            }
            other => {
                let text = format!("{other:?}");
                let name = text.split([' ', '(', '{']).next().unwrap_or_default();
                Err(self.unsupported(format!("the expression {name}")))
            }
        }
    }

    /// Lowers an index that is known at run time.
    fn access(&mut self, base: Handle<Expression>, index: Handle<Expression>) -> Result<Value> {
        let base = self.value(base)?;
        let (index, _) = self.registers_of(index)?;
        match base {
            Value::Pointer(pointer) => self.indexed(pointer, index).map(Value::Pointer),
            Value::Registers(from, ty) => {
                let (Some((element, cells)), Some(length)) = (ty.element(1), ty.count()) else {
                    return Err(self.unsupported("an index of this type"));
                };
                let to = self.lowerer.registers(cells)?;
                self.push(Op::Pick { to, from, index, length, count: cells as u32 });
                Ok(Value::Registers(to, element))
            }
        }
    }

    fn array_length(&mut self, array: Handle<Expression>) -> Result<Value> {
        let pointer = self.pointer(array)?;
        let super::Memory::Shared(memory) = pointer.memory else {
            return Err(self.unsupported("this array's length"));
        };
        let ty = Type::Scalar(crate::interpret::Scalar::U32);
        Ok(Value::Registers(self.length(memory)?, Arc::new(ty)))
    }

    fn compose(&mut self, components: &[Handle<Expression>], to: Slot) -> Result<()> {
        let mut parts = Vec::with_capacity(components.len());
        for &component in components {
            let (slot, ty) = self.registers_of(component)?;
            parts.push((slot, ty.cells() as u32));
        }
        if (2..=4).contains(&parts.len()) && parts.iter().all(|&(_, cells)| cells == 1) {
            let mut from = [ZERO; 4];
            parts.iter().zip(&mut from).for_each(|(&(slot, _), from)| *from = slot);
            self.push(Op::Gather { to, from, count: parts.len() as u8 });
            return Ok(());
        }
        let mut to = to;
        for (from, count) in parts {
            self.push(Op::Copy { to, from, count });
            to += count;
        }
        Ok(())
    }

    fn swizzle(
        &mut self,
        size: VectorSize,
        vector: Handle<Expression>,
        pattern: [SwizzleComponent; 4],
        to: Slot,
    ) -> Result<()> {
        let (vector, _) = self.registers_of(vector)?;
        let count = size as u8;
        let mut from = [ZERO; 4];
        let chosen = pattern.iter().take(count as usize);
        chosen.zip(&mut from).for_each(|(&component, from)| *from = vector + component as Slot);
        self.push(Op::Gather { to, from, count });
        Ok(())
    }
}
