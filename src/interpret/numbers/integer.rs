//! Integers as WGSL defines them: overflow wraps, shifts use the amount modulo 32, and a division
//! by zero results in the dividend.

use crate::interpret::op::{Binary, Ternary, Unary};

/// A result, and the reason why it is seldom intended.
pub(crate) type Checked = (u32, Option<&'static str>);

const OVERFLOW: &str = "signed overflow";
const ZERO_DIVISOR: &str = "division by zero";
const WIDE_SHIFT: &str = "shift by 32 bits or more";

/// Applies a function of one integer or bool; none if it is not one.
pub(crate) fn unary(op: Unary, x: u32) -> Option<Checked> {
    let int = x as i32;
    let flag = |is_odd: bool| is_odd.then_some(OVERFLOW);
    Some(match op {
        Unary::Identity => (x, None),
        Unary::NegateInt => (int.wrapping_neg() as u32, flag(int == i32::MIN)),
        Unary::AbsInt => (int.wrapping_abs() as u32, flag(int == i32::MIN)),
        Unary::SignInt => (int.signum() as u32, None),
        Unary::Not => (u32::from(x == 0), None),
        Unary::BitNot => (!x, None),
        Unary::CountTrailingZeros => (x.trailing_zeros(), None),
        Unary::CountLeadingZeros => (x.leading_zeros(), None),
        Unary::CountOneBits => (x.count_ones(), None),
        Unary::ReverseBits => (x.reverse_bits(), None),
        Unary::FirstTrailingBit => (if x == 0 { u32::MAX } else { x.trailing_zeros() }, None),
        Unary::FirstLeadingBit => (leading_bit(x), None),
        Unary::FirstLeadingBitSigned => (leading_bit(if int < 0 { !x } else { x }), None),
        Unary::IntToBool => (u32::from(x != 0), None),
        _ => return None,
    })
}

/// The place of the highest bit that is set; -1 if there is none.
fn leading_bit(x: u32) -> u32 {
    31u32.wrapping_sub(x.leading_zeros())
}

/// Applies a function of two integers; none if it is not one.
#[inline(always)]
pub(crate) fn binary(op: Binary, x: u32, y: u32) -> Option<Checked> {
    let (a, b) = (x as i32, y as i32);
    let overflowing = |(result, is_over): (i32, bool)| (result as u32, is_over.then_some(OVERFLOW));
    Some(match op {
        Binary::AddInt => overflowing(a.overflowing_add(b)),
        Binary::SubtractInt => overflowing(a.overflowing_sub(b)),
        Binary::MultiplyInt => overflowing(a.overflowing_mul(b)),
        Binary::DivideInt if b == 0 => (x, Some(ZERO_DIVISOR)),
        Binary::DivideInt => overflowing(a.overflowing_div(b)),
        Binary::RemainderInt if b == 0 => (0, Some(ZERO_DIVISOR)),
        Binary::RemainderInt => overflowing(a.overflowing_rem(b)),
        Binary::MinInt => (a.min(b) as u32, None),
        Binary::MaxInt => (a.max(b) as u32, None),
        Binary::LessInt => ((a < b).into(), None),
        Binary::LessEqualInt => ((a <= b).into(), None),
        Binary::AddUint => (x.wrapping_add(y), None),
        Binary::SubtractUint => (x.wrapping_sub(y), None),
        Binary::MultiplyUint => (x.wrapping_mul(y), None),
        Binary::DivideUint => x.checked_div(y).map_or((x, Some(ZERO_DIVISOR)), |z| (z, None)),
        Binary::RemainderUint => x.checked_rem(y).map_or((0, Some(ZERO_DIVISOR)), |z| (z, None)),
        Binary::MinUint => (x.min(y), None),
        Binary::MaxUint => (x.max(y), None),
        Binary::LessUint => ((x < y).into(), None),
        Binary::LessEqualUint => ((x <= y).into(), None),
        Binary::ShiftLeft | Binary::ShiftLeftInt => (x.wrapping_shl(y), wide(y)),
        Binary::ShiftRight => (x.wrapping_shr(y), wide(y)),
        Binary::ShiftRightInt => (a.wrapping_shr(y) as u32, wide(y)),
        Binary::And => (x & y, None),
        Binary::Or => (x | y, None),
        Binary::Xor => (x ^ y, None),
        Binary::EqualBits => ((x == y).into(), None),
        Binary::NotEqualBits => ((x != y).into(), None),
        _ => return None,
    })
}

fn wide(shift: u32) -> Option<&'static str> {
    (shift >= 32).then_some(WIDE_SHIFT)
}

