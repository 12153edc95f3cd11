//! The images that a model learns from. A file or a folder of any kind becomes a [`Dataset`], and
//! two of them a [`Split`]; each kind has a file here: IDX, tables (`.csv`, `.amat`), `.npy`, and
//! pictures. How numbers become grey levels is one rule for all, in `numbers`; what was found and made
//! of it is an [`Account`]. What is read is not trusted: it is refused with the file, the place in it and what was
//! expected there. Grey levels stay as they are: scaling, shuffling and batching are left to the
//! training loop.

mod cells;
mod claims;
mod dataset;
mod folder;
mod idx;
mod npy;
mod numbers;
mod open;
mod pictures;
mod reading;
mod size;
mod source;
mod split;
mod table;

pub use dataset::{Coverage, Dataset, Labels, Levels};
pub use folder::mnist_folder;
pub use reading::{Account, LabelColumn, Reading};
pub use size::Size;
pub use source::{load_images, read_images};
pub use split::{HELD_OUT, Source, Split};
pub(crate) use table::read_numbers;

use crate::{Error, Result};
use std::path::Path;

/// Labels that are numbers are below this: the classes of EMNIST ByClass, the most of any set in the
/// family of MNIST.
pub const CLASSES: u16 = 62;

/// The size of images of so many pixels: `wanted`, if it has as many.
fn size_of(path: &Path, pixels: usize, wanted: Option<Size>) -> Result<Size> {
    match wanted {
        Some(size) if size.pixels() == pixels => Ok(size),
        Some(size) => {
            Err(Error::file(path, format!("images of {size} pixels"), format!("{pixels} pixels")))
        }
        None => Size::guess(pixels).ok_or_else(|| Error::file(path, "images with pixels", "none")),
    }
}
