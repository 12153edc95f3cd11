//! Signals.
#![cfg(unix)]

use super::crash::{begin, resume, write_images};
use super::{End, Fallible};
use crate::cli::stderr;
#[cfg(target_os = "linux")]
use crate::devices::any_gpu;
#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn send(signal: &str, child: &Child) -> Fallible<()> {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status()?;
    if status.success() { Ok(()) } else { Err("no process to send it to".into()) }
}

/// Waits for a run to have trained for a while.
fn wait_for_steps(run: &Path, child: &mut Child) -> Fallible<()> {
    let has_steps =
        || std::fs::metadata(run.join("metrics.jsonl")).is_ok_and(|file| file.len() > 0);
    while !has_steps() {
        if child.try_wait()?.is_some() {
            return Err("the run has ended by itself".into());
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn train(run: &Path, images: &Path, epochs: u32) -> Command {
    let mut command = begin(run, images, "cpu", epochs);
    command.arg("--no-tensorboard");
    command
}

/// A run that takes an hour if nothing interrupts it.
fn endless(run: &Path, images: &Path) -> Command {
    train(run, images, 100_000)
}

fn interrupted(run: &Path, images: &Path, signal: &str) -> Fallible<Output> {
    let mut child = endless(run, images).spawn()?;
    wait_for_steps(run, &mut child)?;
    send(signal, &child)?;
    Ok(child.wait_with_output()?)
}

/// Whether this process ignores SIGHUP, as below `nohup`: then the runs that it starts do, too.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut masks = status.lines().filter_map(|line| line.strip_prefix("SigIgn:"));
    masks.any(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[test]
fn a_signal_leaves_a_checkpoint_and_says_how_to_go_on() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    write_images(&images, 278)?;
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        if signal == "-HUP" && ignores_hangups() {
            println!("SIGHUP is ignored here, as below nohup");
            continue;
        }
        let run = folder.path().join(signal);
        let output = interrupted(&run, &images, signal)?;
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        let command = format!("`wgvae train --resume {}` resumes", run.display());
        assert!(text.contains("interrupted after step ") && text.contains(&command), "{text}");
        let step = text.split("after step ").nth(1).and_then(|rest| rest.split(',').next());
        let step: u32 = step.ok_or("no step")?.parse()?;
        let path = run.join(wgvae::checkpoint::FILE_NAME);
        assert_eq!(wgvae::checkpoint::Checkpoint::load(&path)?.state.position.step, step);
        // One more epoch than it was in.
        let epochs = step / 25 + 2;
        let output = resume(&run).args(["--epochs", &epochs.to_string()]).output()?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("resuming after step {step}, in epoch ")));
        let whole = folder.path().join(format!("whole{signal}"));
        let output = train(&whole, &images, epochs).output()?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(End::of(&run)? == End::of(&whole)?);
    }
    Ok(())
}

#[test]
fn a_second_signal_ends_the_program_at_once() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    write_images(&images, 278)?;
    let run = folder.path().join("run");
    let mut child = endless(&run, &images).spawn()?;
    wait_for_steps(&run, &mut child)?;
    // Stopped, it finds both of them when it goes on.
    for signal in ["-STOP", "-INT", "-TERM", "-CONT"] {
        send(signal, &child)?;
    }
    let output = child.wait_with_output()?;
    let text = stderr(&output);
    assert!(matches!(output.status.code(), Some(130 | 143)), "{text}");
    assert!(!text.contains("interrupted after"), "{text}");
    // Whatever it was in, the run goes on.
    let output = resume(&run).args(["--epochs", "100000"]).spawn()?;
    sleep(Duration::from_millis(50));
    send("-KILL", &output)?;
    output.wait_with_output()?;
    wgvae::checkpoint::Checkpoint::load(&run.join(wgvae::checkpoint::FILE_NAME))?;
    Ok(())
}

/// Slurm sends it before a time limit.
#[test]
fn sigusr1_saves_a_checkpoint_and_goes_on() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    // One epoch, which has no checkpoint before its end.
    write_images(&images, 4_000_000)?;
    let run = folder.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command
        .args(["train", "--device", "cpu", "--hidden", "12,4", "--batch", "10", "--epochs", "1"]);
    command.arg("--no-tensorboard").arg("--data").arg(&images).arg("--run").arg(&run);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    wait_for_steps(&run, &mut child)?;
    let path = run.join(wgvae::checkpoint::FILE_NAME);
    let step = || wgvae::checkpoint::Checkpoint::load(&path).map(|c| c.state.position.step);
    for _ in 0..2 {
        let before = step()?;
        while step()? == before {
            if child.try_wait()?.is_some() {
                return Err("the run has ended by itself".into());
            }
            send("-USR1", &child)?;
            sleep(Duration::from_millis(100));
        }
    }
    send("-TERM", &child)?;
    let output = child.wait_with_output()?;
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(143), "{text}");
    assert!(text.matches("a checkpoint of step ").count() >= 2, "{text}");
    Ok(())
}

/// `nohup` starts programs that ignore it.
#[test]
#[cfg(target_os = "linux")]
fn sighup_that_is_ignored_stays_so() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    write_images(&images, 278)?;
    let run = folder.path().join("run");
    let command = endless(&run, &images);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args()).stderr(Stdio::piped());
    let mut child = shell.stdout(Stdio::null()).spawn()?;
    wait_for_steps(&run, &mut child)?;
    send("-HUP", &child)?;
    sleep(Duration::from_millis(300));
    assert!(child.try_wait()?.is_none(), "it ended");
    send("-TERM", &child)?;
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    Ok(())
}

/// Kernels are tried for some seconds before the first step.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_is_answered_while_kernels_are_tried() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["train", "--device", any_gpu().0, "--limit", "640", "--run"]).arg(&run);
    command.env("XDG_CACHE_HOME", folder.path().join("cache"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
    let is_trying =
        |line: std::io::Result<String>| line.is_ok_and(|l| l.starts_with("trying the kernels on "));
    assert!(lines.by_ref().any(is_trying), "nothing was tried");
    send("-TERM", &child)?;
    let said: Vec<_> = lines.collect::<std::io::Result<_>>()?;
    assert_eq!(child.wait()?.code(), Some(143), "{said:?}");
    assert_eq!(said, ["interrupted while kernels were tried: finished measurements are kept"]);
    assert!(!run.exists(), "a run was begun");
    Ok(())
}

/// A limit on the size of files stands for a full disk: a write beyond it fails.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_is_named_and_the_checkpoint_stays() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("images.npy");
    write_images(&images, 278)?;
    let run = folder.path().join("run");
    let mut command = endless(&run, &images);
    // The file that grows the fastest.
    command.args(["--profile-every", "1"]);
    let mut shell = Command::new("sh");
    // In blocks of 512 bytes: enough for a checkpoint and a chart, soon too little for metrics.jsonl.
    shell.args(["-c", "ulimit -f 600; exec \"$0\" \"$@\""]);
    let output = shell.arg(command.get_program()).args(command.get_args()).output()?;
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let path = run.join("metrics.jsonl");
    let expected = format!("error: {}: cannot write: File too large", path.display());
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("the last checkpoint is complete"), "{text}");
    let step = wgvae::checkpoint::Checkpoint::load(&run.join(wgvae::checkpoint::FILE_NAME))?;
    let epochs = (step.state.position.step / 25 + 1).to_string();
    let output = resume(&run).args(["--epochs", &epochs]).output()?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    Ok(())
}
