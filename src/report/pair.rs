//! Where the two plots of a [`manifold`](super::manifold()) stand, and what is around them: the
//! grid of images at the left, the scatter plot with its legend at the right, their middles at the
//! same height. Nothing is drawn here.

use std::path::Path;

use super::axes::{Axes, Axis, ROOM_BELOW};
use super::layout::pixels;
use super::legend::Legend;
use super::manifold::Manifold;
use super::picture::{MARGIN, TEXT, TITLE, text_width};
use super::scale::Scale;
use super::scatter;
use crate::Result;

/// The side that a grid of images should have.
const GRID: usize = 680;
/// The least and the greatest side of the scatter plot, which is as high as the grid if it can.
const SCATTER: (u32, u32) = (560, 1200);
/// The upper edge of the higher plot: above it are the title and the captions.
const TOP: u32 = 96;
/// How far above a plot the middle of its caption is.
const CAPTION: u32 = 20;
/// Between the grid and the name beside the scatter plot, and between that plot and its legend.
const GAP: u32 = 36;
const LEGEND_GAP: u32 = 20;

/// The two plots. All lengths are in pixels of the picture.
pub(super) struct Pair {
    /// How many pixels wide and high a pixel of an image is drawn.
    pub(super) factor: u32,
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
    /// Of a manifold that is known to be well formed.
    pub(super) fn new(path: &Path, title: &str, manifold: &Manifold) -> Result<Self> {
        let Manifold { side, size: (rows, columns), .. } = *manifold;
        let length = side * rows.max(columns);
        let factor = ((GRID + length / 2) / length).max(1);
        let grid_size =
            (pixels(path, side * columns * factor)?, pixels(path, side * rows * factor)?);
        let square = grid_size.1.clamp(SCATTER.0, SCATTER.1);
        let height = grid_size.1.max(square);

        let scales = scatter::scales(manifold);
        let captions = captions(manifold, scales);
        let grid_scale = grid_scale(manifold);
        let grid = axes(path, (MARGIN, height), grid_size, (grid_scale, grid_scale))?;
        let caption_end = grid.across.0 + text_width(path, &captions[0], TEXT)?;
        let left = grid.across.1.max(caption_end) + GAP;
        let scatter = axes(path, (left, height), (square, square), scales)?;

        let names = manifold.classes.map_or(&[][..], |classes| classes.names);
        let legend = Legend::new(names, scatter::shows_outline(scales, grid_scale.high));
        let legend_corner = (scatter.across.1 + LEGEND_GAP, scatter.down.0);
        let right = [
            legend_corner.0 + legend.width(path)?,
            scatter.across.0 + text_width(path, &captions[1], TEXT)?,
            MARGIN + text_width(path, title, TITLE)?,
        ];
        let right = right.into_iter().fold(0, u32::max);
        let size = (right + MARGIN, TOP + height + ROOM_BELOW + MARGIN);
        Ok(Self { factor: factor as u32, grid, scatter, captions, legend, legend_corner, size })
    }

    /// The middle of a plot's caption.
    pub(super) fn caption_middle(axes: &Axes) -> u32 {
        axes.down.0 - CAPTION
    }
}

/// A plot that starts with its names at `left`; the higher one is `highest` pixels high.
fn axes(
    path: &Path,
    (left, highest): (u32, u32),
    (width, height): (u32, u32),
    (across, up): (Scale, Scale),
) -> Result<Axes> {
    let horizontal = Axis::across(across, width, 0.0, vec!["second latent unit"]);
    // The same ticks, unless there is less room.
    let vertical = Axis::up(up, height, horizontal.step, vec!["first latent unit"]);
    let frame_left = left + vertical.room_beside(path)?;
    let top = TOP + (highest - height) / 2;
    Ok(Axes {
        across: (frame_left, frame_left + width),
        down: (top, top + height),
        horizontal,
        vertical,
        name_left: left,
    })
}

/// From the outer edge of the first image to that of the last, with the latents in their middles.
fn grid_scale(manifold: &Manifold) -> Scale {
    let range = f64::from(manifold.range);
    let steps = manifold.side.saturating_sub(1).max(1) as f64;
    let reach = if manifold.side == 1 { range } else { range + range / steps };
    Scale { low: -reach, high: reach }
}

fn captions(manifold: &Manifold, scales: (Scale, Scale)) -> [String; 2] {
    let side = manifold.side;
    let count = manifold.means.len() / 2;
    let hidden = match scatter::hidden(manifold, scales) {
        0 => String::new(),
        hidden => format!(", {hidden} of them beyond the scale"),
    };
    [format!("{side} \u{d7} {side} decoded images"), format!("{count} posterior means{hidden}")]
}
