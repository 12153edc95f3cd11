//! The ELBO and its two terms by epoch, for training and held-out images, in panels that share the
//! epoch
//! axis. The content of a panel is left to [`panel`](super::panel), the legend above the panels to
//! [`key`](super::key).

use std::ops::RangeInclusive;
use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW};
use super::key::Key;
use super::line::{LINES, draw_change};
use super::panel::PANELS;
use super::picture::{
    MARGIN, OVERSAMPLE, Picture, Png, TEXT, TITLE, failure, text_height, text_width,
};
use super::scale::Scale;
use crate::Result;
use crate::data::HeldOut;
use crate::eval::Measures;

const WIDTH: u32 = 1000;
/// The upper edges of the legend and of the first panel.
const LEGEND: u32 = 52;
const TOP: u32 = LEGEND + 2 * Key::LINE + 34;
/// Distance from one panel to the next, which contains the next one's notes.
const PANEL_GAP: u32 = 40;
/// Distance from a panel up to the middle of its notes.
const NOTE: u32 = 20;
const UNIT: &str = "(nats per image)";

/// One epoch of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// The epoch's number.
    pub epoch: u32,
    /// Means over the training images in this epoch.
    pub train: Measures,
    /// Means over the held-out images after this epoch.
    pub test: Measures,
}

/// One batch of a training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPoint {
    /// The position in epochs from the start of the run: 1.5 is halfway through the second.
    pub epoch: f64,
    /// Means over the batch.
    pub measures: Measures,
}

/// A point at which a run resumed with other settings.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoint {
    /// The position, as in [`StepPoint::epoch`].
    pub epoch: f64,
    /// Description of the change.
    pub words: String,
}

/// The content of a chart of the ELBO.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// The chart's title.
    pub title: &'a str,
    /// The images of [`EpochPoint::test`].
    pub held_out: HeldOut,
    /// The epochs.
    pub epochs: &'a [EpochPoint],
    /// Batches.
    pub steps: &'a [StepPoint],
    /// Changes of settings.
    pub changes: &'a [ChangePoint],
}

