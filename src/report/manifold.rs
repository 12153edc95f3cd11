//! A picture of a model with two latent units: the images that it decodes from a grid of latents,
//! and beside that the posterior means of images, with the same axes. Encoding and decoding are
//! left to the caller, points and marks to [`scatter`].

use std::path::Path;

use super::axes::{Axes, enlarged};
use super::layout::{Row, image_count};
use super::pair::Pair;
use super::picture::{MARGIN, Picture, TEXT, TITLE, failure, text_height, text_width};
use super::scatter;
use crate::eval::ACTIVE;
use crate::{Matrix, Result};
use image::Rgb;

/// The colour around images that are smaller than their cell of the grid.
const PAPER: Rgb<u8> = Rgb([225; 3]);

/// The input of [`manifold`](manifold()).
#[derive(Clone, Copy, Debug)]
pub struct Manifold<'a> {
    /// Images along a side of the grid.
    pub side: usize,
    /// The grid's latents run from `-range` to `range`.
    pub range: f32,
    /// Rows and columns of an image.
    pub size: (usize, usize),
    /// The images decoded from [`grid_latents`], `[side * side, rows * columns]`, from 0 (black) to
    /// 1 (white).
    pub images: &'a [f32],
    /// Posterior means of images, `[count, 2]`.
    pub means: &'a [f32],
    /// The classes of those images, if they are known.
    pub classes: Option<Classes<'a>>,
}

impl Manifold<'_> {
    /// A remark if the model ignores one or both of its latent units: their means vary by no more
    /// than the threshold for active units in [`Assessment`](crate::assess::Assessment). With a
    /// single image there is none.
    pub fn remark(&self) -> Option<String> {
        let count = self.means.len() / 2;
        let is_inactive = |unit: usize| {
            let values = || self.means.chunks_exact(2).map(|mean| f64::from(mean[unit]));
            let mean = values().sum::<f64>() / count as f64;
            values().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64 <= ACTIVE
        };
        let who = match [0, 1].map(|unit| count > 1 && is_inactive(unit)) {
            [true, true] => "The model has collapsed: both latent units are",
            [true, false] => "The first latent unit is",
            [false, true] => "The second latent unit is",
            [false, false] => return None,
        };
        Some(format!("{who} inactive (variance of the posterior means at most {ACTIVE})"))
    }
}

/// Classes of images.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    /// The name of each class.
    pub names: &'a [String],
    /// The class of each image, `[count]`, an index of `names`.
    pub labels: &'a [u16],
}

/// The latents to decode for a grid of `side` by `side` images, `[side * side, 2]`, in the order of
/// [`Manifold::images`].
///
/// The order is row by row from the top left: within a row the first unit rises from `-range` to
/// `range`, and from row to row the second unit falls from `range` to `-range`, in equal steps. The
/// latents of a single image are 0.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the number of elements overflows.
pub fn grid_latents(side: usize, range: f32) -> Result<Matrix> {
    // Twice the distance from the middle, in steps: exact at 0 and at both ends.
    let steps = side.saturating_sub(1).max(1) as f64;
    let at = |index: usize| {
        let doubled = 2.0 * index as f64 - side.saturating_sub(1) as f64;
        (f64::from(range) * doubled / steps) as f32
    };
    let rows = (0..side).rev();
    let latents = rows.flat_map(|row| (0..side).flat_map(move |column| [at(column), at(row)]));
    Matrix::new(side.saturating_mul(side), 2, latents.collect())
}

