//! Groups the IDX files of a folder into sets.

use super::dataset::by_name;
use super::open::Opened;
use super::reading::{Account, Wanted};
use super::source::Loaded;
use super::{Dataset, Split, idx};
use crate::{Action, Error, FileKind, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The maximum number of files that an error lists.
const LISTED: usize = 12;

/// Loads the set whose file names begin with `prefix`; if that is empty and there is no set without
/// a prefix, the folder's only set.
pub(super) fn load(
    folder: &Path,
    prefix: &str,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Loaded> {
    let entries = Entries::of(folder)?;
    let files = choose(folder, &entries, prefix)?;
    let read = |images: &PathBuf, labels: &Option<PathBuf>, account: &mut Account| {
        idx::read_pair(Opened::new(images)?, labels.clone(), wanted, account)
    };
    let missing = || {
        let name = format!("{prefix}train-images");
        let expected = format!("a file {name}-idx3-ubyte or {name}.idx3-ubyte, plain or with .gz");
        Error::file(folder, expected, listing(&entries.files))
    };
    let train_path = files.train.images.as_ref().ok_or_else(missing)?;
    let train = read(train_path, &files.train.labels, account)?;
    let Some(test_path) = &files.test.images else {
        return Ok(Loaded::Set(train));
    };
    let test: Dataset = read(test_path, &files.test.labels, &mut Account::default())?;
    let same_size = |path: &Path, other: &Dataset| {
        if train.size == other.size {
            return Ok(());
        }
        let expected = format!("images of {} pixels as in {}", train.size, train_path.display());
        Err(Error::file(path, expected, other.size).of_kind(FileKind::Images))
    };
    same_size(test_path, &test)?;
    let validation = files.validation.images.as_ref().map(|path| {
        let found = read(path, &files.validation.labels, &mut Account::default())?;
        same_size(path, &found)?;
        Ok(found)
    });
    Ok(Loaded::Split(Split { validation: validation.transpose()?, ..Split::new(train, test) }))
}

/// The files of one set in a folder.
#[derive(Clone, Debug, Default)]
struct Files {
    train: Pair,
    test: Pair,
    validation: Pair,
}

impl Files {
    fn pair(&mut self, part: Part) -> &mut Pair {
        match part {
            Part::Train => &mut self.train,
            Part::Test => &mut self.test,
            Part::Validation => &mut self.validation,
        }
    }
}

/// The part of a set that a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Test,
    Validation,
}

#[derive(Clone, Debug, Default)]
struct Pair {
    images: Option<PathBuf>,
    labels: Option<PathBuf>,
}

/// The parsed name of an IDX file: `emnist-letters-test-images-idx3-ubyte.gz`, with dashes, dots or
/// underscores.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    /// The text before the part: `emnist-letters-`.
    prefix: String,
    part: Part,
    is_labels: bool,
    /// Distance from the usual spelling, to choose between copies of a file: a copy's number, an
    /// underscore or a dot instead of a dash, `.gz`.
    oddity: u8,
}

impl Name {
    fn new(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let (rest, is_zipped) = match lower.strip_suffix(".gz") {
            Some(rest) => (rest, true),
            None => (lower.as_str(), false),
        };
        let (rest, is_copy) = match rest.rsplit_once(" (").or(rest.rsplit_once('(')) {
            Some((before, number)) if number.ends_with(')') => (before.trim_end(), true),
            _ => (rest, false),
        };
        let (before, after, is_labels) =
            match (rest.split_once("images"), rest.split_once("labels")) {
                (Some((before, after)), None) => (before, after, false),
                (None, Some((before, after))) => (before, after, true),
                _ => return None,
            };
        let separators = ['-', '_', '.'];
        let is_format = |part: &str| {
            part.is_empty()
                || part.starts_with("idx")
                || ["ubyte", "byte", "float", "int"].contains(&part)
        };
        if !after.split(separators).all(is_format) {
            return None;
        }
        let before = before.strip_suffix(separators)?;
        let (prefix, part) =
            before.rfind(separators).map_or(("", before), |at| before.split_at(at + 1));
        let part = match part {
            "train" | "training" => Part::Train,
            "t10k" | "test" | "testing" => Part::Test,
            "val" | "valid" | "validation" => Part::Validation,
            _ => return None,
        };
        // Keeps the case of the original name.
        let prefix = name.get(..prefix.len())?.to_owned();
        let is_joined_by_dash = after.starts_with('-');
        let oddity = 4 * u8::from(is_copy) + 2 * u8::from(!is_joined_by_dash) + u8::from(is_zipped);
        Some(Self { prefix, part, is_labels, oddity })
    }
}

