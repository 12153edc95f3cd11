//! Atomic operations on workgroup memory and buffers.

use super::access::{By, Memory};
use super::frame::Frame;
use crate::interpret::numbers::{Real, elementary};
use crate::interpret::op::{Access, Atomic, Slot, WORKGROUP};
use crate::interpret::types::Scalar;
use std::sync::atomic::Ordering::Relaxed;

impl Memory<'_> {
    pub(super) fn atomic_load(&mut self, frame: &mut Frame, by: &By, to: Slot, access: Access) {
        const HOW: &str = "after a barrier that does not order this memory, read of ";
        let (cell, is_outside) = frame.address(access.base, access.offset);
        let value = match self.buffers.get(access.memory as usize) {
            None => {
                self.check_defined(frame, cell);
                let shadow = &self.shared_shadow[cell];
                if let Some(other) = shadow.misordered(by.shared, by.passed, self.subgroup_size) {
                    self.race(frame, WORKGROUP, cell, other, HOW);
                }
                self.shared[cell]
            }
            Some(buffer) => {
                self.touch(frame, access.memory, cell, is_outside);
                buffer.cells[cell].load(Relaxed)
            }
        };
        frame.set(to, value);
    }

    pub(super) fn atomic_store(&mut self, frame: &mut Frame, by: &By, from: Slot, access: Access) {
        let (cell, is_outside) = frame.address(access.base, access.offset);
        if is_outside {
            return;
        }
        let value = frame.get(from);
        match self.buffers.get(access.memory as usize) {
            None => {
                self.shared_shadow[cell].write_atomic(by.shared.at(access.site), by.passed);
                self.shared[cell] = value;
            }
            Some(buffer) => {
                buffer.cells[cell].store(value, Relaxed);
                buffer.define(cell);
            }
        }
    }

    /// Reads an atomic, and reports it if it is undefined.
    fn touch(&self, frame: &mut Frame, memory: u16, cell: usize, is_outside: bool) {
        let buffer = &self.buffers[memory as usize];
        if is_outside {
            return;
        }
        buffer.touch(cell);
        if buffer.is_partial && !buffer.is_defined(cell) {
            self.undefined(frame, memory, cell);
        }
    }

    /// Applies a read-modify-write operation; `to` has the old value, and for a compare-exchange
    /// whether it stored.
    pub(super) fn atomic<R: Real>(
        &mut self,
        frame: &mut Frame,
        by: &By,
        (op, scalar): (Atomic, Scalar),
        to: Slot,
        value: Slot,
        access: Access,
    ) {
        let (cell, is_outside) = frame.address(access.base, access.offset);
        let operand = frame.get(value);
        let compare = match op {
            Atomic::CompareExchange { compare } => frame.get(compare),
            _ => 0,
        };
        let new = |old: u64| modified::<R>(op, scalar, old, operand, compare);
        let old = match self.buffers.get(access.memory as usize) {
            None => {
                let old = self.shared[cell];
                if !is_outside {
                    self.check_defined(frame, cell);
                    self.shared_shadow[cell].write_atomic(by.shared.at(access.site), by.passed);
                    self.shared[cell] = new(old);
                }
                old
            }
            Some(buffer) if is_outside => buffer.cells[cell].load(Relaxed),
            Some(buffer) => {
                self.touch(frame, access.memory, cell, false);
                buffer.define(cell);
                let update = |old| Some(new(old));
                let (Ok(old) | Err(old)) =
                    buffer.cells[cell].fetch_update(Relaxed, Relaxed, update);
                old
            }
        };
        frame.set(to, old);
        if let Atomic::CompareExchange { .. } = op {
            frame.set(to + 1, u64::from(old == compare && !is_outside));
        }
    }
}

/// The new value of an atomic.
fn modified<R: Real>(op: Atomic, scalar: Scalar, old: u64, operand: u64, compare: u64) -> u64 {
    let (a, b) = (old as u32, operand as u32);
    let is_real = scalar.is_real();
    let real = |function: fn(R, R) -> R| function(R::of(old), R::of(operand)).register();
    let signed = scalar == Scalar::I32;
    let word = match op {
        Atomic::Exchange => return operand,
        Atomic::CompareExchange { .. } => return if old == compare { operand } else { old },
        Atomic::Add if is_real => return real(|a, b| a + b),
        Atomic::Subtract if is_real => return real(|a, b| a - b),
        Atomic::Min if is_real => return real(elementary::min),
        Atomic::Max if is_real => return real(elementary::max),
        Atomic::Add => a.wrapping_add(b),
        Atomic::Subtract => a.wrapping_sub(b),
        Atomic::And => a & b,
        Atomic::Or => a | b,
        Atomic::Xor => a ^ b,
        Atomic::Min if signed => (a as i32).min(b as i32) as u32,
        Atomic::Max if signed => (a as i32).max(b as i32) as u32,
        Atomic::Min => a.min(b),
        Atomic::Max => a.max(b),
    };
    word.into()
}
