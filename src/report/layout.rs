//! The layout of a picture of tiles: checks the input, places each image, and computes the size of
//! the picture with its text. Drawing is left to [`tiles`](super::tiles()).

use std::path::Path;

use super::picture::{MARGIN, TEXT, TITLE, failure, text_height, text_width};
use crate::Result;

/// An image's shorter side is enlarged to at least this many pixels…
const SHORT_SIDE: usize = 64;
/// …unless its longer side would exceed this.
const LONG_SIDE: usize = 320;

const TITLE_GAP: u32 = 16;
const CAPTION_GAP: u32 = 16;
/// Gap between neighbouring images, and between the lines of a band.
const GAP: u32 = 8;
/// Gap between groups of lines, in addition to [`GAP`].
const GROUP_GAP: u32 = 20;
/// Gap between an image and its label above it.
const LABEL_GAP: u32 = 4;
/// Gap between bands, with a rule in its middle.
const BAND_GAP: u32 = 36;

/// One line of images in each band of a picture of tiles.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Description of the images; may be empty.
    pub caption: &'a str,
    /// The images, `[count, rows * columns]`, from 0 (black) to 1 (white).
    pub images: &'a [f32],
}

/// The content of a picture of tiles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tiles<'a> {
    /// The picture's title; may be empty.
    pub title: &'a str,
    /// Rows and columns of an image.
    pub size: (usize, usize),
    /// The maximum number of images side by side.
    pub per_band: usize,
    /// The lines of each band, from top to bottom.
    pub lines: &'a [Row<'a>],
    /// A label for each image, above the first line: `[count]`, or none at all.
    pub labels: &'a [String],
    /// The lines, counted from 0, that begin a group, with a gap above them.
    pub groups: &'a [usize],
}

/// The position of each image in a picture of tiles. All lengths are in pixels of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileLayout {
    /// Images per line of the picture: [`count`](Self::count) is spread over bands.
    pub per_band: usize,
    /// Images in each [`Row`].
    pub count: usize,
    /// Width and height of the square that an image's pixel is drawn as.
    pub factor: u32,
    /// Width and height of an enlarged image.
    pub tile: (u32, u32),
    /// Width and height of the picture.
    pub size: (u32, u32),
    /// The upper edge of each line within its band.
    line_tops: Vec<u32>,
    line_height: u32,
    band_height: u32,
    /// The width of an image, or of the widest label.
    column: u32,
    left: u32,
    top: u32,
}

impl TileLayout {
    /// Computes the layout of a picture that [`tiles`](super::tiles()) draws.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`](crate::Error::Picture), for the reasons of [`tiles`](super::tiles()).
    pub fn new(path: &Path, tiles: &Tiles) -> Result<Self> {
        let Tiles { size: (rows, columns), per_band, lines, labels, .. } = *tiles;
        let count = image_count(path, rows, columns, lines)?;
        if per_band == 0 {
            return Err(failure(path, "expected 1 or more images per band, found 0"));
        }
        if !(labels.is_empty() || labels.len() == count) {
            let found = labels.len();
            return Err(failure(path, format!("expected {count} labels or none, found {found}")));
        }
        let (short, long) = (rows.min(columns), rows.max(columns));
        let factor = SHORT_SIDE.div_ceil(short).min((LONG_SIDE / long).max(1));
        let mut layout = Self {
            per_band: per_band.min(count),
            count,
            factor: factor as u32,
            tile: (pixels(path, columns * factor)?, pixels(path, rows * factor)?),
            size: (0, 0),
            line_tops: Vec::new(),
            line_height: 0,
            band_height: 0,
            column: 0,
            left: MARGIN,
            top: MARGIN,
        };
        layout.place(path, tiles)?;
        Ok(layout)
    }

