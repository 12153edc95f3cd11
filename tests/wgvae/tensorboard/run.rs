//! What a run writes into its event files, and that it is the same run without them.

use super::reader::{Event, What, events};
use super::{Fallible, assert_is_a_picture};
use crate::cli::{short_run, stderr, wgvae};
use crate::devices::sessions;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wgvae::data::{HeldOut, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Device, Session, Tunable};
use wgvae::eval::{Measures, Units};
use wgvae::file::System;
use wgvae::graph::Step;
use wgvae::model::{Architecture, Weights, initial_weights};
use wgvae::report::Png;
use wgvae::train::{
    Config, ConfigFile, Drawing, EpochReport, Pictures, RunConfig, RunFolder, StepReport, Trainer,
};

/// The only file in a folder of a run's event files.
fn only_file(run: &Path, name: &str) -> Fallible<PathBuf> {
    let mut entries = fs::read_dir(run.join(name))?;
    let path = entries.next().ok_or("no file")??.path();
    assert!(entries.next().is_none(), "more than one file in {name}");
    Ok(path)
}

/// All that TensorBoard draws of a run, but for what depends on time, in the order in which it was
/// written: a line each. `run` is the folder that `train` and `test` are in.
pub(crate) fn charted(run: &Path) -> Fallible<Vec<String>> {
    let mut lines = Vec::new();
    for name in ["train", "test"] {
        for entry in fs::read_dir(run.join(name))? {
            for Event { step, what, .. } in events(&entry?.path())? {
                match what {
                    What::Scalar { tag, .. } if tag.ends_with("images_per_second") => {}
                    What::Version(_) => {}
                    what => lines.push(format!("{name} {step} {what:?}")),
                }
            }
        }
    }
    Ok(lines)
}

/// Tags and steps in the order of the file, the first event left out.
fn tags(events: &[Event]) -> Vec<(&str, u64)> {
    events.iter().filter_map(|event| Some((event.what.tag()?, event.step))).collect()
}

/// The numbers in the order of the file.
fn scalars(events: &[Event]) -> Vec<f64> {
    let value = |event: &Event| match event.what {
        What::Scalar { value, .. } => Some(f64::from(value)),
        _ => None,
    };
    events.iter().filter_map(value).collect()
}

#[test]
fn a_run_writes_what_its_metrics_say() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let output = short_run(&run)?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (train, test) = (events(&only_file(&run, "train")?)?, events(&only_file(&run, "test")?)?);

    let at = |tags: [&'static str; 3], step: u64| tags.map(|tag| (tag, step));
    let step = |step| at(["step/elbo", "step/log_likelihood", "step/kl"], step);
    let epoch = |epoch| at(["epoch/elbo", "epoch/log_likelihood", "epoch/kl"], epoch);
    let rates = [
        "epoch/images_per_second",
        "epoch/learning_rate",
        "epoch/kl_weight",
        "epoch/gradient_norm",
    ];
    let rates = |epoch| rates.map(|tag| (tag, epoch));
    let pictures = |epoch| [("pictures/reconstructions", epoch), ("pictures/samples", epoch)];
    let of_train = |number| [&step(100 * number)[..], &epoch(number), &rates(number)].concat();
    let units = |epoch| [("epoch/active_units", epoch)];
    let of_test = |number| [&epoch(number)[..], &units(number), &pictures(number)].concat();
    assert_eq!(tags(&train), [of_train(1), of_train(2)].concat());
    assert_eq!(tags(&test), [of_test(1), of_test(2)].concat());

    let expected = metrics(&run)?;
    for (found, expected) in [scalars(&train), scalars(&test)].iter().zip(&expected) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            // The files have f32.
            assert!((found - expected).abs() <= 1e-7 * expected.abs(), "{found}, not {expected}");
        }
    }
    assert_pictures(&run, &test)
}

/// The numbers of `metrics.jsonl` for training and for the test set, in the order of its lines.
fn metrics(run: &Path) -> Fallible<[Vec<f64>; 2]> {
    let [mut train, mut test] = [Vec::new(), Vec::new()];
    for line in fs::read_to_string(run.join("metrics.jsonl"))?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let number = |key: &str| line[key].as_f64().ok_or(format!("no {key} in {line}"));
        let measures = |elbo: f64, kl: f64| [elbo, elbo + kl, kl];
        if line["kind"] == "step" {
            train.extend([number("elbo")?, number("log_likelihood")?, number("kl")?]);
        } else {
            train.extend(measures(number("train_elbo")?, number("train_kl")?));
            let rates = ["images_per_second", "learning_rate", "kl_weight", "gradient_norm"];
            let rates = rates.map(number);
            train.extend(rates.into_iter().collect::<Result<Vec<_>, _>>()?);
            test.extend(measures(number("test_elbo")?, number("test_kl")?));
            test.push(number("active_units")?);
            let units = line["kl_per_unit"].as_array().ok_or("no KL of units")?;
            let kl: f64 = units.iter().filter_map(Value::as_f64).sum();
            assert!((kl - number("test_kl")?).abs() < 1e-5 * kl, "{line}");
        }
    }
    Ok([train, test])
}

