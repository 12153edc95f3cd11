//! The layout of the two plots of a [`manifold`](super::manifold()): the grid of images at the
//! left, the scatter plot with its legend at the right, at the same height and with the same axes.
//! Nothing is drawn here.

use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW};
use super::layout::pixels;
use super::legend::Legend;
use super::manifold::Manifold;
use super::picture::{MARGIN, TEXT, TITLE, text_width};
use super::scale::Scale;
use super::scatter;
use crate::Result;

/// The preferred side of the grid of images.
const GRID: usize = 680;
/// The maximum side of the scatter plot, which is otherwise as large as the grid.
const MOST_SCATTER: u32 = 1200;
/// The upper edge of the plots: the title and the captions are above it.
const TOP: u32 = 96;
/// The height of a remark between title and captions.
const REMARK: u32 = 30;
/// Distance from a plot up to the middle of its caption.
const CAPTION: u32 = 20;
/// Gaps between the grid and the name beside the scatter plot, and between that plot and its
/// legend.
const GAP: u32 = 36;
const LEGEND_GAP: u32 = 20;

/// The layout of the two plots. All lengths are in pixels of the picture.
pub(super) struct Pair {
    /// Width and height of the square that an image's pixel is drawn as.
    pub(super) factor: u32,
    /// Width and height of an image's cell in the grid.
    pub(super) cell: (u32, u32),
    /// The remark below the title; may be empty.
    pub(super) remark: String,
    pub(super) grid: Axes,
    pub(super) scatter: Axes,
    pub(super) captions: [String; 2],
    pub(super) legend: Legend,
    /// Left and top of the legend.
    pub(super) legend_corner: (u32, u32),
    /// Width and height of the picture.
    pub(super) size: (u32, u32),
}

impl Pair {
    /// The middle of the remark.
    pub(super) const REMARK_MIDDLE: u32 = 68;

    /// Lays out a manifold that has been checked.
    pub(super) fn new(path: &Path, title: &str, manifold: &Manifold) -> Result<Self> {
        let Manifold { side, size: (rows, columns), .. } = *manifold;
        let length = side * rows.max(columns);
        let factor = ((GRID + length / 2) / length).max(1);
        let (width, height) = (columns * factor, rows * factor);
        let at_least = |other: usize| (other / 2).min(GRID / side);
        let cell = (width.max(at_least(height)), height.max(at_least(width)));
        let grid_size = (pixels(path, side * cell.0)?, pixels(path, side * cell.1)?);
        let scatter_size = (grid_size.0.min(MOST_SCATTER), grid_size.1.min(MOST_SCATTER));

        let remark = manifold.remark().unwrap_or_default();
        let top = if remark.is_empty() { TOP } else { TOP + REMARK };
        let scale = scale(manifold);
        let captions = captions(manifold, scale);
        let grid = axes(path, (MARGIN, top), grid_size, scale)?;
        let caption_end = grid.across.0 + text_width(path, &captions[0], TEXT)?;
        let left = grid.across.1.max(caption_end) + GAP;
        let scatter = axes(path, (left, top), scatter_size, scale)?;

        let names = manifold.classes.map_or(&[][..], |classes| classes.names);
        let legend = Legend::new(path, names, scatter_size.1)?;
        let legend_corner = (scatter.across.1 + LEGEND_GAP, scatter.down.0);
        let right = [
            legend_corner.0 + legend.width(),
            scatter.across.0 + text_width(path, &captions[1], TEXT)?,
            MARGIN + text_width(path, title, TITLE)?,
            MARGIN + text_width(path, &remark, TEXT)?,
        ];
        let right = right.into_iter().fold(0, u32::max);
        let size = (right + MARGIN, grid.down.1 + ROOM_BELOW + MARGIN);
        let (factor, cell) = (factor as u32, (cell.0 as u32, cell.1 as u32));
        Ok(Self { factor, cell, remark, grid, scatter, captions, legend, legend_corner, size })
    }

    /// The middle of a plot's caption.
    pub(super) fn caption_middle(axes: &Axes) -> u32 {
        axes.down.0 - CAPTION
    }
}

/// A plot whose names start at `left` and whose frame starts at `top`.
fn axes(
    path: &Path,
    (left, top): (u32, u32),
    (width, height): (u32, u32),
    scale: Scale,
) -> Result<Axes> {
    let horizontal = Axis::across(scale, width, 0.0, vec!["first latent unit"]);
    // The vertical axis has the same ticks, unless there is less room.
    let vertical = Axis::up(scale, height, horizontal.step, vec!["second latent unit"]);
    let frame_left = left + vertical.room_beside(path)?;
    Ok(Axes {
        across: (frame_left, frame_left + width),
        down: (top, top + height),
        horizontal,
        vertical,
        name_left: left,
    })
}

/// The scale from the outer edge of the first image to that of the last, with the latents in their
/// middles.
fn scale(manifold: &Manifold) -> Scale {
    let range = f64::from(manifold.range);
    let steps = manifold.side.saturating_sub(1).max(1) as f64;
    let reach = if manifold.side == 1 { range } else { range + range / steps };
    Scale { low: -reach, high: reach }
}

fn captions(manifold: &Manifold, scale: Scale) -> [String; 2] {
    let side = manifold.side;
    let count = manifold.means.len() / 2;
    let hidden = match scatter::hidden(manifold, scale) {
        0 => String::new(),
        hidden => {
            let far = manifold.means.iter().fold(0.0_f32, |far, mean| far.max(mean.abs()));
            format!(", {hidden} of them beyond, drawn at the edge (farthest: {far:.1})")
        }
    };
    [format!("{side} \u{d7} {side} decoded images"), format!("{count} posterior means{hidden}")]
}
