//! Detects the kind of data at a path.

use super::folder::Entries;
use super::open::Opened;
use super::reading::{Account, Reading, Wanted, unclear};
use super::{Dataset, Known, Size, Split, folder, idx, npy, pictures, table};
use crate::Result;
use std::path::{Path, PathBuf};
use tracing::debug;

/// The data at a path.
// One exists at a time.
#[allow(clippy::large_enum_variant)]
pub(super) enum Loaded {
    /// A training and a test set.
    Split(Split),
    /// One set of images.
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
/// - `mnist` or another [name](super::KNOWN): its test images;
/// - a folder of IDX files, or one of pictures with the subfolders `train` and `test`: its test
///   images;
/// - a folder of pictures (PNG, JPEG, BMP, GIF, TIFF, WebP, PNM), or of subfolders of them, which
///   are then the labels; or one picture. Colour becomes grey by Rec. 601, and transparency white.
///   The pictures must have one size, or are resized to `size`;
/// - a `.npy` file of integers or floats `[n, d]`, `[n, rows, columns]` or with an axis of one
///   channel; floats from 0 to 1; or a `.npz` file of several arrays, one of which has a usual name
///   of images;
/// - a table with one image per line, separated by commas, semicolons, tabs or blanks, with or
///   without a header, of whole numbers from 0 to 255, or numbers from 0 to 1. Labels are in the
///   column that the header names as such; else in the first or last column, whichever looks like
///   labels, if the others make a square, or `size`;
/// - an `.amat` file: the same, with blanks instead of commas, no header, and the label last;
/// - an IDX file of images;
/// - each file plain, gzipped, or alone in a `.zip` file; `-` is standard input.
///
/// If no number is above 1, white is 1.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) for a file that cannot be read or decompressed;
/// [`Error::File`](crate::Error::File), with the place in the file, for invalid data;
/// [`Error::Data`](crate::Error::Data) for data that is ambiguous, or that needs a conversion.
pub fn load_images(path: &str, size: Option<Size>) -> Result<Dataset> {
    Ok(read_images(path, size, &Reading::default())?.0)
}

/// Like [`load_images`], with the given settings; also returns a report.
///
/// # Errors
/// Those of [`load_images`].
pub fn read_images(
    path: &str,
    size: Option<Size>,
    reading: &Reading,
) -> Result<(Dataset, Account)> {
    reading.check()?;
    let (loaded, account) = load(path, Wanted { size, reading })?;
    Ok((loaded.test(), account))
}

pub(super) fn load(source: &str, wanted: Wanted) -> Result<(Loaded, Account)> {
    let path = Path::new(source);
    let mut account = Account { reading: wanted.reading.clone(), ..Account::default() };
    let loaded = if let Some(known) = Known::named(source) {
        // If the system reports only one of the two paths, that one may suffice.
        let current = std::env::current_dir().unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        folder::load(&known.folder(&current, &program)?, "", wanted, &mut account)?
    } else if path.is_dir() {
        in_folder(path, wanted, &mut account)?
    } else if let Some((parent, prefix)) = folder::prefix(path) {
        folder::load(parent, &prefix, wanted, &mut account)?
    } else {
        in_file(path, wanted, &mut account)?
    };
    let (Loaded::Set(set) | Loaded::Split(Split { test: set, .. })) = &loaded;
    let labels = if set.labels.is_some() { "with" } else { "without" };
    debug!("{source}: {} images of {} pixels {labels} labels", set.len(), set.size);
    Ok((loaded, account))
}

/// Usual names of the parts of a set.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 2] = ["test", "testing"];
pub(super) const VALIDATION: [&str; 4] = ["val", "valid", "validation", "dev"];

fn in_folder(path: &Path, wanted: Wanted, account: &mut Account) -> Result<Loaded> {
    if path.join("metrics.jsonl").is_file() {
        let remedy = "the path of the images, or no path for those of the run";
        return Err(unclear(path, "a folder of images", "the folder of a run", remedy));
    }
    let entries = Entries::of(path)?;
    if folder::has_idx(&entries) {
        return folder::load(path, "", wanted, account);
    }
    let called = |names: &[&str]| {
        names.iter().find_map(|&name| {
            let is = |path: &&std::path::PathBuf| {
                path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name))
            };
            entries.folders.iter().find(is)
        })
    };
    // torchvision's layout of MNIST.
    if let Some(raw) = called(&["raw"])
        && folder::has_idx(&Entries::of(raw)?)
    {
        return folder::load(raw, "", wanted, account);
    }
    let Some(train) = called(&TRAIN) else {
        return Ok(Loaded::Set(pictures::read_folder(path, wanted, account)?));
    };
    let is_part = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let parts = [&TRAIN[..], &TEST, &VALIDATION].concat();
        !parts.contains(&name.as_str()) && !name.starts_with('.')
    };
    if !pictures::are_in(train)? {
        return Ok(Loaded::Set(pictures::read_folder(path, wanted, account)?));
    }
    for other in entries.folders.iter().filter(is_part) {
        if !pictures::are_in(other)? {
            continue;
        }
        let remedy =
            "move one of them away; with only train and test (or val), these are the two sets";
        let found = format!("{} and {}", train.display(), other.display());
        return Err(unclear(
            path,
            "subfolders that are labels, or only train and test",
            found,
            remedy,
        ));
    }
    let validation = called(&VALIDATION);
    let Some(test) = called(&TEST).or(validation) else {
        return Ok(Loaded::Set(pictures::read_folder(train, wanted, account)?));
    };
    account.made.push(format!("{} are the test images", test.display()));
    let validation = validation.filter(|&path| path != test);
    let is_unused = |path: &&PathBuf| ![Some(train), Some(test), validation].contains(&Some(path));
    let unused = entries.folders.iter().filter(is_unused);
    account.found.extend(unused.map(|path| format!("{} left out", path.display())));
    let train = pictures::read_folder(train, wanted, account)?;
    let read = |path: &PathBuf| pictures::read_folder(path, wanted, &mut Account::default());
    let (test, validation) = (read(test)?, validation.map(read).transpose()?);
    Ok(Loaded::Split(Split { validation, ..Split::new(train, test) }))
}