    /// Adds space for the text, and computes the total size.
    fn place(&mut self, path: &Path, tiles: &Tiles) -> Result<()> {
        let Tiles { title, lines, labels, groups, .. } = *tiles;
        self.line_height = self.tile.1;
        self.column = self.tile.0;
        for label in labels {
            self.column = self.column.max(text_width(path, label, TEXT)?);
        }
        for line in lines.iter().filter(|line| !line.caption.is_empty()) {
            let caption = text_width(path, line.caption, TEXT)?;
            self.left = self.left.max(MARGIN + caption + CAPTION_GAP);
            self.line_height = self.line_height.max(text_height(TEXT));
        }
        let mut title_right = 0;
        if !title.is_empty() {
            title_right = MARGIN + text_width(path, title, TITLE)?;
            self.top += text_height(TITLE) + TITLE_GAP;
        }
        let mut below = if labels.is_empty() { 0 } else { text_height(TEXT) + LABEL_GAP };
        for line in 0..lines.len() {
            let gap = if line > 0 && groups.contains(&line) { GROUP_GAP } else { 0 };
            self.line_tops.push(below + gap);
            below = pixels(path, (below + gap + self.line_height + GAP) as usize)?;
        }
        self.band_height = below - GAP;
        let end = |start: u32, count: usize, length: u32, gap: u32| {
            start as usize + count * (length + gap) as usize - gap as usize
        };
        let right = end(self.left, self.per_band, self.column, GAP);
        let bands = self.count.div_ceil(self.per_band);
        let bottom = end(self.top, bands, self.band_height, BAND_GAP);
        let margin = MARGIN as usize;
        let right = right.max(title_right as usize);
        self.size = (pixels(path, right + margin)?, pixels(path, bottom + margin)?);
        Ok(())
    }

    /// The left and top edge of image `image` of line `line`, both counted from 0.
    pub fn origin(&self, line: usize, image: usize) -> (u32, u32) {
        let (band, column) = (image / self.per_band, image % self.per_band);
        let within = (self.line_height - self.tile.1) / 2;
        (
            self.column_left(column) + (self.column - self.tile.0) / 2,
            self.band_top(band) + self.line_tops[line] + within,
        )
    }

    /// The left edge and the middle of the label of image `image`, which is `width` pixels wide.
    pub(super) fn label_place(&self, image: usize, width: u32) -> (u32, u32) {
        let (band, column) = (image / self.per_band, image % self.per_band);
        let left = self.column_left(column) + (self.column - width) / 2;
        (left, self.band_top(band) + text_height(TEXT) / 2)
    }

    /// The upper edges of the rules between bands.
    pub(super) fn rules(&self) -> impl Iterator<Item = u32> {
        let bands = self.count.div_ceil(self.per_band);
        (1..bands).map(|band| self.band_top(band) - BAND_GAP / 2)
    }

    fn band_top(&self, band: usize) -> u32 {
        self.top + band as u32 * (self.band_height + BAND_GAP)
    }

    fn column_left(&self, column: usize) -> u32 {
        self.left + column as u32 * (self.column + GAP)
    }
}

/// Checks the input and returns the number of images per line.
pub(super) fn image_count(
    path: &Path,
    rows: usize,
    columns: usize,
    lines: &[Row],
) -> Result<usize> {
    let area = rows.saturating_mul(columns);
    if area == 0 {
        let message = format!("expected images with pixels, found {rows} x {columns}");
        return Err(failure(path, message));
    }
    let wanted = lines.first().map_or(0, |line| line.images.len());
    if wanted == 0 {
        return Err(failure(path, "expected 1 or more images, found none"));
    }
    for line in lines {
        let (caption, found) = (line.caption, line.images.len());
        if found % area != 0 {
            let expected = format!("a multiple of {rows} x {columns} values");
            return Err(failure(path, format!("{caption:?}: expected {expected}, found {found}")));
        }
        if found != wanted {
            let (expected, found) = (wanted / area, found / area);
            let message = format!("{caption:?}: expected {expected} images, found {found}");
            return Err(failure(path, message));
        }
        // No range contains NaN.
        if let Some(at) = line.images.iter().position(|value| !(0.0..=1.0).contains(value)) {
            let (found, image) = (line.images[at], at / area);
            let message = format!("expected values from 0 to 1, found {found} in image {image}");
            return Err(failure(path, format!("{caption:?}: {message}")));
        }
    }
    Ok(wanted / area)
}

/// Converts a length to the `image` crate's type; refuses one that could overflow.
pub(super) fn pixels(path: &Path, length: usize) -> Result<u32> {
    u32::try_from(length)
        .ok()
        .filter(|&length| length <= 1 << 20)
        .ok_or_else(|| failure(path, format!("expected sides up to 2^20 pixels, found {length}")))
}
