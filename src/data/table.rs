//! Images as lines of numbers: `.csv` as Kaggle has MNIST, scikit-learn its digits, or pandas
//! writes; with tabs or semicolons; with blanks as `numpy.savetxt` writes; and `.amat`, as
//! Larochelle and Murray have MNIST statically binarised ("The Neural Autoregressive Distribution
//! Estimator", 2011).

use super::cells::Cells;
use super::matrix::FILE;
use super::numbers::Numbers;
use super::open::Opened;
use super::reading::{Account, LabelColumn, Wanted, unclear};
use super::{CLASSES, Dataset, Labels, Size, size_of};
use crate::memory::Bytes;
use crate::{Error, Matrix, Result};
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;
use tracing::info;

/// The maximum number of bytes in a row, so that no row fills the memory before it is checked.
const LONGEST: usize = 8 << 20;

/// Header names of the column of labels.
const LABELS: [&str; 8] =
    ["label", "labels", "class", "classes", "target", "targets", "y", "category"];

/// Header names of the column that numbers the rows; pandas leaves it without a name.
const INDICES: [&str; 4] = ["", "index", "unnamed: 0", "id"];

/// Reads a table with one image per line.
pub(super) fn read(mut file: Opened, wanted: Wanted, account: &mut Account) -> Result<Dataset> {
    let path = file.path.clone();
    let is_amat = file.ending == "amat";
    let separator = if is_amat { b' ' } else { separator(&file.start(LONGEST)?) };
    let Lines { mut cells, line, mut first } = Lines::read(&mut file, separator)?;
    let name = match separator {
        b' ' => "blanks",
        b'\t' => "tabs",
        b';' => "semicolons",
        _ => "commas",
    };
    let has_header = wanted
        .reading
        .header
        .unwrap_or_else(|| cells.has_header(&first) || cells.has_doubled_names(&first));
    if !has_header {
        cells.insert_first(&path, line, &std::mem::take(&mut first))?;
    }
    let rows = cells.lines.len();
    if rows == 0 {
        let found = "only a header";
        let remedy = "header = false, if it is an image";
        return Err(unclear(&path, "one line per image", found, remedy));
    }
    let header = if has_header { "a header" } else { "no header" };
    account
        .found
        .push(format!("{rows} rows of {} columns between {name}, {header}", cells.columns));
    account.reading.header = Some(has_header);
    let table = Table { path: &path, cells, header: first, wanted, is_amat };
    table.images(account)
}

/// Reads a table of numbers. Skips a header, and a first column that it names as an index or as row
/// names; logs both.
pub(super) fn read_numbers(path: &Path, header: Option<bool>) -> Result<Matrix> {
    let mut file = Opened::new(path)?;
    let separator = separator(&file.start(LONGEST)?);
    let Lines { mut cells, line, mut first } = Lines::read(&mut file, separator)?;
    if header.is_none() && cells.may_have_header(&first) {
        let remedy = "header = true or header = false";
        return Err(unclear(path, "numbers", "a first line that may count the columns", remedy));
    }
    let has_names = |header: &[String]| header.first().is_some_and(|name| name == FILE);
    // A single row of numbers is no header.
    let is_header = has_names(&first) || !cells.lines.is_empty() && cells.has_header(&first);
    if header.unwrap_or(is_header) {
        info!("{}: the first line is a header", path.display());
    } else {
        cells.insert_first(path, line, &std::mem::take(&mut first))?;
    }
    let has_index = first.first().is_some_and(|name| names_index(name)) && cells.counts_rows(0);
    let skipped = usize::from(has_names(&first) || has_index);
    if skipped > 0 {
        info!("{}: column 1 names the rows and is left out", path.display());
    }
    if cells.lines.is_empty() || cells.columns == skipped {
        return Err(Error::file(path, "a row of numbers", "none"));
    }
    cells.check_words(path, |column| column >= skipped)?;
    if let Some(at) = cells.numbers.iter().position(|number| number.is_infinite()) {
        let (row, column) = (cells.lines[at / cells.columns], at % cells.columns + 1);
        let expected = format!("a finite number in row {row}, column {column}");
        return Err(Error::file(path, expected, cells.numbers[at]));
    }
    let rows = cells.numbers.chunks_exact(cells.columns).map(|row| &row[skipped..]);
    Matrix::new(cells.lines.len(), cells.columns - skipped, rows.flatten().copied().collect())
}

/// A table, its first line separate.
struct Lines {
    cells: Cells,
    /// The number and the cells of the first line.
    line: u64,
    first: Vec<String>,
}

impl Lines {
    fn read(file: &mut Opened, separator: u8) -> Result<Self> {
        let path = file.path.clone();
        let mut cells = Cells::new(separator);
        let mut first: Option<(u64, Vec<String>)> = None;
        rows(file, separator, |line, row| match &first {
            None => {
                first = Some((line, row.iter().map(|&cell| cell.to_owned()).collect()));
                Ok(())
            }
            Some((_, first)) => cells.push(&path, first.len(), line, row),
        })?;
        let Some((line, first)) = first else {
            return Err(Error::file(&path, "a row of numbers", "no line"));
        };
        cells.columns = first.len();
        Ok(Self { cells, line, first })
    }
}

