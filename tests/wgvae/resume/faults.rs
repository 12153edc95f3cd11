//! A disk that fails, or a world that ends, at every single operation of a run.

use super::{End, Fallible, config, data};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wgvae::checkpoint::{Checkpoint, FILE_NAME};
use wgvae::data::Split;
use wgvae::device::cpu::CpuSession;
use wgvae::file::{Files, System};
use wgvae::graph::Binarize;
use wgvae::train::{Config, Ended, Report, Run, RunConfig, RunFolder};
use wgvae::{Action, Error, Result};

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It alone fails, as on a full disk.
    Fails,
    /// It is done, or half of it if it writes, and nothing is after it, as in a power cut.
    CutsOff,
}

/// The system's files, until the operation of this number.
#[derive(Debug)]
struct Faulty {
    fault: Fault,
    at: usize,
    done: AtomicUsize,
    /// Whether the operation of this number removes a file.
    removes: AtomicBool,
}

impl Faulty {
    fn new(fault: Fault, at: usize) -> Arc<Self> {
        Arc::new(Self { fault, at, done: AtomicUsize::new(0), removes: AtomicBool::new(false) })
    }

    fn operation(
        &self,
        whole: impl FnOnce() -> io::Result<()>,
        half: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let number = self.done.fetch_add(1, Ordering::Relaxed);
        let over = || Err(io::Error::other("the end of the world"));
        match self.fault {
            _ if number < self.at => whole(),
            Fault::Fails if number > self.at => whole(),
            Fault::Fails => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Fault::CutsOff if number > self.at => over(),
            Fault::CutsOff => half().and_then(|()| over()),
        }
    }

