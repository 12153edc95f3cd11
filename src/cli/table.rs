//! Tables and long lines within the width of a terminal. A table leaves out the columns that do not
//! fit, the least important first; in a file or a pipe it has all columns.

use super::shared::say;
use super::terminal::{HEAD, NOTE};
use crate::Result;
use anstyle::Style;
use terminal_size::{Width, terminal_size_of};

/// Blanks between two columns.
const GAP: usize = 2;

/// Replaces the rest of a cell that was cut.
const CUT: char = '…';

/// Whether a table has all of its columns.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct WideFlag {
    /// Show every column, also in a narrow terminal; files and pipes always get every column
    #[arg(long)]
    wide: bool,
}

impl WideFlag {
    /// Returns the width of standard output that tables have to fit; none if everything is shown.
    pub(super) fn width(self) -> Option<usize> {
        if self.wide { None } else { Output::Results.width() }
    }

    /// Whether everything is requested.
    pub(super) fn is_set(self) -> bool {
        self.wide
    }
}

/// Output of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    /// Standard output.
    Results,
    /// Stderr, if results are for programs to read.
    Notes,
}

impl Output {
    /// Returns the width: that of `COLUMNS`, else of the terminal; none if the output is not a
    /// terminal.
    pub(super) fn width(self) -> Option<usize> {
        let forced = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = match self {
            Self::Results => terminal_size_of(std::io::stdout()),
            Self::Notes => terminal_size_of(std::io::stderr()),
        };
        forced.or(terminal.map(|(Width(width), _)| width.into())).filter(|&width| width > 0)
    }

    fn say(self, line: &str) -> Result<()> {
        match self {
            Self::Results => return say(line),
            Self::Notes => anstream::eprintln!("{line}"),
        }
        Ok(())
    }
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.to_string(), style: Style::new() }
    }
}

impl Cell {
    pub(super) fn styled(text: impl ToString, style: Style) -> Self {
        Self { text: text.to_string(), style }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: &'static str,
    importance: u8,
    width: usize,
    is_number: bool,
    least: Option<usize>,
}

impl Column {
    /// Returns a left-aligned column of words; of columns that do not fit, the one with the highest
    /// `importance` is left out first, and 0 is always shown.
    pub(super) fn words(name: &'static str, importance: u8) -> Self {
        let width = name.chars().count();
        Self { name, importance, width, is_number: false, least: None }
    }

    /// Returns a right-aligned column of numbers.
    pub(super) fn numbers(name: &'static str, importance: u8) -> Self {
        Self { is_number: true, ..Self::words(name, importance) }
    }

    /// Sets the least width.
    pub(super) fn of(self, width: usize) -> Self {
        Self { width: self.width.max(width), ..self }
    }

    /// Allows cells to be cut to `least` characters.
    pub(super) fn cut_to(self, least: usize) -> Self {
        Self { least: Some(least), ..self }
    }

    fn least(&self) -> usize {
        self.least.map_or(self.width, |least| least.max(self.name.chars().count()).min(self.width))
    }
}

/// A table whose head is printed.
#[derive(Debug)]
pub(super) struct Table {
    /// The columns that are shown, each with the index of its cell.
    shown: Vec<(usize, Column)>,
    count: usize,
    is_cut: bool,
    output: Output,
}

impl Table {
    /// Prints the head of a table with as many of these columns as fit into `width`.
    pub(super) fn begin(columns: Vec<Column>, width: Option<usize>) -> Result<Self> {
        Self::begin_on(Output::Results, columns, width)
    }

    fn begin_on(output: Output, columns: Vec<Column>, width: Option<usize>) -> Result<Self> {
        let table = Self { output, ..Self::fit(columns, width) };
        let names = table.shown.iter().map(|(_, column)| Cell::styled(column.name, HEAD));
        output.say(&table.line(&names.collect::<Vec<_>>()))?;
        Ok(table)
    }

    /// Chooses the columns, and the widths of those that may be cut.
    fn fit(columns: Vec<Column>, width: Option<usize>) -> Self {
        let (count, output) = (columns.len(), Output::Results);
        let mut left: Vec<_> = columns.into_iter().enumerate().collect();
        let Some(width) = width else {
            return Self { shown: left, count, is_cut: false, output };
        };
        left.sort_by_key(|(_, column)| column.importance);
        let (mut shown, mut used) = (Vec::new(), 0);
        for (index, column) in left {
            let gap = if shown.is_empty() { 0 } else { GAP };
            if column.importance == 0 || used + gap + column.least() <= width {
                used += gap + column.least();
                shown.push((index, column));
            }
        }
        // Columns that may be cut share the rest of the width, the most important first.
        let mut is_cut = false;
        for (_, column) in &mut shown {
            let least = column.least();
            let given = (column.width - least).min(width.saturating_sub(used));
            is_cut |= least + given < column.width;
            column.width = least + given;
            used += given;
        }
        // Even those that are always shown may be too wide.
        if let Some((_, widest)) = shown.iter_mut().max_by_key(|(_, column)| column.width) {
            let excess = used.saturating_sub(width);
            is_cut |= excess > 0;
            widest.width = widest.width.saturating_sub(excess).max(1);
        }
        shown.sort_by_key(|&(index, _)| index);
        Self { shown, count, is_cut, output }
    }

