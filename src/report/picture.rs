//! A picture and its PNG file: white paper, text, and any plotters drawing. Text and plots are
//! drawn enlarged and then shrunk, because plotters places glyphs on whole pixels, which is visible
//! in small type. The content is left to [`tiles`](super::tiles()),
//! [`elbo_curve`](super::elbo_curve) and [`manifold`](super::manifold()).

use std::fmt::Display;
use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use image::{ImageFormat, Pixel, Rgb, RgbImage, imageops};
use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, FontDesc, FontFamily, FontStyle};
use plotters::prelude::{IntoDrawingArea, RGBColor};
use plotters::style::register_font;

use super::glyphs::{Piece, bitmap_width, draw_bitmap, pieces};
use crate::{Error, Result};

/// The factor by which plots and text are enlarged before they are shrunk.
pub(super) const OVERSAMPLE: u32 = 4;

/// The margin of a picture.
pub(super) const MARGIN: u32 = 20;
/// The size of a picture's title.
pub(super) const TITLE: u32 = 22;
/// The size of other text.
pub(super) const TEXT: u32 = 17;

/// The maximum number of pixels of a picture: far beyond any screen, and 192 MiB in memory.
const MOST_PIXELS: u64 = 1 << 26;

/// The colour of the outline of images, so that the edge of a white one is visible.
const OUTLINE: Rgb<u8> = Rgb([150; 3]);

/// The colour of text.
pub(super) const INK: RGBColor = RGBColor(32, 32, 32);

const FONT: &str = "DejaVu Sans";

/// The error is ignored here: plotters reports text in a font that could not be registered.
static REGISTER_FONT: LazyLock<()> = LazyLock::new(|| {
    register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).ok();
});

/// The target of plotters: a bitmap, [`OVERSAMPLE`] times as wide and high as the picture.
pub(super) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// The result of a drawing closure: the errors of plotters have many types.
pub(super) type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// A picture and its file.
pub(super) struct Picture<'a> {
    path: &'a Path,
    /// Row by row from the top left.
    pixels: RgbImage,
}

impl<'a> Picture<'a> {
    /// White paper of `width` by `height` pixels; refused beyond [`MOST_PIXELS`].
    pub(super) fn blank(path: &'a Path, (width, height): (u32, u32)) -> Result<Self> {
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            let expected = format!("{MOST_PIXELS} pixels or fewer");
            return Err(failure(path, format!("expected {expected}, found {width} x {height}")));
        }
        Ok(Self { path, pixels: RgbImage::from_pixel(width, height, Rgb([255; 3])) })
    }

    /// The path of the file, for errors.
    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Replaces the whole picture by a drawing of `draw` on white paper.
    pub(super) fn plot(&mut self, draw: impl FnOnce(&Area) -> Drawn) -> Result<()> {
        self.pixels = shrunk(self.path, self.pixels.dimensions(), draw)?;
        Ok(())
    }

    /// Writes a line of text on white; the middle of its capitals is at `middle`.
    ///
    /// `size` is the height of the font's line in pixels, `left` the left edge of the text.
    pub(super) fn write(&mut self, text: &str, size: u32, left: u32, middle: u32) -> Result<()> {
        let Some(strip) = self.strip(text, size)? else { return Ok(()) };
        let top = i64::from(middle) - i64::from(strip.height() / 2);
        imageops::replace(&mut self.pixels, &strip, i64::from(left), top);
        Ok(())
    }

    /// Writes a line of text like [`write`](Self::write), over the existing picture.
    pub(super) fn write_over(
        &mut self,
        text: &str,
        size: u32,
        left: u32,
        middle: u32,
    ) -> Result<()> {
        let Some(strip) = self.strip(text, size)? else { return Ok(()) };
        let top = middle.saturating_sub(strip.height() / 2);
        for (x, y, ink) in strip.enumerate_pixels() {
            if let Some(pixel) = self.pixels.get_pixel_mut_checked(left + x, top + y) {
                *pixel = pixel.map2(ink, u8::min);
            }
        }
        Ok(())
    }

    /// Renders a line of text on white, if it is not empty.
    fn strip(&self, text: &str, size: u32) -> Result<Option<RgbImage>> {
        if text.is_empty() {
            return Ok(None);
        }
        let strip = (text_width(self.path, text, size)?, text_height(size));
        let large = size * OVERSAMPLE;
        let centre = (strip.1 * OVERSAMPLE / 2) as i32;
        let top = drop_to_centre(large) + centre;
        let drawn = shrunk(self.path, strip, |area| {
            let mut x = 0;
            for piece in pieces(text) {
                match &piece {
                    Piece::Text(text) => {
                        area.draw_text(text, &font(large).color(&INK), (x, top))?;
                    }
                    Piece::Bitmap(bitmap) => draw_bitmap(area, bitmap, size, (x, centre))?,
                }
                x += piece_width(self.path, &piece, size)?.cast_signed();
            }
            Ok(())
        })?;
        Ok(Some(drawn))
    }

    /// Draws an image, from 0 (black) to 1 (white), each of its pixels as a square with a side of
    /// `factor` pixels.
    pub(super) fn draw_enlarged(
        &mut self,
        image: &[f32],
        columns: usize,
        factor: u32,
        (left, top): (u32, u32),
    ) {
        for (at, &value) in image.iter().enumerate() {
            let grey = Rgb([(value * 255.0).round() as u8; 3]);
            let (right, down) = ((at % columns) as u32, (at / columns) as u32);
            let corner = (left + right * factor, top + down * factor);
            self.fill(corner, (factor, factor), grey);
        }
    }

    /// Draws a line around the rectangle at `corner`, which is still to be drawn.
    pub(super) fn outline(&mut self, (left, top): (u32, u32), (width, height): (u32, u32)) {
        self.fill((left - 1, top - 1), (width + 2, height + 2), OUTLINE);
    }

    /// Paints a rectangle.
    pub(super) fn fill(&mut self, corner: (u32, u32), size: (u32, u32), colour: Rgb<u8>) {
        for y in corner.1..corner.1 + size.1 {
            for x in corner.0..corner.0 + size.0 {
                self.pixels.put_pixel(x, y, colour);
            }
        }
    }

    /// Encodes the picture.
    pub(super) fn encode(self) -> Result<Png> {
        let mut png = Cursor::new(Vec::new());
        self.pixels
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|error| failure(self.path, error))?;
        let (width, height) = self.pixels.dimensions();
        Ok(Png { bytes: png.into_inner(), width, height })
    }

    /// Encodes the picture and writes its file, replacing an older one.
    pub(super) fn save(self) -> Result<()> {
        let path = self.path;
        self.encode()?.save(path)
    }
}

