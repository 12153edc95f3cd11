//! The images that a model learns from: finds the four files of an MNIST-like set and checks that
//! they belong together. Bytes stay bytes here; scaling, shuffling and batching are left to the
//! training loop, and the file format to `idx`.

mod idx;

use std::fs;
use std::path::{Path, PathBuf};

pub use idx::CLASSES;

use crate::cpu::gather_batch::gather_batch;
use crate::graph::Binarize;
use crate::kernel::Step;
use crate::{Action, Error, Matrix, Result};

/// How many of a folder's files an error lists.
const LISTED: usize = 12;

/// Grey images of one size with a label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Brightness from 0 to 255, `[count, rows * columns]`, row-major.
    pub images: Vec<u8>,
    /// The class of each image, `[count]`, below [`CLASSES`].
    pub labels: Vec<u8>,
    /// The height of an image in pixels.
    pub rows: usize,
    /// The width of a row in pixels.
    pub columns: usize,
}

impl Dataset {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images; what [`Split`] loads always has some.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of one image: `rows * columns`.
    pub fn width(&self) -> usize {
        self.rows * self.columns
    }

    /// Keeps the first `count` images, or all where there are fewer.
    pub fn truncate(&mut self, count: usize) {
        self.labels.truncate(count);
        self.images.truncate(self.labels.len() * self.width());
    }

    /// These images as a model sees them, `[which, rows * columns]`; a stochastic draw follows from
    /// the seed and the place in `which`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are none.
    ///
    /// # Panics
    /// If one of `which` is not below [`Dataset::len`].
    pub fn matrix(&self, which: &[u32], binarize: Binarize, seed: u64) -> Result<Matrix> {
        if which.is_empty() {
            let (expected, found) = ("at least one image".to_owned(), "none".to_owned());
            return Err(Error::Shape { op: "images", expected, found });
        }
        let mut x = vec![0.0; which.len() * self.width()];
        let step = Step::new(seed, 0, 0);
        gather_batch(step, binarize, self.width(), &self.images, which, &mut x);
        Matrix::new(which.len(), self.width(), x)
    }

    /// The pixels of an image, `[rows * columns]`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Dataset::len`].
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.width()..][..self.width()]
    }

    fn read(images_path: &Path, labels_path: &Path) -> Result<Self> {
        let images = idx::read_images(images_path)?;
        let labels = idx::read_labels(labels_path)?;
        let [count, rows, columns] = images.sizes;
        if labels.len() != count {
            return Err(Error::File {
                path: labels_path.to_owned(),
                expected: format!("{count} labels, one per image of {}", images_path.display()),
                found: format!("{} labels", labels.len()),
            });
        }
        Ok(Self { images: images.bytes, labels, rows, columns })
    }
}

/// A training and a test set with images of the same size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What the parameters are fitted to.
    pub train: Dataset,
    /// What the model is judged on.
    pub test: Dataset,
}

impl Split {
    /// Loads `mnist`, which is the folder that [`mnist_folder`] finds for this process, or the
    /// folder at the path `source`. A folder of that name is `./mnist`.
    ///
    /// # Errors
    ///
    /// Those of [`mnist_folder`] and [`Split::from_folder`].
    pub fn load(source: &str) -> Result<Self> {
        if source != "mnist" {
            return Self::from_folder(Path::new(source));
        }
        // Where the system can't tell one of the two, the other may do.
        let current = std::env::current_dir().unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        Self::from_folder(&mnist_folder(&current, &program)?)
    }

    /// Loads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each plain or with `.gz`, or with a dot before `idx` as some
    /// mirrors have it. A dash comes before a dot, and a plain file before its `.gz`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for what cannot be read or decompressed. [`Error::File`] for a folder that
    /// lacks one of the files, and for a file that is cut short or too long, is of another kind,
    /// has no items or a label not below [`CLASSES`], or doesn't match the others in the number
    /// of items or the size of the images.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let folder = Folder::open(folder)?;
        let train_path = folder.find("train-images", "idx3-ubyte")?;
        let train_labels = folder.find("train-labels", "idx1-ubyte")?;
        let test_path = folder.find("t10k-images", "idx3-ubyte")?;
        let test_labels = folder.find("t10k-labels", "idx1-ubyte")?;
        let train = Dataset::read(&train_path, &train_labels)?;
        let test = Dataset::read(&test_path, &test_labels)?;
        if (train.rows, train.columns) != (test.rows, test.columns) {
            let size = format!("{} x {}", train.rows, train.columns);
            return Err(Error::File {
                expected: format!("images of {size} pixels as in {}", train_path.display()),
                found: format!("{} x {}", test.rows, test.columns),
                path: test_path,
            });
        }
        Ok(Self { train, test })
    }
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
    let expected = "a folder below the current one or above the program".to_owned();
    Err(Error::File { path: name, expected, found: format!("none at {}", places.join(", ")) })
}

/// A folder and the names of the files in it, sorted.
struct Folder<'a> {
    path: &'a Path,
    files: Vec<String>,
}

impl<'a> Folder<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(Error::io(path, Action::Read))? {
            let entry = entry.map_err(Error::io(path, Action::Read))?;
            if entry.path().is_file() {
                files.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        files.sort();
        Ok(Self { path, files })
    }

    /// The path of the file `stem-format` in one of its spellings.
    fn find(&self, stem: &str, format: &str) -> Result<PathBuf> {
        let [dash, dot] = ["-", "."].map(|joint| format!("{stem}{joint}{format}"));
        let spellings = [&dash, &format!("{dash}.gz"), &dot, &format!("{dot}.gz")];
        match spellings.into_iter().find(|&name| self.files.contains(name)) {
            Some(name) => Ok(self.path.join(name)),
            None => Err(Error::File {
                path: self.path.to_owned(),
                expected: format!("a file {dash} or {dot}, plain or with .gz"),
                found: self.listing(),
            }),
        }
    }

    fn listing(&self) -> String {
        let (listed, rest) = self.files.split_at(self.files.len().min(LISTED));
        match (listed.len(), rest.len()) {
            (0, _) => "no files".to_owned(),
            (_, 0) => listed.join(", "),
            (_, more) => format!("{} and {more} more", listed.join(", ")),
        }
    }
}