/// Draws ELBO, log-likelihood and KL by epoch, one below the other, as a PNG of 1000 by 966 pixels,
/// or wider if the title needs it; `path` is used only in errors. Up to 60 epochs have a marker
/// each.
///
/// An epoch's values are drawn at its end, although those of training are means over its batches;
/// the legend says so. The batches, `steps`, are a thin line from the beginning of the first epoch
/// on. A dashed line and a ring mark the first epoch with the best ELBO of the held-out images, which is stored in
/// `best.safetensors`; the values of the last epoch are above each panel. A line through all panels
/// marks each of `changes`; its text is beside the line if there is room.
///
/// Each panel has its own scale, [`Scale::of`] its values of training and held-out images together (with one
/// epoch, also of its batches), which leaves out values far below the others, or for the KL far
/// above. Left-out epochs are always reported: the line leaves the panel at that edge, a triangle
/// there marks each epoch whose value lies beyond, and a note above the panel gives their number
/// and the farthest value. The line of batches just ends at the edge.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no points, if epochs don't increase, or
/// if a value is not finite (or larger than an `f32` can be).
pub fn elbo_curve(
    path: &Path,
    &Curve { title, held_out, epochs: points, steps, changes }: &Curve,
) -> Result<Png> {
    check(path, held_out, points)?;
    check_steps(path, steps)?;
    let best = best_epoch(points);
    let key = Key::new(held_out, best, !steps.is_empty());
    let width = WIDTH.max(text_width(path, title, TITLE)?.max(key.width(path)?) + 2 * MARGIN);
    let frames = frames(path, width, points, steps)?;
    let lowest = frames.last().map_or(TOP, |frame| frame.down.1);
    let mut picture = Picture::blank(path, (width, lowest + ROOM_BELOW + MARGIN))?;
    picture.plot(|area| {
        for (panel, axes) in PANELS.iter().zip(&frames) {
            axes.draw(area)?;
            let Scale { low, high } = axes.vertical.scale;
            for ChangePoint { epoch, .. } in changes {
                draw_change(area, vec![axes.at((*epoch, high)), axes.at((*epoch, low))])?;
            }
            panel.draw_steps(area, axes, steps)?;
            panel.draw_best(area, axes, best)?;
            panel.draw(area, axes, points)?;
        }
        key.draw_samples(path, area, (MARGIN, LEGEND))
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    key.write(&mut picture, (MARGIN, LEGEND))?;
    for (panel, axes) in PANELS.iter().zip(&frames) {
        let middle = axes.down.0 - NOTE;
        picture.write(&panel.note_of_last(held_out, points), TEXT, axes.across.0, middle)?;
        let note = panel.note_of_hidden(held_out, points, axes.vertical.scale);
        let left = axes.across.1 - text_width(path, &note, TEXT)?;
        picture.write(&note, TEXT, left, middle)?;
    }
    if let Some(axes) = frames.first() {
        write_changes(&mut picture, axes, changes)?;
    }
    picture.encode()
}

/// Gap between a change's line and its text, and between two texts.
const CHANGE_GAP: u32 = 6;

/// The maximum number of lines of text for changes at the foot of a panel.
const CHANGE_LINES: usize = 6;

/// Writes the text of each change to the right of its line, or to the left if the frame ends; lines
/// of text are filled from the foot of the panel up, without overlaps.
fn write_changes(picture: &mut Picture, axes: &Axes, changes: &[ChangePoint]) -> Result<()> {
    let mut ends = [axes.across.0; CHANGE_LINES];
    for ChangePoint { epoch, words } in changes {
        let width = text_width(picture.path(), words, TEXT)?;
        let line = axes.at((*epoch, axes.vertical.scale.low)).0 as u32 / OVERSAMPLE;
        let before = line.saturating_sub(width + CHANGE_GAP);
        let is_after = line + CHANGE_GAP + width <= axes.across.1;
        let left = if is_after { line + CHANGE_GAP } else { before };
        let Some(at) = ends.iter().position(|&end| end <= left) else { continue };
        ends[at] = left + width + CHANGE_GAP;
        let middle = axes.down.1 - (at as u32 + 1) * text_height(TEXT);
        picture.write(words, TEXT, left, middle)?;
    }
    Ok(())
}

/// Returns the first epoch with the best ELBO of the held-out images, if there are any.
pub fn best_epoch(points: &[EpochPoint]) -> Option<&EpochPoint> {
    points.iter().reduce(|best, point| if point.test.elbo > best.test.elbo { point } else { best })
}

/// The range of valid values, which excludes NaN.
const SENSIBLE: RangeInclusive<f64> = -(f32::MAX as f64)..=f32::MAX as f64;

fn check(path: &Path, held_out: HeldOut, points: &[EpochPoint]) -> Result<()> {
    if points.is_empty() {
        return Err(failure(path, "expected 1 or more epochs, found none"));
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[0].epoch >= pair[1].epoch) {
        let (before, found) = (pair[0].epoch, pair[1].epoch);
        return Err(failure(path, format!("expected an epoch after {before}, found {found}")));
    }
    for panel in &PANELS {
        for line in &LINES {
            let mut values = panel.values(line, points).into_iter();
            if let Some((epoch, found)) = values.find(|(_, value)| !SENSIBLE.contains(value)) {
                let whose = format!("{} {} of epoch {epoch}", line.name(held_out), panel.name);
                let message = format!("{whose}: expected a finite f32, found {found}");
                return Err(failure(path, message));
            }
        }
    }
    Ok(())
}

fn check_steps(path: &Path, steps: &[StepPoint]) -> Result<()> {
    for StepPoint { epoch, measures } in steps {
        let values = PANELS.iter().map(|panel| (panel.value)(measures)).chain([*epoch]);
        if let Some(found) = values.into_iter().find(|value| !SENSIBLE.contains(value)) {
            let message = format!("a batch in epoch {epoch}: expected a finite f32, found {found}");
            return Err(failure(path, message));
        }
    }
    Ok(())
}

/// A frame for each panel, one below the other; the widest labels determine their width in a
/// picture `width` pixels wide.
fn frames(
    path: &Path,
    width: u32,
    points: &[EpochPoint],
    steps: &[StepPoint],
) -> Result<Vec<Axes>> {
    let vertical = PANELS.each_ref().map(|panel| {
        Axis::up(panel.scale(points, steps), panel.height, 0.0, vec![panel.name, UNIT])
    });
    let mut left = 0;
    for axis in &vertical {
        left = left.max(MARGIN + axis.room_beside(path)?);
    }
    let epoch = |point: Option<&EpochPoint>| point.map_or(0, |point| point.epoch);
    let (first, last) = (epoch(points.first()), epoch(points.last()));
    // Batches are drawn before the end of their epoch.
    let before = if steps.is_empty() { 0.5 } else { 1.0 };
    let epochs = Scale { low: f64::from(first) - before, high: f64::from(last) + 0.5 };
    // The last epoch's label may be centred below the right edge.
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
