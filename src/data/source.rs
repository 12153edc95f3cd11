//! What kind of data is at a path.

use super::idx::GZIP_MAGIC;
use super::{Dataset, Size, Split, folder, idx, npy, pictures, text};
use crate::{Action, Error, Result};
use std::path::Path;
use tracing::debug;

/// What a path leads to.
pub(super) enum Loaded {
    /// A training and a test set.
    Split(Split),
    /// Images.
    Set(Dataset),
}

impl Loaded {
    pub(super) fn train(self) -> Dataset {
        match self {
            Self::Split(Split { train, .. }) | Self::Set(train) => train,
        }
    }

    pub(super) fn test(self) -> Dataset {
        match self {
            Self::Split(Split { test, .. }) | Self::Set(test) => test,
        }
    }
}

/// Loads images:
///
/// - `mnist`: MNIST's test images;
/// - a folder of IDX files, or one with the subfolders `train` and `test` of pictures: its test
///   images;
/// - a folder of PNG or JPEG pictures, or of subfolders of them, which are then the labels; or one
///   picture. Colour becomes grey. They have to be of one size, or are resized to `size`;
/// - a `.npy` file of u8, bool, f32 or f64 `[n, d]`, `[n, rows, columns]` or with an axis of one
///   channel; f32 and f64 from 0 to 1;
/// - a `.csv` file, gzipped or not, a line an image, with or without a header; whole numbers from 0
///   to 255, or numbers from 0 to 1. The label is in the column that the header calls `label`; with
///   no header, in the first column if the others make a square, or `size`;
/// - an `.amat` file: the same, with blanks for commas, no header, and the label last;
/// - an IDX file of images, gzipped or not.
///
/// Bytes none of which is above 1 count as 0 and 1.
///
/// # Errors
/// [`Error::Io`] for what cannot be read or decompressed; [`Error::File`], with the place in the
/// file, for what is no such data.
pub fn load_images(path: &str, size: Option<Size>) -> Result<Dataset> {
    Ok(load(path, size)?.test())
}

pub(super) fn load(source: &str, size: Option<Size>) -> Result<Loaded> {
    let path = Path::new(source);
    let loaded = if source == "mnist" {
        // Where the system can't tell one of the two, the other may do.
        let current = std::env::current_dir().unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        Loaded::Split(Split::from_folder(&folder::mnist_folder(&current, &program)?)?)
    } else if path.is_dir() {
        in_folder(path, size)?
    } else if let Some((parent, prefix)) = folder::prefix(path) {
        Loaded::Split(folder::load(parent, &prefix)?)
    } else {
        Loaded::Set(in_file(path, size)?)
    };
    let (Loaded::Set(set) | Loaded::Split(Split { test: set, .. })) = &loaded;
    let labels = if set.labels.is_some() { "with" } else { "without" };
    debug!("{source}: {} images of {} pixels {labels} labels", set.len(), set.size);
    Ok(loaded)
}

fn in_folder(path: &Path, size: Option<Size>) -> Result<Loaded> {
    if folder::has_idx(path)? {
        return Ok(Loaded::Split(Split::from_folder(path)?));
    }
    let subfolder =
        |names: [&str; 2]| names.into_iter().map(|name| path.join(name)).find(|path| path.is_dir());
    match subfolder(["train", "training"]).zip(subfolder(["test", "testing"])) {
        Some((train, test)) => Ok(Loaded::Split(Split {
            train: pictures::read_folder(&train, size)?,
            test: pictures::read_folder(&test, size)?,
        })),
        None => Ok(Loaded::Set(pictures::read_folder(path, size)?)),
    }
}

fn in_file(path: &Path, size: Option<Size>) -> Result<Dataset> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ending = name.trim_end_matches(".gz").rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "csv" => text::read(path, text::Format::Csv, size),
        "amat" => text::read(path, text::Format::Amat, size),
        "npy" => npy::read(path, size),
        _ if pictures::is_picture(path) => pictures::read_file(path, size),
        _ if looks_like_idx(path)? => idx::read(path, size),
        _ => {
            let expected = "a .npy, .csv, .amat, .png, .jpg or IDX file, or a folder";
            Err(Error::file(path, expected, "another"))
        }
    }
}

/// Whether a file begins as an IDX file does, gzipped or not.
fn looks_like_idx(path: &Path) -> Result<bool> {
    let start = idx::start(path).map_err(Error::io(path, Action::Read))?;
    Ok(start == GZIP_MAGIC || start == [0, 0])
}
