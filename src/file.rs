//! Crash-safe files. A replacement is complete on the disk before it gets the file's name, so a
//! reader finds the old file or the new one, even after a crash or a power cut. Every change to a
//! disk is one operation of [`Files`], so that a test can simulate a crash after any of them.

use crate::{Action, Error, Result};
use flate2::Crc;
use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::debug;

/// File operations, which tests can replace.
pub trait Files: Debug + Send + Sync {
    /// Creates a folder and its missing parents.
    ///
    /// # Errors
    /// The system's error.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Creates a file with these bytes, or replaces its content; a link of that name is replaced.
    ///
    /// # Errors
    /// The system's error; some of the bytes may have been written.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Appends bytes to a file, which is created if necessary.
    ///
    /// # Errors
    /// The system's error; some of the bytes may have been written.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Truncates a file to its first `len` bytes.
    ///
    /// # Errors
    /// The system's error.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Waits until the content of a file, or the names in a folder, would survive a power cut.
    ///
    /// # Errors
    /// The system's error.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Renames a file, replacing a file of the new name.
    ///
    /// # Errors
    /// The system's error.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's error.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Files for System {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // The target of a link is not the file to write.
        if path.is_symlink() {
            fs::remove_file(path)?;
        }
        fs::write(path, bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.set_len(len)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        if !path.is_dir() {
            return OpenOptions::new().append(true).open(path)?.sync_all();
        }
        // On other systems a folder cannot be opened as a file, and its names are synced with the
        // files.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Creates or replaces the file that a user names, and creates its missing parent folders. The
/// target of a link is replaced, not the link; a device or a pipe is written to.
///
/// # Errors
/// Like [`replace_in`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io(path, Action::Write)(error);
    if is_stream(path) {
        return fs::write(path, bytes).map_err(failed);
    }
    let target = target_of(path).map_err(failed)?;
    make(folder_of(&target)).map_err(failed)?;
    replace_in(&System, &target, bytes)
}

/// Creates a folder and its missing parents.
fn make(folder: &Path) -> io::Result<()> {
    // For a folder below a file, systems report that it exists, or that there is no such path.
    match folder.ancestors().find(|ancestor| ancestor.exists()) {
        Some(ancestor) if !ancestor.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        _ => fs::create_dir_all(folder),
    }
}

/// Whether a path is a device, a pipe, or a name of an open file, such as `/dev/stdout`.
fn is_stream(path: &Path) -> bool {
    path.starts_with("/dev/")
        || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The maximum length of a chain of links.
const MOST_LINKS: usize = 40;

/// The target of a chain of links, which may not exist; the path itself if it is no link.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Replaces a file with the given operations: the bytes are written to a draft beside it, which is
/// then renamed; a link of that name is replaced.
///
/// # Errors
/// [`Error::Io`]; the old file is then unchanged, or, if the last operation failed, replaced.
pub fn replace_in(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_of(path);
    let drafted = files.write(&draft, bytes).and_then(|()| files.sync(&draft));
    let renamed = drafted.and_then(|()| files.rename(&draft, path)).inspect_err(|_| {
        // The first error is reported; there may be no draft at all.
        let _ = files.remove(&draft);
    });
    renamed.and_then(|()| files.sync(folder_of(path))).map_err(Error::io(path, Action::Write))?;
    debug!("{}: {} bytes written", path.display(), bytes.len());
    Ok(())
}

/// The extension of a draft.
const DRAFT: &str = ".tmp";

/// The maximum length in bytes of a name that the draft's name includes; systems allow 255 in all.
const LONGEST: usize = 128;

/// The path of a file's draft, which holds the next content until it is complete; no other process
/// uses it.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut draft = OsString::from(".");
    if name.len() <= LONGEST {
        draft.push(name);
    } else {
        // Two long names may have the same beginning.
        let mut sum = Crc::new();
        sum.update(name.as_encoded_bytes());
        let start: String = name.to_string_lossy().chars().take(LONGEST / 4).collect();
        draft.push(format!("{start}.{:08x}", sum.sum()));
    }
    draft.push(format!(".{}{DRAFT}", std::process::id()));
    path.with_file_name(draft)
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes the drafts in a folder that killed processes left behind.
pub fn remove_drafts(files: &dyn Files, folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(DRAFT));
        let process = rest.and_then(|rest| rest.rsplit_once('.'));
        if process.is_some_and(|(_, id)| id.parse::<u32>().is_ok()) {
            // A draft that cannot be removed does no harm.
            let _ = files.remove(&entry.path());
        }
    }
}

/// An append-only file of known length: bytes that a crash leaves after that length are cut off.
#[derive(Clone, Debug)]
pub struct Growing {
    files: Arc<dyn Files>,
    path: PathBuf,
    len: u64,
}

impl Growing {
    /// Creates an empty file, replacing an existing one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(files: Arc<dyn Files>, path: PathBuf) -> Result<Self> {
        files.write(&path, &[]).map_err(Error::io(&path, Action::Write))?;
        Ok(Self { files, path, len: 0 })
    }

    /// Opens an existing file and truncates it to its first `len` bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] if the file is shorter, or if the path is a link or a folder.
    pub fn cut(files: Arc<dyn Files>, path: PathBuf, len: u64) -> Result<Self> {
        let found = fs::symlink_metadata(&path).map_err(Error::io(&path, Action::Read))?;
        if !found.is_file() || found.len() < len {
            let bytes = format!("{} bytes", found.len());
            let found = if found.is_file() { &*bytes } else { "a link or a folder" };
            return Err(Error::file(&path, format!("a file of at least {len} bytes"), found));
        }
        if found.len() > len {
            files.cut(&path, len).map_err(Error::io(&path, Action::Write))?;
        }
        Ok(Self { files, path, len })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The length of the file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.files.append(&self.path, bytes).map_err(Error::io(&self.path, Action::Write))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Waits until the file and its name would survive a power cut.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<()> {
        let synced = self.files.sync(&self.path);
        let synced = synced.and_then(|()| self.files.sync(folder_of(&self.path)));
        synced.map_err(Error::io(&self.path, Action::Write))
    }
}
