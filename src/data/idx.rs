//! Reads one IDX file, the format of the MNIST family: a big-endian header of a magic number and
//! one size per dimension, then the bytes, all of it gzipped or not. The file is not trusted: a
//! header that lies costs no more memory than the bytes behind it. Which files belong together is
//! left to [`folder`](super::folder).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use indicatif::HumanBytes;

use super::{CLASSES, Dataset, Labels, Levels, Size};
use crate::device::room::available;
use crate::{Action, Error, Result};

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads images; their labels are in the file of the other name beside it, if there is one.
pub(super) fn read(path: &Path, size: Option<Size>) -> Result<Dataset> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let labels = path.with_file_name(&labels);
    let set = read_pair(path, (path != labels && labels.is_file()).then_some(&labels))?;
    match size {
        Some(size) if size != set.size => {
            Err(Error::file(path, format!("images of {size}"), set.size))
        }
        _ => Ok(set),
    }
}

/// Reads images and their labels, if they have a file.
pub(super) fn read_pair(images_path: &Path, labels_path: Option<&Path>) -> Result<Dataset> {
    let images = Source::open(images_path)?.array()?;
    let labels = labels_path.map(read_labels).transpose()?;
    let [count, rows, columns] = images.sizes;
    if let Some((path, labels)) = labels_path.zip(labels.as_ref())
        && labels.len() != count
    {
        let expected = format!("{count} labels, one per image of {}", images_path.display());
        return Err(Error::file(path, expected, format!("{} labels", labels.len())));
    }
    let size = Size::new(rows, columns)
        .ok_or_else(|| Error::file(images_path, "images with pixels", product(&images.sizes)))?;
    let labels = labels.map(Labels::numbered);
    Ok(Dataset { levels: Levels::of_bytes(images.bytes), labels, size })
}

/// Reads labels, `[count]`, each below [`CLASSES`].
fn read_labels(path: &Path) -> Result<Vec<u16>> {
    let labels = Source::open(path)?.array::<1>()?.bytes;
    match labels.iter().position(|&label| u16::from(label) >= CLASSES) {
        Some(item) => {
            let expected = format!("a label below {CLASSES} at item {item}");
            Err(Error::file(path, expected, labels[item]))
        }
        None => Ok(labels.into_iter().map(u16::from).collect()),
    }
}

/// The first two bytes of a file, or as many as it has.
pub(super) fn start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(2).read_to_end(&mut start)?;
    Ok(start)
}

/// A file's contents, decompressed if they are gzipped, and what is done to have them.
pub(super) fn unzipped(path: &Path) -> Result<(Box<dyn Read>, Action)> {
    Source::open(path).map(|Source { reader, action, .. }| (reader, action))
}

/// Bytes that a buffer may grow to: while it does there may be two of it.
pub(super) fn room() -> u64 {
    available() / 2
}

/// Bytes with a shape; no size is zero, and `bytes` is as long as their product.
struct Array<const DIMENSIONS: usize> {
    sizes: [usize; DIMENSIONS],
    bytes: Vec<u8>,
}

/// An open file, decompressed while it is read.
struct Source<'a> {
    path: &'a Path,
    action: Action,
    reader: Box<dyn Read>,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let start = start(path).map_err(Error::io(path, Action::Read))?;
        let file = File::open(path).map_err(Error::io(path, Action::Read))?;
        // The name doesn't tell: downloads often are unpacked on the way and keep their `.gz`.
        Ok(if start == GZIP_MAGIC {
            Self { path, action: Action::Decompress, reader: Box::new(MultiGzDecoder::new(file)) }
        } else {
            Self { path, action: Action::Read, reader: Box::new(file) }
        })
    }

    /// The whole file, which has to end where its header says.
    fn array<const DIMENSIONS: usize>(mut self) -> Result<Array<DIMENSIONS>> {
        let sizes = self.header()?;
        let length = self.length(&sizes)?;
        // One byte more shows an oversized file, and at the end of a gzip stream it makes the
        // decoder compare the checksum.
        let bytes = self.at_most((length as u64).saturating_add(1))?;
        if bytes.len() == length {
            return Ok(Array { sizes, bytes });
        }
        let bound = if bytes.len() > length { "at least " } else { "" };
        let expected = format!("{length} bytes after the header ({})", product(&sizes));
        Err(self.error(expected, format!("{bound}{} bytes", bytes.len())))
    }

    /// The sizes that the header claims.
    fn header<const DIMENSIONS: usize>(&mut self) -> Result<[usize; DIMENSIONS]> {
        // 0x08 is the code for unsigned bytes.
        let magic = 0x0800 | DIMENSIONS as u32;
        let length = 4 * (1 + DIMENSIONS);
        let bytes = self.at_most(length as u64)?;
        let (words, _) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|&word| u32::from_be_bytes(word)).collect();
        // Before the length, so that a short file of the other kind is named as what it is.
        if let Some(&found) = words.first()
            && found != magic
        {
            let expected = format!("magic number {magic:#010x} (idx{DIMENSIONS}-ubyte)");
            return Err(self.error(expected, format!("{found:#010x}")));
        }
        if bytes.len() < length {
            let expected = format!("a header of {length} bytes");
            return Err(self.error(expected, format!("{} bytes", bytes.len())));
        }
        Ok(std::array::from_fn(|dimension| words[1 + dimension] as usize))
    }

    /// The number of bytes that arrays of these sizes have.
    fn length(&self, sizes: &[usize]) -> Result<usize> {
        if sizes.contains(&0) {
            return Err(self.error("sizes above zero".to_owned(), product(sizes)));
        }
        let length = sizes.iter().try_fold(1_usize, |length, &size| length.checked_mul(size));
        length.ok_or_else(|| {
            let expected = format!("sizes whose product fits {} bits", usize::BITS);
            self.error(expected, product(sizes))
        })
    }

    /// The next bytes, fewer than `limit` at the end of the file. The buffer grows with what
    /// arrives: `limit` comes from the header and may be terabytes. What is decompressed may be so
    /// many times as long as the file that no machine has room for it.
    fn at_most(&mut self, limit: u64) -> Result<Vec<u8>> {
        let room = room();
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(limit.min(room)).read_to_end(&mut bytes);
        read.map_err(Error::io(self.path, self.action))?;
        if room < limit && bytes.len() as u64 == room {
            let expected = format!("at most {}, half of the memory available", HumanBytes(room));
            return Err(self.error(expected, "more".to_owned()));
        }
        Ok(bytes)
    }

    fn error(&self, expected: String, found: String) -> Error {
        Error::file(self.path, expected, found)
    }
}

/// `60000 x 28 x 28`.
fn product(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}
