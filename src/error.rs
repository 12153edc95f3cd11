//! Everything that can go wrong, in one enum: what was expected, what was found, and where.
//! The program adds the remedy and the exit code (`cli`); the library only states facts.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It, or a folder, is read.
    Read,
    /// It is read and decompressed.
    Decompress,
    /// It is made or replaced.
    Write,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Decompress => "decompress",
            Self::Write => "write",
        })
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}: {source}", shown(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: Action,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is there, but is not what it should be.
    #[error("{}: expected {}, found {}", shown(path), legible(expected), legible(found))]
    File {
        /// The file.
        path: PathBuf,
        /// What a valid file has.
        expected: String,
        /// What this one has.
        found: String,
    },
    /// Data that can be read in another way, or could be if they were kept otherwise.
    #[error("{}: expected {}, found {}", shown(path), legible(expected), legible(found))]
    Data {
        /// The file.
        path: PathBuf,
        /// What could be read.
        expected: String,
        /// What there is.
        found: String,
        /// The settings that say how it is meant, or what makes it readable.
        remedy: String,
    },
    /// A setting that cannot be used.
    #[error("{setting}: expected {}, found {}", legible(expected), legible(found))]
    Setting {
        /// Its name, as the user knows it: `--hidden`.
        setting: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An op was given tensors that it is not defined for.
    #[error("{op}: expected {expected}, found {found}")]
    Shape {
        /// The op's name.
        op: &'static str,
        /// The shapes or types that it takes.
        expected: String,
        /// The ones it got.
        found: String,
    },
    /// A gradient was asked for through an op that has no gradient rule.
    #[error("{op} has no gradient, and the loss depends on a parameter through it")]
    NotDifferentiable {
        /// The op's name.
        op: &'static str,
    },
    /// A tensor of this name is not held by the device.
    #[error("no tensor named {name}: expected one of {known}")]
    UnknownTensor {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A plan is not loaded: it was unloaded, or belongs to another session.
    #[error("no such plan is loaded")]
    UnknownProgram,
    /// A tensor is used as something that it is not.
    #[error("tensor {name}: expected {expected}, found {found}")]
    TensorMismatch {
        /// The tensor.
        name: String,
        /// Its element type and shape.
        expected: String,
        /// What it was used as.
        found: String,
    },
    /// No device fits the request.
    #[error("no device matches \"{}\": found {}", legible(wanted), legible(found))]
    NoDevice {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// The adapter lacks something that every plan needs.
    #[error("{adapter}: expected {expected}, found {found}")]
    Unsupported {
        /// The adapter's name.
        adapter: String,
        /// What is needed.
        expected: String,
        /// What it has.
        found: String,
    },
    /// The driver or wgpu reported an error, the device was lost, or it gave wrong results.
    #[error("{adapter}: {message}{}", step.map_or(String::new(), |step| format!(" (step {step})")))]
    Device {
        /// The adapter's name.
        adapter: String,
        /// The last step that had been submitted, counted from 1.
        step: Option<u64>,
        /// The driver's words.
        message: String,
    },
    /// A stop was requested while kernels were tried.
    #[error("interrupted while kernels were tried")]
    Interrupted,
    /// A term of the loss, or a weight, is infinite or not a number.
    #[error("{what} at step {step}{}", origin.as_ref().map_or(String::new(), |origin| format!("; it began in {origin}")))]
    NonFinite {
        /// Which it is: `KL divergence is inf`.
        what: String,
        /// The step after which it was found, counted from 1.
        step: u64,
        /// The first kernel that made such a number, where it was looked for and found.
        origin: Option<String>,
    },
    /// A picture could not be drawn or encoded.
    #[error("{}: cannot draw: {message}", shown(path))]
    Picture {
        /// The picture's file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
}

/// A path, for a terminal.
fn shown(path: &Path) -> String {
    legible(&path.display().to_string())
}

/// The most letters of what a file has that a message shows.
const MOST_SHOWN: usize = 800;

/// What comes from a file, for a terminal: what would move its cursor is escaped, and of what is long the
/// middle is left out.
fn legible(found: &str) -> String {
    let mut shown = String::new();
    for letter in found.chars() {
        if letter == '\n' || !letter.is_control() {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
    }
    let (count, half) = (shown.chars().count(), MOST_SHOWN / 2);
    if count <= MOST_SHOWN {
        return shown;
    }
    let start = shown.chars().take(half).collect::<String>();
    start + " … " + &shown.chars().skip(count - half).collect::<String>()
}

impl Error {
    /// An [`Error::File`].
    pub fn file(path: &Path, expected: impl Display, found: impl Display) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::File { path: path.to_owned(), expected, found }
    }

    /// An [`Error::Io`] maker for `map_err`.
    pub fn io(path: &Path, action: Action) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }
}
