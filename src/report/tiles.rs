//! Images side by side, as in a table: a column per image, a line for each version of it (an
//! original, its reconstruction). Images that do not fit beside each other continue in another band
//! below. All are enlarged by the same whole factor, so that a pixel of an image stays a square of
//! one grey.

use std::path::Path;

use image::Rgb;

use super::layout::{TileLayout, Tiles};
use super::picture::{MARGIN, Picture, Png, TEXT, TITLE, text_height, text_width};
use crate::Result;

const RULE: Rgb<u8> = Rgb([200; 3]);

/// Up to `ONE_BAND` images are side by side; of more images, at least `LEAST`.
const ONE_BAND: usize = 12;
const LEAST: usize = 10;

/// Draws images in bands, and writes them to `path` as a PNG.
///
/// A band holds up to `per_band` images side by side, one line of them for each of `lines`, with
/// its caption at the left; image `i` of every line stands in the same column, below its label.
/// Lines that begin a group are set apart. Each image is enlarged by a whole factor, without
/// smoothing, so that its shorter side has at least 64 pixels (fewer for an image so long that its
/// other side would exceed 320). The greys are linear: 0 is black, 1 is white. An empty title takes
/// no space.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture) if there are no lines or no images, if an image has no
/// pixels, if a line's length is not a multiple of an image's pixels or differs from the first
/// line's, if a value is not within 0 to 1, if `per_band` is 0, if there are labels, but not one
/// per image, or if the picture would be too large; [`Error::Io`](crate::Error::Io) if the file
/// cannot be written.
pub fn tiles(path: &Path, tiles: &Tiles) -> Result<()> {
    tiles_png(path, tiles)?.save(path)
}

/// Draws the picture that [`tiles()`] writes; `path` is used only in errors.
///
/// # Errors
///
/// [`Error::Picture`](crate::Error::Picture), for the reasons of [`tiles()`].
pub fn tiles_png(path: &Path, tiles: &Tiles) -> Result<Png> {
    let Tiles { title, size: (rows, columns), lines, labels, .. } = *tiles;
    let layout = TileLayout::new(path, tiles)?;
    let mut picture = Picture::blank(path, layout.size)?;
    picture.write(title, TITLE, MARGIN, MARGIN + text_height(TITLE) / 2)?;
    for (image, label) in labels.iter().enumerate() {
        let (left, middle) = layout.label_place(image, text_width(path, label, TEXT)?);
        picture.write(label, TEXT, left, middle)?;
    }
    for (index, line) in lines.iter().enumerate() {
        for first in (0..layout.count).step_by(layout.per_band) {
            let middle = layout.origin(index, first).1 + layout.tile.1 / 2;
            picture.write(line.caption, TEXT, MARGIN, middle)?;
        }
        for (number, image) in line.images.chunks_exact(rows * columns).enumerate() {
            let origin = layout.origin(index, number);
            picture.outline(origin, layout.tile);
            picture.draw_enlarged(image, columns, layout.factor, origin);
        }
    }
    for top in layout.rules() {
        picture.fill((MARGIN, top), (layout.size.0 - 2 * MARGIN, 1), RULE);
    }
    picture.encode()
}

/// Returns the number of images side by side at which a picture of `count` images of `size` (rows
/// and columns), in `lines` lines, is about as wide as it is high: all of up to 12, else 10 or
/// more.
pub fn square_band(count: usize, lines: usize, (rows, columns): (usize, usize)) -> usize {
    if count <= ONE_BAND {
        return count.max(1);
    }
    let area = count as f64 * lines as f64 * rows as f64 / columns.max(1) as f64;
    (area.sqrt().ceil() as usize).max(LEAST)
}
