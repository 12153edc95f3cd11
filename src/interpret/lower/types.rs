//! Types of a module.

use crate::interpret::types::{Member, Scalar, Type};
use naga::proc::IndexableLength;
use naga::{AddressSpace, ArraySize, Handle, Module, TypeInner};
use std::sync::Arc;

/// A module's types by handle; none where the interpreter does not support the type.
pub(super) struct Types<'a> {
    module: &'a Module,
    lowered: Vec<Option<Arc<Type>>>,
}

impl<'a> Types<'a> {
    pub(super) fn new(module: &'a Module) -> Self {
        let mut types = Self { module, lowered: Vec::with_capacity(module.types.len()) };
        for (_, ty) in module.types.iter() {
            let lowered = types.lower(&ty.inner).map(Arc::new);
            types.lowered.push(lowered);
        }
        types
    }

    pub(super) fn get(&self, handle: Handle<naga::Type>) -> Option<Arc<Type>> {
        self.lowered.get(handle.index())?.clone()
    }

    /// Lowers a type whose parts were lowered before.
    pub(super) fn lower(&self, inner: &TypeInner) -> Option<Type> {
        Some(match inner {
            TypeInner::Scalar(scalar) => Type::Scalar(Scalar::new(*scalar)?),
            TypeInner::Atomic(scalar) => Type::Atomic(Scalar::new(*scalar)?),
            TypeInner::Vector { size, scalar } => {
                Type::Vector { scalar: Scalar::new(*scalar)?, size: *size as u32 }
            }
            TypeInner::Matrix { columns, rows, scalar } => {
                let (columns, rows) = (*columns as u32, *rows as u32);
                Type::Matrix { scalar: Scalar::new(*scalar)?, columns, rows }
            }
            TypeInner::Array { base, size, stride } => {
                let (base, count) = (self.get(*base)?, self.array_count(*size)?);
                let cells = base.cells().checked_mul(count.unwrap_or(0).into())?;
                Type::Array { base, count, stride: *stride, cells }
            }
            TypeInner::Struct { members, span } => self.lower_struct(members, *span)?,
            _ => return None,
        })
    }

    /// The number of elements: some of none for a runtime-sized array, none for a length that
    /// naga could not evaluate.
    fn array_count(&self, size: ArraySize) -> Option<Option<u32>> {
        match size.resolve(self.module.to_ctx()).ok()? {
            IndexableLength::Known(count) => Some(Some(count)),
            IndexableLength::Dynamic => Some(None),
        }
    }

    fn lower_struct(&self, members: &[naga::StructMember], span: u32) -> Option<Type> {
        let mut lowered = Vec::with_capacity(members.len());
        let mut cells = 0;
        for (i, member) in members.iter().enumerate() {
            let ty = self.get(member.ty)?;
            let name = member.name.clone().unwrap_or_else(|| i.to_string());
            lowered.push(Member {
                name,
                offset: member.offset,
                cell: u32::try_from(cells).ok()?,
                ty,
            });
            cells += lowered.last()?.ty.cells();
        }
        Some(Type::Struct { members: lowered, span, cells })
    }
}

/// Whether variables of the address space are buffers.
pub(super) fn is_buffer(space: AddressSpace) -> bool {
    matches!(space, AddressSpace::Storage { .. } | AddressSpace::Uniform | AddressSpace::Immediate)
}
