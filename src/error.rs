//! All errors in one enum: the expected value, the found value, and the place. The program adds the
//! remedy and the exit code (`cli`); the library only states facts.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A file operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reading a file or a folder.
    Read,
    /// Reading and decompressing a file.
    Decompress,
    /// Creating or replacing a file.
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

/// The kind of a file's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// The content is wrong.
    Content,
    /// The content is valid, but its images have another size or number than others.
    Images,
    /// The file is no model.
    Model,
    /// The file is a link, where a run has a file or folder of its own.
    Link,
    /// The file has no counterpart among the built-in shaders.
    Shader,
}

/// The kind of a device's or a shader's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The device failed, or the shader is invalid.
    Failure,
    /// A kernel's numbers are not the oracle's.
    WrongResult,
}

/// An error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}: {source}", shown(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation that failed.
        action: Action,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file exists but has the wrong content.
    #[error("{}: expected {}, found {}", shown(path), legible(expected), legible(found))]
    File {
        /// The file.
        path: PathBuf,
        /// The kind of the fault.
        kind: FileKind,
        /// The content of a valid file.
        expected: String,
        /// The content of this file.
        found: String,
    },
    /// Data that a setting or a conversion would make readable.
    #[error("{}: expected {}, found {}", shown(path), legible(expected), legible(found))]
    Data {
        /// The file.
        path: PathBuf,
        /// The content that can be read.
        expected: String,
        /// The content of the file.
        found: String,
        /// The settings that choose a reading, such as `white = 255`, or the conversion that makes
        /// the file readable.
        remedy: String,
    },
    /// An invalid setting.
    #[error("{setting}: expected {}, found {}", legible(expected), legible(found))]
    Setting {
        /// The setting's name, as [`Config`](crate::train::Config) has it: `hidden`; or an argument's, in
        /// capitals.
        setting: &'static str,
        /// The allowed values.
        expected: String,
        /// The given value.
        found: String,
    },
    /// An op was given tensors that it is not defined for.
    #[error("{op}: expected {expected}, found {found}")]
    Shape {
        /// The op's name.
        op: &'static str,
        /// The shapes or types that the op takes.
        expected: String,
        /// The given shapes or types.
        found: String,
    },
    /// A gradient was requested through an op that has no gradient rule.
    #[error("{op} has no gradient, and the loss depends on a parameter through it")]
    NotDifferentiable {
        /// The op's name.
        op: &'static str,
    },
    /// The device holds no tensor of this name.
    #[error("no tensor named {name}: expected one of {known}")]
    UnknownTensor {
        /// The requested name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A plan is not loaded: it was unloaded, or belongs to another session.
    #[error("no such plan is loaded")]
    UnknownProgram,
    /// A tensor was used with the wrong element type or shape.
    #[error("tensor {name}: expected {expected}, found {found}")]
    TensorMismatch {
        /// The tensor.
        name: String,
        /// The tensor's element type and shape.
        expected: String,
        /// The element type or shape of the use.
        found: String,
    },
    /// No device matches the request.
    #[error("no device matches \"{}\": found {}", legible(wanted), legible(found))]
    NoDevice {
        /// The requested device.
        wanted: String,
        /// The available devices.
        found: String,
    },
    /// The adapter lacks a feature that every plan needs.
    #[error("{adapter}: expected {expected}, found {found}")]
    Unsupported {
        /// The adapter's name.
        adapter: String,
        /// The required feature.
        expected: String,
        /// The adapter's value.
        found: String,
    },
    /// The driver or wgpu reported an error, the device was lost, or it gave wrong results.
    #[error("{adapter}: {message}{}", step.map_or(String::new(), |step| format!(" (step {step})")))]
    Device {
        /// The adapter's name.
        adapter: String,
        /// The last submitted step, counted from 1.
        step: Option<u64>,
        /// The driver's message.
        message: String,
        /// The kind of the fault.
        fault: Fault,
    },
    /// A shader that is no valid WGSL, does not fit its kernel, or computes something else.
    #[error("{}: {}", legible(place), legible(message))]
    Shader {
        /// The file, and where known line and column.
        place: String,
        /// The reason, with the line below it.
        message: String,
        /// The kind of the fault.
        fault: Fault,
    },
    /// A stop was requested while kernels were being tuned.
    #[error("interrupted while kernels were tried")]
    Interrupted,
    /// A term of the loss, or a weight, is infinite or not a number.
    #[error("{what} at step {step}{}", origin.as_ref().map_or(String::new(), |origin| format!("; it began in {origin}")))]
    NonFinite {
        /// The name and value of the number: `KL divergence is inf`.
        what: String,
        /// The step after which the number was found, counted from 1.
        step: u64,
        /// The first kernel that produced such a number, if a search found it.
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

/// Formats a path for a terminal.
fn shown(path: &Path) -> String {
    legible(&path.display().to_string())
}

/// The maximum number of characters of file content in a message.
const MOST_SHOWN: usize = 800;

/// Formats file content for a terminal: escapes control characters except newlines, and cuts the
/// middle out of long text.
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
    /// Creates an [`Error::File`].
    pub fn file(path: &Path, expected: impl Display, found: impl Display) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::File { path: path.to_owned(), kind: FileKind::Content, expected, found }
    }

    /// The same error, with this kind if it is an [`Error::File`].
    pub fn of_kind(self, kind: FileKind) -> Self {
        match self {
            Self::File { path, expected, found, .. } => Self::File { path, kind, expected, found },
            other => other,
        }
    }

    /// Returns a function for `map_err` that creates an [`Error::Io`].
    pub fn io(path: &Path, action: Action) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }
}
