//! The ELBO and its two terms by epoch, of training and of the test set: panels that share the
//! epochs. What a panel is made of is left to [`panel`](super::panel).

use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW};
use super::line::{LINES, SAMPLE};
use super::panel::PANELS;
use super::picture::{MARGIN, Picture, Png, TEXT, TITLE, failure, text_height, text_width};
use super::scale::Scale;
use crate::Result;
use crate::eval::Measures;

const WIDTH: u32 = 1000;
/// The upper edge of the first panel: above it are the title and the legend.
const TOP: u32 = 86;
/// From one panel to the next, where the next one's note stands.
const PANEL_GAP: u32 = 40;
/// How far above a panel the middle of its note is.
const NOTE: u32 = 20;
/// The room for each entry of the legend.
const ENTRY: u32 = 120;
const UNIT: &str = "(nats per image)";

/// One epoch of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// Its number.
    pub epoch: u32,
    /// Means over the training images in this epoch.
    pub train: Measures,
    /// Means over the test images after it.
    pub test: Measures,
}

/// Draws ELBO, log-likelihood and KL by epoch, one below the other, as a PNG of 1000 by 918 pixels, or
/// as wide as the title needs; `path` is only what errors name. With up to 60 epochs each is marked.
///
/// Each has a scale of its own, [`Scale::of`] its values of training and test together, which
/// leaves out values far below the others, or for the KL far above. Nothing is left out silently:
/// the line leaves the panel at that edge, a triangle there marks each epoch whose value lies
/// beyond, and a note above the panel counts them and gives the farthest.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no points, if epochs don't increase, or
/// if a value is not finite (or larger than an `f32` can be).
pub fn elbo_curve(path: &Path, title: &str, points: &[EpochPoint]) -> Result<Png> {
    check(path, points)?;
    let width = WIDTH.max(text_width(path, title, TITLE)? + 2 * MARGIN);
    let frames = frames(path, width, points)?;
    let lowest = frames.last().map_or(TOP, |frame| frame.down.1);
    let mut picture = Picture::blank(path, (width, lowest + ROOM_BELOW + MARGIN))?;
    let legend = |index: usize| (MARGIN + index as u32 * ENTRY, TOP - NOTE);
    picture.plot(|area| {
        for (panel, axes) in PANELS.iter().zip(&frames) {
            panel.draw(area, axes, points)?;
        }
        let mut samples = LINES.iter().enumerate();
        samples.try_for_each(|(index, line)| line.stroke.draw_sample(area, legend(index)))
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    for (index, line) in LINES.iter().enumerate() {
        let (left, middle) = legend(index);
        picture.write(line.name, TEXT, left + SAMPLE + 10, middle)?;
    }
    for (panel, axes) in PANELS.iter().zip(&frames) {
        let note = panel.note_of_hidden(points, axes.vertical.scale);
        let left = axes.across.1 - text_width(path, &note, TEXT)?;
        picture.write(&note, TEXT, left, axes.down.0 - NOTE)?;
    }
    picture.encode()
}

fn check(path: &Path, points: &[EpochPoint]) -> Result<()> {
    if points.is_empty() {
        return Err(failure(path, "expected 1 or more epochs, found none"));
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[0].epoch >= pair[1].epoch) {
        let (before, found) = (pair[0].epoch, pair[1].epoch);
        return Err(failure(path, format!("expected an epoch after {before}, found {found}")));
    }
    let sensible = -f64::from(f32::MAX)..=f64::from(f32::MAX);
    for panel in &PANELS {
        for line in &LINES {
            let mut values = panel.values(line, points).into_iter();
            // NaN is in no range.
            if let Some((epoch, found)) = values.find(|(_, value)| !sensible.contains(value)) {
                let whose = format!("{} {} of epoch {epoch}", line.name, panel.name);
                let message = format!("{whose}: expected a finite f32, found {found}");
                return Err(failure(path, message));
            }
        }
    }
    Ok(())
}

/// A frame for each panel, one below the other, all as wide as the widest labels leave them in a
/// picture `width` pixels wide.
fn frames(path: &Path, width: u32, points: &[EpochPoint]) -> Result<Vec<Axes>> {
    let vertical = PANELS
        .each_ref()
        .map(|panel| Axis::up(panel.scale(points), panel.height, 0.0, vec![panel.name, UNIT]));
    let mut left = 0;
    for axis in &vertical {
        left = left.max(MARGIN + axis.room_beside(path)?);
    }
    let epoch = |point: Option<&EpochPoint>| point.map_or(0, |point| point.epoch);
    let (first, last) = (epoch(points.first()), epoch(points.last()));
    let epochs = Scale { low: f64::from(first) - 0.5, high: f64::from(last) + 0.5 };
    // The last epoch's label may stand below the right edge.
    let right = width - MARGIN - text_width(path, &last.to_string(), TEXT)? / 2;
    let mut top = TOP;
    let lowest = PANELS.len() - 1;
    let frames = vertical.into_iter().zip(&PANELS).enumerate().map(|(index, (vertical, panel))| {
        let name = if index == lowest { vec!["epoch"] } else { vec![] };
        let axes = Axes {
            across: (left, right),
            down: (top, top + panel.height),
            horizontal: Axis::across(epochs, right - left, 1.0, name),
            vertical,
            name_left: MARGIN,
        };
        top += panel.height + PANEL_GAP;
        axes
    });
    Ok(frames.collect())
}
