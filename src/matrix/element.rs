//! Conversion of the number types in files to f32.

use half::f16;

/// The type of a number in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    kind: Kind,
    size: usize,
    is_big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Unsigned,
    Signed,
    Float,
    /// Types without a real number: text, times, complex numbers.
    Other,
}

impl Element {
    /// Parses NumPy's name of a type, such as `<f4`, or its letter, such as `f`. None if the type
    /// has no bytes.
    pub(crate) fn numpy(name: &str) -> Option<Self> {
        let is_big_endian = name.starts_with('>');
        let name = name.trim_start_matches(['<', '>', '|', '=']);
        let (kind, size) = match name {
            "?" => (Kind::Bool, 1),
            "b" => (Kind::Signed, 1),
            "B" => (Kind::Unsigned, 1),
            "h" => (Kind::Signed, 2),
            "H" => (Kind::Unsigned, 2),
            "i" => (Kind::Signed, 4),
            "I" => (Kind::Unsigned, 4),
            "l" | "q" => (Kind::Signed, 8),
            "L" | "Q" => (Kind::Unsigned, 8),
            "e" => (Kind::Float, 2),
            "f" => (Kind::Float, 4),
            "d" => (Kind::Float, 8),
            _ => {
                let kind = match name.chars().next()? {
                    'b' => Kind::Bool,
                    'u' => Kind::Unsigned,
                    'i' => Kind::Signed,
                    'f' => Kind::Float,
                    _ => Kind::Other,
                };
                (kind, name.get(1..)?.parse().ok()?)
            }
        };
        (size > 0).then_some(Self { kind, size, is_big_endian })
    }

    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// Whether numbers are bytes from 0 to 255, or bits stored in bytes.
    pub(crate) fn is_byte(self) -> bool {
        self.size == 1 && matches!(self.kind, Kind::Bool | Kind::Unsigned)
    }

    /// Whether numbers may have fractions.
    pub(crate) fn is_float(self) -> bool {
        self.kind == Kind::Float
    }

    /// Converts bytes to numbers; none if the type is not real.
    pub(crate) fn reals(self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match (self.kind, self.size) {
            (Kind::Bool | Kind::Unsigned, 1) => self.map(bytes, |[byte]| byte.into()),
            (Kind::Signed, 1) => self.map(bytes, |bytes| i8::from_le_bytes(bytes).into()),
            (Kind::Unsigned, 2) => self.map(bytes, |bytes| u16::from_le_bytes(bytes).into()),
            (Kind::Signed, 2) => self.map(bytes, |bytes| i16::from_le_bytes(bytes).into()),
            (Kind::Unsigned, 4) => self.map(bytes, |bytes| u32::from_le_bytes(bytes) as f32),
            (Kind::Signed, 4) => self.map(bytes, |bytes| i32::from_le_bytes(bytes) as f32),
            (Kind::Unsigned, 8) => self.map(bytes, |bytes| u64::from_le_bytes(bytes) as f32),
            (Kind::Signed, 8) => self.map(bytes, |bytes| i64::from_le_bytes(bytes) as f32),
            (Kind::Float, 2) => self.map(bytes, |bytes| f16::from_le_bytes(bytes).into()),
            (Kind::Float, 4) => self.map(bytes, f32::from_le_bytes),
            (Kind::Float, 8) => self.map(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            _ => return None,
        })
    }

    fn map<const SIZE: usize>(self, bytes: &[u8], number: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let elements = bytes.as_chunks().0.iter().copied();
        if self.is_big_endian {
            let turned = elements.map(|mut bytes: [u8; SIZE]| {
                bytes.reverse();
                bytes
            });
            return turned.map(number).collect();
        }
        elements.map(number).collect()
    }
}
