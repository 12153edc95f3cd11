//! Training and test sets.

use super::reading::{Account, Reading, Wanted};
use super::source::{Loaded, load};
use super::{Dataset, Size, folder};
use crate::random::generator;
use crate::{Error, FileKind, Result};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The share of the images that is held out if no test set is specified.
pub const HELD_OUT: f64 = 0.1;

/// The origin of the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `mnist`, or the path of a folder or a file; [`load_images`](super::load_images) lists the
    /// kinds.
    pub data: String,
    /// Rows and columns of an image, if the file does not say; pictures are resized to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The test data, if not the data's own test set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<String>,
    /// The share of the training images that is held out as the test set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// How to read the files.
    #[serde(default)]
    pub reading: Reading,
}

impl Source {
    /// MNIST, or the data at a path.
    pub fn new(data: impl Into<String>) -> Self {
        let reading = Reading::default();
        Self { data: data.into(), size: None, test_data: None, test_fraction: None, reading }
    }
}

/// A training and a test set with images of the same size.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The images that the parameters are fitted to.
    pub train: Dataset,
    /// The images that the model is evaluated on.
    pub test: Dataset,
    /// The images that a training is watched by, instead of the test images: the data's own, or some
    /// that are held off the training images.
    pub validation: Option<Dataset>,
}

/// The set that a training is watched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// The test images.
    Test,
    /// The validation images.
    Validation,
}

impl HeldOut {
    /// Returns `test` or `validation`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
        }
    }
}

/// The origin of the validation images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Validation {
    /// This many training images, chosen at random.
    Count(usize),
    /// The data's own validation set.
    Own,
}

/// A number, or `own`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Count(usize),
    Name(String),
}

impl From<Validation> for Written {
    fn from(validation: Validation) -> Self {
        match validation {
            Validation::Count(count) => Self::Count(count),
            Validation::Own => Self::Name("own".to_owned()),
        }
    }
}

impl TryFrom<Written> for Validation {
    type Error = String;

    fn try_from(written: Written) -> std::result::Result<Self, String> {
        match written {
            Written::Count(count) => Ok(Self::Count(count)),
            Written::Name(text) => text.parse(),
        }
    }
}

impl std::str::FromStr for Validation {
    type Err = String;

    /// Parses a number of images, or `own`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match (text, text.parse()) {
            ("own", _) => Ok(Self::Own),
            (_, Ok(count)) if count > 0 => Ok(Self::Count(count)),
            _ => Err(format!("expected a number of images, or own, found '{text}'")),
        }
    }
}

impl Split {
    /// Creates a split without validation images.
    pub fn new(train: Dataset, test: Dataset) -> Self {
        Self { train, test, validation: None }
    }

    /// Returns the set that a training is watched by, and its images.
    pub fn held_out(&self) -> (HeldOut, &Dataset) {
        match &self.validation {
            Some(validation) => (HeldOut::Validation, validation),
            None => (HeldOut::Test, &self.test),
        }
    }

    /// Returns the same split with these validation images. Which training images are held off
    /// depends only on their number.
    ///
    /// # Errors
    /// [`Error::Setting`] if the data have no validation images of their own, or fewer training images
    /// than are to be held off, or as many.
    pub fn with_validation(self, wanted: Option<Validation>) -> Result<Self> {
        let wrong = |expected: String, found: String| {
            Err(Error::Setting { setting: "validation", expected, found })
        };
        match wanted {
            None => Ok(Self { validation: None, ..self }),
            Some(Validation::Own) if self.validation.is_none() => {
                wrong("a number of images, for data without validation images".into(), "own".into())
            }
            Some(Validation::Own) => Ok(self),
            Some(Validation::Count(count)) if !(1..self.train.len()).contains(&count) => {
                let expected = format!("a number that leaves some of {} images", self.train.len());
                wrong(expected, count.to_string())
            }
            Some(Validation::Count(count)) => {
                let [held, train] = parted(&self.train, count);
                Ok(Self { train, validation: Some(held), ..self })
            }
        }
    }

