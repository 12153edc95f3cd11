//! Pointers, loads and stores. A pointer is a constant offset plus a register that a checked index
//! was added to.

use super::{Scope, Value};
use crate::interpret::Result;
use crate::interpret::error::limited;
use crate::interpret::op::{Access, Op, Slot, ZERO};
use crate::interpret::types::{Scalar, Type};
use naga::{Expression, Handle};
use std::sync::Arc;

/// The memory that a pointer refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// Registers: variables of functions and private ones.
    Local,
    /// Workgroup memory or a buffer.
    Shared(u16),
}

/// The place of a value in memory: the address in register `base`, plus `offset`.
#[derive(Clone, Debug)]
pub(super) struct Pointer {
    pub(super) memory: Memory,
    pub(super) base: Slot,
    pub(super) offset: u32,
    pub(super) ty: Arc<Type>,
    /// Base and offset of the vector of which this is a component, and its size.
    pub(super) vector: Option<(Slot, u32, u32)>,
}

impl Pointer {
    /// A pointer to a variable.
    pub(super) fn new(memory: Memory, offset: u32, ty: Arc<Type>) -> Self {
        Self { memory, base: ZERO, offset, ty, vector: None }
    }

    /// The vector of which an element of this value is a component.
    fn vector_of_elements(&self) -> Option<(Slot, u32, u32)> {
        match *self.ty {
            Type::Vector { size, .. } => Some((self.base, self.offset, size)),
            _ => None,
        }
    }
}

/// The element type of an atomic's value.
pub(super) fn value_type(ty: &Arc<Type>) -> Arc<Type> {
    match **ty {
        Type::Atomic(scalar) => Arc::new(Type::Scalar(scalar)),
        _ => ty.clone(),
    }
}

/// The largest cell of a pointer: an offset in 32 bits.
const MOST_CELLS: u64 = u32::MAX as u64;

impl Scope<'_, '_> {
    /// Returns a pointer expression's place.
    pub(super) fn pointer(&mut self, handle: Handle<Expression>) -> Result<Pointer> {
        match self.value(handle)? {
            Value::Pointer(pointer) => Ok(pointer),
            Value::Registers(..) => Err(self.unsupported("this pointer")),
        }
    }

    /// Returns the value or pointer of an element with a constant index.
    pub(super) fn element(&mut self, base: Value, index: u32) -> Result<Value> {
        let whole = match &base {
            Value::Registers(_, ty) => ty.clone(),
            Value::Pointer(pointer) => pointer.ty.clone(),
        };
        if let (Value::Pointer(pointer), Type::Array { count: None, .. }) = (&base, &*whole) {
            let index = self.integer(index)?;
            return self.indexed(pointer.clone(), index).map(Value::Pointer);
        }
        let Some((ty, cell)) = whole.element(index) else {
            return Err(self.unsupported("an element of this type"));
        };
        Ok(match base {
            Value::Registers(slot, _) => Value::Registers(slot + cell as Slot, ty),
            Value::Pointer(pointer) => {
                let offset = u64::from(pointer.offset) + cell;
                limited("scalars of a variable", MOST_CELLS, offset)?;
                let vector = pointer.vector_of_elements();
                Value::Pointer(Pointer { offset: offset as u32, ty, vector, ..pointer })
            }
        })
    }

    /// Returns a pointer to the element that a register's index selects.
    pub(super) fn indexed(&mut self, pointer: Pointer, index: Slot) -> Result<Pointer> {
        let Some((ty, stride)) = pointer.ty.element(1) else {
            return Err(self.unsupported("an index of this type"));
        };
        limited("scalars of an element", MOST_CELLS, stride)?;
        let length = match (pointer.ty.count(), pointer.memory) {
            (Some(count), _) => self.integer(count)?,
            (None, Memory::Shared(memory)) => self.length(memory)?,
            (None, Memory::Local) => return Err(self.unsupported("this runtime-sized array")),
        };
        let to = self.lowerer.registers(1)?;
        let stride = stride as u32;
        self.push(Op::Index { to, base: pointer.base, index, length, stride });
        let vector = pointer.vector_of_elements();
        Ok(Pointer { base: to, ty, vector, ..pointer })
    }

    /// Returns the register with the length of a buffer's runtime-sized array.
    pub(super) fn length(&mut self, memory: u16) -> Result<Slot> {
        match self.lowerer.code.buffers.get(memory as usize) {
            Some(buffer) => Ok(buffer.length),
            None => Err(self.unsupported("a runtime-sized array in workgroup memory")),
        }
    }

