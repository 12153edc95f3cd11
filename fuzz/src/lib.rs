//! Fuzz targets for readers of untrusted files. Each writes the bytes to a file, which the library
//! reads as in `wgvae`, and panics if the result breaks a promise of the reader, or if an error
//! message has characters that a terminal cannot show. Fuzzing searches for bytes that make one
//! panic; the project's tests replay its findings and the corpus.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use wgvae::checkpoint::{Checkpoint, Lengths, Position, State};
use wgvae::data::{Levels, Size, load_images};
use wgvae::device::Description;
use wgvae::device::gpu::known_kernels;
use wgvae::file::System;
use wgvae::model::{Architecture, Weights, initial_weights};
use wgvae::profile::Baseline;
use wgvae::train::{Config, ConfigFile, RunConfig, RunFolder};
use wgvae::{Error, Matrix, Result, model};

/// A fuzz target, which is called with the content of a file.
pub type Reader = fn(&[u8]);

/// Every reader, with the name of its target and of its folder in `corpus/`.
pub const READERS: [(&str, Reader); 15] = [
    ("amat", amat),
    ("checkpoint", checkpoint),
    ("config", config),
    ("csv_images", csv_images),
    ("csv_matrix", csv_matrix),
    ("idx", idx),
    ("model", model),
    ("npy_images", npy_images),
    ("npy_matrix", npy_matrix),
    ("npz", npz),
    ("picture", picture),
    ("profile", profile),
    ("run_folder", run_folder),
    ("tuning", tuning),
    ("zip", zip),
];

/// The longest message of an error, in characters.
const LONGEST_MESSAGE: usize = 2000;

/// Binarised images, with blanks between their numbers.
pub fn amat(bytes: &[u8]) {
    images("images.amat", bytes);
}

/// A run's checkpoint; writing it back must not change it.
pub fn checkpoint(bytes: &[u8]) {
    in_file("checkpoint.safetensors", bytes, |path| {
        let Some(read) = allowed(Checkpoint::load(path)) else { return };
        must(read.save(&System, path));
        assert!(same(&must(Checkpoint::load(path)), &read));
    });
}

/// Settings; writing them back must not change them.
pub fn config(bytes: &[u8]) {
    in_file("config.toml", bytes, |path| {
        let Some(read) = allowed(ConfigFile::read(path)) else { return };
        let description = described();
        let written = RunConfig::new(&read.config, &description, read.kernels.clone());
        let _ = allowed(read.config.check());
        must(fs::write(path, must(written.to_toml(path))));
        let again = must(ConfigFile::read(path));
        assert_eq!(format!("{:?}", again.config), format!("{:?}", read.config));
        assert_eq!(again.kernels, read.kernels);
        assert_eq!(again.described, Some(description));
    });
}

/// Images with commas between their numbers, possibly labelled, possibly gzipped.
pub fn csv_images(bytes: &[u8]) {
    images("images.csv", bytes);
}

/// Rows of numbers; writing them back must not change them.
pub fn csv_matrix(bytes: &[u8]) {
    matrix("matrix.csv", bytes);
}

/// Images in MNIST's format; the same bytes also serve as their labels.
pub fn idx(bytes: &[u8]) {
    images("images-idx3-ubyte", bytes);
    in_file("images-idx3-ubyte", bytes, |path| {
        // The last bytes of the images may be a whole file of labels.
        let count = bytes.first_chunk().map_or(0, |&word| u64::from_be_bytes(word) as u32 as usize);
        let labels = &bytes[bytes.len().saturating_sub(count + 8)..];
        must(fs::write(path.with_file_name("labels-idx1-ubyte"), labels));
        check_images(path, None);
    });
}

/// A model; writing it back must not change it.
pub fn model(bytes: &[u8]) {
    in_file("model.safetensors", bytes, |path| {
        let Some(read) = allowed(model::load(path)) else { return };
        let sizes = read.architecture.parameters().into_iter().map(|of| of.shape.len());
        assert!(sizes.eq(read.values.iter().map(Vec::len)));
        must(model::save(path, &read));
        assert!(same_weights(&must(model::load(path)), &read));
    });
}

/// Images in NumPy's format.
pub fn npy_images(bytes: &[u8]) {
    images("images.npy", bytes);
}

/// A matrix in NumPy's format; writing it back must not change it.
pub fn npy_matrix(bytes: &[u8]) {
    matrix("matrix.npy", bytes);
}

/// An archive of NumPy's arrays.
pub fn npz(bytes: &[u8]) {
    images("images.npz", bytes);
}

/// A picture of any kind, in its original size and resized.
pub fn picture(bytes: &[u8]) {
    images("picture.png", bytes);
    in_file("picture.png", bytes, |path| check_images(path, Size::new(3, 2)));
}

/// The output of `wgvae profile --json`.
pub fn profile(bytes: &[u8]) {
    in_file("profile.json", bytes, |path| {
        let Some(read) = allowed(Baseline::read(path)) else { return };
        let _ = allowed(read.check(&must(Architecture::new(4, &[1])), 1));
    });
}

/// The state in a checkpoint, or else one line per name of an event file: a run that resumes from
/// it must write only to its own folder.
pub fn run_folder(bytes: &[u8]) {
    goes_on(serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let names = String::from_utf8_lossy(bytes);
        let mut names = names.split('\n').chain(std::iter::repeat(""));
        let mut file = || (names.next().unwrap_or_default().to_owned(), 0);
        let files = Lengths { metrics: 0, events: Some([file(), file()]) };
        State { files, ..Config::default().starting_state(0) }
    }));
}

