//! Operations of subgroups and quads. Subgroups are runs of invocations by their index; the last
//! one is smaller if the size of the workgroup is no multiple.

use super::Worker;
use super::step::Stop;
use crate::interpret::Kind;
use crate::interpret::numbers::{Real, elementary};
use crate::interpret::op::{Collective, Exchange, Op, Reduce, Slot};
use crate::interpret::types::Scalar;

impl<R: Real> Worker<'_, R> {
    /// Carries out the collective operations at which invocations wait. Returns whether any
    /// invocation can run again.
    pub(super) fn resume_subgroups(&mut self) -> bool {
        let size = self.subgroup_size();
        let mut resumed = false;
        for subgroup in 0..self.lanes.len().div_ceil(size) {
            let members = subgroup * size..((subgroup + 1) * size).min(self.lanes.len());
            let waiting = members.clone().find(|&lane| match self.waits_at(lane) {
                Some(Op::Collective { .. }) => true,
                Some(&Op::Barrier { storage, workgroup, .. }) => !storage && !workgroup,
                _ => false,
            });
            let Some(first) = waiting else { continue };
            let active: Vec<_> =
                members.clone().filter(|&lane| self.same_place(first, lane)).collect();
            let pc = self.lanes[first].pc;
            let op = self.program.code.ops[pc as usize];
            if let Some(missing) = members.clone().find(|lane| !active.contains(lane)) {
                let kind = match op {
                    Op::Collective { .. } => Kind::DivergentCollective,
                    _ => Kind::DivergentBarrier,
                };
                self.report_divergence(kind, pc, first, missing);
            }
            match op {
                Op::Collective { collective } => {
                    let collective = self.program.code.collectives[collective as usize];
                    self.exchange(collective, pc, &active);
                }
                _ => self.pass_subgroup_barrier(subgroup),
            }
            active.iter().for_each(|&lane| self.resume(lane));
            resumed = true;
        }
        debug_assert!(!resumed || self.lanes.iter().any(|lane| lane.stop == Stop::Ready));
        resumed
    }

    fn register(&self, lane: usize, slot: Slot) -> u64 {
        self.registers[lane * self.program.code.registers as usize + slot as usize]
    }

    fn set_register(&mut self, lane: usize, slot: Slot, value: u64) {
        self.registers[lane * self.program.code.registers as usize + slot as usize] = value;
    }

    /// Carries out a collective operation among the `active` invocations.
    fn exchange(&mut self, collective: Collective, pc: u32, active: &[usize]) {
        match collective.exchange {
            Exchange::Ballot => self.ballot(collective, active),
            Exchange::Reduce(reduce) => self.reduce(collective, reduce, pc, active, Scan::Whole),
            Exchange::Inclusive(reduce) => {
                self.reduce(collective, reduce, pc, active, Scan::Inclusive);
            }
            Exchange::Exclusive(reduce) => {
                self.reduce(collective, reduce, pc, active, Scan::Exclusive);
            }
            _ => self.gather(collective, pc, active),
        }
    }

    fn ballot(&mut self, collective: Collective, active: &[usize]) {
        let size = self.subgroup_size();
        let mut words = [0u32; 4];
        for &lane in active {
            if self.register(lane, collective.from) != 0 {
                words[lane % size / 32] |= 1 << (lane % size % 32);
            }
        }
        for &lane in active {
            for (slot, word) in (collective.to..).zip(words) {
                self.set_register(lane, slot, word.into());
            }
        }
    }

    /// Copies values from other invocations. The result is the invocation's own value where WGSL
    /// leaves it undefined: the other one does not exist or take part.
    fn gather(&mut self, collective: Collective, pc: u32, active: &[usize]) {
        let size = self.subgroup_size();
        let Some(&first) = active.first() else { return };
        let start = first / size * size;
        let count = collective.count;
        let mut values = Vec::with_capacity(active.len() * count as usize);
        for &lane in active {
            let id = lane - start;
            let operand = |slot| self.register(lane, slot) as usize;
            let source = match collective.exchange {
                Exchange::Broadcast(slot) | Exchange::Shuffle(slot) => operand(slot),
                Exchange::ShuffleDown(slot) => id.saturating_add(operand(slot)),
                Exchange::ShuffleUp(slot) => id.wrapping_sub(operand(slot)),
                Exchange::ShuffleXor(slot) => id ^ operand(slot),
                Exchange::QuadBroadcast(slot) => id / 4 * 4 + operand(slot) % 4,
                Exchange::QuadSwap { mask } => id ^ mask as usize,
                _ => first - start,
            };
            let found = active.binary_search(&start.saturating_add(source)).is_ok();
            let is_quad = matches!(
                collective.exchange,
                Exchange::QuadBroadcast(_) | Exchange::QuadSwap { .. }
            );
            if !found && is_quad {
                let who = self.who(lane);
                self.log.add(Kind::DivergentCollective, pc, who, None, || {
                    "the quad has fewer than four invocations".to_owned()
                });
            }
            let source = if found { start + source } else { lane };
            values.extend((0..count).map(|i| self.register(source, collective.from + i)));
        }
        for (&lane, values) in active.iter().zip(values.chunks(count as usize)) {
            for (slot, &value) in (collective.to..).zip(values) {
                self.set_register(lane, slot, value);
            }
        }
    }

    /// Reduces the values of the invocations in their order.
    fn reduce(
        &mut self,
        collective: Collective,
        reduce: Reduce,
        pc: u32,
        active: &[usize],
        scan: Scan,
    ) {
        let scalar = collective.scalar;
        for i in 0..collective.count {
            let (from, to) = (collective.from + i, collective.to + i);
            let mut total = identity::<R>(reduce, scalar);
            for (n, &lane) in active.iter().enumerate() {
                let value = self.register(lane, from);
                let before = total;
                total = if n == 0 { value } else { combine::<R>(reduce, scalar, total, value) };
                let is_finite = |register| R::of(register).finite();
                if scalar.is_real() && !is_finite(total) && is_finite(before) && is_finite(value) {
                    let (a, b, total) =
                        (R::of(before).wide(), R::of(value).wide(), R::of(total).wide());
                    let who = self.who(lane);
                    self.log.add(Kind::Nonfinite, pc, who, None, || {
                        format!("{total} results from {a}, {b}")
                    });
                }
                match scan {
                    Scan::Whole => {}
                    Scan::Inclusive => self.set_register(lane, to, total),
                    Scan::Exclusive => self.set_register(lane, to, before),
                }
            }
            if scan == Scan::Whole {
                active.iter().for_each(|&lane| self.set_register(lane, to, total));
            }
        }
    }
}

