//! The inner loop: runs an invocation until it ends or has to wait for others.

use super::access::{By, Memory, element};
use super::frame::Frame;
use crate::interpret::Kind;
use crate::interpret::numbers::{Real, integer};
use crate::interpret::op::Op;

/// Why an invocation stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It may run.
    Ready,
    /// It waits at a barrier or a collective operation.
    Waiting,
    Ended,
    /// It exceeded the limit of iterations.
    Limit,
}

/// An invocation's place in the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// The next operation, or the one at which it waits.
    pub(super) pc: u32,
    /// Active calls.
    pub(super) depth: u32,
    /// Iterations and calls.
    pub(super) steps: u64,
    pub(super) stop: Stop,
}

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most iterations and calls.
    pub(super) steps: u64,
    /// Whether the invocation runs up to its next atomic operation only.
    pub(super) yields: bool,
}

/// Runs an invocation. `stack` has the returns of its active calls, `counts` the executions of each
/// operation.
pub(super) fn run<R: Real>(
    lane: &mut Lane,
    frame: &mut Frame,
    memory: &mut Memory,
    by: &By,
    stack: &mut [u32],
    counts: &mut [u64],
    Limits { steps: limit, yields }: Limits,
) {
    let code = memory.code;
    let mut pc = lane.pc as usize;
    loop {
        counts[pc] += 1;
        frame.pc = pc as u32;
        match &code.ops[pc] {
            &Op::Binary { op, half, count, to, a, b } => {
                frame.binary::<R>(op, half, count, [to, a, b]);
            }
            &Op::Copy { to, from, count } => frame.copy(to, from as usize, count),
            &Op::Load { to, access } => memory.load(frame, by, to, access),
            &Op::Store { from, access } => memory.store(frame, by, from, access),
            &Op::Index { to, base, index, length, stride } => {
                let (index, is_outside) = frame.index(frame.get(index), frame.get(length));
                let address = element(frame.get(base), index, stride, is_outside);
                frame.set(to, address);
            }
            &Op::JumpUnless { condition, target } => {
                if frame.get(condition) == 0 {
                    pc = target as usize;
                    continue;
                }
            }
            &Op::Jump { target } => {
                pc = target as usize;
                continue;
            }
            Op::Loop => {
                lane.steps += 1;
                if lane.steps > limit {
                    return exceed(lane, frame, limit);
                }
            }
            &Op::Call { target } => {
                lane.steps += 1;
                if lane.steps > limit {
                    return exceed(lane, frame, limit);
                }
                stack[lane.depth as usize] = pc as u32 + 1;
                lane.depth += 1;
                pc = target as usize;
                continue;
            }
            Op::Return => {
                lane.depth -= 1;
                pc = stack[lane.depth as usize] as usize;
                continue;
            }
            Op::Barrier { .. } | Op::Collective { .. } => {
                lane.pc = pc as u32;
                lane.stop = Stop::Waiting;
                return;
            }
            Op::End => {
                lane.pc = pc as u32;
                lane.stop = Stop::Ended;
                return;
            }
            &Op::Switch { selector, table } => {
                let switch = &code.switches[table as usize];
                let value = frame.get(selector) as u32;
                let found = switch.cases.binary_search_by_key(&value, |&(value, _)| value);
                pc = found.map_or(switch.default, |i| switch.cases[i].1) as usize;
                continue;
            }
            op => {
                other::<R>(op, frame, memory, by);
                if op.is_atomic() && yields {
                    lane.pc = pc as u32 + 1;
                    return;
                }
            }
        }
        pc += 1;
    }
}

#[cold]
fn exceed(lane: &mut Lane, frame: &mut Frame, limit: u64) {
    frame.report(Kind::LoopLimit, || format!("more than {limit} iterations and calls"));
    lane.stop = Stop::Limit;
}

/// Operations that continue with the next one.
#[inline(always)]
fn other<R: Real>(op: &Op, frame: &mut Frame, memory: &mut Memory, by: &By) {
    match *op {
        Op::Clear { to, count } => {
            frame.registers[to as usize..(to + count) as usize].fill(0);
        }
        Op::Gather { to, from, count } => {
            for (i, &from) in from[..count as usize].iter().enumerate() {
                frame.registers[to as usize + i] = frame.registers[from as usize];
            }
        }
        Op::Splat { to, from, count } => {
            let value = frame.get(from);
            frame.registers[to as usize..to as usize + count as usize].fill(value);
        }
        Op::Pick { to, from, index, length, count } => {
            let (index, _) = frame.index(frame.get(index), length.into());
            frame.copy(to, from as usize + index as usize * count as usize, count);
        }
        Op::Select { to, condition, accept, reject, count, each } => {
            for i in 0..count {
                let from = if frame.get(condition + i / each) != 0 { accept } else { reject };
                frame.set(to + i, frame.get(from + i));
            }
        }
        Op::Unary { op, half, count, to, a } => frame.unary::<R>(op, half, count, to, a),
        Op::Ternary { op, half, count, to, a, b, c } => {
            frame.ternary::<R>(op, half, count, [to, a, b, c]);
        }
        Op::InsertBits { count, to, bits, insert, offset, width } => {
            for i in 0..u32::from(count) {
                let [bits, insert, offset, width] =
                    [bits, insert, offset, width].map(|slot| frame.get(slot + i) as u32);
                frame.set(to + i, integer::insert_bits(bits, insert, offset, width).into());
            }
        }
        Op::Geometry { op, half, size, to, a, b, c } => {
            frame.geometry::<R>(op, half, size, [to, a, b, c]);
        }
        Op::Multiply { .. } => frame.multiply::<R>(op),
        Op::Transpose { to, a, columns, rows } => {
            let (columns, rows) = (u32::from(columns), u32::from(rows));
            for (column, row) in (0..columns).flat_map(|c| (0..rows).map(move |r| (c, r))) {
                frame.set(to + row * columns + column, frame.get(a + column * rows + row));
            }
        }
        Op::Outer { to, a, b, columns, rows, half } => {
            let (columns, rows) = (u32::from(columns), u32::from(rows));
            for (column, row) in (0..columns).flat_map(|c| (0..rows).map(move |r| (c, r))) {
                let (x, y) = (R::of(frame.get(a + row)), R::of(frame.get(b + column)));
                frame.put((to + column * rows + row) as usize, (x * y).rounded(half), &[x, y]);
            }
        }
        Op::LoadLocal { to, base, offset, count } => {
            let (from, _) = frame.address(base, offset);
            frame.copy(to, from, count);
        }
        Op::StoreLocal { from, base, offset, count } => {
            let (to, is_outside) = frame.address(base, offset);
            if !is_outside {
                frame.copy(to as u32, from as usize, count);
            }
        }
        Op::Widen { access } => memory.widen(frame, by, access),
        Op::AtomicLoad { to, access } => memory.atomic_load(frame, by, to, access),
        Op::AtomicStore { from, access } => memory.atomic_store(frame, by, from, access),
        Op::Atomic { op, scalar, to, value, access } => {
            memory.atomic::<R>(frame, by, (op, scalar), to, value, access);
        }
        _ => {}
    }
}