/// Finds the files of the set with `prefix`, or of the only set.
fn choose(folder: &Path, entries: &Entries, prefix: &str) -> Result<Files> {
    let mut sets: BTreeMap<String, (Files, [u8; 6])> = BTreeMap::new();
    for path in &entries.files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = Name::new(&name) else { continue };
        let unseen = || (Files::default(), [u8::MAX; 6]);
        let (files, oddities) = sets.entry(name.prefix).or_insert_with(unseen);
        let pair = files.pair(name.part);
        let place = if name.is_labels { &mut pair.labels } else { &mut pair.images };
        let oddity = &mut oddities[2 * name.part as usize + usize::from(name.is_labels)];
        if name.oddity < *oddity {
            *oddity = name.oddity;
            *place = Some(path.clone());
        }
    }
    sets.retain(|_, (files, _)| files.train.images.is_some());
    // Validation images are the test set of data that has no other.
    for (files, _) in sets.values_mut().filter(|(files, _)| files.test.images.is_none()) {
        files.test = std::mem::take(&mut files.validation);
    }
    // Without a prefix, a set without one takes precedence over all others.
    if let Some((files, _)) = sets.remove(prefix) {
        return Ok(files);
    }
    let mut all = sets.into_iter();
    match (all.next(), all.next()) {
        (Some((_, (files, _))), None) if prefix.is_empty() => Ok(files),
        (Some(one), Some(other)) if prefix.is_empty() => {
            let names = [one, other].into_iter().chain(all).map(|(prefix, _)| {
                folder.join(prefix.trim_end_matches(['-', '_', '.'])).display().to_string()
            });
            let names = names.collect::<Vec<_>>().join(", ");
            Err(Error::file(folder, "one set of images", format!("several: {names}")))
        }
        _ => Ok(Files::default()),
    }
}

/// Whether a folder has IDX files.
pub(super) fn has_idx(entries: &Entries) -> bool {
    entries.files.iter().any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Name::new(&name).is_some() || name.contains("idx3-ubyte") || name.contains("idx1-ubyte")
    })
}

/// Splits a path that does not exist, but begins the names of IDX files, into folder and prefix.
pub(super) fn prefix(path: &Path) -> Option<(&Path, String)> {
    let (parent, name) = (path.parent()?, path.file_name()?.to_str()?);
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let prefix = format!("{name}-");
    let begins = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| Name::new(name.to_str()?));
        name.is_some_and(|name| name.prefix == prefix)
    };
    let there = !path.exists() && Entries::of(parent).ok()?.files.iter().any(begins);
    there.then_some((parent, prefix))
}

/// The entries of a folder, in natural order. Names may have any bytes.
pub(super) struct Entries {
    pub(super) files: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
}

impl Entries {
    /// Reads a folder. Links count as their target; broken links count as files.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(Error::io(folder, Action::Read))? {
            let path = entry.map_err(Error::io(folder, Action::Read))?.path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
        for paths in [&mut files, &mut folders] {
            paths.sort_by(|one, other| {
                let [one, other] = [one, other].map(|path| path.to_string_lossy());
                by_name(&one, &other)
            });
        }
        Ok(Self { files, folders })
    }
}

/// Lists file names for an error.
pub(super) fn listing(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().display().to_string();
    let listed: Vec<String> = paths.iter().take(LISTED).map(name).collect();
    match paths.len() - listed.len() {
        0 if listed.is_empty() => "no files".to_owned(),
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