/// Asserts that each epoch has other pictures, and that the last ones have the images of those in the
/// folder, but not their text.
fn assert_pictures(run: &Path, test: &[Event]) -> Fallible<()> {
    for name in ["reconstructions", "samples"] {
        let wanted = format!("pictures/{name}");
        let images = test.iter().filter_map(|event| match &event.what {
            What::Image { tag, image } if *tag == wanted => Some(image),
            _ => None,
        });
        let images: Vec<_> = images.collect();
        images.iter().try_for_each(|image| assert_is_a_picture(image))?;
        assert!(images[0].png != images[1].png, "{name}");
        let lines = ["original, ", ""][usize::from(name == "samples")];
        let sample = ["posterior", "prior"][usize::from(name == "samples")];
        let expected = format!("From top to bottom: {lines}{sample} sample, probabilities");
        assert_eq!(images[1].description, expected);
        let tiles = image::load_from_memory(&images[1].png)?.into_rgb8();
        let whole = image::open(run.join(format!("{name}.png")))?.into_rgb8();
        // Ten tiles of 84 pixels, 8 between two, in a margin of 20.
        assert_eq!(tiles.width(), 20 + 10 * 92 - 8 + 20, "{name}: there is room for text");
        let (left, top) = (whole.width() - tiles.width(), whole.height() - tiles.height());
        assert!(left > 100 && top > 20, "{name}: {left}, {top}");
        for (x, y, pixel) in tiles.enumerate_pixels() {
            // A rule between bands is as long as the picture is wide, and text is in the other's margin.
            let is_same = x < 20 || y < 20 || whole.get_pixel(left + x, top + y) == pixel;
            assert!(is_same, "{name}: ({x}, {y})");
            let is_margin = x < 19 || y < 19 || x > tiles.width() - 20 || y > tiles.height() - 20;
            assert!(!is_margin || pixel.0 == [255; 3], "{name}: something at ({x}, {y})");
        }
    }
    Ok(())
}

/// TensorBoard names a run after the folders from `--logdir` to the file.
#[test]
fn tensorboard_shows_a_run_by_its_own_name() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let train = ["train", "--device", "cpu", "--epochs", "1", "--limit", "64", "--hidden", "4,2"];
    let run = folder.path().join("five").display().to_string();
    let output = wgvae(&[&train[..], &["--run", &run]].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut found = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in fs::read_dir(&path)? {
            let entry = entry?.path();
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.file_name().is_some_and(|n| n.to_string_lossy().contains("tfevents")) {
                let name = path.strip_prefix(folder.path())?.components();
                let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
                found.push(name.join("/"));
            }
        }
    }
    found.sort();
    assert_eq!(found, ["five", "five/test", "five/train"]);
    Ok(())
}

/// Earlier versions had both folders in one called `tensorboard`.
#[test]
fn a_run_of_an_earlier_version_goes_on_in_its_own_event_files() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let train = |more: &[&str]| -> Fallible<()> {
        let output = wgvae(&[&["train", "--device", "cpu"], more].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(())
    };
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let small = ["--limit", "640", "--batch", "5", "--hidden", "4,2", "--run"];
    let begin = |run: &Path, epochs: &str| {
        train(&[&small[..], &[&run.display().to_string(), "--epochs", epochs]].concat())
    };
    begin(&whole, "2")?;
    begin(&cut, "1")?;
    let earlier = cut.join("tensorboard");
    fs::create_dir(&earlier)?;
    for name in ["train", "test"] {
        fs::rename(cut.join(name), earlier.join(name))?;
        // Of steps after the last checkpoint.
        let path = only_file(&earlier, name)?;
        let bytes = fs::read(&path)?;
        fs::write(&path, [&bytes[..], b"half a record"].concat())?;
    }
    train(&["--resume", &cut.display().to_string(), "--epochs", "2"])?;
    for name in ["train", "test"] {
        only_file(&earlier, name)?;
        assert!(!cut.join(name).exists(), "{name} is there twice");
    }
    assert_eq!(charted(&earlier)?, charted(&whole)?);
    Ok(())
}

