//! Runs that are interrupted, by a user, a crash or a disk, and go on to the same end.

mod crash;
mod devices;
mod faults;
mod settings;
mod signals;

use serde_json::Value;
use std::error::Error as AnyError;
use std::fs;
use std::path::Path;
use wgvae::checkpoint::{Checkpoint, FILE_NAME, Lengths, Position, State, fingerprint};
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::file::System;
use wgvae::graph::Binarize;
use wgvae::model::{Architecture, CONTINUOUS_BERNOULLI, Scale, Weights, initial_weights};
use wgvae::optimizer::{ADAMW, Optimizer};
use wgvae::random::pixels;
use wgvae::train::{Config, Every, Report, Schedule, Trainer};
use wgvae::{Error, Result};

use crate::devices::sessions;

type Fallible<T> = std::result::Result<T, Box<dyn AnyError>>;

/// Images of 6 by 6 pixels.
fn images(count: usize, seed: u64) -> Fallible<Dataset> {
    let size = Size::new(6, 6).ok_or("a size")?;
    Ok(Dataset::new(Levels::Bytes(pixels(count * 36, seed)), size)?)
}

fn data() -> Fallible<Split> {
    Ok(Split::new(images(70, 1)?, images(15, 2)?))
}

fn config() -> Config {
    Config { hidden: vec![9, 5], epochs: 3, batch: 8, seed: 7, ..Config::default() }
}

/// The lines of a run's metrics, but for what they say of time.
fn metrics(run: &Path) -> Fallible<Vec<Value>> {
    let text = fs::read_to_string(run.join("metrics.jsonl"))?;
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line)?;
        if let Some(line) = line.as_object_mut() {
            line.remove("seconds");
            line.remove("images_per_second");
        }
        Ok(line)
    });
    lines.collect()
}

/// What a run ended with: models, the last checkpoint but for what it says of time, and metrics.
#[derive(Debug, PartialEq)]
struct End {
    files: Vec<Vec<u8>>,
    weights: Weights,
    states: Vec<Vec<Vec<f32>>>,
    position: Position,
    best: Option<f64>,
    metrics: Vec<Value>,
}

impl End {
    fn of(run: &Path) -> Fallible<Self> {
        let files = ["model.safetensors", "best.safetensors", "elbo.png", "samples.png"];
        let files = files.map(|name| fs::read(run.join(name)));
        let Checkpoint { weights, states, state } = Checkpoint::load(&run.join(FILE_NAME))?;
        let State { position, best, .. } = state;
        Ok(Self {
            files: files.into_iter().collect::<std::io::Result<_>>()?,
            weights,
            states,
            position,
            best,
            metrics: metrics(run)?,
        })
    }
}

#[test]
fn no_bit_depends_on_where_training_stops_and_goes_on() -> Fallible<()> {
    let data = data()?;
    check_parts(&config(), &data)?;
    check_parts(&Config { optimizer: Optimizer::of(&ADAMW), ..config() }, &data)?;
    // Everything that changes from step to step.
    let schedule = Schedule::Cosine { floor: 0.1 };
    let (warm_up, beta, kl_warm_up, kl_cycles) = (0.7, 2.0, 0.9, 2);
    let config = Config { schedule, warm_up, beta, kl_warm_up, kl_cycles, ..config() };
    check_parts(&config, &data)
}

