//! The size of an image.

use crate::Error;
use crate::graph::MOST_ELEMENTS;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Rows and columns, each at least 1; as text, `28x28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    rows: u32,
    columns: u32,
}

impl Size {
    /// Creates a size; none if there are no pixels, or too many to count.
    pub fn new(rows: usize, columns: usize) -> Option<Self> {
        let size = Self { rows: rows.try_into().ok()?, columns: columns.try_into().ok()? };
        (rows > 0 && columns > 0 && rows.checked_mul(columns).is_some()).then_some(size)
    }

    /// Guesses the size of images of `pixels` pixels: a square if possible, else one row.
    pub fn guess(pixels: usize) -> Option<Self> {
        Self::square(pixels).or_else(|| Self::new(1, pixels))
    }

    /// A square of `pixels` pixels, if that is possible.
    pub fn square(pixels: usize) -> Option<Self> {
        let side = pixels.isqrt();
        (side * side == pixels).then(|| Self::new(side, side))?
    }

    /// Checks that a tensor can hold an image of this size.
    ///
    /// # Errors
    /// [`Error::Setting`] if it has more pixels than [`MOST_ELEMENTS`].
    pub fn check(self) -> crate::Result<()> {
        if self.pixels() <= MOST_ELEMENTS {
            return Ok(());
        }
        let expected = format!("at most {MOST_ELEMENTS} pixels in all");
        Err(Error::Setting { setting: "size", expected, found: self.to_string() })
    }

    /// The height of an image in pixels.
    pub fn rows(self) -> usize {
        self.rows as usize
    }

    /// The width of a row in pixels.
    pub fn columns(self) -> usize {
        self.columns as usize
    }

    /// Rows times columns.
    pub fn pixels(self) -> usize {
        self.rows() * self.columns()
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        write!(f, "{}x{}", self.rows, self.columns)
    }
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = text.split_once('x').and_then(|(rows, columns)| {
            Self::new(rows.trim().parse().ok()?, columns.trim().parse().ok()?)
        });
        size.ok_or("expected ROWSxCOLUMNS, such as 28x28")
    }
}

impl TryFrom<String> for Size {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}
