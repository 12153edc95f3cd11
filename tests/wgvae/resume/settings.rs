//! Settings that change along the way: kept, repeated, and seen.

use super::{End, Fallible, config, data};
use crate::cli::{stderr, stdout, wgvae};
use crate::devices::any_gpu;
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use wgvae::device::cpu::CpuSession;
use wgvae::train::{Change, Config, ConfigFile, Ended, Report, Run};

/// The changes in a run's metrics.
fn told(run: &Path) -> Fallible<Vec<Value>> {
    let text = fs::read_to_string(run.join("metrics.jsonl"))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    Ok(lines.into_iter().filter(|line| line["kind"] == "settings").collect())
}

fn run_program(arguments: &[&str]) -> Fallible<(String, String)> {
    let output = wgvae(arguments)?;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    Ok((stdout(&output), stderr(&output)))
}

const SMALL: [&str; 7] = ["train", "--limit", "320", "--hidden", "8,2", "--batch", "32"];

/// Two epochs, then two more with another learning rate, then the same by the settings that are left.
#[test]
fn a_runs_config_repeats_a_learning_rate_that_was_changed() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    for device in ["cpu", any_gpu().0] {
        let [run, again, plain] =
            ["run", "again", "plain"].map(|name| path(&format!("{device} {name}")));
        let settings = format!("{run}/config.toml");
        run_program(&[&SMALL[..], &["--epochs", "2", "--device", device, "--run", &run]].concat())?;
        let more = ["train", "--resume", &run, "--epochs", "4", "--learning-rate", "0.0004"];
        let (_, said) = run_program(&more)?;
        assert!(said.contains("after step 20: learning rate 0.0004"), "{said}");
        let (_, said) = run_program(&["train", "--run", &again, "--config", &settings])?;
        assert!(said.contains("after step 20: learning rate 0.0004"), "{said}");
        assert_eq!(
            fs::read_to_string(&settings)?,
            fs::read_to_string(path(&format!("{again}/config.toml")))?
        );
        let [one, other] = [&run, &again].map(|run| End::of(Path::new(run)));
        assert!(one? == other?, "{device}");
        let expected = json!({"kind": "settings", "step": 20, "learning_rate": 0.0004});
        assert_eq!(told(Path::new(&run))?, std::slice::from_ref(&expected));
        assert_eq!(told(Path::new(&again))?, [expected]);
        // A flag wins over all of it.
        let flat = ["train", "--run", &plain, "--config", &settings, "--learning-rate", "0.001"];
        run_program(&flat)?;
        assert_eq!(
            ConfigFile::read(Path::new(&format!("{plain}/config.toml")))?.config.changes,
            []
        );
        // Not in what the metrics say alone.
        let [one, other] = [&plain, &run].map(|run| End::of(Path::new(run)));
        assert!(one?.weights != other?.weights, "{device}");
    }
    let run = path("cpu run");
    let (said, _) = run_program(&["eval", &run, "--device", "cpu", "--limit", "10"])?;
    assert!(
        said.contains("trained with learning rate 0.001; after step 20: learning rate 0.0004"),
        "{said}"
    );
    let (said, _) = run_program(&["eval", &run, "--device", "cpu", "--limit", "10", "--json"])?;
    let object: Value = serde_json::from_str(&said)?;
    assert_eq!(object["changes"], json!([{"step": 20, "learning_rate": 0.0004}]));
    Ok(())
}

