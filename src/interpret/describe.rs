//! Descriptions of occurrences in terms of the program's text: places, variables and elements.

use super::finding::{Occurrence, Who};
use super::op::{Op, WORKGROUP};
use super::program::{Program, split};
use super::types::Type;
use super::{Finding, Kind, Other, Place};

impl Program {
    /// The place of the first store to a buffer.
    pub(super) fn first_store(&self, group: u32, binding: u32) -> Place {
        let binding = Some((group, binding));
        let is_store = |op: &Op| match op {
            Op::Store { access, .. }
            | Op::AtomicStore { access, .. }
            | Op::Atomic { access, .. } => {
                let buffer = self.code.buffers.get(access.memory as usize);
                buffer.is_some_and(|buffer| buffer.binding == binding)
            }
            _ => false,
        };
        let pc = self.code.ops.iter().position(is_store);
        pc.map_or(Place::default(), |pc| self.code.places[pc])
    }

    /// Returns an invocation's `local_invocation_id` and `workgroup_id`.
    fn ids(&self, who: Who, grid: [u32; 3]) -> ([u32; 3], [u32; 3]) {
        (split(who.lane, self.workgroup_size), split(who.workgroup, grid))
    }

    /// Returns the finding of an occurrence.
    pub(super) fn finding(
        &self,
        kind: Kind,
        pc: u32,
        count: u64,
        occurrence: Occurrence,
        grid: [u32; 3],
    ) -> Finding {
        let place = |pc: u32| self.code.places.get(pc as usize).copied().unwrap_or_default();
        let (invocation, workgroup) = self.ids(occurrence.who, grid);
        let other = occurrence.other.map(|(pc, who)| {
            let (invocation, workgroup) = self.ids(who, grid);
            Other { place: place(pc), invocation, workgroup }
        });
        let mut message = occurrence.message;
        let element = occurrence.cell.map(|(memory, cell)| {
            let (name, cell, ty) = self.variable(memory, cell);
            let mut path = name.to_owned();
            if let Some(ty) = ty {
                ty.path(cell, &mut path);
            }
            message += &path;
            (name.to_owned(), cell)
        });
        Finding { kind, place: place(pc), message, invocation, workgroup, element, other, count }
    }

    /// Returns the variable of a cell, and the cell within it.
    fn variable(&self, memory: u16, cell: u64) -> (&str, u64, Option<&Type>) {
        if memory == WORKGROUP {
            let variable = self.code.shared.iter().rfind(|v| u64::from(v.offset) <= cell);
            return variable
                .map_or(("", cell, None), |v| (&v.name, cell - u64::from(v.offset), Some(&*v.ty)));
        }
        let buffer = self.code.buffers.get(memory as usize);
        buffer.map_or(("", cell, None), |buffer| (&buffer.name, cell, Some(&*buffer.ty)))
    }
}
