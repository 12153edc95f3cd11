//! Images in PNG and JPEG files.

use super::folder::{entries, listing, names};
use super::{Dataset, Labels, Levels, Size};
use crate::{Action, Error, Result};
use image::imageops::{FilterType, resize};
use image::{ImageReader, Limits};
use rayon::prelude::*;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Whether a file is a picture, by its name. Hidden ones are not: macOS leaves them beside others.
pub(super) fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    !hidden && ["png", "jpg", "jpeg"].contains(&ending.as_str())
}

/// Reads one picture.
pub(super) fn read_file(path: &Path, size: Option<Size>) -> Result<Dataset> {
    read(&[path.to_owned()], None, size)
}

/// Reads the pictures in a folder, in the order of their names, or those in its subfolders, which
/// are then their labels.
pub(super) fn read_folder(folder: &Path, size: Option<Size>) -> Result<Dataset> {
    let direct = pictures(folder)?;
    let mut classes = Vec::new();
    for class in subfolders(folder)? {
        let pictures = pictures(&folder.join(&class))?;
        if !pictures.is_empty() {
            classes.push((class, pictures));
        }
    }
    let kinds = "PNG or JPEG pictures, or subfolders of them that are their labels";
    match (direct.is_empty(), classes.is_empty()) {
        (true, true) => {
            let expected = format!("IDX files, or {kinds}");
            Err(Error::file(folder, expected, listing(&names(folder)?)))
        }
        (false, false) => Err(Error::file(folder, kinds, "both")),
        (false, true) => read(&direct, None, size),
        (true, false) => {
            let all: Vec<_> = classes.iter().flat_map(|(_, some)| some).cloned().collect();
            let label = |(class, (_, some)): (u16, &(_, Vec<_>))| vec![class; some.len()];
            let of: Vec<u16> = (0..).zip(&classes).flat_map(label).collect();
            if of.len() != all.len() {
                let expected = format!("at most {} subfolders", u16::MAX);
                return Err(Error::file(folder, expected, classes.len()));
            }
            let names = classes.into_iter().map(|(name, _)| name).collect();
            read(&all, Some(Labels { of, names }), size)
        }
    }
}

/// The pictures in a folder, sorted.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = names(folder)?.into_iter().map(|name| folder.join(name));
    Ok(paths.filter(|path| is_picture(path)).collect())
}

/// The names of a folder's subfolders, those that are numbers by their values.
fn subfolders(folder: &Path) -> Result<Vec<String>> {
    let mut names = entries(folder, Path::is_dir)?;
    names.sort_by_cached_key(|name| (name.parse().unwrap_or(u64::MAX), name.clone()));
    Ok(names)
}

/// Reads pictures, at least one.
fn read(paths: &[PathBuf], labels: Option<Labels>, wanted: Option<Size>) -> Result<Dataset> {
    let decoded: Vec<_> = paths.par_iter().map(|path| decode(path, wanted)).collect();
    let mut levels = Vec::new();
    let mut first = None;
    for (path, decoded) in paths.iter().zip(decoded) {
        let (pixels, size) = decoded?;
        let &mut (other, expected) = first.get_or_insert((path, size));
        if size != expected {
            let expected = format!("a picture of {expected} pixels, as {}", other.display());
            return Err(Error::file(path, expected, size));
        }
        levels.extend(pixels);
    }
    match first {
        Some((_, size)) => Ok(Dataset { levels: Levels::Bytes(levels), labels, size }),
        None => unreachable!("there is a picture"),
    }
}

/// Whether each palette of a PNG file is of whole colours. `png` 0.18.1 panics at others
/// (github.com/image-rs/image-png/pull/682, which no release has yet).
fn has_whole_palettes(bytes: &[u8]) -> bool {
    let mut chunks = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap_or_default();
    while let Some(([a, b, c, d, kind @ ..], rest)) = chunks.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if kind == b"PLTE" && !length.is_multiple_of(3) {
            return false;
        }
        // The data, and its checksum.
        chunks = rest.get(length..).and_then(|rest| rest.get(4..)).unwrap_or_default();
    }
    true
}

/// Bytes that a picture of so many bytes may be decoded to, so that one which claims to be large has
/// to be. Deflate makes at most 1032 of one, and a palette 32 of one of those; of JPEG's blocks of 192
/// each takes two bits.
fn most_decoded(length: u64) -> u64 {
    (1 << 20) + 32 * 1032 * length
}

/// The grey levels of a picture, resized if that is wanted.
fn decode(path: &Path, wanted: Option<Size>) -> Result<(Vec<u8>, Size)> {
    let bytes = fs::read(path).map_err(Error::io(path, Action::Read))?;
    let bad = |found: String| Error::file(path, "a PNG or JPEG picture", found);
    if !has_whole_palettes(&bytes) {
        return Err(bad("a palette that is cut off within a colour".to_owned()));
    }
    let most = most_decoded(bytes.len() as u64);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(Error::io(path, Action::Read))?;
    let mut limits = Limits::default();
    limits.max_alloc = limits.max_alloc.map(|usual| usual.min(most));
    reader.limits(limits);
    let grey = reader.decode().map_err(|error| bad(error.to_string()))?.into_luma8();
    let (width, height) = grey.dimensions();
    let found =
        Size::new(height as usize, width as usize).ok_or_else(|| bad("no pixels".to_owned()))?;
    match wanted.filter(|&wanted| wanted != found) {
        // Averages what becomes one pixel, and neither sharpens nor rings.
        Some(to) => {
            to.check()?;
            let (rows, columns) = (to.rows() as u32, to.columns() as u32);
            Ok((resize(&grey, columns, rows, FilterType::Triangle).into_raw(), to))
        }
        None => Ok((grey.into_raw(), found)),
    }
}
