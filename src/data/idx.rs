//! Reads one IDX file, the format of the MNIST family: a big-endian header of a magic number, whose
//! third byte is the type and whose fourth is the number of dimensions, one size per dimension,
//! then the numbers, all of it compressed or not. The file is not trusted: a false header costs no
//! more memory than the bytes behind it. Grouping files into sets is left to
//! [`folder`](super::folder).

use super::numbers::Numbers;
use super::open::Opened;
use super::reading::{Account, Wanted};
use super::{Dataset, Labels, Size, size_of};
use crate::matrix::Element;
use crate::{Error, FileKind, Result};
use std::path::{Path, PathBuf};

/// The most dimensions that a file may have.
const DIMENSIONS: usize = 4;

/// Whether a file with these first bytes is an IDX file.
pub(super) fn begins(start: &[u8]) -> bool {
    matches!(start, [0, 0, kind, 1..=4] if element(*kind).is_some())
}

/// Returns the element type of an IDX type code.
fn element(kind: u8) -> Option<Element> {
    let name = match kind {
        0x08 => "u1",
        0x09 => "i1",
        0x0b => ">i2",
        0x0c => ">i4",
        0x0d => ">f4",
        0x0e => ">f8",
        _ => return None,
    };
    Element::numpy(name)
}

/// Reads images, and labels from the file beside it with the corresponding name, if there is one.
pub(super) fn read(file: Opened, wanted: Wanted, account: &mut Account) -> Result<Dataset> {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let labels = file.path.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
    let labels = (file.path != labels && labels.is_file()).then_some(labels);
    read_pair(file, labels, wanted, account)
}

/// Reads images `[n, d]`, `[n, rows, columns]` or `[n, 1, rows, columns]`, and their labels, if
/// there is a file for them.
pub(super) fn read_pair(
    file: Opened,
    labels_path: Option<PathBuf>,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Dataset> {
    let images_path = file.path.clone();
    let images = Array::read(file)?;
    let labels = labels_path.as_deref().map(read_labels).transpose()?;
    let count = images.sizes[0];
    if let Some((path, labels)) = labels_path.as_ref().zip(labels.as_ref())
        && labels.of.len() != count
    {
        let expected = format!("{count} labels, one per image of {}", images_path.display());
        return Err(Error::file(path, expected, format!("{} labels", labels.of.len())));
    }
    let of_sizes = |rows, columns| {
        let no_pixels = || Error::file(&images_path, "images with pixels", product(&images.sizes));
        let size = Size::new(rows, columns).ok_or_else(no_pixels)?;
        match wanted.size {
            Some(wanted) if wanted != size => {
                let error = Error::file(&images_path, format!("images of {wanted}"), size);
                Err(error.of_kind(FileKind::Images))
            }
            _ => Ok(size),
        }
    };
    let size = match images.sizes[..] {
        [_, pixels] => size_of(&images_path, pixels, wanted.size)?,
        [_, rows, columns] | [_, 1, rows, columns] | [_, rows, columns, 1] => {
            of_sizes(rows, columns)?
        }
        _ => {
            let found = match images.sizes.len() {
                1 => "one number for each item, as in labels".to_owned(),
                _ => product(&images.sizes),
            };
            return Err(Error::file(&images_path, "images: items of rows and columns", found));
        }
    };
    account.found.push(format!("IDX, {}", product(&images.sizes)));
    let with = if labels.is_some() { "labels beside them" } else { "no labels" };
    account.made.push(with.to_owned());
    let place = |at: usize| format!("item {}, pixel {}", at / size.pixels(), at % size.pixels());
    let levels = images.numbers().levels(&images_path, wanted, place, account)?;
    Ok(Dataset { labels, ..Dataset::of_file(levels, size) })
}

/// Reads labels, `[count]`, whole numbers of any type.
fn read_labels(path: &Path) -> Result<Labels> {
    let array = Array::read(Opened::new(path)?)?;
    if array.sizes.len() != 1 {
        let expected = "labels: one number for each item";
        return Err(Error::file(path, expected, product(&array.sizes)));
    }
    let names = array.reals().into_iter().map(|label| label.to_string());
    Labels::named(names).ok_or_else(|| Error::file(path, "at most 65536 different labels", "more"))
}

/// Numbers with a shape; no size is zero, and the number of elements is the product of the sizes.
struct Array {
    sizes: Vec<usize>,
    element: Element,
    bytes: Vec<u8>,
}

impl Array {
    /// Reads the whole file, which must end where its header says.
    fn read(mut file: Opened) -> Result<Self> {
        let start = file.start(4)?;
        let wrong = |file: &Opened, expected: String, found: String| {
            Error::file(&file.path, expected, found)
        };
        let [0, 0, kind, dimensions] = start[..] else {
            let (expected, found) = if start.len() < 4 {
                ("a header of 8 bytes or more", format!("{} bytes", start.len()))
            } else {
                ("an IDX file, which begins with two zeros", "another".to_owned())
            };
            return Err(wrong(&file, expected.to_owned(), found));
        };
        let Some(element) = element(kind) else {
            let expected = "an IDX file of integers or floats (types 8, 9, 11 to 14)".to_owned();
            return Err(wrong(&file, expected, format!("type {kind}")));
        };
        let dimensions = usize::from(dimensions);
        if !(1..=DIMENSIONS).contains(&dimensions) {
            let expected = "images with 2 to 4 dimensions, or labels with 1".to_owned();
            return Err(wrong(&file, expected, dimensions.to_string()));
        }
        let length = 4 * (1 + dimensions);
        let header = file.next(length as u64)?;
        if header.len() < length {
            let expected = format!("a header of {length} bytes");
            return Err(wrong(&file, expected, format!("{} bytes", header.len())));
        }
        let words = header[4..].as_chunks().0.iter();
        let sizes: Vec<usize> = words.map(|&word| u32::from_be_bytes(word) as usize).collect();
        if sizes.contains(&0) {
            return Err(wrong(&file, "sizes above zero".to_owned(), product(&sizes)));
        }
        let length =
            sizes.iter().try_fold(element.size(), |length, &size| length.checked_mul(size));
        let Some(length) = length else {
            let expected = format!("sizes whose product fits {} bits", usize::BITS);
            return Err(wrong(&file, expected, product(&sizes)));
        };
        // One byte more detects an oversized file, and at the end of a gzip stream it makes the
        // decoder compare the checksum.
        let bytes = file.next((length as u64).saturating_add(1))?;
        if bytes.len() == length {
            return Ok(Self { sizes, element, bytes });
        }
        let bound = if bytes.len() > length { "at least " } else { "" };
        let expected = format!("{length} bytes after the header ({})", product(&sizes));
        Err(wrong(&file, expected, format!("{bound}{} bytes", bytes.len())))
    }

    fn numbers(self) -> Numbers {
        if self.element.is_byte() {
            return Numbers::Bytes(self.bytes);
        }
        let reals = self.reals();
        if self.element.is_float() { Numbers::Reals(reals) } else { Numbers::Whole(reals) }
    }

    fn reals(&self) -> Vec<f32> {
        // Every type of the format is real.
        self.element.reals(&self.bytes).unwrap_or_default()
    }
}

/// Formats sizes: `60000 x 28 x 28`.
fn product(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}
