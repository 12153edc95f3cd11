//! Loads, stores and atomics of workgroup memory and buffers.

use super::frame::Frame;
use crate::interpret::Kind;
use crate::interpret::code::Code;
use crate::interpret::finding::{Occurrence, Who};
use crate::interpret::memory::BufferMemory;
use crate::interpret::op::{Access, OUTSIDE, Slot, WORKGROUP};
use crate::interpret::shadow::{Record, Shadow, global};
use std::sync::atomic::Ordering::Relaxed;

/// The memory that a workgroup's invocations access.
pub(super) struct Memory<'a> {
    pub(super) code: &'a Code,
    pub(super) buffers: &'a [BufferMemory],
    /// Workgroup memory.
    pub(super) shared: Vec<u64>,
    pub(super) shared_shadow: Vec<Shadow>,
    /// Accesses to the buffers within the workgroup; of buffers that are not written, none.
    pub(super) shadows: Vec<Vec<Shadow>>,
    pub(super) subgroup_size: u32,
    /// The workgroup's first epoch, if reading workgroup memory that it did not write is a finding.
    pub(super) undefined_before: Option<u64>,
}

/// The invocation's accesses, as records of the two kinds of memory.
#[derive(Clone, Copy)]
pub(super) struct By {
    pub(super) shared: Record,
    pub(super) storage: Record,
    /// With the number of barriers of any memory as epoch.
    pub(super) passed: Record,
    pub(super) who: Who,
}

impl Memory<'_> {
    #[inline(always)]
    pub(super) fn load(&mut self, frame: &mut Frame, by: &By, to: Slot, access: Access) {
        let (first, is_outside) = frame.address(access.base, access.offset);
        let count = access.count as usize;
        if access.memory == WORKGROUP {
            let (to, cells) = (to as usize, first..first + count);
            frame.registers[to..to + count].copy_from_slice(&self.shared[cells.clone()]);
            if let Some(banks) = &mut frame.banks {
                banks.add(by.who.lane, access.site, first);
            }
            let record = by.shared.at(access.site);
            for cell in cells.filter(|_| !is_outside) {
                self.check_defined(frame, cell);
                if let Some(other) = self.shared_shadow[cell].read(record, self.subgroup_size) {
                    self.race(frame, WORKGROUP, cell, other, "read of ");
                }
            }
            return;
        }
        let buffer = &self.buffers[access.memory as usize];
        for (i, cell) in (first..first + count).enumerate() {
            frame.registers[to as usize + i] = buffer.cells[cell].load(Relaxed);
            if is_outside {
                continue;
            }
            buffer.touch(cell);
            if buffer.is_partial && !buffer.is_defined(cell) {
                self.undefined(frame, access.memory, cell);
            }
            if let Some(extents) = &buffer.extents {
                extents[cell].read(global(by.who, access.site));
                let record = by.storage.at(access.site);
                let shadow = &mut self.shadows[access.memory as usize][cell];
                if let Some(other) = shadow.read(record, self.subgroup_size) {
                    self.race(frame, access.memory, cell, other, "read of ");
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn store(&mut self, frame: &mut Frame, by: &By, from: Slot, access: Access) {
        let (first, is_outside) = frame.address(access.base, access.offset);
        if is_outside {
            return;
        }
        let count = access.count as usize;
        if access.memory == WORKGROUP {
            if let Some(banks) = &mut frame.banks {
                banks.add(by.who.lane, access.site, first);
            }
            let record = by.shared.at(access.site);
            for (i, cell) in (first..first + count).enumerate() {
                self.shared[cell] = frame.registers[from as usize + i];
                if let Some(other) = self.shared_shadow[cell].write(record, self.subgroup_size) {
                    self.race(frame, WORKGROUP, cell, other, "write of ");
                }
            }
            return;
        }
        let buffer = &self.buffers[access.memory as usize];
        for (i, cell) in (first..first + count).enumerate() {
            buffer.cells[cell].store(frame.registers[from as usize + i], Relaxed);
            buffer.define(cell);
            if let Some(extents) = &buffer.extents {
                extents[cell].write(global(by.who, access.site));
                let record = by.storage.at(access.site);
                let shadow = &mut self.shadows[access.memory as usize][cell];
                if let Some(other) = shadow.write(record, self.subgroup_size) {
                    self.race(frame, access.memory, cell, other, "write of ");
                }
            }
        }
    }

    /// Notes that a store may write a whole vector.
    pub(super) fn widen(&mut self, frame: &mut Frame, by: &By, access: Access) {
        const HOW: &str = "write of a component, which may write all of the vector, as of ";
        let (first, is_outside) = frame.address(access.base, access.offset);
        for cell in (first..first + access.count as usize).filter(|_| !is_outside) {
            let (record, shadow) = match self.buffers.get(access.memory as usize) {
                None => (by.shared, &mut self.shared_shadow[cell]),
                Some(buffer) => {
                    if let Some(extents) = &buffer.extents {
                        extents[cell].write(global(by.who, access.site));
                    }
                    (by.storage, &mut self.shadows[access.memory as usize][cell])
                }
            };
            if let Some(other) = shadow.write(record.at(access.site), self.subgroup_size) {
                self.race(frame, access.memory, cell, other, HOW);
            }
        }
    }

    /// Reports a race with an earlier access of the workgroup.
    #[cold]
    pub(super) fn race(
        &self,
        frame: &mut Frame,
        memory: u16,
        cell: usize,
        other: Record,
        how: &str,
    ) {
        let kind = if memory == WORKGROUP { Kind::WorkgroupRace } else { Kind::StorageRace };
        let other_pc = self.code.sites[other.site() as usize].pc;
        let occurrence = Occurrence {
            who: frame.who,
            cell: Some((memory, cell as u64)),
            other: Some((other_pc, Who { lane: other.lane(), ..frame.who })),
            message: String::new(),
        };
        frame.log.record(kind, frame.pc, 1, occurrence, || how.to_owned());
    }

    /// Reports a cell of workgroup memory that the workgroup did not write.
    #[inline(always)]
    pub(super) fn check_defined(&self, frame: &mut Frame, cell: usize) {
        if let Some(first) = self.undefined_before
            && !self.shared_shadow[cell].is_written_since(first)
        {
            self.undefined(frame, WORKGROUP, cell);
        }
    }

    #[cold]
    pub(super) fn undefined(&self, frame: &mut Frame, memory: u16, cell: usize) {
        let (pc, who) = (frame.pc, frame.who);
        let cell = Some((memory, cell as u64));
        frame.log.add(Kind::UndefinedRead, pc, who, cell, || "read of undefined ".to_owned());
    }
}

/// The address of an element after an index was checked.
#[inline(always)]
pub(super) fn element(base: u64, index: u64, stride: u32, is_outside: bool) -> u64 {
    let address = base.wrapping_add(index.wrapping_mul(stride.into()));
    if is_outside { address | OUTSIDE } else { address }
}