    /// Prints a row: `cells` has a cell for every column, including those that are left out.
    pub(super) fn row(&self, cells: &[Cell]) -> Result<()> {
        let shown = self.shown.iter().filter_map(|&(index, _)| cells.get(index).cloned());
        self.output.say(&self.line(&shown.collect::<Vec<_>>()))
    }

    /// Returns the line of the shown cells.
    fn line(&self, cells: &[Cell]) -> String {
        let mut line = String::new();
        let last = cells.iter().rposition(|cell| !cell.text.is_empty());
        for (place, (Cell { text, style }, (_, column))) in
            cells.iter().zip(&self.shown).enumerate()
        {
            if last.is_none_or(|last| place > last) {
                break;
            }
            let text = cut(text, if self.is_cut { column.width } else { usize::MAX });
            let blanks = column.width.saturating_sub(text.chars().count());
            let (before, after) = if column.is_number { (blanks, 0) } else { (0, blanks) };
            let gap = if place == 0 { 0 } else { GAP };
            let after = if Some(place) == last { 0 } else { after };
            line += &" ".repeat(gap + before);
            if !text.is_empty() {
                line += &format!("{style}{text}{style:#}");
            }
            line += &" ".repeat(after);
        }
        line
    }

    /// Prints which columns are not shown.
    pub(super) fn end(&self) -> Result<()> {
        let said = match self.count - self.shown.len() {
            0 if self.is_cut => "long cells are cut: --wide".to_owned(),
            0 => return Ok(()),
            1 => "1 column is left out: --wide".to_owned(),
            left => format!("{left} columns are left out: --wide"),
        };
        self.output.say(&format!("{NOTE}{said}{NOTE:#}"))
    }
}

/// Prints a whole table; columns are as wide as their widest cell.
pub(super) fn print(columns: Vec<Column>, rows: &[Vec<Cell>], width: Option<usize>) -> Result<()> {
    print_on(Output::Results, columns, rows, width)
}

/// Like [`print`], on an output of that width.
pub(super) fn print_on(
    output: Output,
    mut columns: Vec<Column>,
    rows: &[Vec<Cell>],
    width: Option<usize>,
) -> Result<()> {
    for (index, column) in columns.iter_mut().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        column.width = column.width.max(widest);
    }
    let table = Table::begin_on(output, columns, width)?;
    rows.iter().try_for_each(|row| table.row(row))?;
    table.end()
}

/// Cuts a text to at most `width` characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain([CUT]).collect()
}

/// Prints a line of words, in several lines if the terminal is narrower; continuation lines begin
/// with `indent` blanks.
pub(super) fn say_words(text: &str, indent: usize) -> Result<()> {
    folded(text, indent, Output::Results.width()).iter().try_for_each(say)
}

fn folded(text: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let indent = " ".repeat(indent.min(width / 3));
    let mut lines = Vec::new();
    let mut line = String::new();
    for (place, word) in text.split(' ').enumerate() {
        let gap = usize::from(place > 0);
        let is_blank = line.trim().is_empty();
        if !is_blank && line.chars().count() + gap + word.chars().count() > width {
            lines.push(line.trim_end().to_owned());
            line = indent.clone() + word;
            continue;
        }
        if gap == 1 {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Table, cut, folded};

    fn columns() -> Vec<Column> {
        vec![
            Column::words("kernel", 0).of(10),
            Column::words("shape", 2).of(8),
            Column::numbers("ms", 1).of(6),
            Column::words("call", 3).of(40).cut_to(6),
        ]
    }

    fn row(width: Option<usize>) -> String {
        let cells = ["linear", "64x20", "1.25", "linear of much and more"].map(Cell::from);
        let table = Table::fit(columns(), width);
        let shown = table.shown.iter().map(|&(index, _)| cells[index].clone());
        table.line(&shown.collect::<Vec<_>>())
    }

    #[test]
    fn the_least_important_columns_are_left_out_first() {
        assert_eq!(row(None), "linear      64x20       1.25  linear of much and more");
        assert_eq!(row(Some(80)), row(None));
        assert_eq!(row(Some(40)), "linear      64x20       1.25  linear of…");
        assert_eq!(row(Some(35)), "linear      64x20       1.25");
        assert_eq!(row(Some(28)), "linear      64x20       1.25");
        assert_eq!(row(Some(27)), "linear        1.25  linear…");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 1..100 {
            assert!(row(Some(width)).chars().count() <= width, "{width}: {}", row(Some(width)));
        }
    }

    #[test]
    fn words_go_on_in_the_next_line() {
        let text = "memory    12 KiB of weights, 13 of data";
        assert_eq!(folded(text, 10, None), [text]);
        assert_eq!(
            folded(text, 10, Some(30)),
            ["memory    12 KiB of weights,", "          13 of data"]
        );
        assert_eq!(folded("     a b", 5, Some(7)), ["     a", "  b"]);
        assert_eq!(cut("four", 4), "four");
        assert_eq!(cut("letters", 4), "let…");
    }
}
