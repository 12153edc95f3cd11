//! Packed numbers.

use super::{Real, nearest_f16};
use crate::interpret::op::Pack;
use half::f16;

/// Numbers in a word.
pub(crate) fn parts(pack: Pack) -> usize {
    match pack {
        Pack::Snorm16 | Pack::Unorm16 | Pack::Float16 => 2,
        _ => 4,
    }
}

/// Packs registers.
pub(crate) fn pack<R: Real>(format: Pack, parts: &[u64]) -> u32 {
    let bits = 32 / parts.len();
    let each = |&register: &u64| -> u32 {
        let real = || R::of(register).wide();
        let word = register as u32;
        match format {
            Pack::Snorm8 => (0.5 + 127.0 * real().clamp(-1.0, 1.0)).floor() as i32 as u32,
            Pack::Unorm8 => (0.5 + 255.0 * real().clamp(0.0, 1.0)).floor() as u32,
            Pack::Snorm16 => (0.5 + 32767.0 * real().clamp(-1.0, 1.0)).floor() as i32 as u32,
            Pack::Unorm16 => (0.5 + 65535.0 * real().clamp(0.0, 1.0)).floor() as u32,
            Pack::Float16 => nearest_f16(real()).to_bits().into(),
            Pack::Int8 | Pack::Uint8 => word,
            Pack::Int8Clamp => (word as i32).clamp(-128, 127) as u32,
            Pack::Uint8Clamp => word.min(255),
        }
    };
    let mask = u32::MAX >> (32 - bits);
    parts.iter().enumerate().fold(0, |word, (i, part)| word | (each(part) & mask) << (i * bits))
}

/// Unpacks number `i` of a word into a register.
pub(crate) fn unpack<R: Real>(format: Pack, word: u32, i: usize) -> u64 {
    let (byte, short) = ((word >> (8 * (i % 4))) as u8, (word >> (16 * (i % 2))) as u16);
    let real = |number: f64| R::nearest(number, false).register();
    match format {
        Pack::Snorm8 => real((f64::from(byte as i8) / 127.0).max(-1.0)),
        Pack::Unorm8 => real(f64::from(byte) / 255.0),
        Pack::Snorm16 => real((f64::from(short as i16) / 32767.0).max(-1.0)),
        Pack::Unorm16 => real(f64::from(short) / 65535.0),
        Pack::Float16 => real(f16::from_bits(short).to_f64()),
        Pack::Int8 | Pack::Int8Clamp => i32::from(byte as i8) as u32 as u64,
        Pack::Uint8 | Pack::Uint8Clamp => byte.into(),
    }
}

/// Dot product of four bytes of two words.
pub(crate) fn dot(a: u32, b: u32, signed: bool) -> u32 {
    a.to_le_bytes().into_iter().zip(b.to_le_bytes()).fold(0u32, |sum, (a, b)| {
        let product = if signed {
            (i32::from(a as i8) * i32::from(b as i8)) as u32
        } else {
            u32::from(a) * u32::from(b)
        };
        sum.wrapping_add(product)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking() {
        let registers = [1.0f32, -1.0, 0.5, -2.0].map(Real::register);
        assert_eq!(pack::<f32>(Pack::Snorm8, &registers), 0x81_40_81_7F);
        assert_eq!(pack::<f32>(Pack::Unorm8, &registers), 0x00_80_00_FF);
        assert_eq!(pack::<f32>(Pack::Float16, &registers[..2]), 0xBC00_3C00);
        assert_eq!(f32::of(unpack::<f32>(Pack::Snorm8, 0x80, 0)), -1.0);
        assert_eq!(unpack::<f32>(Pack::Int8, 0xFF00, 1), u64::from(u32::MAX));
        assert_eq!(pack::<f32>(Pack::Int8Clamp, &[300, -300i32 as u32 as u64, 1, 2]), 0x0201_807F);
    }

    #[test]
    fn dot_products_of_bytes() {
        assert_eq!(dot(0xFF01_0203, 0x0201_0101, true), 4);
        assert_eq!(dot(0xFF01_0203, 0x0201_0101, false), 516);
    }
}
