//! The cells of a table, and tests of the kind of each column.

use super::open::room;
use crate::memory::Bytes;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The minimum number of names that count up: fewer may be numbers.
const COUNTED: usize = 3;

/// Cells of every row as numbers where possible, index and labels included.
pub(super) struct Cells {
    pub(super) columns: usize,
    /// Row by row; NaN in place of a word.
    pub(super) numbers: Vec<f32>,
    /// Words by column and row.
    pub(super) words: BTreeMap<usize, BTreeMap<usize, String>>,
    /// The line of each row, from 1.
    pub(super) lines: Vec<u64>,
    /// Bytes held, and their limit.
    held: usize,
    room: u64,
    /// The decimal separator.
    point: char,
}

impl Cells {
    pub(super) fn new(separator: u8) -> Self {
        // If the decimal separator is a comma, the separator between numbers is a semicolon.
        let point = if separator == b';' { ',' } else { '.' };
        let (numbers, words, lines) = Default::default();
        Self { columns: 0, numbers, words, lines, held: 0, room: room(), point }
    }

    fn number(&self, cell: &str) -> Option<f32> {
        if self.point == ',' && cell.contains(',') {
            return cell.replace(',', ".").parse().ok();
        }
        cell.parse().ok()
    }

    /// Appends a row, which must have `columns` cells.
    pub(super) fn push(
        &mut self,
        path: &Path,
        columns: usize,
        line: u64,
        row: &[&str],
    ) -> Result<()> {
        if row.len() != columns {
            let expected = format!("{columns} cells in row {line}, as in the first");
            return Err(Error::file(path, expected, row.len()));
        }
        let place = self.lines.len();
        for (column, &cell) in row.iter().enumerate() {
            let number = self.number(cell).filter(|number| !number.is_nan());
            if number.is_none() {
                self.words.entry(column).or_default().insert(place, cell.to_owned());
                self.held += cell.len() + size_of::<(usize, String)>();
            }
            self.numbers.push(number.unwrap_or(f32::NAN));
        }
        self.lines.push(line);
        self.held += row.len() * size_of::<f32>() + size_of::<u64>();
        if self.held as u64 <= self.room {
            return Ok(());
        }
        let room = Bytes(self.room);
        let expected = format!("at most {room} of numbers, half of the memory available");
        Err(Error::file(path, expected, "more"))
    }

    /// Inserts a first line that is no header before the other rows.
    pub(super) fn insert_first(&mut self, path: &Path, line: u64, row: &[String]) -> Result<()> {
        let before = self.numbers.len();
        for words in self.words.values_mut() {
            *words = std::mem::take(words).into_iter().map(|(row, word)| (row + 1, word)).collect();
        }
        let mut alone = Self::new(if self.point == ',' { b';' } else { b',' });
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        alone.push(path, row.len(), line, &row)?;
        self.numbers.extend(&alone.numbers);
        self.numbers.rotate_left(before);
        self.lines.insert(0, line);
        for (column, words) in alone.words {
            self.words.entry(column).or_default().extend(words);
        }
        Ok(())
    }

    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = f32> {
        self.numbers[column..].iter().step_by(self.columns).copied()
    }

    /// Whether a first row has the names of the columns: it has words where the rest of the column
    /// has none, or numbers that count up, which pandas writes for columns without names.
    pub(super) fn has_header(&self, first: &[String]) -> bool {
        let numbers: Vec<_> = first.iter().map(|cell| self.number(cell)).collect();
        let is_named = |column: usize| {
            numbers[column].is_none()
                && !first[column].is_empty()
                && !self.words.contains_key(&column)
        };
        let named = (0..first.len()).filter(|&column| is_named(column)).count();
        if named > 0 && (!self.lines.is_empty() || named == first.len()) {
            return true;
        }
        // An index or a label may precede the numbers that count up.
        let skipped = numbers.iter().take_while(|number| number.is_none()).count();
        let counted = numbers[skipped..].iter().take_while(|number| number.is_some()).count();
        let all_counted = counted + skipped + 1 >= first.len();
        all_counted && counted >= COUNTED && count_up(&first[skipped..][..counted])
    }

    /// Whether a first row has fractions above whole numbers, in a table of whole numbers: pandas
    /// writes these for duplicate names.
    pub(super) fn has_doubled_names(&self, first: &[String]) -> bool {
        let numbers: Vec<_> = first.iter().map(|cell| self.number(cell)).collect();
        let is_doubled = |column: usize| {
            numbers[column].is_some_and(|number| number.fract() != 0.0)
                && self.column(column).all(|number| number.fract() == 0.0)
        };
        self.lines.len() > 1
            && numbers.iter().all(Option::is_some)
            && self.words.is_empty()
            && self.numbers.iter().all(|number| number.fract() == 0.0)
            && (0..first.len()).any(is_doubled)
    }

    /// Whether a first row with fewer than [`COUNTED`] numbers may have the names of the columns:
    /// they count up, above fractions.
    pub(super) fn may_have_header(&self, first: &[String]) -> bool {
        first.len() < COUNTED
            && count_up(first)
            && !self.numbers.is_empty()
            && self.numbers.iter().all(|number| number.fract() != 0.0)
    }

    /// Checks that the selected columns contain no words.
    pub(super) fn check_words(&self, path: &Path, columns: impl Fn(usize) -> bool) -> Result<()> {
        let words = self.words.iter().filter(|(column, _)| columns(**column));
        let words = words
            .flat_map(|(column, words)| words.iter().map(move |(row, word)| (row, column, word)));
        let Some((&row, &column, word)) = words.min_by_key(|(row, column, _)| (**row, **column))
        else {
            return Ok(());
        };
        let expected = format!("a number in row {}, column {}", self.lines[row], column + 1);
        Err(Error::file(path, expected, if word.is_empty() { "nothing" } else { word }))
    }

    /// Whether a column counts the rows up from 0 or 1.
    pub(super) fn counts_rows(&self, column: usize) -> bool {
        let counts =
            |from: f32| (0..).zip(self.column(column)).all(|(row, n)| n == from + row as f32);
        self.lines.len() >= COUNTED && (counts(0.0) || counts(1.0))
    }

    /// Whether each row has a 1 in one of the last `classes` columns, and 0 in the others.
    pub(super) fn are_one_hot(&self, classes: usize) -> bool {
        self.numbers.chunks_exact(self.columns).all(|row| {
            let last = &row[row.len() - classes..];
            let ones = last.iter().filter(|&&number| number == 1.0).count();
            ones == 1 && last.iter().filter(|&&number| number == 0.0).count() == classes - 1
        })
    }

    /// How much a column looks like labels: 0 if it has one value or fractions, 2 if it has only
    /// words, or every whole number from 0 or 1 to the largest; else 1.
    pub(super) fn likeness(&self, column: usize) -> u8 {
        if let Some(words) = self.words.get(&column) {
            return if words.len() == self.lines.len() { 2 } else { 0 };
        }
        let mut values: Vec<f32> = self.column(column).collect();
        values.sort_by(f32::total_cmp);
        values.dedup();
        if values.len() < 2 || values.iter().any(|value| value.fract() != 0.0) {
            return 0;
        }
        let is_dense = |from: f32| (0..).zip(&values).all(|(i, &value)| value == from + i as f32);
        1 + u8::from(is_dense(0.0) || is_dense(1.0))
    }
}

/// Whether cells count up from 0 or 1, written without a decimal point, as names are.
fn count_up(cells: &[String]) -> bool {
    let counts = |from: usize| (from..).zip(cells).all(|(i, cell)| *cell == i.to_string());
    counts(0) || counts(1)
}
