//! Variables of a module: private ones in registers, workgroup memory and buffers.

use super::place::{Memory, Pointer};
use super::types::is_buffer;
use super::{Lowerer, type_name};
use crate::interpret::Result;
use crate::interpret::code::{BufferVariable, WorkgroupVariable};
use crate::interpret::error::limited;
use crate::interpret::op::WORKGROUP;
use naga::valid::FunctionInfo;
use naga::{AddressSpace, GlobalVariable, Handle, Span};

/// Most cells of workgroup memory: 16 MiB of `f32`.
const MOST_SHARED_CELLS: u64 = 1 << 22;

impl Lowerer<'_> {
    /// Lowers the variables that the entry point uses.
    pub(super) fn globals(&mut self, info: &FunctionInfo) -> Result<()> {
        self.code.privates = self.next..self.next;
        let used = |handle: Handle<GlobalVariable>| !info[handle].is_empty();
        let module = self.module;
        let globals = || module.global_variables.iter().filter(|&(handle, _)| used(handle));
        for (handle, global) in globals().filter(|(_, g)| g.space == AddressSpace::Private) {
            let ty = self.ty(global.ty, module.global_variables.get_span(handle))?;
            let slot = self.registers(ty.cells())?;
            self.globals.insert(handle, Pointer::new(Memory::Local, slot, ty));
        }
        self.code.privates.end = self.next;
        for (handle, global) in globals() {
            let span = module.global_variables.get_span(handle);
            let pointer = match global.space {
                AddressSpace::Private => {
                    self.private_initialiser(handle, global)?;
                    continue;
                }
                AddressSpace::WorkGroup => self.shared(global, span)?,
                space if is_buffer(space) => self.buffer(global, span)?,
                AddressSpace::Handle => {
                    return Err(self.unsupported(span, type_name(&module.types[global.ty].inner)));
                }
                space => return Err(self.unsupported(span, format!("variables in {space:?}"))),
            };
            self.globals.insert(handle, pointer);
        }
        Ok(())
    }

    fn private_initialiser(
        &mut self,
        handle: Handle<GlobalVariable>,
        global: &GlobalVariable,
    ) -> Result<()> {
        let Some(init) = global.init else { return Ok(()) };
        let first = self.globals[&handle].offset;
        let constants = self.constant(init)?;
        self.code.constants.extend((first..).zip(constants));
        Ok(())
    }

    fn shared(&mut self, global: &GlobalVariable, span: Span) -> Result<Pointer> {
        let ty = self.ty(global.ty, span)?;
        let offset = self.code.shared_cells;
        let cells = u64::from(offset) + ty.cells();
        limited("scalars of workgroup memory", MOST_SHARED_CELLS, cells)?;
        self.code.shared_cells = cells as u32;
        let name = global.name.clone().unwrap_or_default();
        self.code.shared.push(WorkgroupVariable { name, offset, ty: ty.clone() });
        Ok(Pointer::new(Memory::Shared(WORKGROUP), offset, ty))
    }

    fn buffer(&mut self, global: &GlobalVariable, span: Span) -> Result<Pointer> {
        let ty = self.ty(global.ty, span)?;
        let index = self.code.buffers.len() as u16;
        let binding = global.binding.map(|binding| (binding.group, binding.binding));
        if self.code.buffers.iter().any(|buffer| buffer.binding == binding) {
            return Err(self.unsupported(span, "two variables at one binding"));
        }
        let length = self.registers(1)?;
        self.code.buffers.push(BufferVariable {
            name: global.name.clone().unwrap_or_default(),
            binding,
            ty: ty.clone(),
            is_storage: matches!(global.space, AddressSpace::Storage { .. }),
            is_written: false,
            length,
        });
        Ok(Pointer::new(Memory::Shared(index), 0, ty))
    }
}