/// A crash loses at most the epoch that it is in.
#[test]
fn an_epoch_is_in_the_files_before_the_next() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let config = Config { hidden: vec![3, 2], ..Config::default() };
    let session = CpuSession::<f32>::new();
    let settings = RunConfig::new(&config, session.description(), session.choices());
    let mut run = RunFolder::create(Arc::new(System), folder.path(), &settings, 0)?;
    let (train, test) = (only_file(folder.path(), "train")?, only_file(folder.path(), "test")?);
    let weights = initial_weights(&Architecture::new(4, &config.hidden)?, 0);
    for epoch in 1..=2 {
        let step = 100 * u64::from(epoch);
        run.step(&StepReport { step, epoch, elbo: -3.0, log_likelihood: -2.0, kl: 1.0 })?;
        let measures = Measures { elbo: -3.0, log_likelihood: -2.0, kl: 1.0 };
        let report = EpochReport {
            units: Units { kl: vec![0.5; 2], active: 2 },
            held_out: HeldOut::Test,
            epoch,
            train: measures,
            test: measures,
            images: 5,
            learning_rate: 0.5,
            kl_weight: 0.25,
            seconds: 1.0,
        };
        run.epoch(&report, 0.125, &weights)?;
        let epochs = epoch as usize;
        assert_eq!(
            scalars(&events(&train)?),
            [-3.0, -2.0, 1.0, -3.0, -2.0, 1.0, 5.0, 0.5, 0.25, 0.125].repeat(epochs)
        );
        assert_eq!(scalars(&events(&test)?), [-3.0, -2.0, 1.0, 2.0].repeat(epochs));
        let png = Png { bytes: vec![0; 100], width: 1, height: 1 };
        run.show_pictures(
            epoch,
            &[Drawing { name: "tile", lines: "a tile".to_owned(), tiles: png.clone(), png }],
        )?;
        assert_eq!(tags(&events(&test)?).last(), Some(&("pictures/tile", epoch.into())));
    }
    Ok(())
}

#[test]
fn no_tensorboard_leaves_no_event_files_and_the_same_model() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let train = |name: &str, more: &[&str]| -> Fallible<PathBuf> {
        let run = folder.path().join(name);
        let path = run.to_string_lossy().into_owned();
        let fixed = ["train", "--device", "cpu", "--epochs", "2", "--limit", "640"];
        let output = wgvae(&[&fixed[..], &["--hidden", "8,2", "--run", &path], more].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(run)
    };
    let (with, without) = (train("with", &[])?, train("without", &["--no-tensorboard"])?);
    for name in ["train", "test"] {
        assert!(with.join(name).is_dir() && !without.join(name).exists());
    }
    for file in ["model.safetensors", "reconstructions.png", "samples.png", "elbo.png"] {
        assert!(fs::read(with.join(file))? == fs::read(without.join(file))?, "{file}");
    }
    assert!(ConfigFile::read(&with.join("config.toml"))?.config.tensorboard);
    assert!(!ConfigFile::read(&without.join("config.toml"))?.config.tensorboard);
    Ok(())
}

#[test]
fn settings_from_before_there_were_event_files_still_load() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("config.toml");
    let text = toml::to_string(&Config::default())?;
    let (others, of_tensorboard): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| !line.starts_with("tensorboard"));
    assert_eq!(of_tensorboard, ["tensorboard = true"]);
    fs::write(&path, others.join("\n"))?;
    assert_eq!(ConfigFile::read(&path)?.config, Config::default());
    Ok(())
}

#[test]
fn drawing_after_each_epoch_leaves_the_training_as_it_is() -> Fallible<()> {
    let mut data = Split::from_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist"))?;
    data.train.truncate(320);
    data.test.truncate(30);
    let config = Config { hidden: vec![16, 4], epochs: 2, batch: 32, ..Config::default() };
    let architecture = Architecture::new(data.train.width(), &config.hidden)?;
    let train = |session: &mut dyn Session, drawn: bool| -> Fallible<_> {
        let mut trainer = Trainer::new(session, &config, &data)?;
        let test = Trainer::test_images(&data, config.binarize);
        let pictures = Pictures::load(session, &architecture, test, data.test.size(), &config)?;
        let mut test = Vec::new();
        for _ in 0..config.epochs {
            test.push(trainer.epoch(session, |_| Ok(()))?.test);
            if drawn {
                pictures.draw(
                    session,
                    Step::new(config.seed, trainer.position().step, 0),
                    "now",
                )?;
            }
        }
        Ok((test, Weights::read(&architecture, session)?))
    };
    for (mut with, mut without) in sessions().into_iter().zip(sessions()) {
        let same = train(with.as_mut(), true)? == train(without.as_mut(), false)?;
        assert!(same, "{}", with.description());
    }
    Ok(())
}
