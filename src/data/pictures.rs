//! Images in pictures: PNG, JPEG, BMP, GIF, TIFF, WebP and PNM.

use super::dataset::by_name;
use super::folder::{Entries, listing};
use super::numbers::Numbers;
use super::reading::{Account, Wanted, unclear};
use super::{Dataset, Labels, Size, claims};
use crate::{Action, Error, Result};
use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageReader, Limits, Luma, Pixel, Primitive};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 15] = [
    "png", "jpg", "jpeg", "jfif", "jpe", "bmp", "dib", "gif", "tif", "tiff", "webp", "pbm", "pgm",
    "ppm", "pnm",
];

/// The maximum depth of nested folders: alphabets of characters, and a set around them.
const DEPTH: usize = 4;

/// Whether a file is a picture, by its name. Hidden files are not: macOS creates them beside
/// others.
pub(super) fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    !is_hidden(path) && ENDINGS.contains(&ending.as_str())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

/// Reads one picture, which errors call `path`.
pub(super) fn read_bytes(
    path: &Path,
    bytes: Vec<u8>,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Dataset> {
    combine(&[path.to_owned()], vec![decode(path, bytes, wanted)], None, wanted, account)
}

/// Reads the pictures in a folder, in the order of their names, or those in its subfolders, whose
/// names are then the labels (or whose paths, if they have subfolders themselves).
pub(super) fn read_folder(folder: &Path, wanted: Wanted, account: &mut Account) -> Result<Dataset> {
    let mut found = Found::default();
    found.look(folder, "", DEPTH)?;
    let kinds = "pictures (PNG, JPEG, BMP, GIF, TIFF, WebP, PNM), or subfolders of them that are their labels";
    let direct = found.classes.remove("").unwrap_or_default();
    if !found.left_out.is_empty() {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for path in &found.left_out {
            let ending =
                path.extension().map_or("no ending".to_owned(), |e| format!(".{}", e.display()));
            *kinds.entry(ending).or_default() += 1;
        }
        let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        account.found.push(format!("left out: {}", kinds.join(", ")));
        account
            .details
            .extend(found.left_out.iter().map(|path| format!("left out: {}", path.display())));
    }
    let all: Vec<PathBuf> = match (direct.is_empty(), found.classes.is_empty()) {
        (true, true) => {
            let files = Entries::of(folder)?.files;
            let here = listing(&files);
            let mut remedy = "--data with a folder of pictures, of a subfolder of them for each label, or of IDX files".to_owned();
            if let Some(file) = files.iter().find(|file| is_alone(file)) {
                remedy = format!("--data {}, one file of them", file.display());
            }
            return Err(unclear(folder, format!("IDX files, or {kinds}"), here, remedy));
        }
        (false, false) => {
            let remedy = "move the pictures beside the subfolders into one of their own";
            return Err(unclear(folder, kinds, "both", remedy));
        }
        (false, true) => direct,
        (true, false) => found.classes.values().flatten().cloned().collect(),
    };
    let mut names: Vec<&String> = found.classes.keys().collect();
    names.sort_by(|one, other| by_name(one, other));
    let sorted: Vec<PathBuf> = if names.is_empty() {
        all
    } else {
        names.iter().flat_map(|name| found.classes[*name].iter().cloned()).collect()
    };
    let of =
        names.iter().zip(0..).flat_map(|(name, class)| vec![class; found.classes[*name].len()]);
    let of: Option<Vec<u16>> = of.map(|class: usize| u16::try_from(class).ok()).collect();
    let labels = of.filter(|of| !of.is_empty());
    let labels = labels.map(|of| Labels { of, names: names.into_iter().cloned().collect() });
    account.made.push(match &labels {
        Some(labels) => format!("{} subfolders are the labels", labels.names.len()),
        None => "no labels".to_owned(),
    });
    let decode_file = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(Error::io(path, Action::Read))?;
        decode(path, bytes, wanted)
    };
    let decoded = sorted.par_iter().map(decode_file).collect();
    let set = combine(&sorted, decoded, labels, wanted, account)?;
    let below = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    Ok(Dataset { files: Some(sorted.iter().map(below).collect()), ..set })
}

/// Whether a file that is no picture may be a data set by itself.
fn is_alone(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zip")).unwrap_or(&name);
    ["csv", "tsv", "amat", "npy", "npz"].iter().any(|ending| name.ends_with(&format!(".{ending}")))
}

/// Whether a folder, or one below it, has pictures.
pub(super) fn are_in(folder: &Path) -> Result<bool> {
    let mut found = Found::default();
    found.look(folder, "", DEPTH)?;
    Ok(!found.classes.is_empty())
}

/// The files in a folder and below it.
#[derive(Default)]
struct Found {
    /// Pictures by the path of their folder.
    classes: BTreeMap<String, Vec<PathBuf>>,
    /// Files that are no pictures.
    left_out: Vec<PathBuf>,
}

