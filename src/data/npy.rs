//! Images in NumPy's `.npy` files.

use super::{Dataset, Levels, Size, size_of};
use crate::matrix::npy;
use crate::{Action, Error, Result};
use std::path::Path;

/// Reads images `[n, d]`, `[n, rows, columns]`, `[n, 1, rows, columns]` or `[n, rows, columns, 1]`.
pub(super) fn read(path: &Path, wanted: Option<Size>) -> Result<Dataset> {
    let bytes = std::fs::read(path).map_err(Error::io(path, Action::Read))?;
    let array =
        npy::read(&bytes).map_err(|(expected, found)| Error::file(path, expected, found))?;
    let no_images = || {
        Error::file(
            path,
            "an array of [images, pixels] or [images, rows, columns]",
            format!("{:?}", array.sizes),
        )
    };
    let size = match array.sizes[..] {
        [0, ..] => return Err(no_images()),
        [_, pixels] => size_of(path, pixels, wanted)?,
        [_, rows, columns] | [_, 1, rows, columns] | [_, rows, columns, 1] => {
            let size = Size::new(rows, columns).ok_or_else(no_images)?;
            match wanted.filter(|&wanted| wanted != size) {
                Some(wanted) => {
                    return Err(Error::file(path, format!("images of {wanted} pixels"), size));
                }
                None => size,
            }
        }
        _ => return Err(no_images()),
    };
    let levels = match array.kind {
        "|u1" | "|b1" => Levels::of_bytes(array.data.to_vec()),
        _ => Levels::Reals(reals(path, &array, size.pixels())?),
    };
    Ok(Dataset { levels, labels: None, size })
}

fn reals(path: &Path, array: &npy::Array, pixels: usize) -> Result<Vec<f32>> {
    let expected = "numbers of type uint8 (|u1), bool (|b1), float32 (<f4) or float64 (<f8)";
    let reals = array.reals().ok_or_else(|| Error::file(path, expected, array.kind))?;
    match reals.iter().position(|level| !(0.0..=1.0).contains(level)) {
        Some(at) => {
            let (row, column) = (at / pixels + 1, at % pixels + 1);
            let expected = format!("a number from 0 to 1 in row {row}, column {column}");
            Err(Error::file(path, expected, reals[at]))
        }
        None => Ok(reals),
    }
}
