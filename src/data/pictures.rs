//! Images in pictures: PNG, JPEG, BMP, GIF, TIFF, WebP and PNM.

use super::dataset::by_name;
use super::folder::{Entries, listing};
use super::numbers::Numbers;
use super::reading::{Account, Wanted, unclear};
use super::{Dataset, Labels, Size};
use crate::{Action, Error, Result};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "pictures")]
mod claims;
#[cfg(feature = "pictures")]
mod decode;

#[cfg(feature = "pictures")]
use decode::decode;

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
    let kinds = "pictures (PNG, JPEG, BMP, GIF, TIFF, WebP, PNM), or a subfolder of pictures for \
                 each label";
    let direct = found.classes.remove("").unwrap_or_default();
    if !found.left_out.is_empty() {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for path in &found.left_out {
            let ending =
                path.extension().map_or("no extension".to_owned(), |e| format!(".{}", e.display()));
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
            let remedy = match files.iter().find(|file| is_alone(file)) {
                Some(file) => format!("{}, one file of the folder", file.display()),
                None => {
                    "a folder of pictures, of a subfolder of pictures for each label, or of IDX \
                     files"
                        .to_owned()
                }
            };
            return Err(unclear(folder, format!("IDX files, or {kinds}"), here, remedy));
        }
        (false, false) => {
            let remedy = "move the pictures beside the subfolders into another subfolder";
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
        let remedy = format!("size = {size} resizes all pictures");
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
        account.made.push(format!("transparent pixels are blended with {background}"));
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
    Ok(Dataset { labels, ..Dataset::of_file(levels, size) })
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

/// Refuses a picture: this build cannot decode it.
#[cfg(not(feature = "pictures"))]
fn decode(path: &Path, _: Vec<u8>, _: Wanted) -> Result<Picture> {
    let remedy = "build wgvae with its feature `pictures`";
    Err(unclear(path, "a file that this build can read", "a picture", remedy))
}
