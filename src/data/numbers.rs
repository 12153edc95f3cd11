//! Maps numbers of any kind to grey levels, by one rule for all formats: black is 0; white is
//! [`Reading::white`](super::Reading::white) if given, else 1 if no number is above 1, else the
//! default of the kind.

use super::Levels;
use super::reading::{Account, Wanted, unclear};
use crate::Result;
use std::path::Path;

/// The numbers of a file.
pub(super) enum Numbers {
    /// 8-bit numbers: white is 255.
    Bytes(Vec<u8>),
    /// Pictures of only 0 and 1, stored as 0 and 255 so that they can be resized: white is 1.
    Masks(Vec<u8>),
    /// A picture with 16 bits: white is 65535.
    Words(Vec<u16>),
    /// Whole numbers: white is 255, if none is larger.
    Whole(Vec<f32>),
    /// Numbers with fractions: white is 1.
    Reals(Vec<f32>),
}

/// An excess over white, relative to it, that counts as a rounding error.
const ROUNDING: f32 = 1e-5;

impl Numbers {
    /// Numbers of a table: whole if all of them are.
    pub(super) fn of(numbers: Vec<f32>) -> Self {
        if numbers.iter().all(|number| number.fract() == 0.0) {
            Self::Whole(numbers)
        } else {
            Self::Reals(numbers)
        }
    }

    fn range(&self) -> (f32, f32) {
        fn of<T: Copy + Into<f32>>(numbers: &[T]) -> (f32, f32) {
            let ends = (f32::INFINITY, f32::NEG_INFINITY);
            numbers.iter().fold(ends, |(least, most), &number| {
                (least.min(number.into()), most.max(number.into()))
            })
        }
        match self {
            Self::Bytes(numbers) => of(numbers),
            Self::Masks(numbers) => {
                let (least, most) = of(numbers);
                (least / 255.0, most / 255.0)
            }
            Self::Words(numbers) => of(numbers),
            Self::Whole(numbers) | Self::Reals(numbers) => of(numbers),
        }
    }

    /// The index and value of the first number outside 0 to `white`.
    fn outside(&self, white: f32) -> Option<(usize, f32)> {
        let is_outside = |number: f32| !(0.0..=white).contains(&number);
        let find = |numbers: &mut dyn Iterator<Item = f32>| {
            numbers.enumerate().find(|&(_, number)| is_outside(number))
        };
        match self {
            Self::Bytes(numbers) => find(&mut numbers.iter().map(|&byte| byte.into())),
            Self::Masks(_) => None,
            Self::Words(numbers) => find(&mut numbers.iter().map(|&word| word.into())),
            Self::Whole(numbers) | Self::Reals(numbers) => find(&mut numbers.iter().copied()),
        }
    }

    /// Converts the numbers to levels. `place` gives the position of a number, for an error.
    pub(super) fn levels(
        self,
        path: &Path,
        wanted: Wanted,
        place: impl Fn(usize) -> String,
        account: &mut Account,
    ) -> Result<Levels> {
        let (least, most) = self.range();
        let usual = match self {
            Self::Reals(_) => 1.0,
            _ if most <= 1.0 => 1.0,
            Self::Bytes(_) | Self::Masks(_) | Self::Whole(_) => 255.0,
            Self::Words(_) => 65535.0,
        };
        let white = wanted.reading.white.unwrap_or(usual);
        if let Some((at, number)) = self.outside(white) {
            let whole = if matches!(self, Self::Reals(_)) { "" } else { "whole " };
            let kind = if wanted.reading.white.is_some() { "" } else { whole };
            let expected = format!("a {kind}number from 0 to {white} in {}", place(at));
            let remedy = if number.is_finite() {
                remedy(least, most, white, wanted.reading.white.is_some())
            } else {
                "numpy.nan_to_num(x), if missing numbers are black".to_owned()
            };
            return Err(unclear(path, expected, number, remedy));
        }
        account.found.push(format!("from {least} to {most}"));
        account.range = Some((least, most));
        account.made.push(format!("white is {white}"));
        account.reading.white = Some(white);
        account.reading.invert = wanted.reading.invert;
        let mut levels = self.scaled(white);
        if wanted.reading.invert == Some(true) {
            levels.invert();
            account.made.push("inverted".to_owned());
        }
        Ok(levels)
    }

    fn scaled(self, white: f32) -> Levels {
        fn over<T: Copy + Into<f32>>(numbers: &[T], white: f32) -> Levels {
            Levels::Reals(numbers.iter().map(|&number| number.into() / white).collect())
        }
        match self {
            Self::Bytes(bytes) if white == 255.0 => Levels::Bytes(bytes),
            Self::Bytes(bytes) if white == 1.0 => {
                Levels::Bytes(bytes.iter().map(|byte| byte * 255).collect())
            }
            Self::Words(words) if white == 65535.0 => Levels::Bytes(
                words.iter().map(|&word| ((u32::from(word) + 128) / 257) as u8).collect(),
            ),
            Self::Whole(numbers) if white == 255.0 || white == 1.0 => {
                let factor = 255.0 / white;
                Levels::Bytes(numbers.iter().map(|number| (number * factor) as u8).collect())
            }
            Self::Masks(bytes) if white == 1.0 => Levels::Bytes(bytes),
            Self::Masks(bytes) => over(&bytes, 255.0 * white),
            Self::Bytes(bytes) => over(&bytes, white),
            Self::Words(words) => over(&words, white),
            Self::Whole(numbers) | Self::Reals(numbers) => over(&numbers, white),
        }
    }
}

/// Suggests how to map numbers from `least` to `most` to the range from 0 to `white`.
fn remedy(least: f32, most: f32, white: f32, is_given: bool) -> String {
    match (least, most) {
        (least, most) if (-1.0..0.0).contains(&least) && most <= 1.0 => {
            "x / 2 + 0.5, which maps [-1, 1] to [0, 1]".to_owned()
        }
        (least, _) if least < 0.0 => "x - x.min(), which has no number below 0".to_owned(),
        (_, most) if most <= white + white * ROUNDING => format!("numpy.clip(x, 0, {white})"),
        (_, most) if is_given => format!("white = {most}, the largest number"),
        (_, most) if most <= 255.0 => "white = 255, if 255 is white".to_owned(),
        (_, most) => {
            format!("white = {most}, the largest number, or the number that is white in the format")
        }
    }
}