fn in_file(path: &Path, wanted: Wanted, account: &mut Account) -> Result<Loaded> {
    let mut file = Opened::new(path)?;
    account.found.extend(file.around.map(str::to_owned));
    let start = file.start(BEGINNING)?;
    if let Some((name, remedy)) = foreign(&start, &file.ending) {
        return Err(unclear(path, "a file of a supported kind", name, remedy));
    }
    let set = match file.ending.as_str() {
        _ if start.starts_with(b"\x93NUMPY") => npy::read(file, wanted, account)?,
        "npy" => npy::read(file, wanted, account)?,
        "npz" => return npy::read_archive(file, wanted, account),
        _ if idx::begins(&start[..start.len().min(4)]) => idx::read(file, wanted, account)?,
        ending if pictures::is_picture(Path::new(&format!("x.{ending}"))) => {
            let bytes = file.rest()?;
            pictures::read_bytes(&file.path, bytes, wanted, account)?
        }
        "csv" | "tsv" | "txt" | "amat" | "dat" | "data" | "tab" => {
            table::read(file, wanted, account)?
        }
        _ if is_text(&start) => table::read(file, wanted, account)?,
        _ => {
            let expected =
                "a table (.csv), an array (.npy, .npz), a picture, an IDX file, or a folder";
            let remedy = "numpy.save(\"images.npy\", x), x of [images, rows, columns]";
            return Err(unclear(path, expected, "another", remedy));
        }
    };
    Ok(Loaded::Set(set))
}

/// Bytes that identify a kind: a tar file has its name at offset 257.
const BEGINNING: usize = 512;

fn is_text(start: &[u8]) -> bool {
    !start.is_empty() && start.iter().all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
}

/// Whether a file begins with a number and an `INDEX:VALUE` pair.
fn is_sparse(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let mut words = text.split_ascii_whitespace();
    let is_number = |word: &str| word.parse::<f32>().is_ok();
    let is_place = |word: &str| {
        word.split_once(':')
            .is_some_and(|(at, value)| at.parse::<u32>().is_ok() && is_number(value))
    };
    words.next().is_some_and(is_number) && words.next().is_some_and(is_place)
}

/// The name of a kind that is not supported, and a command line that converts it to one that is.
fn foreign(start: &[u8], ending: &str) -> Option<(&'static str, &'static str)> {
    let is_tar = start.get(257..262) == Some(b"ustar");
    Some(match start {
        [b'P', b'A', b'R', b'1', ..] => (
            "Parquet",
            "python -c 'import pandas; pandas.read_parquet(\"FILE\").to_csv(\"images.csv\", index=False)'",
        ),
        [0x89, b'H', b'D', b'F', ..] => (
            "HDF5",
            "python -c 'import h5py, numpy; numpy.save(\"images.npy\", h5py.File(\"FILE\")[\"NAME\"])'",
        ),
        [b'M', b'A', b'T', b'L', b'A', b'B', ..] => (
            "MATLAB",
            "python -c 'import scipy.io, numpy; numpy.save(\"images.npy\", scipy.io.loadmat(\"FILE\")[\"NAME\"])'",
        ),
        _ if is_tar || ending == "tar" => (
            "tar",
            "`tar -xf FILE`, or python -c 'import tarfile; tarfile.open(\"FILE\").extractall(\".\")'",
        ),
        [0x80, 2..=5, ..] => (
            "a Python pickle",
            "python -c 'import pickle, numpy; numpy.save(\"images.npy\", pickle.load(open(\"FILE\", \"rb\"), encoding=\"bytes\"))'",
        ),
        _ if ending == "arff" => (
            "ARFF",
            "python -c 'import scipy.io.arff, pandas; pandas.DataFrame(scipy.io.arff.loadarff(\"FILE\")[0]).to_csv(\"images.csv\", index=False)'",
        ),
        _ if is_sparse(start) => (
            "a table of INDEX:VALUE (LIBSVM)",
            "python -c 'import sklearn.datasets, numpy; numpy.save(\"images.npy\", sklearn.datasets.load_svmlight_file(\"FILE\")[0].toarray())'",
        ),
        _ if ["pt", "pth"].contains(&ending) => (
            "PyTorch",
            "python -c 'import torch, numpy; numpy.save(\"images.npy\", torch.load(\"FILE\").numpy())'",
        ),
        _ => return None,
    })
}
