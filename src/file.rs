//! Files that survive what happens to a program. What replaces a file is whole on the disk before it
//! takes the name, so a reader finds the old one or the new one, after a crash and a power cut too.
//! Every change to a disk is one operation of [`Files`], so that a test can end the world after any.

use crate::{Action, Error, Result};
use flate2::Crc;
use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::debug;

/// What is done to files and folders, one operation each.
pub trait Files: Debug + Send + Sync {
    /// Makes a folder, and those that it is in, where they are missing.
    ///
    /// # Errors
    /// The system's.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a file of these bytes, or makes them all of a file; a link of that name is replaced.
    ///
    /// # Errors
    /// The system's; some of the bytes may be there.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Adds bytes to the end of a file, which it makes if it is missing.
    ///
    /// # Errors
    /// The system's; some of the bytes may be there.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Leaves only the first `len` bytes of a file.
    ///
    /// # Errors
    /// The system's.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Waits until what was written to a file, or the names in a folder, would survive a power cut.
    ///
    /// # Errors
    /// The system's.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, and takes that from what has it.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
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
        // What a link leads to is not the file that is meant.
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
        // Elsewhere a folder is no file, and its names are kept with the files.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Replaces the file that a user names, or makes it, with the folders that it is in: what a link leads
/// to is replaced, not the link, and a device or a pipe is written to.
///
/// # Errors
/// As [`replace_in`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io(path, Action::Write)(error);
    if is_stream(path) {
        return fs::write(path, bytes).map_err(failed);
    }
    let target = target_of(path).map_err(failed)?;
    make(folder_of(&target)).map_err(failed)?;
    replace_in(&System, &target, bytes)
}

/// Makes a folder, and those that it is in, where they are missing.
fn make(folder: &Path) -> io::Result<()> {
    // Systems say of a folder below a file that it exists, or that there is no such path.
    match folder.ancestors().find(|ancestor| ancestor.exists()) {
        Some(ancestor) if !ancestor.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        _ => fs::create_dir_all(folder),
    }
}

/// Whether a path is a device, a pipe, or a name like `/dev/stdout` of a file that is open.
fn is_stream(path: &Path) -> bool {
    path.starts_with("/dev/")
        || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The most links that lead from one to the next.
const MOST_LINKS: usize = 40;

/// The path that a chain of links ends at, which may not exist; without a link the path itself.
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

/// Replaces a file by these operations: the bytes go to a draft beside it, which then takes its name,
/// so a link of that name is replaced.
///
/// # Errors
/// [`Error::Io`]; the old file is then as it was, or, if the system failed at the very last, the new
/// one is there.
pub fn replace_in(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_of(path);
    let drafted = files.write(&draft, bytes).and_then(|()| files.sync(&draft));
    let renamed = drafted.and_then(|()| files.rename(&draft, path)).inspect_err(|_| {
        // The first error is the one to report; there may be no draft at all.
        let _ = files.remove(&draft);
    });
    renamed.and_then(|()| files.sync(folder_of(path))).map_err(Error::io(path, Action::Write))?;
    debug!("{}: {} bytes written", path.display(), bytes.len());
    Ok(())
}

/// How the name of a draft ends.
const DRAFT: &str = ".tmp";

/// The most bytes of a file's name that its draft's name repeats; systems allow 255 in all.
const LONGEST: usize = 128;

/// The file in which the next bytes of a file are written, until they are whole; no other process uses
/// it.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut draft = OsString::from(".");
    if name.len() <= LONGEST {
        draft.push(name);
    } else {
        // Two long names may begin alike.
        let mut sum = Crc::new();
        sum.update(name.as_encoded_bytes());
        let start: String = name.to_string_lossy().chars().take(LONGEST / 4).collect();
        draft.push(format!("{start}.{:08x}", sum.sum()));
    }
    draft.push(format!(".{}{DRAFT}", std::process::id()));
    path.with_file_name(draft)
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes the drafts that other processes left in a folder when they were killed.
pub fn remove_drafts(files: &dyn Files, folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(DRAFT));
        let process = rest.and_then(|rest| rest.rsplit_once('.'));
        if process.is_some_and(|(_, id)| id.parse::<u32>().is_ok()) {
            // One that stays is in nobody's way.
            let _ = files.remove(&entry.path());
        }
    }
}

/// A file that only grows, and whose length is known: a crash may leave more of it than was meant,
/// which is then cut off.
#[derive(Clone, Debug)]
pub struct Growing {
    files: Arc<dyn Files>,
    path: PathBuf,
    len: u64,
}

impl Growing {
    /// An empty file, in place of any that is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(files: Arc<dyn Files>, path: PathBuf) -> Result<Self> {
        files.write(&path, &[]).map_err(Error::io(&path, Action::Write))?;
        Ok(Self { files, path, len: 0 })
    }

    /// The first `len` bytes of a file that is there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] if it is shorter, or is not itself in its folder but elsewhere.
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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it is.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.files.append(&self.path, bytes).map_err(Error::io(&self.path, Action::Write))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Waits until all of it would survive a power cut, with its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<()> {
        let synced = self.files.sync(&self.path);
        let synced = synced.and_then(|()| self.files.sync(folder_of(&self.path)));
        synced.map_err(Error::io(&self.path, Action::Write))
    }
}