impl Found {
    fn look(&mut self, folder: &Path, name: &str, depth: usize) -> Result<()> {
        let Entries { files, folders } = Entries::of(folder)?;
        let (pictures, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| is_picture(path) && path.exists());
        self.left_out.extend(others.into_iter().filter(|path| !is_hidden(path)));
        if !pictures.is_empty() {
            self.classes.insert(name.to_owned(), pictures);
        }
        if depth > 0 {
            for path in folders.iter().filter(|path| !is_hidden(path)) {
                let own = path.file_name().unwrap_or_default().to_string_lossy();
                let joint = if name.is_empty() { "" } else { "/" };
                self.look(path, &format!("{name}{joint}{own}"), depth - 1)?;
            }
        }
        Ok(())
    }
}

/// A picture in grey.
struct Picture {
    grey: Grey,
    size: Size,
    /// Whether no pixel was above 1; the pixels of such pictures are multiplied by 255.
    is_mask: bool,
    is_coloured: bool,
    is_transparent: bool,
    is_turned: bool,
}

enum Grey {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

/// Combines pictures of one size into a data set.
fn combine(
    paths: &[PathBuf],
    decoded: Vec<Result<Picture>>,
    labels: Option<Labels>,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Dataset> {
    let pictures = decoded.into_iter().collect::<Result<Vec<_>>>()?;
    let [first, ..] = &pictures[..] else { unreachable!("there is a picture") };
    let size = first.size;
    if let Some((path, other)) =
        paths.iter().zip(&pictures).find(|(_, picture)| picture.size != size)
    {
        let expected = format!("a picture of {size} pixels, as {}", paths[0].display());
        let remedy = format!("--size {size} resizes all of them");
        return Err(unclear(path, expected, other.size, remedy));
    }
    let count = |is: fn(&Picture) -> bool| pictures.iter().filter(|picture| is(picture)).count();
    let masks = count(|picture| picture.is_mask);
    let words = count(|picture| matches!(picture.grey, Grey::Words(_)));
    let transparent = count(|picture| picture.is_transparent);
    account.found.push(format!("{} pictures", pictures.len()));
    let of = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    account.found.extend(of(count(|picture| picture.is_coloured), "in colour"));
    account.found.extend(of(transparent, "transparent"));
    account.found.extend(of(words, "of 16 bits"));
    account
        .found
        .extend(of(count(|picture| picture.is_turned), "turned by their EXIF orientation"));
    if transparent > 0 {
        let background = background(wanted);
        account.made.push(format!("transparency lies on {background}"));
        account.reading.background = Some(background);
    }
    let numbers = if masks == pictures.len() {
        Numbers::Masks(pictures.into_iter().flat_map(|picture| picture.grey.bytes()).collect())
    } else {
        let plain = pictures.into_iter().map(Picture::unmasked);
        if words > 0 {
            Numbers::Words(plain.flat_map(Grey::words).collect())
        } else {
            Numbers::Bytes(plain.flat_map(Grey::bytes).collect())
        }
    };
    let place = |at: usize| {
        let (picture, pixel) = (at / size.pixels(), at % size.pixels());
        format!("{}, pixel {pixel}", paths[picture].display())
    };
    let levels = numbers.levels(&paths[0], wanted, place, account)?;
    Ok(Dataset { labels, ..Dataset::new(levels, size) })
}

impl Picture {
    fn unmasked(self) -> Grey {
        match self.grey {
            Grey::Bytes(bytes) if self.is_mask => {
                Grey::Bytes(bytes.into_iter().map(|byte| byte / 255).collect())
            }
            grey => grey,
        }
    }
}

impl Grey {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Words(words) => words.into_iter().map(|word| (word >> 8) as u8).collect(),
        }
    }

    fn words(self) -> Vec<u16> {
        match self {
            Self::Bytes(bytes) => bytes.into_iter().map(|byte| u16::from(byte) * 257).collect(),
            Self::Words(words) => words,
        }
    }
}

/// The grey level behind transparent pixels: white by default.
fn background(wanted: Wanted) -> u8 {
    wanted.reading.background.unwrap_or(255)
}

/// Limit of the decoded size, in bytes, of a picture of `length` bytes, so that a small file cannot
/// claim to be a large picture. Deflate expands a byte to at most 1032, and a palette expands one
/// of those to 32; each of JPEG's blocks of 192 takes two bits.
fn most_decoded(length: u64) -> u64 {
    (1 << 20) + 32 * 1032 * length
}

/// Decodes a picture to grey levels, applies its orientation, and resizes it if requested.
fn decode(path: &Path, bytes: Vec<u8>, wanted: Wanted) -> Result<Picture> {
    let bad = |found: String| Error::file(path, "a picture", found);
    let length = bytes.len();
    if length == 0 {
        return Err(unclear(path, "a picture", "an empty file", "delete it, or fetch it anew"));
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
            let remedy = "fetch it anew, or delete it, if it was cut off";
            unclear(path, format!("a whole {kind} picture"), error, remedy)
        }
        image::ImageError::Unsupported(_) => {
            unclear(path, "a picture of a kind that is read", error, "convert it to PNG")
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
