//! Finds the font for a character: DejaVu Sans, or else GNU Unifont, whose bitmaps cover the Basic
//! Multilingual Plane, including Chinese, Japanese and Korean. A character in neither font is
//! written as its number, such as `U+1F431`, so that different names still look different.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef};
use plotters::prelude::Rectangle;
use plotters::style::Color;
use unifont::Glyph;

use super::picture::{Area, Drawn, INK, OVERSAMPLE};

/// The text size at which a bitmap's pixel is a pixel of the picture.
const NATURAL_SIZE: f64 = 17.0;
/// The height of all bitmaps.
const ROWS: usize = 16;

static DEJAVU: LazyLock<Option<FontRef>> =
    LazyLock::new(|| FontRef::try_from_slice(dejavu::sans::regular()).ok());

/// A piece of a line of text.
pub(super) enum Piece {
    /// Text in DejaVu Sans.
    Text(String),
    /// A character of Unifont.
    Bitmap(&'static Glyph),
}

/// Splits a text into pieces from left to right.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for character in text.chars().filter(|&character| !is_invisible(character)) {
        let bitmap = unifont::get_glyph(character).filter(|_| !is_in_dejavu(character));
        match (bitmap, pieces.last_mut()) {
            (Some(bitmap), _) => pieces.push(Piece::Bitmap(bitmap)),
            (None, Some(Piece::Text(text))) => text.push_str(&spelled(character)),
            (None, _) => pieces.push(Piece::Text(spelled(character))),
        }
    }
    pieces
}

/// Whether a character is a joiner or a variation selector.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn is_in_dejavu(character: char) -> bool {
    DEJAVU.as_ref().is_none_or(|font| font.glyph_id(character).0 != 0)
}

fn spelled(character: char) -> String {
    if is_in_dejavu(character) {
        character.to_string()
    } else {
        format!("U+{:X}", u32::from(character))
    }
}

/// The width of a bitmap in text of this size, in pixels of the enlarged drawing.
pub(super) fn bitmap_width(bitmap: &Glyph, size: u32) -> u32 {
    edge(bitmap.get_width(), size).unsigned_abs()
}

/// Draws a bitmap with its left edge at `left` and its middle at `middle` in the enlarged drawing.
pub(super) fn draw_bitmap(
    area: &Area,
    bitmap: &Glyph,
    size: u32,
    (left, middle): (i32, i32),
) -> Drawn {
    let top = middle - edge(ROWS, size) / 2;
    for row in 0..ROWS {
        for column in (0..bitmap.get_width()).filter(|&column| bitmap.get_pixel(column, row)) {
            // plotters excludes the right and the lower edge.
            let upper = (left + edge(column, size), top + edge(row, size));
            let lower = (left + edge(column + 1, size), top + edge(row + 1, size));
            area.draw(&Rectangle::new([upper, lower], INK.filled()))?;
        }
    }
    Ok(())
}

/// The left or upper edge of a bitmap's pixel in the enlarged drawing.
fn edge(pixel: usize, size: u32) -> i32 {
    let enlarged = f64::from(size * OVERSAMPLE) / NATURAL_SIZE;
    (pixel as f64 * enlarged).round() as i32
}
