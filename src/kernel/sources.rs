//! Source files of modules: those of `shaders/`, which are built in, and those of a user's folder
//! that replace them. A module records the origin of each of its lines.

use crate::near::perhaps;
use crate::{Action, Error, FileKind, Result};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The shaders.
static SHADERS: Dir = include_dir!("$CARGO_MANIFEST_DIR/shaders");

/// Beginning of a line that imports a file.
const IMPORT: &str = "#import ";

/// File extension.
const ENDING: &str = ".wgsl";

/// Folder of the [probes](super::probes), which measure a device and whose results are known: they
/// cannot be replaced.
const PROBES: &str = "roofs/";

/// Returns a built-in file of `shaders/`, by its name without the extension.
pub fn source(name: &str) -> &'static str {
    match built_in(name) {
        Some(text) => text,
        None => unreachable!("shaders/{name}.wgsl is not there; a test sees to that"),
    }
}

fn built_in(name: &str) -> Option<&'static str> {
    SHADERS.get_file(format!("{name}{ENDING}"))?.contents_utf8()
}

/// Returns the name of every file of `shaders/`, without the extension.
pub fn sources() -> Vec<&'static str> {
    let all = [&SHADERS].into_iter().chain(SHADERS.dirs()).flat_map(Dir::files);
    all.filter_map(|file| file.path().to_str()?.strip_suffix(ENDING)).collect()
}

/// A user's file that replaces a built-in one.
#[derive(Debug, PartialEq, Eq)]
struct Replaced {
    path: PathBuf,
    text: String,
}

/// The files of `shaders/`, some of them possibly replaced by those of a folder. Clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Arc<BTreeMap<&'static str, Replaced>>);

impl Sources {
    /// Reads the replacements in `folder` (`update.wgsl`, `common/turn.wgsl`, …); all other files
    /// are the built-in ones. Names that begin with a dot or end with a tilde, which editors
    /// create, are skipped, and so are files that equal the built-in ones.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or a file cannot be read; [`Error::File`] if a file has no
    /// counterpart, is not UTF-8, or imports a file that does not exist.
    pub fn read(folder: &Path) -> Result<Self> {
        if folder.is_file() {
            return Err(Error::file(folder, "a folder", "a file"));
        }
        let mut found = BTreeMap::new();
        read_folder(folder, "", &mut found)?;
        Ok(Self(Arc::new(found)))
    }

    /// Whether a file exists and can be replaced: those of the probes cannot.
    pub fn has(name: &str) -> bool {
        !name.starts_with(PROBES) && built_in(name).is_some()
    }

    /// Whether no file is replaced.
    pub fn is_built_in(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names of the replaced files, each with the path of its replacement.
    pub fn replaced(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.0.iter().map(|(&name, file)| (name, file.path.as_path()))
    }

    /// Returns the text of a file, by its name without the extension.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or_else(|| source(name), |file| &file.text)
    }

    /// Assembles the files with these names, after the files that they import, each once.
    pub fn module(&self, names: &[&str]) -> Wgsl {
        let (mut module, mut seen) = (Wgsl::default(), Vec::new());
        names.iter().for_each(|name| self.append(name, &mut module, &mut seen));
        module
    }

    fn append(&self, name: &str, module: &mut Wgsl, seen: &mut Vec<String>) {
        if seen.iter().any(|other| other == name) {
            return;
        }
        seen.push(name.to_owned());
        let text = self.text(name);
        let imports = text.lines().filter_map(|line| line.strip_prefix(IMPORT));
        imports.for_each(|name| self.append(name, module, seen));
        let path = self.0.get(name).map(|file| file.path.display().to_string());
        module.edited.extend(path.clone());
        module.append(
            path.unwrap_or_else(|| format!("shaders/{name}{ENDING}")),
            text.lines().enumerate().filter(|(_, line)| !line.starts_with(IMPORT)),
        );
    }
}