/// Checks that 24 steps, 8 an epoch, have the same bits in parts.
pub(crate) fn check_parts(config: &Config, data: &Split) -> Fallible<()> {
    for (mut whole, name) in sessions().into_iter().zip(0..) {
        let mut told = Vec::new();
        let mut trainer = Trainer::new(whole.as_mut(), config, data)?;
        for _ in 0..config.epochs {
            trainer.epoch(whole.as_mut(), |report| tell(&mut told, report))?;
        }
        let expected = (trainer.weights(whole.as_mut())?, trainer.states(whole.as_mut())?);
        let mut told_in_parts = Vec::new();
        let mut state = None;
        // Each part on a session of its own: 8 steps an epoch, so parts end in and at epochs.
        for most in [3, 5, 1, 7, 6, 2] {
            let Some(mut part) = sessions().into_iter().nth(name) else { continue };
            let mut trainer = Trainer::new(part.as_mut(), config, data)?;
            if let Some((weights, states, position)) = state.take() {
                let states: Vec<_> = states;
                trainer.resume(part.as_mut(), &weights, &states, position)?;
            }
            let tell = |report| tell(&mut told_in_parts, report);
            trainer.advance(part.as_mut(), most, &|| false, tell)?;
            let (weights, states) =
                (trainer.weights(part.as_mut())?, trainer.states(part.as_mut())?);
            state = Some((weights, states, trainer.position()));
        }
        let (weights, states, position) = state.ok_or("nothing was trained")?;
        let name = whole.description();
        assert_eq!(position.step, 24);
        assert!((weights, states) == expected, "{name}, {}", config.optimizer);
        assert_eq!(told, told_in_parts, "{name}");
    }
    Ok(())
}

/// Adds what a trainer tells of, but for times.
fn tell(told: &mut Vec<String>, report: Report) -> Result<()> {
    told.push(match report {
        Report::Epoch(epoch) => format!("{} {:?} {:?}", epoch.epoch, epoch.train, epoch.test),
        other => format!("{other:?}"),
    });
    Ok(())
}

#[test]
fn nothing_is_begun_when_training_is_to_stop() -> Fallible<()> {
    let (data, config) = (data()?, config());
    let mut session = CpuSession::<f32>::new();
    let mut trainer = Trainer::new(&mut session, &config, &data)?;
    assert_eq!(trainer.advance(&mut session, u32::MAX, &|| true, |_| Ok(()))?, None);
    assert_eq!((trainer.position().step, trainer.epochs()), (0, 0));
    Ok(())
}

fn checkpoint() -> Fallible<Checkpoint> {
    let mut weights = initial_weights(&Architecture::new(5, &[3, 2])?, 4);
    weights.values[0][0] = f32::NAN;
    weights.values[0][1] = f32::MIN_POSITIVE / 4.0;
    let states = [0.1, -0.2].map(|state| {
        weights.values.iter().map(|values| vec![state; values.len()]).collect::<Vec<_>>()
    });
    let train = wgvae::eval::Measures { elbo: -0.1 - 0.2, log_likelihood: 1e-300, kl: 1.0 / 3.0 };
    let state = State {
        seed: u64::MAX,
        batch: 4,
        binarize: Binarize::Stochastic,
        optimizer: Optimizer::of(&ADAMW).with("epsilon", 0.1 + 0.2)?,
        data: 3,
        position: Position { step: 12, train, seconds: 0.1 + 0.7 },
        best: Some(-123.456_789_012_345_67),
        files: Lengths { metrics: 17, events: Some([("a".into(), 1), ("b".into(), 2)]) },
    };
    Ok(Checkpoint { weights, states: states.into(), state })
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(FILE_NAME);
    let saved = checkpoint()?;
    saved.save(&System, &path)?;
    let found = Checkpoint::load(&path)?;
    let bits = |checkpoint: &Checkpoint| -> Vec<u32> {
        let all = checkpoint.weights.values.iter().chain(checkpoint.states.iter().flatten());
        all.flatten().map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&found), bits(&saved));
    assert_eq!(found.state, saved.state);
    assert_eq!(fs::read_dir(folder.path())?.count(), 1, "a draft is left");
    // It is a model, too.
    let model = wgvae::model::load(&path)?;
    assert_eq!(model.architecture, saved.weights.architecture);
    Ok(())
}

