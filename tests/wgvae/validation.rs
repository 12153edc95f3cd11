//! `--validation` and `--patience`: which images a training is watched by, and when it stops.

use crate::cli::{stderr, stdout, wgvae};
use serde_json::Value;
use std::error::Error;
use std::fs;
use wgvae::checkpoint::fingerprint;
use wgvae::data::{Dataset, HeldOut, Levels, Size, Split, Validation};
use wgvae::random::pixels;
use wgvae::train::Config;

type Outcome = Result<(), Box<dyn Error>>;

fn split() -> Result<Split, Box<dyn Error>> {
    let size = Size::new(2, 3).ok_or("a size")?;
    let images = |count: u8, first: u8| {
        let levels = (0..count).flat_map(|image| [first + image; 6]);
        Dataset::new(Levels::Bytes(levels.collect()), size)
    };
    Ok(Split::new(images(50, 0)?, images(7, 100)?))
}

fn firsts(set: &Dataset) -> Vec<u8> {
    match set.levels() {
        Levels::Bytes(levels) => levels.iter().step_by(6).copied().collect(),
        Levels::Reals(_) => Vec::new(),
    }
}

#[test]
fn images_are_held_off_once() -> Outcome {
    let whole = split()?;
    assert_eq!(whole.held_out().0, HeldOut::Test);
    let parted = whole.clone().with_validation(Some(Validation::Count(8)))?;
    let (held_out, validation) = parted.held_out();
    assert_eq!((held_out, validation.len(), parted.train.len()), (HeldOut::Validation, 8, 42));
    assert_eq!(parted.test, whole.test);
    let mut all = [firsts(validation), firsts(&parted.train)].concat();
    assert!(all.windows(2).any(|pair| pair[0] > pair[1]), "the first images: {all:?}");
    all.sort_unstable();
    assert_eq!(all, firsts(&whole.train));
    // The same ones again, and a run knows its images by them.
    let again = whole.clone().with_validation(Some(Validation::Count(8)))?;
    assert_eq!(again, parted);
    assert_ne!(fingerprint(&parted), fingerprint(&whole));
    for (wanted, said) in [
        (Validation::Count(50), "leaves some of 50 images"),
        (Validation::Count(0), "leaves some of 50 images"),
        (Validation::Own, "data without validation images"),
    ] {
        let Err(error) = whole.clone().with_validation(Some(wanted)) else {
            return Err(format!("{wanted:?} was taken").into());
        };
        assert!(error.to_string().contains(said), "{error}");
    }
    Ok(())
}

#[test]
fn patience_counts_from_the_best_epoch_and_the_full_weight() {
    let config = Config { epochs: 100, patience: Some(5), ..Config::default() };
    let last =
        |config: &Config, best: u32| (best..).find(|&epoch| config.is_exhausted(epoch, best));
    assert_eq!(last(&config, 10), Some(15));
    let rising = Config { kl_warm_up: 20.0, ..config.clone() };
    assert_eq!((last(&rising, 10), last(&rising, 30)), (Some(25), Some(35)));
    let cyclic = Config { kl_cycles: 4, ..rising };
    assert_eq!((last(&cyclic, 10), last(&cyclic, 97)), (Some(100), Some(102)));
    assert!(!Config::default().is_exhausted(u32::MAX, 0));
}

/// A step size that spoils the model, so that an early epoch is the best.
#[test]
fn a_run_stops_and_its_files_say_by_which_images() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = "--device cpu --limit 640 --hidden 12,3 --learning-rate 0.5 --epochs 60";
    let small: Vec<_> = small.split_whitespace().collect();
    let flags = ["train", "--validation", "300", "--patience", "3", "--run", &run];
    let output = wgvae(&[&flags[..], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("640 training and 300 validation images"), "{said}");
    let metrics = fs::read_to_string(format!("{run}/metrics.jsonl"))?;
    let lines = metrics.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let elbos: Vec<f64> =
        lines.iter().filter_map(|line| line["validation_elbo"].as_f64()).collect();
    assert!(!metrics.contains("test_elbo"), "{metrics}");
    let mut best = 0;
    for (index, elbo) in elbos.iter().enumerate() {
        best = if *elbo > elbos[best] { index } else { best };
    }
    assert!(elbos.len() < 60, "{} epochs", elbos.len());
    assert_eq!(elbos.len(), best + 1 + 3, "{elbos:?}");
    let stopped =
        format!("stopped after epoch {}: none since epoch {} was better", best + 4, best + 1);
    assert!(said.contains(&stopped), "{said}");
    for folder in ["train", "validation"] {
        assert!(fs::read_dir(format!("{run}/{folder}"))?.count() == 1, "{folder}");
    }
    // It stays stopped, unless patience is greater.
    let again = wgvae(&["train", "--resume", &run])?;
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert!(!stdout(&again).contains("valid"), "{}", stdout(&again));
    let more = wgvae(&["train", "--resume", &run, "--patience", "5"])?;
    assert_eq!(more.status.code(), Some(0), "{}", stderr(&more));
    assert!(stdout(&more).contains("  valid "), "{}", stdout(&more));
    Ok(())
}

/// The images in a file of IDX.
fn idx(count: u32, seed: u64) -> Vec<u8> {
    let header = [0x803, count, 2, 3].map(u32::to_be_bytes).concat();
    [header, pixels(count as usize * 6, seed)].concat()
}

#[test]
fn data_may_have_validation_images_of_its_own() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(format!("{name}-images-idx3-ubyte"));
    for (name, count) in [("train", 20), ("validation", 6)] {
        fs::write(path(name), idx(count, u64::from(count)))?;
    }
    // Without others they are the test images.
    let split = Split::from_folder(folder.path())?;
    assert_eq!((split.train.len(), split.test.len(), split.validation), (20, 6, None));
    fs::write(path("test"), idx(4, 9))?;
    let split = Split::from_folder(folder.path())?;
    assert_eq!((split.train.len(), split.test.len()), (20, 4));
    let own = split.clone().with_validation(Some(Validation::Own))?;
    assert_eq!(
        own.held_out(),
        (HeldOut::Validation, &Dataset::new(Levels::Bytes(pixels(36, 6)), split.train.size())?)
    );
    assert_eq!(split.with_validation(None)?.held_out().0, HeldOut::Test);
    Ok(())
}