    fn whole(&self, operation: impl Fn() -> io::Result<()>) -> io::Result<()> {
        self.operation(&operation, &operation)
    }
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

impl Files for Faulty {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.whole(|| System.create_folder(path))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operation(|| System.write(path, bytes), || System.write(path, half(bytes)))
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operation(|| System.append(path, bytes), || System.append(path, half(bytes)))
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        self.whole(|| System.cut(path, len))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.whole(|| System.sync(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(|| System.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.removes.fetch_or(self.done.load(Ordering::Relaxed) == self.at, Ordering::Relaxed);
        self.whole(|| System.remove(path))
    }
}

/// Checkpoints in epochs, and so that one of every kind is replaced.
fn frequent() -> Fallible<Config> {
    Ok(Config { checkpoint_every: Some("5".parse()?), epochs: 2, ..config() })
}

/// Trains in a folder, from its beginning, or from what is there.
fn train(config: &Config, data: &Split, folder: &Path, files: Arc<dyn Files>) -> Result<Ended> {
    let run = Run { files, ..Run::new(config, data, folder) };
    // On one thread: the runs are many and small.
    let mut session = CpuSession::<f32>::with_threads(Some(1));
    if folder.join("config.toml").exists() {
        run.resume(&mut session, |_| Ok(()))
    } else {
        run.begin(&mut session, |_| Ok(()))
    }
}

#[test]
fn a_run_survives_a_fault_at_any_operation() -> Fallible<()> {
    survives(90, |_, _, _| Ok(()))
}

/// Going on meets faults as well: a run that was cut off after its last checkpoint goes on from it.
#[test]
fn going_on_survives_a_fault_at_any_operation() -> Fallible<()> {
    survives(30, |config, data, folder| {
        // In the second epoch, after lines and events that no checkpoint knows of.
        match train(config, data, folder, Faulty::new(Fault::CutsOff, 74)) {
            Err(Error::Io { .. }) => {}
            other => panic!("{other:?}"),
        }
        let position = Checkpoint::load(&folder.join(FILE_NAME))?.state.position;
        assert_eq!(position.step, 10);
        // What another process left of a picture.
        std::fs::write(folder.join(".elbo.png.1.tmp"), "half")?;
        Ok(())
    })
}

/// Trains in folders that were prepared, with a fault at each operation, of which there are more than
/// `least`.
fn survives(
    least: usize,
    prepare: impl Fn(&Config, &Split, &Path) -> Fallible<()>,
) -> Fallible<()> {
    let (config, data, undisturbed) = (frequent()?, data()?, tempfile::tempdir()?);
    train(&config, &data, undisturbed.path(), Arc::new(System))?;
    let expected = End::of(undisturbed.path())?;
    let counted = tempfile::tempdir()?;
    prepare(&config, &data, counted.path())?;
    let counting = Faulty::new(Fault::Fails, usize::MAX);
    train(&config, &data, counted.path(), Arc::clone(&counting) as _)?;
    let operations = counting.done.load(Ordering::Relaxed);
    println!("{operations} operations");
    assert!(operations > least, "{operations} operations");
    for fault in [Fault::Fails, Fault::CutsOff] {
        for at in 0..operations {
            let case = format!("{fault:?} at operation {at} of {operations}");
            let folder = tempfile::tempdir()?;
            prepare(&config, &data, folder.path())?;
            meets(fault, at, &config, &data, folder.path(), &expected)
                .map_err(|error| format!("{case}: {error}"))?;
        }
    }
    Ok(())
}

/// Trains until a fault, and then on: nothing is lost.
fn meets(
    fault: Fault,
    at: usize,
    config: &Config,
    data: &Split,
    folder: &Path,
    expected: &End,
) -> Fallible<()> {
    let files = Faulty::new(fault, at);
    match train(config, data, folder, Arc::clone(&files) as _) {
        Err(Error::Io { path, action: Action::Write, .. }) => {
            assert!(path.starts_with(folder), "{}", path.display());
        }
        // A draft that stays is in nobody's way.
        Ok(Ended::Finished) if fault == Fault::Fails && files.removes.load(Ordering::Relaxed) => {}
        other => panic!("{fault:?} at operation {at}: {other:?}"),
    }
    let checkpoint = folder.join(FILE_NAME);
    if checkpoint.exists() {
        Checkpoint::load(&checkpoint)?;
    }
    train(config, data, folder, Arc::new(System))?;
    if End::of(folder)? != *expected {
        return Err("another end".into());
    }
    let drafts = std::fs::read_dir(folder)?.flatten();
    let drafts = drafts.filter(|entry| entry.path().extension().is_some_and(|e| e == "tmp"));
    if drafts.count() > 0 {
        return Err("a draft is left".into());
    }
    Ok(())
}

/// A run whose checkpoint is missing is not begun anew over what it has written.
#[test]
fn a_run_without_its_checkpoint_is_left_alone() -> Fallible<()> {
    let (config, data, folder) = (frequent()?, data()?, tempfile::tempdir()?);
    let run = folder.path().join("run");
    train(&config, &data, &run, Arc::new(System))?;
    let expected = End::of(&run)?;
    let (checkpoint, aside) = (run.join(FILE_NAME), folder.path().join("aside"));
    std::fs::rename(&checkpoint, &aside)?;
    let refusal = train(&config, &data, &run, Arc::new(System)).err().ok_or("begun anew")?;
    assert!(refusal.to_string().contains("expected the checkpoint of a run that has begun"));
    std::fs::rename(&aside, &checkpoint)?;
    assert!(End::of(&run)? == expected);
    // Settings that a checkpoint does not fit are refused, too.
    for (other, name) in [
        (Config { batch: 7, ..config.clone() }, "batch = 7"),
        (Config { binarize: Binarize::None, ..config.clone() }, "binarize = none"),
    ] {
        let refusal = train(&other, &data, &run, Arc::new(System)).err().ok_or("went on")?;
        assert!(refusal.to_string().contains(name), "{refusal}");
    }
    Ok(())
}

/// Nor does a link lead anywhere else.
#[test]
#[cfg(unix)]
fn what_is_written_is_not_written_through_a_link() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
    std::fs::write(&victim, "mine")?;
    std::os::unix::fs::symlink(&victim, &link)?;
    System.write(&link, b"the run's")?;
    assert_eq!(std::fs::read_to_string(&victim)?, "mine");
    assert_eq!(std::fs::read_to_string(&link)?, "the run's");
    Ok(())
}

/// The checkpoint that was there before a save is there after one that fails at any operation, or the
/// new one is, whole.
#[test]
fn a_save_that_fails_leaves_the_checkpoint_before_it() -> Fallible<()> {
    let mut saved = super::checkpoint()?;
    saved.weights.values[0].fill(1.0); // no NaN, which equals nothing
    let mut next = saved.clone();
    next.weights.values[0][0] = 2.0;
    next.state.position.step += 1;
    for fault in [Fault::Fails, Fault::CutsOff] {
        for at in 0..usize::MAX {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join(FILE_NAME);
            saved.save(&System, &path)?;
            let is_saved = next.save(&*Faulty::new(fault, at), &path).is_ok();
            let found = Checkpoint::load(&path)?;
            if is_saved {
                assert!(found == next && at >= 4, "{fault:?} at {at}");
                break;
            }
            let is_renamed = at >= if fault == Fault::Fails { 3 } else { 2 };
            assert!(
                found == if is_renamed { next.clone() } else { saved.clone() },
                "{fault:?} at {at}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_folder_that_vanishes_is_named() -> Fallible<()> {
    let (config, data, folder) = (frequent()?, data()?, tempfile::tempdir()?);
    let path = folder.path().join("run");
    let run = Run::new(&config, &data, &path);
    let ended = run.begin(&mut CpuSession::<f32>::new(), |report| {
        if let Report::Step(step) = report
            && step.step == 6
        {
            std::fs::remove_dir_all(&path).map_err(Error::io(&path, Action::Write))?;
        }
        Ok(())
    });
    match ended {
        Err(Error::Io { path: found, action: Action::Write, source }) => {
            assert!(found.starts_with(&path), "{}", found.display());
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// Each is refused, in words, and leaves the run as it was.
#[test]
fn a_run_goes_on_only_as_what_it_was() -> Fallible<()> {
    let (config, data, folder) = (frequent()?, data()?, tempfile::tempdir()?);
    train(&config, &data, folder.path(), Arc::new(System))?;
    let before = End::of(folder.path())?;
    let settings = std::fs::read(folder.path().join("config.toml"))?;
    let mut others = data.clone();
    others.test.truncate(14);
    for (config, data, expected) in [
        (
            Config { seed: 8, ..config.clone() },
            &data,
            "expected seed = 8, as in the run's config.toml, found 7",
        ),
        (Config { hidden: vec![9, 4], ..config.clone() }, &data, "expected hidden = [9, 4]"),
        (Config { epochs: 1, ..config.clone() }, &data, "epochs: expected at least 2"),
        (config.clone(), &others, "data: expected the images of the run"),
    ] {
        match train(&config, data, folder.path(), Arc::new(System)) {
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            Ok(ended) => panic!("{expected}: {ended:?}"),
        }
        assert_eq!(std::fs::read(folder.path().join("config.toml"))?, settings);
        assert!(End::of(folder.path())? == before);
    }
    Ok(())
}

#[test]
fn one_process_at_a_time_trains_a_run() -> Fallible<()> {
    let (config, data, folder) = (frequent()?, data()?, tempfile::tempdir()?);
    let session = CpuSession::<f32>::new();
    let settings =
        RunConfig::new(&config, wgvae::device::Device::description(&session), Default::default());
    let first = RunFolder::create(Arc::new(System), folder.path(), &settings, 0)?;
    match train(&config, &data, folder.path(), Arc::new(System)) {
        Err(error) => assert!(error.to_string().contains("another process"), "{error}"),
        Ok(ended) => panic!("{ended:?}"),
    }
    drop(first);
    train(&config, &data, folder.path(), Arc::new(System))?;
    Ok(())
}

/// A checkpoint may be anybody's: what it says of files is about the run's own.
#[test]
#[cfg(unix)]
fn nothing_outside_a_runs_folder_is_written() -> Fallible<()> {
    let (config, data, folder) = (frequent()?, data()?, tempfile::tempdir()?);
    let (run, outside) = (folder.path().join("run"), folder.path().join("events.out.tfevents.1"));
    train(&config, &data, &run, Arc::new(System))?;
    std::fs::write(&outside, "mine")?;
    let path = run.join(FILE_NAME);
    let mut checkpoint = Checkpoint::load(&path)?;
    for name in ["../../../events.out.tfevents.1", "events.out.tfevents.1/../../../../x"] {
        checkpoint.state.files.events = Some([(name.to_owned(), 0), (name.to_owned(), 0)]);
        checkpoint.save(&System, &path)?;
        train(&config, &data, &run, Arc::new(System))?;
        assert_eq!(std::fs::read_to_string(&outside)?, "mine");
    }
    let more = Config { epochs: 3, ..config };
    let files = [".lock", "config.toml", "metrics.jsonl", FILE_NAME];
    for name in files.into_iter().chain(["train", "test"]) {
        let (own, aside) = (run.join(name), run.join("aside"));
        std::fs::rename(&own, &aside)?;
        let to = if aside.is_dir() { folder.path() } else { &outside };
        std::os::unix::fs::symlink(to, &own)?;
        match train(&more, &data, &run, Arc::new(System)) {
            Err(error) => assert!(error.to_string().contains(&format!("{name}: expected a file"))),
            Ok(ended) => panic!("{name}: {ended:?}"),
        }
        assert_eq!(std::fs::read_to_string(&outside)?, "mine");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
        std::fs::remove_file(&own)?;
        std::fs::rename(&aside, &own)?;
    }
    Ok(())
}