    /// Loads a value into registers.
    pub(super) fn load(&mut self, pointer: &Pointer) -> Result<Value> {
        let ty = value_type(&pointer.ty);
        let to = self.lowerer.registers(ty.cells())?;
        self.load_to(pointer, to)?;
        Ok(Value::Registers(to, ty))
    }

    /// Loads a value into the registers from `to` on.
    pub(super) fn load_to(&mut self, pointer: &Pointer, to: Slot) -> Result<()> {
        let (base, offset, count) = (pointer.base, pointer.offset, pointer.ty.cells() as u32);
        let op = match pointer.memory {
            Memory::Local if base == ZERO => Op::Copy { to, from: offset, count },
            Memory::Local => Op::LoadLocal { to, base, offset, count },
            Memory::Shared(memory) => {
                let access = self.lowerer.access(pointer, memory)?;
                match *pointer.ty {
                    Type::Atomic(_) => {
                        self.lowerer.code.is_ordered |= self.is_storage(memory);
                        Op::AtomicLoad { to, access }
                    }
                    _ => Op::Load { to, access },
                }
            }
        };
        self.push(op);
        Ok(())
    }

    /// Stores the registers from `from` on.
    pub(super) fn store(&mut self, pointer: &Pointer, from: Slot) -> Result<()> {
        let (base, offset, count) = (pointer.base, pointer.offset, pointer.ty.cells() as u32);
        let op = match pointer.memory {
            Memory::Local if base == ZERO => Op::Copy { to: offset, from, count },
            Memory::Local => Op::StoreLocal { from, base, offset, count },
            Memory::Shared(memory) => {
                if let Some((base, offset, count)) = pointer.vector {
                    let access = self.lowerer.access(pointer, memory)?;
                    self.push(Op::Widen { access: Access { base, offset, count, ..access } });
                }
                let access = self.lowerer.access(pointer, memory)?;
                match *pointer.ty {
                    Type::Atomic(_) => Op::AtomicStore { from, access },
                    _ => {
                        if let Some(buffer) = self.lowerer.code.buffers.get_mut(memory as usize) {
                            buffer.is_written = true;
                        }
                        Op::Store { from, access }
                    }
                }
            }
        };
        self.push(op);
        Ok(())
    }

    /// Whether a memory is a storage buffer.
    pub(super) fn is_storage(&self, memory: u16) -> bool {
        self.lowerer.code.buffers.get(memory as usize).is_some_and(|buffer| buffer.is_storage)
    }

    /// Returns a register with a pointer's whole address.
    pub(super) fn address(&mut self, pointer: &Pointer) -> Result<Slot> {
        let offset = self.integer(pointer.offset)?;
        if pointer.base == ZERO {
            return Ok(offset);
        }
        if pointer.offset == 0 {
            return Ok(pointer.base);
        }
        // An index that cannot be past the end.
        let length = self.integer(u32::MAX)?;
        let to = self.lowerer.registers(1)?;
        self.push(Op::Index { to, base: pointer.base, index: offset, length, stride: 1 });
        Ok(to)
    }

    /// Lowers an atomic operation with a result of type `result`.
    pub(super) fn atomic(
        &mut self,
        pointer: Handle<Expression>,
        op: crate::interpret::op::Atomic,
        value: Handle<Expression>,
        result: Option<Handle<Expression>>,
    ) -> Result<()> {
        let pointer = self.pointer(pointer)?;
        let (Memory::Shared(memory), Type::Atomic(scalar)) = (pointer.memory, &*pointer.ty) else {
            return Err(self.unsupported("this atomic"));
        };
        let scalar = *scalar;
        let (value, _) = self.registers_of(value)?;
        // The old value, and whether a compare-exchange stored.
        let to = self.lowerer.registers(2)?;
        let access = self.lowerer.access(&pointer, memory)?;
        self.push(Op::Atomic { op, scalar, to, value, access });
        if let Some(result) = result {
            let is_used = self.info[result].ref_count > 0;
            self.lowerer.code.is_ordered |= is_used && self.is_storage(memory);
            let ty = match op {
                crate::interpret::op::Atomic::CompareExchange { .. } => self.type_of(result)?,
                _ => Arc::new(Type::Scalar(scalar)),
            };
            self.set(result, Value::Registers(to, ty));
        }
        Ok(())
    }

    /// Returns the registers of a value, and its scalar type; reads no memory.
    pub(super) fn scalars_of(&mut self, handle: Handle<Expression>) -> Result<(Slot, Scalar, u32)> {
        let (slot, ty) = self.registers_of(handle)?;
        match ty.scalar() {
            Some(scalar) => Ok((slot, scalar, ty.cells() as u32)),
            None => Err(self.unsupported("this operand")),
        }
    }
}
