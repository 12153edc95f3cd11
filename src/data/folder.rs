//! A folder of IDX files: which of them belong together.

use super::{Split, idx};
use crate::{Action, Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// How many of a folder's files an error lists.
const LISTED: usize = 12;

const TRAIN_IMAGES: &str = "train-images";

/// Loads the set whose files' names begin with this; of all sets, if the prefix is empty, there may
/// be but one.
pub(super) fn load(folder: &Path, prefix: &str) -> Result<Split> {
    let files = Files::open(folder, prefix)?;
    let train_path = files.find(&[TRAIN_IMAGES], "idx3-ubyte")?;
    let train_labels = files.find(&["train-labels"], "idx1-ubyte")?;
    let test_path = files.find(&["t10k-images", "test-images"], "idx3-ubyte")?;
    let test_labels = files.find(&["t10k-labels", "test-labels"], "idx1-ubyte")?;
    let train = idx::read_pair(&train_path, Some(&train_labels))?;
    let test = idx::read_pair(&test_path, Some(&test_labels))?;
    if train.size != test.size {
        let expected = format!("images of {} pixels as in {}", train.size, train_path.display());
        return Err(Error::file(&test_path, expected, test.size));
    }
    Ok(Split { train, test })
}

/// Whether a folder has IDX files.
pub(super) fn has_idx(folder: &Path) -> Result<bool> {
    let is_idx = |name: &String| {
        ["idx3-ubyte", "idx1-ubyte"]
            .iter()
            .any(|format| name.trim_end_matches(".gz").ends_with(format))
    };
    Ok(names(folder)?.iter().any(is_idx))
}

/// The folder and the prefix of a path that is not there, but begins the names of IDX files.
pub(super) fn prefix(path: &Path) -> Option<(&Path, String)> {
    let (parent, name) = (path.parent()?, path.file_name()?.to_str()?);
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let prefix = format!("{name}-");
    let begins = format!("{prefix}{TRAIN_IMAGES}");
    let there = !path.exists() && names(parent).ok()?.iter().any(|name| name.starts_with(&begins));
    there.then_some((parent, prefix))
}

/// The folder `data/mnist` below the folder `current`, else in the nearest folder above the
/// executable file `program` that has one.
///
/// # Errors
///
/// [`Error::File`] with every place looked at, when there is none.
pub fn mnist_folder(current: &Path, program: &Path) -> Result<PathBuf> {
    let name = PathBuf::from("data/mnist");
    let above = std::iter::once(current).chain(program.ancestors().skip(1));
    let looked_at: Vec<PathBuf> = above.map(|folder| folder.join(&name)).collect();
    if let Some(found) = looked_at.iter().find(|folder| folder.is_dir()) {
        return Ok(found.clone());
    }
    let places: Vec<String> = looked_at.iter().map(|path| path.display().to_string()).collect();
    let expected = "a folder below the current one or above the program";
    Err(Error::file(&name, expected, format!("none at {}", places.join(", "))))
}

/// The names of a folder's files, sorted.
pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
    entries(folder, Path::is_file)
}

/// The names of what is in a folder and wanted, sorted.
pub(super) fn entries(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder, Action::Read))? {
        let entry = entry.map_err(Error::io(folder, Action::Read))?;
        if wanted(&entry.path()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Names for an error.
pub(super) fn listing(names: &[String]) -> String {
    let (listed, rest) = names.split_at(names.len().min(LISTED));
    match (listed.len(), rest.len()) {
        (0, _) => "no files".to_owned(),
        (_, 0) => listed.join(", "),
        (_, more) => format!("{} and {more} more", listed.join(", ")),
    }
}

/// A folder and the names of the files in it, sorted.
struct Files<'a> {
    folder: &'a Path,
    prefix: String,
    names: Vec<String>,
}

impl<'a> Files<'a> {
    /// Finds the prefix of the only set, if it is not given.
    fn open(folder: &'a Path, prefix: &str) -> Result<Self> {
        let names = names(folder)?;
        let prefixed = |name: &String| Some(name.split_once(TRAIN_IMAGES)?.0.to_owned());
        let mut prefixes: Vec<String> = names.iter().filter_map(prefixed).collect();
        prefixes.dedup();
        // A set without a prefix needs none, whatever lies beside it.
        if !prefix.is_empty() || prefixes.contains(&String::new()) {
            return Ok(Self { folder, prefix: prefix.to_owned(), names });
        }
        match prefixes.as_slice() {
            [] | [_] => Ok(Self { folder, prefix: prefixes.concat(), names }),
            several => {
                let paths = several.iter().map(|prefix| folder.join(prefix.trim_end_matches('-')));
                let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
                Err(Error::file(
                    folder,
                    "one set of images",
                    format!("several: {}", paths.join(", ")),
                ))
            }
        }
    }

    /// The path of the file `stem-format` in one of its spellings.
    fn find(&self, stems: &[&str], format: &str) -> Result<PathBuf> {
        let spellings = |stem: &&str| {
            let [dash, dot] =
                ["-", "."].map(|joint| format!("{}{stem}{joint}{format}", self.prefix));
            let zipped = [&dash, &dot].map(|name| format!("{name}.gz"));
            let [dash_zipped, dot_zipped] = zipped;
            [dash, dash_zipped, dot, dot_zipped]
        };
        let all: Vec<_> = stems.iter().map(spellings).collect();
        match all.iter().flatten().find(|&name| self.names.contains(name)) {
            Some(name) => Ok(self.folder.join(name)),
            None => {
                let [dash, _, dot, _] = &all[0];
                let expected = format!("a file {dash} or {dot}, plain or with .gz");
                Err(Error::file(self.folder, expected, listing(&self.names)))
            }
        }
    }
}