/// Draws a grid of decoded images and a scatter plot of posterior means side by side, and writes
/// them to `path` as a PNG.
///
/// In both, the first latent unit goes from left to right and the second from bottom to top, with
/// the limits of the grid. The middle of an image is at its latents; images touch each other,
/// enlarged by the whole factor that brings the grid nearest to a side of 680 pixels. Images more
/// than twice as long as wide, or as wide as long, have a margin that compensates for that. Both
/// plots are equally large, up to 1200 pixels, and at the same height. Means beyond the limits are
/// drawn at the nearest edge, and the caption gives their number. Points are drawn in the given
/// order.
///
/// Up to ten classes differ in colour (ten of Kelly's twenty-two colours of maximum contrast,
/// 1965); each further ten have another shape in the same colours. Beyond 20 classes, each name is
/// also written in the middle of its points; beyond 70, hues run from red to violet in the order of
/// the classes, and the legend lists 70 of them. A [remark](Manifold::remark) on latent units that
/// the model ignores is below the title.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no images or means, if the numbers of
/// images, means and labels do not match, if a pixel is not within 0 to 1, a mean not finite, a
/// label not below the number of names, `range` not finite and above 0, or if the picture would be
/// too large; [`Error::Io`](crate::Error::Io) if the file cannot be written.
pub fn manifold(path: &Path, title: &str, manifold: &Manifold) -> Result<()> {
    check(path, manifold)?;
    let pair = Pair::new(path, title, manifold)?;
    let Pair { grid, scatter, legend, .. } = &pair;
    let mut picture = Picture::blank(path, pair.size)?;
    picture.plot(|area| {
        grid.draw(area)?;
        scatter.draw(area)?;
        scatter::draw(area, scatter, manifold)?;
        legend.draw_samples(area, pair.legend_corner)
    })?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    picture.write(&pair.remark, TEXT, MARGIN, Pair::REMARK_MIDDLE)?;
    for (caption, axes) in pair.captions.iter().zip([grid, scatter]) {
        picture.write(caption, TEXT, axes.across.0, Pair::caption_middle(axes))?;
    }
    legend.write(&mut picture, pair.legend_corner)?;
    for (name, middle) in scatter::names(manifold) {
        write_centred(&mut picture, scatter, name, middle)?;
    }
    draw_grid(&mut picture, manifold, &pair);
    picture.save()
}

/// Writes a name with its middle at a point of a plot, or at the plot's edge if the point is
/// beyond.
fn write_centred(picture: &mut Picture, axes: &Axes, name: &str, (x, y): (f64, f64)) -> Result<()> {
    let (across, up) = (axes.horizontal.scale, axes.vertical.scale);
    let (x, y) = axes.at((x.clamp(across.low, across.high), y.clamp(up.low, up.high)));
    let (width, height) = (text_width(picture.path(), name, TEXT)?, text_height(TEXT));
    let within = |at: i32, half: u32, (from, to): (u32, u32)| {
        let at = (at / enlarged(1)).unsigned_abs();
        at.clamp(from + half, to.saturating_sub(half).max(from + half))
    };
    let left = within(x, width / 2 + 1, axes.across) - width / 2;
    picture.write_over(name, TEXT, left, within(y, height / 2 + 1, axes.down))
}

fn draw_grid(picture: &mut Picture, manifold: &Manifold, pair: &Pair) {
    let Pair { grid: Axes { across, down, .. }, factor, cell, .. } = pair;
    let (left, top) = (across.0, down.0);
    let size = (across.1 - left, down.1 - top);
    picture.outline((left, top), size);
    picture.fill((left, top), size, PAPER);
    let (rows, columns) = manifold.size;
    let (wide, high) = (columns as u32 * factor, rows as u32 * factor);
    let margin = ((cell.0 - wide) / 2, (cell.1 - high) / 2);
    for (index, image) in manifold.images.chunks_exact(rows * columns).enumerate() {
        let right = (index % manifold.side) as u32 * cell.0 + margin.0;
        let below = (index / manifold.side) as u32 * cell.1 + margin.1;
        picture.draw_enlarged(image, columns, *factor, (left + right, top + below));
    }
}

fn check(path: &Path, manifold: &Manifold) -> Result<()> {
    let Manifold { side, range, size: (rows, columns), images, means, classes } = *manifold;
    if side == 0 {
        return Err(failure(path, "expected 1 or more images per side, found 0"));
    }
    if !(range.is_finite() && range > 0.0) {
        return Err(failure(path, format!("expected a finite range above 0, found {range}")));
    }
    let found = image_count(path, rows, columns, &[Row { caption: "decoded images", images }])?;
    if side.checked_mul(side) != Some(found) {
        return Err(failure(path, format!("expected {side} x {side} images, found {found}")));
    }
    if means.is_empty() || means.len() % 2 != 0 {
        let found = means.len();
        let message = format!("expected posterior means of 2 values each, found {found} values");
        return Err(failure(path, message));
    }
    if let Some(at) = means.iter().position(|mean| !mean.is_finite()) {
        let message =
            format!("expected finite posterior means, found {} in mean {}", means[at], at / 2);
        return Err(failure(path, message));
    }
    classes.map_or(Ok(()), |classes| check_classes(path, &classes, means.len() / 2))
}

fn check_classes(path: &Path, Classes { names, labels }: &Classes, means: usize) -> Result<()> {
    if labels.len() != means {
        let found = labels.len();
        return Err(failure(path, format!("expected {means} labels, one per mean, found {found}")));
    }
    if let Some(at) = labels.iter().position(|&label| usize::from(label) >= names.len()) {
        let (found, most) = (labels[at], names.len());
        let message = format!("expected labels below {most}, found {found} for mean {at}");
        return Err(failure(path, message));
    }
    Ok(())
}