/// Refuses rows whose last columns look like one-hot labels behind the pixels of a square image;
/// `pixels` counts both.
fn check_one_hot(path: &Path, cells: &Cells, pixels: usize) -> Result<()> {
    if Size::square(pixels).is_some() {
        return Ok(());
    }
    let is_rest = |classes: &usize| Size::square(pixels - classes).is_some();
    let mut possible = (2..pixels.min(usize::from(CLASSES))).filter(is_rest);
    let Some(classes) = possible.find(|&classes| cells.are_one_hot(classes)) else {
        return Ok(());
    };
    let found = format!("a 1 in one of the last {classes} of each row, as in labels");
    let remedy = format!("a table without them, or size = 1x{pixels} if they are pixels");
    Err(unclear(path, "columns of pixels", found, remedy))
}

/// Whether a header name is usual for a column that numbers the rows.
fn names_index(name: &str) -> bool {
    INDICES.contains(&name.to_lowercase().as_str())
}

/// The separator of a table with these first bytes: that of its first line that is no comment.
fn separator(start: &[u8]) -> u8 {
    let lines = start.split(|&byte| byte == b'\n');
    let line = lines.map(<[u8]>::trim_ascii).find(|line| !line.is_empty() && line[0] != b'#');
    let line = line.unwrap_or_default();
    let has = |separator: &u8| line.contains(separator);
    [b'\t', b';', b','].into_iter().find(has).unwrap_or(b' ')
}

/// Calls `each` with the number and the cells of every row.
fn rows(
    file: &mut Opened,
    separator: u8,
    mut each: impl FnMut(u64, &[&str]) -> Result<()>,
) -> Result<()> {
    let (path, action) = (file.path.clone(), file.action);
    let failed = |error| Error::io(&path, action)(error);
    if separator == b' ' {
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let longest = LONGEST as u64 + 1;
            file.reader().take(longest).read_until(b'\n', &mut bytes).map_err(failed)?;
            if bytes.is_empty() {
                break;
            }
            check_length(bytes.len()).map_err(failed)?;
            let text = String::from_utf8_lossy(&bytes);
            let cells: Vec<_> = text.trim_start_matches('\u{feff}').split_whitespace().collect();
            if cells.first().is_some_and(|cell| !cell.starts_with('#')) {
                each(number, &cells)?;
            }
        }
        return Ok(());
    }
    let read = Rc::new(Cell::new(0));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(separator)
        .from_reader(Counted { reader: file.reader(), read: Rc::clone(&read) });
    let mut record = csv::ByteRecord::new();
    let wrong = |error: csv::Error| {
        let message = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => failed(error),
            _ => Error::file(&path, "a table", message),
        }
    };
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        read.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        each(line, &cells.iter().map(|cell| cell.as_ref()).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Refuses a row if `bytes` exceeds [`LONGEST`].
fn check_length(bytes: usize) -> io::Result<()> {
    if bytes <= LONGEST {
        return Ok(());
    }
    Err(io::Error::other(format!("a row of more than {}", Bytes(LONGEST as u64))))
}

/// A reader that counts the bytes of a row.
struct Counted<'a> {
    reader: &'a mut dyn BufRead,
    read: Rc<Cell<usize>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.set(self.read.get() + count);
        check_length(self.read.get()).map(|()| count)
    }
}

/// Cells with their header and settings.
struct Table<'a> {
    path: &'a Path,
    cells: Cells,
    /// Empty if there is none.
    header: Vec<String>,
    wanted: Wanted<'a>,
    is_amat: bool,
}

