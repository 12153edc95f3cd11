//! Functions of whole vectors and matrices in an invocation's registers.

use super::frame::Frame;
use crate::interpret::numbers::{Real, geometry, pack};
use crate::interpret::op::{Geometry, Op, Slot};

impl Frame<'_> {
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