/// An encoded PNG picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Png {
    /// The content of the file.
    pub bytes: Vec<u8>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl Png {
    /// Writes the file, replacing an older one.
    ///
    /// # Errors
    /// [`Error::Io`]; an older file is then unchanged.
    pub fn save(&self, path: &Path) -> Result<()> {
        crate::file::replace(path, &self.bytes)
    }
}

/// Creates an [`Error::Picture`].
pub(super) fn failure(path: &Path, message: impl Display) -> Error {
    Error::Picture { path: path.to_owned(), message: message.to_string() }
}

/// DejaVu Sans with lines `size` pixels high.
pub(super) fn font(size: u32) -> FontDesc<'static> {
    LazyLock::force(&REGISTER_FONT);
    FontDesc::new(FontFamily::Name(FONT), f64::from(size), FontStyle::Normal)
}

/// The offset of plotters' start of a text from the line on which its capitals are centred.
///
/// plotters puts the baseline half a line below the start, and a capital of DejaVu Sans is 0.729
/// em high, which is 0.626 lines.
pub(super) fn drop_to_centre(size: u32) -> i32 {
    (f64::from(size) * (0.626 / 2.0 - 0.5)).round() as i32
}

/// The width in pixels of a line of text, rounded up.
pub(super) fn text_width(path: &Path, text: &str, size: u32) -> Result<u32> {
    let mut large = 0;
    for piece in pieces(text) {
        large += piece_width(path, &piece, size)?;
    }
    Ok(large.div_ceil(OVERSAMPLE) + 1)
}

/// The width of a piece of text in pixels of the enlarged drawing.
fn piece_width(path: &Path, piece: &Piece, size: u32) -> Result<u32> {
    match piece {
        Piece::Text(text) => {
            let size = font(size * OVERSAMPLE).box_size(text);
            Ok(size.map_err(|error| failure(path, error))?.0)
        }
        Piece::Bitmap(bitmap) => Ok(bitmap_width(bitmap, size)),
    }
}

/// The height in pixels of the area that [`Picture::write`] covers.
pub(super) fn text_height(size: u32) -> u32 {
    (size + size / 6).next_multiple_of(2)
}

/// Draws at [`OVERSAMPLE`] times the size, and averages blocks of pixels.
fn shrunk(
    path: &Path,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area) -> Drawn,
) -> Result<RgbImage> {
    let large = (width * OVERSAMPLE, height * OVERSAMPLE);
    let row = large.0 as usize * 3;
    let mut pixels = vec![255; row * large.1 as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, large).into_drawing_area();
    draw(&area).map_err(|error| failure(path, error))?;
    drop(area);
    let mut small = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for (y, rows) in (0..).zip(pixels.chunks_exact(row * OVERSAMPLE as usize)) {
        // Most of a picture is white, and drawing should not delay training.
        if rows.iter().all(|&value| value == 255) {
            continue;
        }
        let rows: Vec<_> = rows.chunks_exact(row).collect();
        for x in 0..width {
            small.put_pixel(x, y, mean_of_block(&rows, x as usize));
        }
    }
    Ok(small)
}

/// The mean of block `x` of rows that are [`OVERSAMPLE`] pixels high.
fn mean_of_block(rows: &[&[u8]], x: usize) -> Rgb<u8> {
    const SIDE: usize = OVERSAMPLE as usize;
    let mut sums = [0_u32; 3];
    for row in rows {
        for pixel in row[x * SIDE * 3..][..SIDE * 3].chunks_exact(3) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += u32::from(value);
            }
        }
    }
    let count = (SIDE * SIDE) as u32;
    Rgb(sums.map(|sum| ((sum + count / 2) / count) as u8))
}
