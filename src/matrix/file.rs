//! Matrices in files, by the file's ending: `.npy`, or `.csv` with a line a row and no header. What is
//! read is not trusted.

use super::{Matrix, npy};
use crate::{Action, Error, Result};
use std::io;
use std::path::Path;

/// The file's kinds.
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
    /// Checks that [`write`](Self::write) knows the ending of a file, before what is to be written
    /// has been computed.
    ///
    /// # Errors
    /// [`Error::File`] if it does not.
    pub fn check_ending(path: &Path) -> Result<()> {
        Format::of(path).map(|_| ())
    }

    /// Writes the numbers to a `.npy` file as f32 `[rows, columns]`, or to a `.csv` file.
    ///
    /// # Errors
    /// [`Error::File`] if the name has another ending, [`Error::Io`] if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = match Format::of(path)? {
            Format::Npy => Ok(npy::write(self.rows, self.columns, &self.values)),
            Format::Csv => self.csv(),
        };
        crate::file::replace(path, &bytes.map_err(Error::io(path, Action::Write))?)
    }

    fn csv(&self) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in 0..self.rows {
            // The shortest text that reads back as the same number.
            writer.write_record(self.row(row).iter().map(f32::to_string))?;
        }
        writer.into_inner().map_err(|error| error.into_error())
    }

    /// Reads finite numbers: a `.npy` file of f32 or f64 `[rows, columns]`, or a `.csv` file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::File`] if it is something else, with the row and
    /// column of a wrong number, counted from 1.
    pub fn read(path: &Path) -> Result<Self> {
        let format = Format::of(path)?;
        let bytes = std::fs::read(path).map_err(Error::io(path, Action::Read))?;
        let matrix = match format {
            Format::Npy => read_npy(path, &bytes)?,
            Format::Csv => read_csv(path, &bytes)?,
        };
        match matrix.values.iter().position(|value| !value.is_finite()) {
            Some(at) => {
                let (row, column) = (at / matrix.columns + 1, at % matrix.columns + 1);
                let expected = format!("a finite number in row {row}, column {column}");
                Err(Error::file(path, expected, matrix.values[at]))
            }
            None => Ok(matrix),
        }
    }
}

fn read_npy(path: &Path, bytes: &[u8]) -> Result<Matrix> {
    let array = npy::read(bytes).map_err(|(expected, found)| Error::file(path, expected, found))?;
    let &[rows, columns] = array.sizes.as_slice() else {
        return Err(Error::file(path, "an array of [rows, columns]", format!("{:?}", array.sizes)));
    };
    let expected = "numbers of type float32 (<f4) or float64 (<f8)";
    Matrix::new(
        rows,
        columns,
        array.reals().ok_or_else(|| Error::file(path, expected, array.kind))?,
    )
}

fn read_csv(path: &Path, bytes: &[u8]) -> Result<Matrix> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut values, mut columns, mut rows) = (Vec::new(), 0, 0);
    for record in reader.records() {
        let record = record.map_err(|error| Error::file(path, "a .csv file", error))?;
        rows += 1;
        if rows == 1 {
            columns = record.len();
        }
        if record.len() != columns {
            let expected = format!("{columns} numbers in row {rows}, as in the first");
            return Err(Error::file(path, expected, record.len()));
        }
        for (column, cell) in record.iter().enumerate() {
            let number = cell.trim().parse::<f32>().map_err(|_| {
                let expected = format!("a number in row {rows}, column {}", column + 1);
                Error::file(path, expected, format!("{cell:?}"))
            });
            values.push(number?);
        }
    }
    Matrix::new(rows, columns, values)
}
