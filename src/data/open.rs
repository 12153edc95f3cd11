//! Opens a file once, whether plain, gzipped, zipped, or standard input.

use super::reading::unclear;
use crate::memory::{Bytes, available};
use crate::{Action, Error, Result};
use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";

/// The maximum number of names that an error lists.
const LISTED: usize = 12;

/// A file, decompressed while it is read. Pipes are supported: the file is read only once.
pub(super) struct Opened {
    /// The path in errors; `standard input` for that.
    pub(super) path: PathBuf,
    /// The file extension in lower case, without those of gzip and zip.
    pub(super) ending: String,
    /// The operation that yields the bytes, for errors.
    pub(super) action: Action,
    reader: Box<dyn BufRead>,
    /// The compression, if any.
    pub(super) around: Option<&'static str>,
}

impl Opened {
    /// Opens a file; `-` is standard input.
    pub(super) fn new(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::of(Path::new("standard input"), Box::new(BufReader::new(io::stdin())));
        }
        let file = File::open(path).map_err(Error::io(path, Action::Read))?;
        Self::of(path, Box::new(BufReader::new(file)))
    }

    fn of(path: &Path, mut reader: Box<dyn BufRead>) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let start = start(&mut reader, 4).map_err(Error::io(path, Action::Read))?;
        // The extension is unreliable: downloads are often unpacked on the way but keep their
        // `.gz`.
        let is_zipped = start.starts_with(GZIP);
        let ending = match ending(name.strip_suffix(".gz").unwrap_or(&name)) {
            ending if is_zipped && ending == "tgz" => "tar".to_owned(),
            ending => ending,
        };
        let path = path.to_owned();
        if is_zipped {
            let reader = Box::new(BufReader::new(MultiGzDecoder::new(reader)));
            return Ok(Self {
                path,
                ending,
                action: Action::Decompress,
                reader,
                around: Some("gzip"),
            });
        }
        let opened = Self { path, ending, action: Action::Read, reader, around: None };
        // NumPy and PyTorch files are zip files, too.
        if start.starts_with(ZIP) && !["npz", "pt", "pth"].contains(&opened.ending.as_str()) {
            return opened.unzipped();
        }
        Ok(opened)
    }

    /// Opens the only file in a zip file; an archive of `.npy` files stays whole, as a `.npz`.
    fn unzipped(mut self) -> Result<Self> {
        let bytes = self.rest()?;
        let path = self.path.clone();
        let wrong = |error: zip::result::ZipError| Error::file(&path, "a zip file", error);
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(wrong)?;
        let names = archive.file_names().map(|name| name.map(Cow::into_owned));
        let all = names.collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?;
        let is_hidden = |name: &String| {
            name.ends_with('/') || name.split('/').any(|part| part.starts_with(['.', '_']))
        };
        let names: Vec<&String> = all.iter().filter(|name| !is_hidden(name)).collect();
        if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
            let reader = archive.into_inner();
            return Ok(Self { ending: "npz".to_owned(), reader: Box::new(reader), ..self });
        }
        let [name] = names[..] else {
            let listed = names.iter().take(LISTED).map(|name| name.as_str()).collect::<Vec<_>>();
            let more = if names.len() > LISTED { ", …" } else { "" };
            let found = format!("{}: {}{more}", names.len(), listed.join(", "));
            let remedy = "`unzip` it, and read one of its files or the folder";
            return Err(unclear(&path, "one file in a zip file", found, remedy));
        };
        // The buffer grows with the data: the size in the archive's header is not trusted.
        let mut file = archive.by_name(name).map_err(wrong)?;
        let bytes = at_most(&mut file, room(), &path, Action::Decompress)?;
        let ending = ending(&name.to_lowercase());
        let reader = Box::new(Cursor::new(bytes));
        Ok(Self { path, ending, action: Action::Decompress, reader, around: Some("zip") })
    }

    /// Peeks at the first `count` bytes, or at all if there are fewer.
    pub(super) fn start(&mut self, count: usize) -> Result<Vec<u8>> {
        start(&mut self.reader, count).map_err(Error::io(&self.path, self.action))
    }

    /// The reader of the remaining bytes.
    pub(super) fn reader(&mut self) -> &mut dyn BufRead {
        &mut *self.reader
    }

    /// Reads all remaining bytes.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>> {
        at_most(&mut self.reader, room(), &self.path, self.action)
    }

    /// Reads the next `limit` bytes, or fewer at the end of the file. The buffer grows with the
    /// data: `limit` comes from a header and may be terabytes.
    pub(super) fn next(&mut self, limit: u64) -> Result<Vec<u8>> {
        if limit < room() {
            let mut bytes = Vec::new();
            let read = self.reader.by_ref().take(limit).read_to_end(&mut bytes);
            return read.map_err(Error::io(&self.path, self.action)).map(|_| bytes);
        }
        self.rest()
    }
}

/// Size limit of a buffer in bytes: while it grows, two copies may exist.
pub(super) fn room() -> u64 {
    available() / 2
}

/// Reads all bytes, up to `room`: decompressed data may exceed any machine's memory.
pub(super) fn at_most(
    reader: &mut dyn Read,
    room: u64,
    path: &Path,
    action: Action,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(room).read_to_end(&mut bytes).map_err(Error::io(path, action))?;
    if bytes.len() as u64 == room {
        let expected = format!("at most {}, half of the memory available", Bytes(room));
        return Err(Error::file(path, expected, "more"));
    }
    Ok(bytes)
}

/// Peeks at the first bytes of a reader.
fn start(reader: &mut Box<dyn BufRead>, count: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.by_ref().take(count as u64).read_to_end(&mut start)?;
    let rest = std::mem::replace(reader, Box::new(io::empty()));
    *reader = Box::new(Cursor::new(start.clone()).chain(rest));
    Ok(start)
}

fn ending(name: &str) -> String {
    name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_owned())
}
