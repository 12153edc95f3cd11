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

    /// Creates rows of `count` numbers: 1 in the column of the row's class, else 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if a class is not below `count`.
    pub fn one_hot(classes: &[usize], count: usize) -> Result<Self> {
        if let Some(wrong) = classes.iter().find(|&&class| class >= count) {
            let expected = format!("classes below {count}");
            return Err(Error::Shape { op: "one_hot", expected, found: wrong.to_string() });
        }
        let row =
            |&class: &usize| (0..count).map(move |column| f32::from(u8::from(column == class)));
        Self::new(classes.len(), count, classes.iter().flat_map(row).collect())
    }

    /// Returns the rows of this matrix `[rows, a]`, each followed by that of another one `[rows, b]`:
    /// `[rows, a + b]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrices have different numbers of rows.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        if self.rows != other.rows {
            let (expected, found) = (format!("{} rows", self.rows), other.rows.to_string());
            return Err(Error::Shape { op: "beside", expected, found });
        }
        let row = |index: usize| [self.row(index), other.row(index)].concat();
        let values = (0..self.rows).flat_map(row).collect();
        Self::new(self.rows, self.columns + other.columns, values)
    }

    /// Splits the columns, the reverse of [`beside`](Self::beside): `[rows, left]` and `[rows, columns
    /// − left]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are fewer than `left` columns.
    pub fn split(&self, left: usize) -> Result<(Self, Self)> {
        let Some(right) = self.columns.checked_sub(left) else {
            let (expected, found) = (format!("at least {left} columns"), self.columns.to_string());
            return Err(Error::Shape { op: "split", expected, found });
        };
        let part = |range: std::ops::Range<usize>| {
            (0..self.rows).flat_map(|index| self.row(index)[range.clone()].to_vec()).collect()
        };
        let one = Self::new(self.rows, left, part(0..left))?;
        Ok((one, Self::new(self.rows, right, part(left..self.columns))?))
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
