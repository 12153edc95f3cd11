//! An invocation's registers, with operations that report what they find.

use super::bank::Banks;
use crate::interpret::finding::{Log, Who};
use crate::interpret::numbers::{Real, elementary, integer};
use crate::interpret::op::{Binary, OUTSIDE, Slot, Ternary, Unary};
use crate::interpret::{Kind, memory};

/// The registers of an invocation while it runs.
pub(super) struct Frame<'a> {
    pub(super) registers: &'a mut [u64],
    pub(super) log: &'a mut Log,
    pub(super) banks: Option<&'a mut Banks>,
    pub(super) who: Who,
    /// The operation.
    pub(super) pc: u32,
}

impl Frame<'_> {
    #[inline(always)]
    pub(super) fn get(&self, slot: Slot) -> u64 {
        self.registers[slot as usize]
    }

    #[inline(always)]
    pub(super) fn set(&mut self, slot: Slot, value: u64) {
        self.registers[slot as usize] = value;
    }

    /// Returns a register's address with an offset, and whether it is past the end.
    #[inline(always)]
    pub(super) fn address(&self, base: Slot, offset: u32) -> (usize, bool) {
        let address = self.get(base);
        ((address & !OUTSIDE) as usize + offset as usize, address & OUTSIDE != 0)
    }

    #[inline(always)]
    pub(super) fn copy(&mut self, to: Slot, from: usize, count: u32) {
        let to = to as usize;
        match count {
            1 => self.registers[to] = self.registers[from],
            // Vectors, without a call of memmove.
            2..=4 => {
                (0..count as usize).for_each(|i| self.registers[to + i] = self.registers[from + i])
            }
            _ => self.registers.copy_within(from..from + count as usize, to),
        }
    }

    /// Reports a finding at the operation.
    #[cold]
    pub(super) fn report(&mut self, kind: Kind, message: impl FnOnce() -> String) {
        self.log.add(kind, self.pc, self.who, None, message);
    }

    #[cold]
    fn nonfinite(&mut self, operands: &[f64], result: f64) {
        self.report(Kind::Nonfinite, || {
            let shown: Vec<_> = operands.iter().map(f64::to_string).collect();
            format!("{result} results from {}", shown.join(", "))
        });
    }

    /// Stores the result of an operation on reals, which is finite if the operands are.
    #[inline(always)]
    pub(super) fn put<R: Real>(&mut self, to: usize, result: R, operands: &[R]) {
        if !result.finite() && operands.iter().all(|operand| operand.finite()) {
            let operands: Vec<_> = operands.iter().map(|operand| operand.wide()).collect();
            self.nonfinite(&operands, result.wide());
        }
        self.registers[to] = result.register();
    }

    /// Checks an index against a length, and limits it to the last element.
    #[inline(always)]
    pub(super) fn index(&mut self, index: u64, length: u64) -> (u64, bool) {
        if index < length {
            return (index, false);
        }
        self.out_of_bounds(index, length);
        (length.saturating_sub(1), true)
    }

    #[cold]
    fn out_of_bounds(&mut self, index: u64, length: u64) {
        // Negative indices have large registers.
        let index =
            if index > i32::MAX as u64 { i64::from(index as u32 as i32) } else { index as i64 };
        self.report(Kind::OutOfBounds, || format!("index {index} of {length} elements"));
    }

    #[inline(always)]
    fn reals<R: Real>(
        &mut self,
        half: bool,
        count: u8,
        [to, a, b]: [Slot; 3],
        function: impl Fn(R, R) -> R,
    ) {
        for i in 0..count as usize {
            let x = R::of(self.registers[a as usize + i]);
            let y = R::of(self.registers[b as usize + i]);
            self.put(to as usize + i, function(x, y).rounded(half), &[x, y]);
        }
    }

    #[inline(always)]
    fn compare<R: Real>(&mut self, count: u8, [to, a, b]: [Slot; 3], is: impl Fn(R, R) -> bool) {
        for i in 0..count as usize {
            let x = R::of(self.registers[a as usize + i]);
            let y = R::of(self.registers[b as usize + i]);
            self.registers[to as usize + i] = is(x, y).into();
        }
    }

    #[inline(always)]
    pub(super) fn binary<R: Real>(&mut self, op: Binary, half: bool, count: u8, slots: [Slot; 3]) {
        match op {
            Binary::Add => self.reals::<R>(half, count, slots, |x, y| x + y),
            Binary::Subtract => self.reals::<R>(half, count, slots, |x, y| x - y),
            Binary::Multiply => self.reals::<R>(half, count, slots, |x, y| x * y),
            Binary::Divide => self.reals::<R>(half, count, slots, |x, y| x / y),
            Binary::Remainder => self.reals::<R>(half, count, slots, |x, y| x % y),
            Binary::Min => self.reals::<R>(half, count, slots, elementary::min),
            Binary::Max => self.reals::<R>(half, count, slots, elementary::max),
            Binary::Equal => self.compare::<R>(count, slots, |x, y| x == y),
            Binary::NotEqual => self.compare::<R>(count, slots, |x, y| x != y),
            Binary::Less => self.compare::<R>(count, slots, |x, y| x < y),
            Binary::LessEqual => self.compare::<R>(count, slots, |x, y| x <= y),
            _ => self.integers::<R>(op, half, count, slots),
        }
    }

    /// Operations on integers, and those on reals that take long anyway.
    #[inline(always)]
    fn integers<R: Real>(&mut self, op: Binary, half: bool, count: u8, [to, a, b]: [Slot; 3]) {
        for i in 0..count as usize {
            let (x, y) = (self.registers[a as usize + i], self.registers[b as usize + i]);
            let to = to as usize + i;
            match integer::binary(op, x as u32, y as u32) {
                Some((result, None)) => self.registers[to] = result.into(),
                Some((result, Some(reason))) => {
                    self.registers[to] = result.into();
                    self.unusual(reason, &[x as u32, y as u32]);
                }
                None if op == Binary::Ldexp => {
                    let x = R::of(x);
                    self.put(to, elementary::scaled(x, y as u32 as i32, half), &[x]);
                }
                None => {
                    let (x, y) = (R::of(x), R::of(y));
                    let result = elementary::binary(op, x, y, half).unwrap_or(x);
                    self.put(to, result, &[x, y]);
                }
            }
        }
    }

    #[cold]
    fn unusual(&mut self, reason: &'static str, operands: &[u32]) {
        self.report(Kind::Integer, || {
            let shown: Vec<_> = operands.iter().map(|&word| (word as i32).to_string()).collect();
            format!("{reason}: {}", shown.join(", "))
        });
    }

    pub(super) fn unary<R: Real>(&mut self, op: Unary, half: bool, count: u8, to: Slot, a: Slot) {
        for i in 0..count as usize {
            let (register, to) = (self.registers[a as usize + i], to as usize + i);
            if let Some(result) = elementary::unary(op, R::of(register), half) {
                self.put(to, result, &[R::of(register)]);
            } else if let Some((result, reason)) = integer::unary(op, register as u32) {
                self.registers[to] = result.into();
                if let Some(reason) = reason {
                    self.unusual(reason, &[register as u32]);
                }
            } else {
                self.registers[to] = self.converted::<R>(op, half, register);
            }
        }
    }

    /// Conversions between kinds.
    fn converted<R: Real>(&mut self, op: Unary, half: bool, register: u64) -> u64 {
        let (real, bits) = (R::of(register).wide(), register as u32);
        let (result, fits) = match op {
            Unary::RealToInt => elementary::to_int(real),
            Unary::RealToUint => elementary::to_uint(real),
            Unary::RealToBool => (u32::from(real != 0.0), true),
            Unary::IsNan => (real.is_nan().into(), true),
            Unary::IsInf => (real.is_infinite().into(), true),
            Unary::RealToBits => (memory::to_bits::<R>(register), true),
            Unary::BitsToReal => return memory::from_bits::<R>(bits),
            Unary::IntToReal => return self.integer_to_real::<R>((bits as i32).into(), half),
            _ => return self.integer_to_real::<R>(bits.into(), half),
        };
        if !fits {
            self.report(Kind::Integer, || format!("{real} does not fit the integer"));
        }
        result.into()
    }

    /// Converts an integer, which may be too large for f16.
    fn integer_to_real<R: Real>(&mut self, integer: f64, half: bool) -> u64 {
        let result = R::nearest(integer, half);
        if !result.finite() {
            self.nonfinite(&[integer], result.wide());
        }
        result.register()
    }

    pub(super) fn ternary<R: Real>(
        &mut self,
        op: Ternary,
        half: bool,
        count: u8,
        [to, a, b, c]: [Slot; 4],
    ) {
        for i in 0..count as usize {
            let registers = [a, b, c].map(|slot| self.registers[slot as usize + i]);
            match integer::ternary(op, registers.map(|register| register as u32)) {
                Some(result) => self.registers[to as usize + i] = result.into(),
                None => {
                    let operands = registers.map(R::of);
                    let result = elementary::ternary(op, operands, half).unwrap_or(operands[0]);
                    self.put(to as usize + i, result, &operands);
                }
            }
        }
    }
}