/// A bit that flips anywhere, and a file that ends anywhere, is seen.
#[test]
fn a_damaged_checkpoint_is_refused() -> Fallible<()> {
    let plain = checkpoint()?;
    // Layers of which everything is in the metadata.
    let layers =
        Architecture::new(5, &[3, 2])?.with_decoder(&[2])?.with_activation("gelu".parse()?)?;
    let layers = layers.with_likelihood(&CONTINUOUS_BERNOULLI)?.with_scale(Scale::LogVariance);
    let layers = layers.with_labels(vec!["cat".to_owned(), "dog".to_owned()])?;
    let weights = initial_weights(&layers, 4);
    let states = plain.states.iter().map(|_| weights.values.clone()).collect();
    for checkpoint in [Checkpoint { weights, states, ..plain.clone() }, plain] {
        is_refused_damaged(checkpoint)?;
    }
    Ok(())
}

/// Bytes before the header.
const LENGTH: usize = 8;

fn is_refused_damaged(checkpoint: Checkpoint) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(FILE_NAME);
    checkpoint.save(&System, &path)?;
    let whole = fs::read(&path)?;
    // Of the header, versions and the step are there to be read by people.
    let header = String::from_utf8_lossy(&whole[LENGTH..]).into_owned();
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let free = [&version, "\"step\":\"12\""].map(|entry| {
        let start = header.find(entry).map_or(0, |start| LENGTH + start);
        start..start + entry.len()
    });
    assert!(free.iter().all(|free| free.start > 0), "{header}");
    let mut refused = 0;
    for byte in (0..whole.len()).filter(|byte| !free.iter().any(|free| free.contains(byte))) {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let found = Checkpoint::parse(&path, &damaged);
        let same = found.as_ref().is_ok_and(|found| found.state == checkpoint.state);
        // JSON may say the same in other letters: a blank for another one.
        if same && whole[byte] == b' ' {
            continue;
        }
        match found {
            Err(Error::File { .. } | Error::Data { .. }) => refused += 1,
            other => panic!("byte {byte} of {}: {other:?}", whole.len()),
        }
        assert!(matches!(Checkpoint::parse(&path, &whole[..byte]), Err(Error::File { .. })));
    }
    assert!(refused > whole.len() / 2);
    Ok(())
}

#[test]
fn every_so_many_steps_or_seconds() -> Fallible<()> {
    use std::time::Duration;
    let steps: Every = "10".parse()?;
    assert_eq!([0, 1, 9, 10, 19].map(|step| steps.steps_from(step)), [10, 9, 1, 10, 1]);
    assert!(!steps.is_due(Duration::from_secs(1000)));
    let seconds: Every = "2s".parse()?;
    assert_eq!(seconds.steps_from(5), u32::MAX);
    assert!(!seconds.is_due(Duration::from_millis(1999)) && seconds.is_due(Duration::from_secs(2)));
    for every in [steps, seconds] {
        assert_eq!(every.to_string().parse(), Ok(every));
    }
    for text in ["", "s", "0", "0s", "-1", "1.5s", "10m", "99999999999"] {
        assert!(text.parse::<Every>().is_err(), "{text}");
    }
    Ok(())
}

#[test]
fn other_data_have_another_fingerprint() -> Fallible<()> {
    let data = data()?;
    let other = |change: &dyn Fn(&mut Split)| {
        let mut other = data.clone();
        change(&mut other);
        fingerprint(&other) != fingerprint(&data)
    };
    assert!(!other(&|_| {}));
    assert!(other(&|data| std::mem::swap(&mut data.train, &mut data.test)));
    assert!(other(&|data| data.train.truncate(69)));
    let test = |change: &dyn Fn(&mut Vec<u8>), size: Size| -> Fallible<Dataset> {
        let Levels::Bytes(levels) = data.test.levels() else { return Err("bytes".into()) };
        let mut levels = levels.clone();
        change(&mut levels);
        Ok(Dataset::new(Levels::Bytes(levels), size)?)
    };
    let wide = test(&|_| {}, "4x9".parse()?)?;
    let changed = test(&|levels| levels[100] ^= 1, data.test.size())?;
    assert!(other(&|data| data.test = wide.clone()));
    assert!(other(&|data| data.test = changed.clone()));
    Ok(())
}
