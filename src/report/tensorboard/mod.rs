//! Event files, which TensorBoard draws its charts from: numbers and pictures, each under a tag and
//! at a step. A file is a row of [`record`]s, each an event, and only ever grows, so that
//! TensorBoard can follow a run that is still going. What is written, and under which tags, is left
//! to the callers.

mod event;
mod record;

pub use record::record;

use super::Png;
use crate::{Action, Error, Result};
use event::{Content, Event, Image, RGB, Summary, Value, What};
use jiff::Timestamp;
use prost::Message;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the first event of a file says of the others.
const FILE_VERSION: &str = "brain.Event:2";

/// How many files this process has made: two in one folder and second have other names.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// An event file that is being written.
///
/// Events wait in memory for [`flush`](Self::flush) or for some more of them.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Makes the folder, if it is not there, and in it a new file, whose name begins with
    /// `events.out.tfevents`, as TensorBoard looks for, and the time.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be made.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io(folder, Action::Write))?;
        let (second, process) = (Timestamp::now().as_second(), std::process::id());
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("events.out.tfevents.{second:010}.wgvae.{process}.{number}");
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(Error::io(&path, Action::Write))?;
        let mut writer = Self { path, file: BufWriter::new(file) };
        writer.event(0, What::FileVersion(FILE_VERSION.to_owned()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number, which the file has as an `f32`. Tags that are the same up to a `/` are shown
    /// together.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.value(tag, step, Content::SimpleValue(value as f32))
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn image(&mut self, tag: &str, step: u64, png: &Png) -> Result<()> {
        let image = Image {
            height: png.height.cast_signed(),
            width: png.width.cast_signed(),
            colorspace: RGB,
            encoded_image_string: png.bytes.clone(),
        };
        self.value(tag, step, Content::Image(image))
    }

    /// Hands all events so far to the system.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::io(&self.path, Action::Write))
    }

    fn value(&mut self, tag: &str, step: u64, content: Content) -> Result<()> {
        let value = Value { tag: tag.to_owned(), content: Some(content) };
        self.event(step, What::Summary(Summary { value: vec![value] }))
    }

    fn event(&mut self, step: u64, what: What) -> Result<()> {
        let wall_time = Timestamp::now().as_duration().as_secs_f64();
        let event = Event { wall_time, step: step.cast_signed(), what: Some(what) };
        let bytes = record(&event.encode_to_vec());
        self.file.write_all(&bytes).map_err(Error::io(&self.path, Action::Write))
    }
}