/// Whether a run resumes from `state`.
pub fn goes_on(state: State) -> bool {
    let folder = must(tempfile::tempdir_in(memory()));
    let outside = ["victim", "train/victim"].map(|name| folder.path().join(name));
    let run = folder.path().join("run");
    let State { seed, batch, binarize, optimizer, .. } = state;
    let config = Config { hidden: vec![1], seed, batch, binarize, optimizer, ..Config::default() };
    let description = described();
    let settings = RunConfig::new(&config, &description, Default::default());
    let created = RunFolder::create(Arc::new(System), &run, &settings, state.data);
    let Some(created) = allowed(created) else { return false };
    drop(created);
    must(fs::create_dir(folder.path().join("train")));
    outside.iter().for_each(|path| must(fs::write(path, "not the run's")));
    let architecture = must(Architecture::new(2, &[1]));
    let weights = initial_weights(&architecture, 0);
    let states: Vec<_> =
        state.optimizer.rule().states.iter().map(|_| weights.values.clone()).collect();
    let data = state.data;
    let saved = Checkpoint { weights: weights.clone(), states: states.clone(), state };
    must(saved.save(&System, &run.join(wgvae::checkpoint::FILE_NAME)));
    let resumed = allowed(RunFolder::resume(Arc::new(System), &run, &settings, data));
    let goes_on = resumed.is_some();
    if let Some((mut folder, checkpoint)) = resumed {
        assert!(same(&must(checkpoint.ok_or("a checkpoint")), &saved));
        let _ = allowed(folder.save(Position::default(), weights, states));
    }
    let is_whole = |path: &_| must(fs::read(path)) == b"not the run's";
    assert!(outside.iter().all(is_whole));
    assert_eq!(must(fs::read_dir(folder.path())).count(), 3);
    assert_eq!(must(fs::read_dir(folder.path().join("train"))).count(), 1);
    goes_on
}

/// The list of the fastest kernels.
pub fn tuning(bytes: &[u8]) {
    in_file("tuning.json", bytes, |path| {
        known_kernels(&described(), Some(path.to_owned()));
    });
}

/// A file in a zip file.
pub fn zip(bytes: &[u8]) {
    images("images.zip", bytes);
}

fn images(name: &str, bytes: &[u8]) {
    in_file(name, bytes, |path| check_images(path, None));
}

/// Checks that a data set is consistent.
fn check_images(path: &Path, size: Option<Size>) {
    let Some(set) = allowed(load_images(&path.to_string_lossy(), size)) else { return };
    assert!(!set.is_empty() && set.width() > 0);
    let levels = match set.levels() {
        Levels::Bytes(levels) => levels.len(),
        Levels::Reals(levels) => {
            assert!(levels.iter().all(|level| (0.0..=1.0).contains(level)));
            levels.len()
        }
    };
    assert_eq!(levels, set.len() * set.width());
    if let Some(labels) = set.labels() {
        assert_eq!(labels.of.len(), set.len());
        assert!(labels.of.iter().all(|&label| usize::from(label) < labels.names.len()));
    }
}

fn matrix(name: &str, bytes: &[u8]) {
    in_file(name, bytes, |path| {
        let Some(read) = allowed(Matrix::read(path)) else { return };
        assert!(read.values().iter().all(|value| value.is_finite()));
        must(read.write(path));
        assert_eq!(must(Matrix::read(path)), read);
    });
}

fn same(one: &Checkpoint, other: &Checkpoint) -> bool {
    one.state == other.state
        && same_weights(&one.weights, &other.weights)
        && one.states.len() == other.states.len()
        && one.states.iter().zip(&other.states).all(|(one, other)| bits(one) == bits(other))
}

fn same_weights(one: &Weights, other: &Weights) -> bool {
    one.architecture == other.architecture && bits(&one.values) == bits(&other.values)
}

/// Bits of numbers, for comparison: NaN does not equal itself.
fn bits(values: &[Vec<f32>]) -> Vec<Vec<u32>> {
    values.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect()
}

fn described() -> Description {
    let [name, backend, driver] = ["an adapter", "Vulkan", "a driver"].map(String::from);
    Description { name, backend, driver }
}

/// Calls `read` with a file of these bytes, in a new folder.
fn in_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let folder = must(tempfile::tempdir_in(memory()));
    let path = folder.path().join(name);
    must(fs::write(&path, bytes));
    read(&path);
}

/// A folder in memory, if the system has one.
fn memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new(".") }
}

/// Returns the result of a reader, or none if it refused the file with a valid error.
fn allowed<T>(read: Result<T>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(
            error @ (Error::File { .. }
            | Error::Data { .. }
            | Error::Io { .. }
            | Error::Setting { .. }),
        ) => {
            let message = error.to_string();
            let is_shown = |letter: char| letter == '\n' || !letter.is_control();
            assert!(message.chars().all(is_shown), "{message:?}");
            assert!(message.chars().count() <= LONGEST_MESSAGE, "{} letters", message.len());
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Returns the result of an operation that must succeed for any bytes.
fn must<T, E: Debug>(result: std::result::Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}
