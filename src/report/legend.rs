//! The legend of a scatter plot: a column of samples and names.

use std::path::Path;

use super::axes::enlarged;
use super::mark::{MOST_MARKS, Mark};
use super::picture::{Area, Drawn, Picture, TEXT, text_width};
use super::scatter::draw_dashed;
use crate::Result;

/// From one entry to the next.
const ENTRY: u32 = 24;
/// The width of a sample, and what is between it and the name.
const SAMPLE: u32 = 18;
const GAP: u32 = 8;

enum Sample {
    Mark(Mark),
    /// A piece of the outline of the grid of images.
    Outline,
    Nothing,
}

/// What the points and lines of a scatter plot mean.
pub(super) struct Legend(Vec<(Sample, String)>);

impl Legend {
    /// Of classes, or of as many of them as have room, evenly spread, and their count.
    pub(super) fn new(classes: &[String], outline: bool) -> Self {
        let listed = classes.len().min(MOST_MARKS);
        let entry = |index: usize| {
            // All of them, or from the first to the last.
            let class = index * (classes.len() - 1) / (listed - 1).max(1);
            (Sample::Mark(Mark::of(class, classes.len())), classes[class].clone())
        };
        let mut entries: Vec<_> = (0..listed).map(entry).collect();
        if listed < classes.len() {
            entries.push((Sample::Nothing, format!("{} classes in all", classes.len())));
        }
        if outline {
            entries.push((Sample::Outline, "grid of images".to_owned()));
        }
        Self(entries)
    }

    /// The pixels that it needs from left to right.
    pub(super) fn width(&self, path: &Path) -> Result<u32> {
        let mut width = 0;
        for (_, name) in &self.0 {
            width = width.max(SAMPLE + GAP + text_width(path, name, TEXT)?);
        }
        Ok(width)
    }

    /// Draws the samples; `corner` is the left and top of the legend in pixels of the picture.
    pub(super) fn draw_samples(&self, area: &Area, corner: (u32, u32)) -> Drawn {
        for (index, (sample, _)) in self.0.iter().enumerate() {
            let (left, middle) = (enlarged(corner.0), enlarged(middle(index, corner)));
            match sample {
                Sample::Mark(mark) => {
                    mark.draw(area, (left + enlarged(SAMPLE / 2), middle), enlarged(5), 1.0)?;
                }
                Sample::Outline => {
                    draw_dashed(area, (left, middle), (left + enlarged(SAMPLE), middle))?;
                }
                Sample::Nothing => {}
            }
        }
        Ok(())
    }

    /// Writes the names.
    pub(super) fn write(&self, picture: &mut Picture, corner: (u32, u32)) -> Result<()> {
        let mut entries = self.0.iter().enumerate();
        entries.try_for_each(|(index, (_, name))| {
            picture.write(name, TEXT, corner.0 + SAMPLE + GAP, middle(index, corner))
        })
    }
}

fn middle(index: usize, corner: (u32, u32)) -> u32 {
    corner.1 + index as u32 * ENTRY + ENTRY / 2
}
