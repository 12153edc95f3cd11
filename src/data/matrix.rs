//! Matrices in files, by the file extension: `.npy`, or `.csv` with one line per row, which may
//! have a header. Files are not trusted.

use super::table::read_numbers;
use crate::matrix::npy;
use crate::{Action, Error, Matrix, Result};
use std::io;
use std::path::Path;

/// Header of the column of row names.
pub(super) const FILE: &str = "file";

/// The kinds of files.
#[derive(Clone, Copy)]
enum Format {
    Npy,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Csv),
            _ => Err(Error::file(path, "a name that ends with .npy or .csv", "another")),
        }
    }
}

impl Matrix {
    /// Checks that [`write`](Self::write) supports the extension of a file, before the content is
    /// computed.
    ///
    /// # Errors
    /// [`Error::File`] if it does not.
    pub fn check_ending(path: &Path) -> Result<()> {
        Format::of(path).map(|_| ())
    }

    /// Writes the numbers to a `.npy` file as f32 `[rows, columns]`, or to a `.csv` file.
    ///
    /// # Errors
    /// [`Error::File`] if the name has another extension, [`Error::Io`] if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_as(path, None)
    }

    /// Like [`write`](Self::write), but a `.csv` file has a header and a first column with the row names.
    ///
    /// # Errors
    /// Like [`write`](Self::write).
    ///
    /// # Panics
    /// If there are fewer names than rows.
    pub fn write_named(&self, path: &Path, names: &[String]) -> Result<()> {
        self.write_as(path, Some(names))
    }

    fn write_as(&self, path: &Path, names: Option<&[String]>) -> Result<()> {
        let bytes = match Format::of(path)? {
            Format::Npy => Ok(npy::write(self.rows(), self.columns(), self.values())),
            Format::Csv => self.csv(names),
        };
        crate::file::replace(path, &bytes.map_err(Error::io(path, Action::Write))?)
    }

    fn csv(&self, names: Option<&[String]>) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if names.is_some() {
            let columns = (0..self.columns()).map(|column| column.to_string());
            writer.write_record([FILE.to_owned()].into_iter().chain(columns))?;
        }
        for row in 0..self.rows() {
            // The shortest text that reads back as the same number; in the first row with a decimal
            // point, so that the row does not look like a header of names that count up.
            let is_first = row == 0 && names.is_none();
            let text = |number: &f32| {
                if is_first { format!("{number:?}") } else { number.to_string() }
            };
            let numbers = self.row(row).iter().map(text);
            let name = names.map(|names| names[row].clone());
            writer.write_record(name.into_iter().chain(numbers))?;
        }
        writer.into_inner().map_err(|error| error.into_error())
    }

    /// Reads finite numbers: a `.npy` file of f32 or f64 `[rows, columns]`, or a `.csv` file, with
    /// or without a header, whose first column is skipped if its header names it as an index or as
    /// row names.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] if its content is invalid, with
    /// the row and column of a wrong number, counted from 1; [`Error::Data`] if the first line may
    /// be a header.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_as(path, None)
    }

    /// Like [`read`](Self::read); `header` says whether a table has a header.
    ///
    /// # Errors
    /// Like [`read`](Self::read).
    pub fn read_as(path: &Path, header: Option<bool>) -> Result<Self> {
        match Format::of(path)? {
            Format::Npy => {
                read_npy(path, &std::fs::read(path).map_err(Error::io(path, Action::Read))?)
            }
            Format::Csv => read_numbers(path, header),
        }
    }
}

fn read_npy(path: &Path, bytes: &[u8]) -> Result<Matrix> {
    let array = npy::read(bytes).map_err(|(expected, found)| Error::file(path, expected, found))?;
    let &[rows, columns] = array.sizes.as_slice() else {
        return Err(Error::file(path, "an array of [rows, columns]", format!("{:?}", array.sizes)));
    };
    let expected = "numbers of type float32 (<f4) or float64 (<f8)";
    let values = array.reals().ok_or_else(|| Error::file(path, expected, array.kind))?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let (row, column) = (at / columns + 1, at % columns + 1);
        let expected = format!("a finite number in row {row}, column {column}");
        return Err(Error::file(path, expected, values[at]));
    }
    Matrix::new(rows, columns, values)
}