/// Applies a function of three integers; none if it is not one.
pub(crate) fn ternary(op: Ternary, [x, y, z]: [u32; 3]) -> Option<u32> {
    Some(match op {
        Ternary::ClampInt => (x as i32).max(y as i32).min(z as i32) as u32,
        Ternary::ClampUint => x.max(y).min(z),
        Ternary::ExtractBits => {
            let (offset, width) = field(y, z);
            if width == 0 { 0 } else { (x >> offset) & (u32::MAX >> (32 - width)) }
        }
        Ternary::ExtractBitsSigned => {
            let (offset, width) = field(y, z);
            if width == 0 {
                0
            } else {
                ((x << (32 - offset - width)) as i32 >> (32 - width)) as u32
            }
        }
        _ => return None,
    })
}

/// Replaces `width` bits from `offset` on by those of `insert`.
pub(crate) fn insert_bits(bits: u32, insert: u32, offset: u32, width: u32) -> u32 {
    let (offset, width) = field(offset, width);
    if width == 0 {
        return bits;
    }
    let mask = (u32::MAX >> (32 - width)) << offset;
    (bits & !mask) | ((insert << offset) & mask)
}

/// Limits a field to a word's bits.
fn field(offset: u32, width: u32) -> (u32, u32) {
    let offset = offset.min(32);
    let width = width.min(32 - offset);
    // An empty field has no place.
    if width == 0 { (0, 0) } else { (offset, width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisions_have_results() {
        assert_eq!(binary(Binary::DivideInt, 7, 0), Some((7, Some(ZERO_DIVISOR))));
        assert_eq!(binary(Binary::RemainderInt, 7, 0), Some((0, Some(ZERO_DIVISOR))));
        let lowest = i32::MIN as u32;
        assert_eq!(binary(Binary::DivideInt, lowest, u32::MAX), Some((lowest, Some(OVERFLOW))));
        assert_eq!(binary(Binary::RemainderInt, lowest, u32::MAX), Some((0, Some(OVERFLOW))));
        assert_eq!(binary(Binary::DivideUint, 7, 2), Some((3, None)));
    }

    #[test]
    fn shifts_use_five_bits() {
        assert_eq!(binary(Binary::ShiftLeft, 1, 33), Some((2, Some(WIDE_SHIFT))));
        assert_eq!(binary(Binary::ShiftRightInt, -8i32 as u32, 1), Some((-4i32 as u32, None)));
    }

    #[test]
    fn bit_fields() {
        assert_eq!(ternary(Ternary::ExtractBits, [0xABCD, 4, 8]), Some(0xBC));
        assert_eq!(ternary(Ternary::ExtractBitsSigned, [0xF0, 4, 4]), Some(u32::MAX));
        assert_eq!(ternary(Ternary::ExtractBits, [u32::MAX, 40, 8]), Some(0));
        assert_eq!(ternary(Ternary::ExtractBits, [u32::MAX, 0, 99]), Some(u32::MAX));
        assert_eq!(insert_bits(0, 0xFF, 28, 8), 0xF000_0000);
        assert_eq!(insert_bits(u32::MAX, 0, 8, 8), 0xFFFF_00FF);
        assert_eq!(unary(Unary::FirstLeadingBitSigned, u32::MAX), Some((u32::MAX, None)));
        assert_eq!(unary(Unary::FirstLeadingBit, 0x10), Some((4, None)));
    }
}
