//! The images that a model is trained on. A file or a folder of any kind becomes a [`Dataset`], and
//! two of them a [`Split`]; each kind has a file here: IDX, tables (`.csv`, `.amat`), `.npy`, and
//! pictures. `numbers` has the one rule that maps numbers to grey levels; an [`Account`] lists what
//! was found and how it was interpreted. Files are not trusted: an error names the file, the place
//! in it and the expected content. Grey levels are not changed: scaling, shuffling and batching are
//! left to the training loop.

mod cells;
mod dataset;
mod folder;
mod idx;
mod known;
mod matrix;
mod npy;
mod numbers;
mod open;
// Without the feature, no picture is decoded, and its parts have no reader.
#[cfg_attr(not(feature = "pictures"), allow(dead_code))]
mod pictures;
mod reading;
mod size;
mod source;
mod split;
mod table;

pub use dataset::{Coverage, Dataset, Labels, Levels};
pub use known::{KNOWN, Known};
pub use reading::{Account, LabelColumn, Reading};
pub use size::Size;
pub use source::{load_images, read_images};
pub use split::{HELD_OUT, HeldOut, Source, Split, Validation};

use crate::{Error, FileKind, Result};
use std::path::Path;

/// Labels that are numbers are below this: the number of classes of EMNIST ByClass, the most of any
/// set in the MNIST family.
pub const CLASSES: u16 = 62;

/// Returns the size of images of `pixels` pixels: `wanted`, if it has that many, else a guess.
fn size_of(path: &Path, pixels: usize, wanted: Option<Size>) -> Result<Size> {
    match wanted {
        Some(size) if size.pixels() == pixels => Ok(size),
        Some(size) => {
            let found = format!("{pixels} pixels");
            let error = Error::file(path, format!("images of {size} pixels"), found);
            Err(error.of_kind(FileKind::Images))
        }
        None => Size::guess(pixels).ok_or_else(|| Error::file(path, "images with pixels", "none")),
    }
}
