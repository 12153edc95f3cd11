//! How files become numbers: the settings, and a report of what was found and how it was
//! interpreted.

use super::Size;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt::{Display, Formatter};
use std::path::Path;
use std::str::FromStr;

/// How to read files that can be read in several ways. Missing settings are derived from the file;
/// if that is ambiguous, the file is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// The column of a table that has the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<LabelColumn>,
    /// Whether the first line of a table has the names of its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The number that means white, or 1 for a model; black is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub white: Option<f32>,
    /// Whether white and black are swapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// The grey level behind transparent pixels of a picture, from 0, black, to 255, white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<u8>,
    /// The name of the images' array in a `.npz` file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
}

impl Reading {
    /// Fills the missing settings of `self` from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            label_column: self.label_column.or(other.label_column),
            header: self.header.or(other.header),
            white: self.white.or(other.white),
            invert: self.invert.or(other.invert),
            background: self.background.or(other.background),
            array: self.array.or(other.array),
        }
    }

    /// Checks the settings that can be checked without a file.
    ///
    /// # Errors
    /// [`Error::Setting`] if `white` is not a finite number above 0.
    pub fn check(&self) -> Result<()> {
        match self.white {
            Some(white) if !(white > 0.0 && white.is_finite()) => Err(Error::Setting {
                setting: "white",
                expected: "a number above 0".to_owned(),
                found: white.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// A column of a table; as text: `none`, `first`, `last`, a number from 1 on, or the column's name
/// in the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum LabelColumn {
    /// No labels.
    None,
    /// The first column, not counting an index.
    First,
    /// The last column.
    Last,
    /// The column of this number, counted from 1.
    Number(usize),
    /// The column of this name.
    Name(String),
}

impl FromStr for LabelColumn {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(match (text, text.parse()) {
            ("none", _) => Self::None,
            ("first", _) => Self::First,
            ("last", _) => Self::Last,
            (_, Ok(number)) if number > 0 => Self::Number(number),
            _ => Self::Name(text.to_owned()),
        })
    }
}

impl Display for LabelColumn {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::First => f.write_str("first"),
            Self::Last => f.write_str("last"),
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<String> for LabelColumn {
    fn from(text: String) -> Self {
        let Ok(column) = text.parse();
        column
    }
}

impl From<LabelColumn> for String {
    fn from(column: LabelColumn) -> Self {
        column.to_string()
    }
}

/// A report of what was found in files and how it was interpreted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The findings: `csv, 1797 rows of 65 columns, no header`.
    pub found: Vec<String>,
    /// The interpretation: `column 65 is the label`, `white is 255`.
    pub made: Vec<String>,
    /// Longer findings, one line each, of interest only if something seems wrong.
    pub details: Vec<String>,
    /// The smallest and the largest number.
    pub range: Option<(f32, f32)>,
    /// The settings that read the same files the same way again.
    pub reading: Reading,
}

/// The requested size and settings of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) size: Option<Size>,
    pub(super) reading: &'a Reading,
}

/// Creates an error about a file that a setting or a conversion would make readable.
pub(super) fn unclear(
    path: &Path,
    expected: impl Display,
    found: impl Display,
    remedy: impl Display,
) -> Error {
    let [expected, found, remedy] = [expected.to_string(), found.to_string(), remedy.to_string()];
    Error::Data { path: path.to_owned(), expected, found, remedy }
}
