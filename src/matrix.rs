//! Rows of numbers, the input and output of models.

mod element;
pub(crate) mod npy;

use crate::{Error, Result};
pub(crate) use element::Element;

/// Numbers `[rows, columns]`, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Creates a matrix.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not `rows * columns`.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Result<Self> {
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(Error::Shape {
                op: "matrix",
                expected: format!("{rows} rows of {columns} numbers"),
                found: format!("{} numbers", values.len()),
            });
        }
        Ok(Self { rows, columns, values })
    }

    /// Creates a matrix of equally long rows; `rows` is at least one.
    pub(crate) fn of_rows(rows: usize, values: Vec<f32>) -> Self {
        Self { rows, columns: values.len() / rows, values }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Converts the matrix to its numbers, row by row.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// A row.
    ///
    /// # Panics
    /// If `index` is not below [`rows`](Self::rows).
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..][..self.columns]
    }
}