impl Table<'_> {
    /// Separates the index and the labels, and makes images of the rest.
    fn images(mut self, account: &mut Account) -> Result<Dataset> {
        let index = self.index();
        let label = self.label(index)?;
        let named = |column: usize| match self.header.get(column) {
            Some(name) if !name.is_empty() => format!("column {} ({name})", column + 1),
            _ => format!("column {}", column + 1),
        };
        if let Some(index) = index {
            account.made.push(format!("{} numbers the rows and is left out", named(index)));
        }
        match label {
            Some(label) => account.made.push(format!("{} is the label", named(label))),
            None => account.made.push("no labels".to_owned()),
        }
        account.reading.label_column =
            Some(label.map_or(LabelColumn::None, |label| LabelColumn::Number(label + 1)));
        let labels = label.map(|label| self.labels(label)).transpose()?.flatten();
        let is_pixel = |column: usize| Some(column) != index && Some(column) != label;
        let Self { path, cells, wanted, .. } = &mut self;
        let pixels: Vec<usize> = (0..cells.columns).filter(|&column| is_pixel(column)).collect();
        cells.check_words(path, is_pixel)?;
        if label.is_none() && wanted.size.is_none() {
            check_one_hot(path, cells, pixels.len())?;
        }
        let columns = cells.columns;
        let mut column = 0;
        cells.numbers.retain(|_| {
            let stays = is_pixel(column);
            column = (column + 1) % columns;
            stays
        });
        let size = size_of(path, pixels.len(), wanted.size)?;
        let numbers = Numbers::of(std::mem::take(&mut cells.numbers));
        let place = |at: usize| {
            let (row, column) = (at / pixels.len(), pixels[at % pixels.len()]);
            format!("row {}, column {}", cells.lines[row], column + 1)
        };
        let levels = numbers.levels(path, *wanted, place, account)?;
        Ok(Dataset { labels, ..Dataset::of_file(levels, size) })
    }

    /// The column that numbers the rows.
    fn index(&self) -> Option<usize> {
        let name = self.header.first();
        let is_named = name.is_some_and(|name| names_index(name));
        let is_other = name.is_some_and(|name| !name.is_empty() && name.parse::<f32>().is_err());
        let may_be = is_named || !is_other && self.cells.columns > 2;
        let is_wanted = match self.wanted.reading.label_column {
            Some(LabelColumn::Number(1)) => true,
            Some(LabelColumn::Name(ref name)) => self.header.first() == Some(name),
            _ => false,
        };
        (!is_wanted && may_be && self.cells.counts_rows(0)).then_some(0)
    }

    /// The column of the labels.
    fn label(&self, index: Option<usize>) -> Result<Option<usize>> {
        let last = self.cells.columns - 1;
        let first = index.map_or(0, |index| index + 1);
        let setting =
            |found: String, remedy: &str| unclear(self.path, "the label column", found, remedy);
        match &self.wanted.reading.label_column {
            Some(LabelColumn::None) => return Ok(None),
            Some(LabelColumn::First) => return Ok(Some(first)),
            Some(LabelColumn::Last) => return Ok(Some(last)),
            Some(LabelColumn::Number(number)) if *number <= last + 1 => {
                return Ok(Some(number - 1));
            }
            Some(LabelColumn::Number(number)) => {
                let found = format!("{} columns, none of them {number}", last + 1);
                return Err(setting(found, "label_column = none, first, last, a number or a name"));
            }
            Some(LabelColumn::Name(name)) => {
                let at = self.header.iter().position(|column| column == name);
                let found = match &self.header[..] {
                    [] => "no header".to_owned(),
                    [first, ..] => {
                        format!("none called {name} among {first} … {}", self.header[last])
                    }
                };
                let remedy = "label_column = none, first, last or a number";
                return at.map(Some).ok_or_else(|| setting(found, remedy));
            }
            None => {}
        }
        let is_label = |name: &String| LABELS.contains(&name.to_lowercase().as_str());
        let named: Vec<usize> =
            (0..self.header.len()).filter(|&column| is_label(&self.header[column])).collect();
        match named[..] {
            [column] => return Ok(Some(column)),
            [] => {}
            [one, other, ..] => {
                return Err(self.two_readings(one, other));
            }
        }
        // A column of words can only be labels.
        if let Some(&column) = self.cells.words.keys().find(|&&column| {
            (column == first || column == last) && self.cells.likeness(column) == 2
        }) {
            return Ok(Some(column));
        }
        let rest = self.cells.columns - first;
        let is_image = |cells: usize| match self.wanted.size {
            Some(size) => size.pixels() == cells,
            None => cells > 0 && Size::square(cells).is_some(),
        };
        if is_image(rest) || !is_image(rest - 1) || !self.header.is_empty() && !self.is_counted() {
            return Ok(None);
        }
        if self.is_amat {
            return Ok(Some(last));
        }
        match self.cells.likeness(first).cmp(&self.cells.likeness(last)) {
            std::cmp::Ordering::Greater => Ok(Some(first)),
            std::cmp::Ordering::Less => Ok(Some(last)),
            std::cmp::Ordering::Equal => Err(self.two_readings(first, last)),
        }
    }

    /// Whether the header's names are numbers, which carry no information.
    fn is_counted(&self) -> bool {
        self.header.iter().all(|name| name.is_empty() || name.parse::<f32>().is_ok())
    }

    fn two_readings(&self, one: usize, other: usize) -> Error {
        let [one, other] = [one + 1, other + 1];
        let found = format!("two possible columns: {one} and {other}");
        let remedy = format!("label_column = {one}, label_column = {other} or label_column = none");
        unclear(self.path, "one column of labels", found, remedy)
    }

    /// The labels of a column: names, or whole numbers in any notation. Returns none if there are
    /// too many to count: models need no labels.
    fn labels(&self, column: usize) -> Result<Option<Labels>> {
        let words = self.cells.words.get(&column);
        let name = |(row, number): (usize, f32)| match words.and_then(|words| words.get(&row)) {
            Some(word) => word.clone(),
            None => number.to_string(),
        };
        Ok(Labels::named(self.cells.column(column).enumerate().map(name)))
    }
}