/// A run that goes on with another rate in the middle of an epoch, and then with the first, ends as one
/// whose settings had that in mind from the beginning, self-checked or not.
#[test]
fn a_change_within_an_epoch_has_the_bits_of_one_that_was_planned() -> Fallible<()> {
    let (data, folder) = (data()?, tempfile::tempdir()?);
    let mut config = Config { checkpoint_every: Some("3".parse()?), ..config() };
    let run = folder.path().join("run");
    // 8 steps an epoch.
    for (stop, rate) in [(6, 0.01), (15, 0.001), (24, 0.001)] {
        let step = Cell::new(0);
        let is_interrupted = || step.get() >= stop;
        let training = Run { is_interrupted: &is_interrupted, ..Run::new(&config, &data, &run) };
        let tell = |report: &Report| {
            if let Report::Step(report) = report {
                step.set(report.step);
            }
            Ok(())
        };
        let mut session = CpuSession::<f32>::new();
        let ended = if stop == 6 {
            training.begin(&mut session, tell)?
        } else {
            training.resume(&mut session, tell)?
        };
        match ended {
            Ended::Interrupted(at) => config.set_learning_rate(at, rate),
            Ended::Finished => assert_eq!(stop, 24),
        }
    }
    let rates: Vec<_> = [0, 5, 6, 14, 15, 30].map(|step| config.learning_rate_after(step)).into();
    assert_eq!(rates, [0.001, 0.001, 0.01, 0.01, 0.001, 0.001]);
    assert_eq!(told(&run)?.len(), 2);
    for self_check in [None, Some(1)] {
        let planned = folder.path().join(format!("{self_check:?}"));
        let config = Config { self_check, checkpoint_every: None, ..config.clone() };
        Run::new(&config, &data, &planned).begin(&mut CpuSession::<f32>::new(), |_| Ok(()))?;
        assert!(End::of(&planned)? == End::of(&run)?, "{self_check:?}");
        assert_eq!(told(&planned)?, told(&run)?);
        // Both changes are on the chart.
        assert!(fs::read(planned.join("elbo.png"))? == fs::read(run.join("elbo.png"))?);
    }
    // A change to the same rate changes nothing but the chart.
    let same = Change { step: 6, learning_rate: Some(0.001), ..Change::default() };
    let mut runs = Vec::new();
    for changes in [Vec::new(), vec![same]] {
        let run = folder.path().join(format!("{} changes", changes.len()));
        let config = Config { changes, checkpoint_every: None, ..config.clone() };
        Run::new(&config, &data, &run).begin(&mut CpuSession::<f32>::new(), |_| Ok(()))?;
        runs.push(["model.safetensors", "elbo.png"].map(|name| fs::read(run.join(name))));
    }
    let [[plain, bare], [marked, chart]] = <[_; 2]>::try_from(runs).map_err(|_| "two runs")?;
    assert!(plain? == marked?);
    assert!(bare? != chart?, "the change is not on the chart");
    Ok(())
}

/// Where a run was is kept; a run of its settings says what it does not repeat.
#[test]
fn a_run_that_went_on_elsewhere_says_so() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let [run, again] = ["run", "again"].map(|name| folder.path().join(name).display().to_string());
    run_program(&[&SMALL[..], &["--epochs", "1", "--device", "cpu", "--run", &run]].concat())?;
    let (device, info) = any_gpu();
    run_program(&["train", "--resume", &run, "--epochs", "2", "--device", device])?;
    // Where it was last.
    run_program(&["train", "--resume", &run, "--epochs", "3"])?;
    let settings = format!("{run}/config.toml");
    let file = ConfigFile::read(Path::new(&settings))?;
    let changes: Vec<_> = file.config.changes.iter().map(|change| change.step).collect();
    assert_eq!(changes, [10]);
    let name = |file: ConfigFile| file.described.map(|device| device.backend);
    assert_eq!(name(file.latest()).as_deref(), Some(&*info.backend));
    assert_eq!(name(file).as_deref(), Some("CPU"));
    let lines = told(Path::new(&run))?;
    assert_eq!((lines.len(), &lines[0]["device"]["backend"]), (1, &json!(info.backend)));
    let (_, said) =
        run_program(&["train", "--run", &again, "--config", &settings, "--epochs", "1"])?;
    assert!(said.contains(&format!("after step 10 the run was on {}", info.name)), "{said}");
    assert!(said.contains("this change is not repeated"), "{said}");
    assert_eq!(ConfigFile::read(Path::new(&format!("{again}/config.toml")))?.config.changes, []);
    Ok(())
}

/// What was planned for later gives way to what is said now.
#[test]
fn a_rate_that_is_set_stays() {
    let mut config = Config::default();
    for (step, rate) in [(10, 0.1), (30, 0.3), (20, 0.2), (20, 0.001), (25, 0.001)] {
        config.set_learning_rate(step, rate);
    }
    let rates = [0, 10, 20, 25, 30].map(|step| config.learning_rate_after(step));
    assert_eq!(rates, [0.001, 0.1, 0.001, 0.001, 0.001]);
    assert_eq!(config.changes.len(), 2);
    config.set_learning_rate(0, 0.5);
    assert_eq!((config.learning_rate, config.changes.len()), (0.5, 0));
}
