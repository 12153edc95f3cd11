//! Event files, the input of TensorBoard: numbers and pictures, each with a tag and a step. A file
//! is a sequence of records, one per event, and only grows, so that TensorBoard can follow a
//! run in progress. The choice of values and tags is left to the callers.

mod event;
mod hparams;
mod record;

pub use hparams::Setting;
pub use record::record;

use super::Png;
use crate::file::{Files, Growing, System};
use crate::{Action, Error, Result};
use event::{Content, Event, IMAGES, Image, Metadata, PluginData, RGB, Summary, Value, What};
use jiff::Timestamp;
use prost::Message;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The format version, which is the first event of a file.
const FILE_VERSION: &str = "brain.Event:2";

/// The prefix of every event file's name, which TensorBoard searches for.
const PREFIX: &str = "events.out.tfevents.";

/// Event buffer size in bytes.
const MOST_WAITING: usize = 1 << 13;

/// The number of files created by this process, which makes names unique within a folder and
/// second.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// An event file that is being written.
///
/// Events are buffered until [`flush`](Self::flush) or until the buffer is full.
#[derive(Debug)]
pub struct EventWriter {
    file: Growing,
    waiting: Vec<u8>,
}

impl EventWriter {
    /// Creates the folder, if necessary, and a new file in it, whose name begins with
    /// `events.out.tfevents`, which TensorBoard searches for, and the time.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder or the file cannot be created.
    pub fn create(folder: &Path) -> Result<Self> {
        Self::create_in(Arc::new(System), folder)
    }

    /// Like [`create`](Self::create), with the given file operations.
    ///
    /// # Errors
    /// Like [`create`](Self::create).
    pub fn create_in(files: Arc<dyn Files>, folder: &Path) -> Result<Self> {
        files.create_folder(folder).map_err(Error::io(folder, Action::Write))?;
        let (second, process) = (Timestamp::now().as_second(), std::process::id());
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{second:010}.wgvae.{process}.{number}");
        let file = Growing::create(files, folder.join(name))?;
        let mut writer = Self { file, waiting: Vec::new() };
        writer.event(0, What::FileVersion(FILE_VERSION.to_owned()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Resumes the file `name` in `folder` after its first `len` bytes, or creates a new one if
    /// that file does not exist any more or is shorter.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(files: Arc<dyn Files>, folder: &Path, name: &str, len: u64) -> Result<Self> {
        // The name may come from an untrusted file.
        let is_name = name.starts_with(PREFIX) && !name.contains(['/', '\\']);
        let file = is_name.then(|| Growing::cut(Arc::clone(&files), folder.join(name), len));
        match file {
            Some(Ok(file)) => Ok(Self { file, waiting: Vec::new() }),
            Some(Err(Error::Io { source, .. })) if source.kind() != ErrorKind::NotFound => {
                Err(Error::io(&folder.join(name), Action::Write)(source))
            }
            _ => Self::create_in(files, folder),
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes all events to stable storage, and returns the file's name and length.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<(String, u64)> {
        self.flush()?;
        self.file.sync()?;
        let name = self.path().file_name().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), self.file.len()))
    }

    /// Adds a number, stored as an `f32`. TensorBoard groups tags by their prefix up to a `/`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.value(tag, step, None, Content::SimpleValue(value as f32))
    }

    /// Adds a picture. TensorBoard shows the description, which is Markdown, beside the tag.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn image(&mut self, tag: &str, step: u64, description: &str, png: &Png) -> Result<()> {
        let image = Image {
            height: png.height.cast_signed(),
            width: png.width.cast_signed(),
            colorspace: RGB,
            encoded_image_string: png.bytes.clone(),
        };
        let metadata = Metadata {
            plugin_data: Some(PluginData { plugin_name: IMAGES.to_owned(), content: Vec::new() }),
            summary_description: description.to_owned(),
        };
        self.value(tag, step, Some(metadata), Content::Image(image))
    }

    /// Writes all buffered events to the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.file.append(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn value(
        &mut self,
        tag: &str,
        step: u64,
        metadata: Option<Metadata>,
        content: Content,
    ) -> Result<()> {
        let value = Value { tag: tag.to_owned(), metadata, content: Some(content) };
        self.event(step, What::Summary(Summary { value: vec![value] }))
    }

    fn event(&mut self, step: u64, what: What) -> Result<()> {
        self.waiting.extend(event(step, what));
        if self.waiting.len() > MOST_WAITING { self.flush() } else { Ok(()) }
    }
}

/// Name of the event file that has the settings of a run, in the parent of the folders of its charts.
pub const SETTINGS_FILE: &str = "events.out.tfevents.0000000000.wgvae.settings";

/// Returns the bytes of [`SETTINGS_FILE`] for a run that begins now.
pub fn session_start(settings: impl IntoIterator<Item = (String, Setting)>) -> Vec<u8> {
    let value = vec![hparams::start(settings, now())];
    let version = event(0, What::FileVersion(FILE_VERSION.to_owned()));
    [version, event(0, What::Summary(Summary { value }))].concat()
}

/// Returns the bytes that [`SETTINGS_FILE`] has in addition after a run that has ended now.
pub fn session_end() -> Vec<u8> {
    event(0, What::Summary(Summary { value: vec![hparams::end(now())] }))
}

/// Returns the record of an event at this moment.
fn event(step: u64, what: What) -> Vec<u8> {
    let event = Event { wall_time: now(), step: step.cast_signed(), what: Some(what) };
    record(&event.encode_to_vec())
}

/// Returns the seconds since 1970.
fn now() -> f64 {
    Timestamp::now().as_duration().as_secs_f64()
}
