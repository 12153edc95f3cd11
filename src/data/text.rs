//! Images as lines of numbers: `.csv`, as Kaggle has MNIST, and `.amat`, as Larochelle and Murray
//! have it statically binarised ("The Neural Autoregressive Distribution Estimator", 2011).

use super::{CLASSES, Dataset, Labels, Levels, Size, idx, size_of};
use crate::{Error, Result};
use indicatif::HumanBytes;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// How numbers are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// Commas between them; a label comes first.
    Csv,
    /// Blanks between them; a label comes last.
    Amat,
}

/// The most bytes of a row, so that none fills the memory before it is looked at.
const LONGEST: usize = 8 << 20;

/// Reads a line an image.
pub(super) fn read(path: &Path, format: Format, size: Option<Size>) -> Result<Dataset> {
    let (reader, action) = idx::unzipped(path)?;
    let failed = |error| Error::io(path, action)(error);
    let mut table = Table::new(path, format, size);
    match format {
        Format::Csv => {
            let read = Rc::new(Cell::new(0));
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .trim(csv::Trim::All)
                .from_reader(Counted { reader, read: Rc::clone(&read) });
            let mut record = csv::StringRecord::new();
            let wrong = |error: csv::Error| {
                let message = error.to_string();
                match error.into_kind() {
                    csv::ErrorKind::Io(error) => failed(error),
                    _ => Error::file(path, "a .csv file", message),
                }
            };
            while reader.read_record(&mut record).map_err(wrong)? {
                read.set(0);
                let line = record.position().map_or(0, csv::Position::line);
                table.push(line, &record.iter().collect::<Vec<_>>())?;
            }
        }
        Format::Amat => {
            let mut reader = BufReader::new(reader);
            let mut bytes = Vec::new();
            for number in 1.. {
                bytes.clear();
                let longest = LONGEST as u64 + 1;
                reader.by_ref().take(longest).read_until(b'\n', &mut bytes).map_err(failed)?;
                if bytes.is_empty() {
                    break;
                }
                check_length(bytes.len()).map_err(failed)?;
                let wrong = |error| Error::file(path, format!("text in row {number}"), error);
                let text = str::from_utf8(&bytes).map_err(wrong)?;
                let cells: Vec<_> = text.split_whitespace().collect();
                if !cells.is_empty() {
                    table.push(number, &cells)?;
                }
            }
        }
    }
    table.finish()
}

/// Refuses a row of so many bytes if it is too long.
fn check_length(bytes: usize) -> io::Result<()> {
    if bytes <= LONGEST {
        return Ok(());
    }
    Err(io::Error::other(format!("a row of more than {}", HumanBytes(LONGEST as u64))))
}

/// Counts the bytes that a row was read from.
struct Counted {
    reader: Box<dyn Read>,
    read: Rc<Cell<usize>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.set(self.read.get() + count);
        check_length(self.read.get()).map(|()| count)
    }
}

/// What has been read of a file.
struct Table<'a> {
    path: &'a Path,
    format: Format,
    size: Option<Size>,
    /// Cells of a line, once the first has been seen.
    cells: usize,
    /// The column of the labels, from 0.
    label: Option<usize>,
    levels: Vec<f32>,
    labels: Vec<u16>,
    /// The line of each image, from 1.
    lines: Vec<u64>,
    /// Bytes that there may be of these.
    room: u64,
}

impl<'a> Table<'a> {
    fn new(path: &'a Path, format: Format, size: Option<Size>) -> Self {
        let (levels, labels, lines) = Default::default();
        let room = idx::room();
        Self { path, format, size, cells: 0, label: None, levels, labels, lines, room }
    }

    /// Takes a line of the file.
    fn push(&mut self, line: u64, cells: &[&str]) -> Result<()> {
        if self.cells == 0 {
            self.cells = cells.len();
            self.label = cells.iter().position(|name| is_label(name)).or(self.label_by_size());
            // A cell that is missing makes no header.
            if cells.iter().any(|cell| !cell.is_empty() && cell.parse::<f32>().is_err()) {
                return Ok(());
            }
        }
        if cells.len() != self.cells {
            let expected = format!("{} cells in row {line}, as in the first", self.cells);
            return Err(Error::file(self.path, expected, cells.len()));
        }
        for (column, cell) in cells.iter().enumerate() {
            if self.label == Some(column) {
                let label = cell.parse().ok().filter(|&label| label < CLASSES);
                let expected = || format!("a label below {CLASSES}");
                self.labels.push(label.ok_or_else(|| self.wrong(line, column, expected(), cell))?);
            } else {
                let level = cell.parse().ok().filter(|level: &f32| level.is_finite());
                let expected = || "a number".to_owned();
                self.levels.push(level.ok_or_else(|| self.wrong(line, column, expected(), cell))?);
            }
        }
        self.lines.push(line);
        let held =
            size_of_val(&*self.levels) + size_of_val(&*self.labels) + size_of_val(&*self.lines);
        if held as u64 <= self.room {
            return Ok(());
        }
        let numbers = HumanBytes(self.room);
        let expected = format!("at most {numbers} of numbers, half of the memory available");
        Err(Error::file(self.path, expected, "more"))
    }

    /// Where labels are if no header says so: there, where the other cells make an image and all do
    /// not.
    fn label_by_size(&self) -> Option<usize> {
        let is_image = |cells: usize| match self.size {
            Some(size) => size.pixels() == cells,
            None => cells > 0 && Size::square(cells).is_some(),
        };
        let place = match self.format {
            Format::Csv => 0,
            Format::Amat => self.cells - 1,
        };
        (!is_image(self.cells) && is_image(self.cells - 1)).then_some(place)
    }

    fn finish(self) -> Result<Dataset> {
        if self.lines.is_empty() {
            return Err(Error::file(self.path, "a line an image", "no line"));
        }
        let pixels = self.cells - usize::from(self.label.is_some());
        let size = size_of(self.path, pixels, self.size)?;
        let whole = self.levels.iter().all(|level| level.fract() == 0.0);
        let most = if whole { 255.0 } else { 1.0 };
        if let Some(at) = self.levels.iter().position(|level| !(0.0..=most).contains(level)) {
            let (image, column) = (at / pixels, at % pixels);
            let column = column + usize::from(self.label.is_some_and(|label| label <= column));
            let all = if whole { "" } else { ", since not all in the file are whole" };
            let expected = format!("a number from 0 to {most}{all},");
            return Err(self.wrong(
                self.lines[image],
                column,
                expected,
                &self.levels[at].to_string(),
            ));
        }
        let levels = if whole {
            Levels::of_bytes(self.levels.iter().map(|&level| level as u8).collect())
        } else {
            Levels::Reals(self.levels)
        };
        let labels = self.label.map(|_| Labels::numbered(self.labels));
        Ok(Dataset { levels, labels, size })
    }

    fn wrong(&self, line: u64, column: usize, expected: String, found: &str) -> Error {
        let found = if found.is_empty() { "nothing" } else { found };
        Error::file(self.path, format!("{expected} in row {line}, column {}", column + 1), found)
    }
}

/// Whether a header's name is that of the labels.
fn is_label(name: &str) -> bool {
    ["label", "labels", "class"].iter().any(|known| name.eq_ignore_ascii_case(known))
}