/// A WGSL module with the origin of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wgsl {
    /// The module's text.
    pub text: String,
    files: Vec<String>,
    /// The file of each line, and the line's number there, from 0.
    lines: Vec<(usize, usize)>,
    /// The users' files that are part of the module.
    edited: Vec<String>,
}

impl Wgsl {
    /// Creates a module of one text, whose origin is `file`.
    pub fn new(file: &str, text: &str) -> Self {
        let mut module = Self::default();
        module.append(file.to_owned(), text.lines().enumerate());
        module
    }

    /// Adds lines of a file, each with its number there, from 0.
    pub(super) fn append<'a>(
        &mut self,
        file: String,
        lines: impl Iterator<Item = (usize, &'a str)>,
    ) {
        self.files.push(file);
        for (number, line) in lines {
            self.text.push_str(line);
            self.text.push('\n');
            self.lines.push((self.files.len() - 1, number));
        }
    }

    /// Returns the file of a line, and the line's number there; both numbers count from 1.
    pub fn place(&self, line: usize) -> Option<(&str, usize)> {
        let &(file, number) = self.lines.get(line.checked_sub(1)?)?;
        Some((&self.files[file], number + 1))
    }

    /// The users' files that are part of the module.
    pub fn edited(&self) -> &[String] {
        &self.edited
    }
}

/// Reads the files of a folder; names of its files begin with `prefix`.
fn read_folder(
    folder: &Path,
    prefix: &str,
    found: &mut BTreeMap<&'static str, Replaced>,
) -> Result<()> {
    let failed = |error| Error::io(folder, Action::Read)(error);
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(failed)?;
    // Sorted, so that of several faults always the same one is reported.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            let prefix = format!("{name}/");
            if !sources().iter().any(|known| known.starts_with(&prefix)) {
                return Err(no_counterpart(&path, &name));
            }
            read_folder(&path, &prefix, found)?;
        } else {
            let known = name.strip_suffix(ENDING);
            let known = known.and_then(|name| sources().into_iter().find(|known| *known == name));
            let known = known.ok_or_else(|| no_counterpart(&path, &name))?;
            found.extend(read_file(path, known)?.map(|file| (known, file)));
        }
    }
    Ok(())
}

fn no_counterpart(path: &Path, name: &str) -> Error {
    let folders = SHADERS.dirs().filter_map(|folder| folder.path().to_str()).map(str::to_owned);
    let files = sources().into_iter().map(|known| format!("{known}{ENDING}"));
    let known: Vec<_> = if path.is_dir() { folders.collect() } else { files.collect() };
    let known = known.iter().map(String::as_str).filter(|known| !known.starts_with(PROBES));
    let meant = perhaps(name, known).map_or(String::new(), |meant| format!(", {meant}"));
    Error::file(path, "the name of a built-in file", format!("{name}{meant}"))
        .of_kind(FileKind::Shader)
}

/// Reads the replacement of a built-in file; none if both are the same.
fn read_file(path: PathBuf, name: &'static str) -> Result<Option<Replaced>> {
    let bytes = fs::read(&path).map_err(Error::io(&path, Action::Read))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::file(&path, "WGSL, as UTF-8", format!("other bytes in line {line}"))
    })?;
    if text.lines().eq(source(name).lines()) {
        return Ok(None);
    }
    if !Sources::has(name) {
        let expected = "the built-in text, since the roofs are measured with it";
        return Err(Error::file(&path, expected, "another"));
    }
    for (number, line) in text.lines().enumerate() {
        let Some(import) = line.strip_prefix(IMPORT) else { continue };
        if built_in(import).is_none() {
            let meant =
                perhaps(import, sources()).map_or(String::new(), |near| format!(", {near}"));
            let found = format!("`{line}` in line {}{meant}", number + 1);
            return Err(Error::file(&path, "imports of built-in files", found));
        }
    }
    Ok(Some(Replaced { path, text }))
}
