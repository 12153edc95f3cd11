//! An invocation's registers, with operations that report what they find.

use super::bank::Banks;
use crate::interpret::finding::{Log, Who};
use crate::interpret::numbers::{Real, elementary, geometry, integer, pack};
use crate::interpret::op::{Binary, Geometry, OUTSIDE, Op, Slot, Ternary, Unary};
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
        if count == 1 {
            self.registers[to as usize] = self.registers[from];
        } else {
            self.registers.copy_within(from..from + count as usize, to as usize);
        }
    }

    /// Reports a finding at the operation.
    #[cold]
    pub(super) fn report(&mut self, kind: Kind, message: impl FnOnce() -> String) {
        self.log.add(kind, self.pc, self.who, None, message);
    }

    #[cold]
    fn nonfinite(&mut self, operands: &[f64], result: f64) {
        let shown: Vec<_> = operands.iter().map(f64::to_string).collect();
        self.report(Kind::Nonfinite, || format!("{result} results from {}", shown.join(", ")));
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
        let shown: Vec<_> = operands.iter().map(|&operand| (operand as i32).to_string()).collect();
        self.report(Kind::Integer, || format!("{reason}: {}", shown.join(", ")));
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
            Unary::IntToReal => return R::nearest((bits as i32).into(), half).register(),
            _ => return R::nearest(bits.into(), half).register(),
        };
        if !fits {
            self.report(Kind::Integer, || format!("{real} does not fit the integer"));
        }
        result.into()
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

    /// Reads up to 16 reals.
    fn vector<R: Real>(&self, from: Slot, size: usize) -> [R; 16] {
        let mut numbers = [R::nearest(0.0, false); 16];
        let registers = &self.registers[from as usize..];
        numbers.iter_mut().zip(registers).take(size).for_each(|(to, &from)| *to = R::of(from));
        numbers
    }

    /// Stores a vector that is finite if the operands are.
    fn put_all<R: Real>(&mut self, to: Slot, results: &[R], operands: &[&[R]]) {
        let operands: Vec<R> = match results.iter().all(|result| result.finite()) {
            true => Vec::new(),
            false => operands.iter().flat_map(|operand| operand.iter().copied()).collect(),
        };
        for (i, &result) in results.iter().enumerate() {
            self.put(to as usize + i, result, &operands);
        }
    }

    /// Functions of whole vectors.
    pub(super) fn geometry<R: Real>(
        &mut self,
        op: Geometry,
        half: bool,
        size: u8,
        slots: [Slot; 4],
    ) {
        let [to, a, b, c] = slots;
        let n = size as usize;
        let word = |frame: &Self, slot: Slot| frame.get(slot) as u32;
        match op {
            Geometry::All | Geometry::Any => {
                let mut each = self.registers[a as usize..a as usize + n].iter().map(|&r| r != 0);
                let result = if op == Geometry::All { each.all(|x| x) } else { each.any(|x| x) };
                self.set(to, result.into());
            }
            Geometry::DotInt => {
                let term = |i: u32| word(self, a + i).wrapping_mul(word(self, b + i));
                let sum = (0..size.into()).fold(0u32, |sum, i| sum.wrapping_add(term(i)));
                self.set(to, sum.into());
            }
            Geometry::DotPacked { signed } => {
                let sum = pack::dot(word(self, a), word(self, b), signed);
                self.set(to, sum.into());
            }
            Geometry::Pack(format) => {
                let parts = &self.registers[a as usize..a as usize + pack::parts(format)];
                let packed = pack::pack::<R>(format, parts);
                self.set(to, packed.into());
            }
            Geometry::Unpack(format) => {
                let packed = word(self, a);
                for i in 0..pack::parts(format) {
                    self.registers[to as usize + i] = pack::unpack::<R>(format, packed, i);
                }
            }
            Geometry::Modf | Geometry::Frexp => self.split::<R>(op, half, n, to, a),
            _ => {
                let (a, b) = (self.vector::<R>(a, n * n.max(1)), self.vector::<R>(b, n));
                let c_slot = c;
                let c = self.vector::<R>(c, n);
                self.vectors(op, half, n, to, [&a, &b, &c], R::of(self.get(c_slot)));
            }
        }
    }

    /// Functions of up to three vectors of reals, or of a matrix.
    fn vectors<R: Real>(
        &mut self,
        op: Geometry,
        half: bool,
        n: usize,
        to: Slot,
        [all, b, c]: [&[R; 16]; 3],
        ratio: R,
    ) {
        let (matrix, a, b, c) = (&all[..n * n], &all[..n], &b[..n], &c[..n]);
        let mut result = [R::nearest(0.0, false); 4];
        let scalar = match op {
            Geometry::Dot => geometry::dot(a, b, half),
            Geometry::Length => geometry::length(a, half),
            Geometry::Determinant => {
                let result = geometry::determinant(matrix, n, half);
                return self.put_all(to, &[result], &[matrix]);
            }
            Geometry::Distance => {
                let mut differences = result;
                for (i, difference) in differences[..n].iter_mut().enumerate() {
                    *difference = (a[i] - b[i]).rounded(half);
                }
                geometry::length(&differences[..n], half)
            }
            Geometry::Cross => {
                let cross = geometry::cross([a[0], a[1], a[2]], [b[0], b[1], b[2]], half);
                return self.put_all(to, &cross, &[a, b]);
            }
            Geometry::Normalize => {
                let length = geometry::length(a, half);
                (0..n).for_each(|i| result[i] = (a[i] / length).rounded(half));
                return self.put_all(to, &result[..n], &[a]);
            }
            Geometry::FaceForward => {
                let is_front = geometry::dot(b, c, half) < R::nearest(0.0, half);
                (0..n).for_each(|i| result[i] = if is_front { a[i] } else { -a[i] });
                return self.put_all(to, &result[..n], &[a, b, c]);
            }
            Geometry::Reflect => {
                geometry::reflect(a, b, &mut result[..n], half);
                return self.put_all(to, &result[..n], &[a, b]);
            }
            _ => {
                geometry::refract(a, b, ratio, &mut result[..n], half);
                return self.put_all(to, &result[..n], &[a, b, &[ratio]]);
            }
        };
        self.put_all(to, &[scalar], &[a, b]);
    }

    /// `modf` and `frexp`: fractions, then whole numbers or exponents.
    fn split<R: Real>(&mut self, op: Geometry, half: bool, n: usize, to: Slot, a: Slot) {
        for i in 0..n {
            let x = R::of(self.registers[a as usize + i]);
            let (fraction, rest) = if op == Geometry::Frexp {
                let (fraction, exponent) = geometry::frexp(x, half);
                (fraction, u64::from(exponent as u32))
            } else {
                let whole = R::nearest(x.wide().trunc(), half);
                ((x - whole).rounded(half), whole.register())
            };
            self.registers[to as usize + i] = fraction.register();
            self.registers[to as usize + n + i] = rest;
        }
    }

    /// Product of matrices.
    #[inline(always)]
    pub(super) fn multiply<R: Real>(&mut self, op: &Op) {
        let Op::Multiply { to, a, b, columns, inner, rows, half } = *op else { return };
        let (columns, inner, rows) = (columns as usize, inner as usize, rows as usize);
        let left = self.vector::<R>(a, inner * rows);
        let right = self.vector::<R>(b, columns * inner);
        for (column, row) in (0..columns).flat_map(|c| (0..rows).map(move |r| (c, r))) {
            let term = |k: usize| (left[k * rows + row] * right[column * inner + k]).rounded(half);
            let sum = (1..inner).fold(term(0), |sum, k| (sum + term(k)).rounded(half));
            let at = to as usize + column * rows + row;
            if sum.finite() {
                self.registers[at] = sum.register();
            } else {
                let operands = [&left[..inner * rows], &right[..columns * inner]].concat();
                self.put(at, sum, &operands);
            }
        }
    }
}
