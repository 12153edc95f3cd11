//! Processes that are killed at random moments, and go on until they are done.

use super::{End, Fallible};
use crate::cli::stderr;
use crate::devices::any_gpu;
use crate::tensorboard::charted;
use rand::RngExt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use wgvae::random::{generator, pixels};

/// How often one run is killed at most: then it is left to finish.
const KILLS: usize = 5;

/// Of each run.
const EPOCHS: u32 = 6;

/// Writes images of 8 by 8 pixels as numpy does.
pub(super) fn write_images(path: &Path, count: usize) -> std::io::Result<()> {
    let dict = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 8, 8), }}");
    let header = format!("{dict:<117}\n");
    let length = (header.len() as u16).to_le_bytes();
    let pixels = pixels(count * 64, 5);
    fs::write(path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &pixels].concat())
}

/// A run of epochs with 25 steps and 6 checkpoints each.
pub(super) fn begin(run: &Path, images: &Path, device: &str, epochs: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["train", "--hidden", "12,4", "--batch", "10", "--checkpoint-every", "5"]);
    command.args(["--device", device, "--epochs", &epochs.to_string(), "--data"]);
    command.arg(images).arg("--run").arg(run).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

pub(super) fn resume(run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["train", "--resume"]).arg(run).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits for a process, or kills it after some time; whether it was killed.
fn kill_after(mut child: Child, time: Duration) -> Fallible<bool> {
    let began = Instant::now();
    while child.try_wait()?.is_none() && began.elapsed() < time {
        sleep(Duration::from_micros(200));
    }
    child.kill()?;
    let output = child.wait_with_output()?;
    let text = stderr(&output);
    match output.status.code() {
        Some(0) => Ok(false),
        None => Ok(true),
        // Windows has no signals: a process that is killed exits with 1.
        Some(1) if cfg!(windows) && !text.contains("error: ") => Ok(true),
        Some(code) => Err(format!("exit {code}: {text}").into()),
    }
}

/// Kills so many runs on a device, each again and again, and compares how they end.
fn survives(device: &str, runs: u64) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    write_images(&images, 278)?;
    let path = |name: &str| folder.path().join(name);
    let began = Instant::now();
    let undisturbed = path("undisturbed");
    let output = begin(&undisturbed, &images, device, EPOCHS).output()?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let took = began.elapsed();
    let (expected, expected_charts) = (End::of(&undisturbed)?, charted(&undisturbed)?);
    let mut kills = 0;
    for number in 0..runs {
        let run = path(&format!("run-{number}"));
        kills += disturb(&run, &images, device, took, number)?;
        let context = |error| format!("{device}, run {number}: {error}");
        assert!(End::of(&run).map_err(context)? == expected, "{device}, run {number}");
        assert_eq!(charted(&run)?, expected_charts, "{device}, run {number}");
    }
    println!("{device}: {kills} kills in {runs} runs, each of {took:.2?}");
    Ok(())
}

/// Kills a run at random moments of the time that it takes, but lets it end at last. Returns how often
/// it was killed, which is at least once.
fn disturb(run: &Path, images: &Path, device: &str, took: Duration, seed: u64) -> Fallible<usize> {
    let mut rng = generator(seed, 0);
    let mut kills = 0;
    // Less and less of it is left, and it may be faster than before.
    for longest in (0..).map(|attempt| took.mul_f64(0.9_f64.powi(attempt))) {
        // Nothing is there yet if it was killed early.
        let is_begun = run.join("config.toml").exists();
        let mut command = if is_begun { resume(run) } else { begin(run, images, device, EPOCHS) };
        let time = if kills < KILLS { longest.mul_f64(rng.random()) } else { Duration::MAX };
        match (kill_after(command.spawn()?, time)?, kills) {
            (true, _) => kills += 1,
            (false, 0) => fs::remove_dir_all(run)?,
            (false, _) => break,
        }
    }
    Ok(kills)
}

#[test]
fn thirty_runs_on_the_cpu_survive_being_killed() -> Fallible<()> {
    survives("cpu", 30)
}

#[test]
fn five_runs_on_a_gpu_survive_being_killed() -> Fallible<()> {
    survives(any_gpu().0, 5)
}