    /// Loads a training and a test set. If the data has no test set and the source names none, a
    /// tenth is held out ([`HELD_OUT`]). The choice of images depends only on their number.
    ///
    /// # Errors
    /// Those of [`load_images`](super::load_images); [`Error::File`] if the images of the two sets
    /// differ in size; [`Error::Setting`] if the source names two test sets, or a share that leaves
    /// one of the sets without images.
    pub fn load(source: &Source) -> Result<Self> {
        Self::read(source).map(|(split, _)| split)
    }

    /// Like [`Split::load`]; also returns a report on the training set's files.
    ///
    /// # Errors
    /// Those of [`Split::load`].
    pub fn read(source: &Source) -> Result<(Self, Account)> {
        source.reading.check()?;
        let wanted = Wanted { size: source.size, reading: &source.reading };
        let (data, account) = load(&source.data, wanted)?;
        let split = match (&source.test_data, source.test_fraction) {
            (Some(_), Some(_)) => {
                return Err(Error::Setting {
                    setting: "test_fraction",
                    expected: "one test set".to_owned(),
                    found: "both test_data and test_fraction".to_owned(),
                });
            }
            (Some(test), None) => Self::new(data.train(), load(test, wanted)?.0.test()),
            (None, Some(fraction)) => hold_out(source, &data.train(), fraction)?,
            (None, None) => match data {
                Loaded::Split(split) => split,
                Loaded::Set(set) => hold_out(source, &set, HELD_OUT)?,
            },
        };
        let (train, test) = (split.train.size, split.test.size);
        if train != test {
            let path = source.test_data.as_ref().unwrap_or(&source.data);
            let expected = format!("test images of {train} pixels, as those of {}", source.data);
            return Err(Error::file(Path::new(path), expected, test).of_kind(FileKind::Images));
        }
        Ok((split, account))
    }

    /// Loads a folder of IDX files: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each plain or with `.gz`, or with a
    /// dot before `idx`, as on some mirrors. A dash takes precedence over a dot, and a plain file
    /// over its `.gz`. EMNIST uses `test` for `t10k`, and puts a prefix before each name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a file that cannot be read or decompressed. [`Error::File`] for a folder
    /// that lacks one of the files, or has several sets, and for a file that is cut short or too
    /// long, is of another kind, has no items or a label not below [`CLASSES`](super::CLASSES), or
    /// doesn't match the others in the number of items or the size of the images.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let reading = Reading::default();
        let wanted = Wanted { size: None, reading: &reading };
        match folder::load(folder, "", wanted, &mut Account::default())? {
            Loaded::Split(split) => Ok(split),
            Loaded::Set(_) => {
                let name = "t10k-images";
                let expected =
                    format!("a file {name}-idx3-ubyte or {name}.idx3-ubyte, plain or with .gz");
                let here = folder::listing(&folder::Entries::of(folder)?.files);
                Err(Error::file(folder, expected, here))
            }
        }
    }
}

/// Splits a set at random.
fn hold_out(source: &Source, set: &Dataset, fraction: f64) -> Result<Split> {
    let count = set.len();
    if count == 1 {
        let expected = "at least 2 images, to train and to test on";
        return Err(Error::file(Path::new(&source.data), expected, 1));
    }
    let held = (count as f64 * fraction).round() as usize;
    // This rejects NaN, too.
    if !(fraction > 0.0 && fraction < 1.0) || held == 0 || held >= count {
        return Err(Error::Setting {
            setting: "test_fraction",
            expected: format!("a share that leaves some of {count} images to train and to test on"),
            found: match source.test_fraction {
                Some(fraction) => fraction.to_string(),
                None => format!("{fraction}, the default"),
            },
        });
    }
    let [test, train] = parted(set, held);
    Ok(Split::new(train, test))
}

/// Splits `first` random images off a set. Which ones depends only on the numbers.
fn parted(set: &Dataset, first: usize) -> [Dataset; 2] {
    let mut order: Vec<u32> = (0..set.len() as u32).collect();
    order.shuffle(&mut generator(0, 0));
    let (first, rest) = order.split_at_mut(first);
    [first, rest].map(|part| {
        part.sort_unstable();
        set.select(part)
    })
}