/// The part of the invocations that a result combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    Whole,
    /// Up to the invocation.
    Inclusive,
    /// Those before the invocation.
    Exclusive,
}

/// The result of no values.
fn identity<R: Real>(reduce: Reduce, scalar: Scalar) -> u64 {
    match reduce {
        Reduce::Mul if scalar.is_real() => R::nearest(1.0, false).register(),
        Reduce::Mul => 1,
        _ => 0,
    }
}

fn combine<R: Real>(reduce: Reduce, scalar: Scalar, a: u64, b: u64) -> u64 {
    let half = scalar == Scalar::F16;
    let (x, y) = (R::of(a), R::of(b));
    let (m, n) = (a as u32, b as u32);
    let signed = scalar == Scalar::I32;
    let word = match reduce {
        Reduce::Add if scalar.is_real() => return (x + y).rounded(half).register(),
        Reduce::Mul if scalar.is_real() => return (x * y).rounded(half).register(),
        Reduce::Min if scalar.is_real() => return elementary::min(x, y).register(),
        Reduce::Max if scalar.is_real() => return elementary::max(x, y).register(),
        Reduce::Min if signed => (m as i32).min(n as i32) as u32,
        Reduce::Max if signed => (m as i32).max(n as i32) as u32,
        Reduce::Add => m.wrapping_add(n),
        Reduce::Mul => m.wrapping_mul(n),
        Reduce::Min => m.min(n),
        Reduce::Max => m.max(n),
        Reduce::All | Reduce::And => m & n,
        Reduce::Any | Reduce::Or => m | n,
        Reduce::Xor => m ^ n,
    };
    word.into()
}
