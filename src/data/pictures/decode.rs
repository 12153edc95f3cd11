//! Pictures decoded to grey levels, by the `image` crate.

use super::{Grey, Picture, background, claims};
use crate::data::Size;
use crate::data::reading::{Wanted, unclear};
use crate::{Action, Error, Result};
use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageReader, Limits, Luma, Pixel, Primitive};
use std::io::Cursor;
use std::path::Path;

/// Limit of the decoded size, in bytes, of a picture of `length` bytes, so that a small file cannot
/// claim to be a large picture. Deflate expands a byte to at most 1032, and a palette expands one
/// of those to 32; each of JPEG's blocks of 192 takes two bits.
fn most_decoded(length: u64) -> u64 {
    (1 << 20) + 32 * 1032 * length
}

/// Decodes a picture to grey levels, applies its orientation, and resizes it if requested.
pub(super) fn decode(path: &Path, bytes: Vec<u8>, wanted: Wanted) -> Result<Picture> {
    let bad = |found: String| Error::file(path, "a picture", found);
    let length = bytes.len();
    if length == 0 {
        return Err(unclear(path, "a picture", "an empty file", "delete it, or download it again"));
    }
    if let Some(claim) = claims::beyond(&bytes) {
        return Err(bad(claim.to_owned()));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(Error::io(path, Action::Read))?;
    let mut limits = Limits::default();
    let most = most_decoded(length as u64);
    limits.max_alloc = limits.max_alloc.map(|usual| usual.min(most));
    reader.limits(limits.clone());
    let kind = reader.format().map_or("picture", |format| format.extensions_str()[0]);
    let failed = |error: image::ImageError| match error {
        image::ImageError::IoError(_) | image::ImageError::Decoding(_) => {
            let remedy = "download it again, or delete it, if it was cut off";
            unclear(path, format!("a complete {kind} picture"), error, remedy)
        }
        image::ImageError::Unsupported(_) => {
            unclear(path, "a picture of a supported kind", error, "convert it to PNG")
        }
        error => bad(error.to_string()),
    };
    let mut decoder = reader.into_decoder().map_err(failed)?;
    limits.reserve(decoder.total_bytes()).map_err(failed)?;
    decoder.set_limits(limits).map_err(failed)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    let is_turned = orientation != Orientation::NoTransforms;
    let (width, height) = (picture.width(), picture.height());
    let found = Size::new(height as usize, width as usize);
    let found = found.ok_or_else(|| bad("no pixels".to_owned()))?;
    let color = picture.color();
    let is_wide = color.bytes_per_pixel() / color.channel_count() > 1;
    let on = f64::from(background(wanted)) / 255.0;
    let is_transparent = color.has_alpha() && has_transparency(&picture);
    let to = wanted.size.unwrap_or(found);
    if to != found {
        to.check()?;
    }
    let (grey, is_mask) = if is_wide {
        (Grey::Words(resized(words(&picture, is_transparent, on), found, to)), false)
    } else {
        let mut levels = bytes_of(&picture, is_transparent, on);
        let is_mask = levels.iter().all(|&level| level <= 1);
        if is_mask {
            levels.iter_mut().for_each(|level| *level *= 255);
        }
        (Grey::Bytes(resized(levels, found, to)), is_mask)
    };
    let is_coloured = color.has_color();
    Ok(Picture { grey, size: to, is_mask, is_coloured, is_transparent, is_turned })
}

fn has_transparency(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageLumaA8(all) => all.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(all) => all.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        DynamicImage::ImageLumaA16(all) => all.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        DynamicImage::ImageRgba16(all) => all.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        _ => false,
    }
}

/// The brightness of a colour by Rec. 601, as Pillow and torchvision compute it.
fn luma([red, green, blue]: [u32; 3]) -> u32 {
    ((u64::from(red) * 19595 + u64::from(green) * 38470 + u64::from(blue) * 7471 + (1 << 15)) >> 16)
        as u32
}

/// Blends a level with opacity `alpha`, both from 0 to `most`, with a background from 0 to 1.
fn blend(level: u32, alpha: u32, most: u32, background: f64) -> u32 {
    let opacity = f64::from(alpha) / f64::from(most);
    (f64::from(level) * opacity + background * f64::from(most) * (1.0 - opacity)).round() as u32
}

/// Resizes levels from one size to another.
fn resized<T>(levels: Vec<T>, from: Size, to: Size) -> Vec<T>
where
    T: Primitive + 'static,
    Luma<T>: Pixel<Subpixel = T> + 'static,
{
    if from == to {
        return levels;
    }
    let [width, height, columns, rows] =
        [from.columns(), from.rows(), to.columns(), to.rows()].map(|length| length as u32);
    // This filter averages the pixels that become one, and neither sharpens nor rings.
    ImageBuffer::<Luma<T>, _>::from_raw(width, height, levels)
        .map(|whole| resize(&whole, columns, rows, FilterType::Triangle).into_raw())
        .unwrap_or_default()
}

/// The grey levels of pixels from 0 to `most`, blended with a background from 0 to 1.
fn grey_of<T: Primitive>(pixels: &[T], most: T, is_transparent: bool, on: f64) -> Vec<T> {
    let number = |level: T| level.to_u32().unwrap_or(0);
    let grey = |&[red, green, blue, alpha]: &[T; 4]| {
        let level = luma([red, green, blue].map(number));
        let seen =
            if is_transparent { blend(level, number(alpha), number(most), on) } else { level };
        T::from(seen).unwrap_or(most)
    };
    pixels.as_chunks().0.iter().map(grey).collect()
}

fn bytes_of(picture: &DynamicImage, is_transparent: bool, on: f64) -> Vec<u8> {
    match picture {
        DynamicImage::ImageLuma8(all) => all.as_raw().clone(),
        other => grey_of(other.to_rgba8().as_raw(), u8::MAX, is_transparent, on),
    }
}

fn words(picture: &DynamicImage, is_transparent: bool, on: f64) -> Vec<u16> {
    match picture {
        DynamicImage::ImageLuma16(all) => all.as_raw().clone(),
        other => grey_of(other.to_rgba16().as_raw(), u16::MAX, is_transparent, on),
    }
}
