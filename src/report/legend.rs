//! The legend of a scatter plot: columns of samples and names.

use std::path::Path;

use super::axes::enlarged;
use super::mark::{MOST_MARKS, Mark};
use super::picture::{Area, Drawn, Picture, TEXT, text_width};
use crate::Result;

/// Distance between entries.
const ENTRY: u32 = 24;
/// The width of a sample, and the gap between it and the name.
const SAMPLE: u32 = 18;
const GAP: u32 = 8;
/// Gap between the widest name of a column and the next column.
const COLUMN_GAP: u32 = 24;

/// Samples and names of classes.
pub(super) struct Legend {
    /// The last entry may have only a name.
    entries: Vec<(Option<Mark>, String)>,
    /// Entries per column.
    per_column: usize,
    /// The width of each column in pixels.
    columns: Vec<u32>,
}

impl Legend {
    /// The legend of all classes, in columns up to `height` pixels high; of more than
    /// [`MOST_MARKS`] classes it lists that many, evenly spread, and their total number.
    pub(super) fn new(path: &Path, classes: &[String], height: u32) -> Result<Self> {
        let listed = classes.len().min(MOST_MARKS);
        let entry = |index: usize| {
            // All of them, or evenly spaced from the first to the last.
            let class = index * (classes.len() - 1) / (listed - 1).max(1);
            (Some(Mark::of(class, classes.len())), classes[class].clone())
        };
        let mut entries: Vec<_> = (0..listed).map(entry).collect();
        if listed < classes.len() {
            entries.push((None, format!("{} classes in all", classes.len())));
        }
        let per_column = (height / ENTRY).max(1) as usize;
        let mut columns = Vec::new();
        for column in entries.chunks(per_column) {
            let mut width = 0;
            for (_, name) in column {
                width = width.max(SAMPLE + GAP + text_width(path, name, TEXT)?);
            }
            columns.push(width);
        }
        Ok(Self { entries, per_column, columns })
    }

    /// The width in pixels.
    pub(super) fn width(&self) -> u32 {
        let gaps = self.columns.len().saturating_sub(1) as u32 * COLUMN_GAP;
        self.columns.iter().sum::<u32>() + gaps
    }

    /// Draws the samples; `corner` is the left and top of the legend in pixels of the picture.
    pub(super) fn draw_samples(&self, area: &Area, corner: (u32, u32)) -> Drawn {
        for (index, (mark, _)) in self.entries.iter().enumerate() {
            let (left, middle) = self.place(index, corner);
            if let Some(mark) = mark {
                let at = (enlarged(left + SAMPLE / 2), enlarged(middle));
                mark.draw(area, at, enlarged(5), 1.0)?;
            }
        }
        Ok(())
    }

    /// Writes the names.
    pub(super) fn write(&self, picture: &mut Picture, corner: (u32, u32)) -> Result<()> {
        let mut entries = self.entries.iter().enumerate();
        entries.try_for_each(|(index, (_, name))| {
            let (left, middle) = self.place(index, corner);
            picture.write(name, TEXT, left + SAMPLE + GAP, middle)
        })
    }

    /// The left edge of an entry and its middle.
    fn place(&self, index: usize, corner: (u32, u32)) -> (u32, u32) {
        let (column, row) = (index / self.per_column, index % self.per_column);
        let before: u32 = self.columns[..column].iter().map(|width| width + COLUMN_GAP).sum();
        (corner.0 + before, corner.1 + row as u32 * ENTRY + ENTRY / 2)
    }
}
