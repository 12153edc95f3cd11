//! Memory: what a run needs is computed before anything is made, and sizes at the edges either work or
//! are refused in words.

use crate::devices::sessions;
use std::error::Error as AnyError;
use wgvae::data::{Dataset, Levels, Size, Split};
use wgvae::device::Memory;
use wgvae::graph::Plan;
use wgvae::model::Architecture;
use wgvae::random::pixels;
use wgvae::train::{Config, Ended, Pictures, Run, Trainer};
use wgvae::{Error, Result};

type Fallible<T> = std::result::Result<T, Box<dyn AnyError>>;

/// Images of 3 by 3 pixels.
fn images(count: usize, seed: u64) -> Fallible<Dataset> {
    let size = Size::new(3, 3).ok_or("a size")?;
    Ok(Dataset::new(Levels::Bytes(pixels(count * 9, seed)), size)?)
}

fn data(count: usize) -> Fallible<Split> {
    Ok(Split::new(images(count, 1)?, images(7, 2)?))
}

fn config(hidden: &[usize], batch: usize) -> Config {
    let hidden = hidden.to_vec();
    Config { hidden, batch, epochs: 1, tensorboard: false, ..Config::default() }
}

/// All plans of a run.
fn plans(config: &Config, data: &Split) -> Result<Vec<Plan>> {
    let architecture = Architecture::new(data.train.width(), &config.hidden)?;
    let test = Trainer::test_images(data, config.binarize);
    let pictures = Pictures::all_plans(&architecture, test, config)?;
    Ok(Trainer::plans(config, data)?.into_iter().chain(pictures).collect())
}

#[test]
fn a_run_holds_what_was_computed() -> Fallible<()> {
    let data = data(300)?;
    // One step small enough for one thread, and one that threads share.
    for (hidden, batch) in [(vec![9, 5], 8), (vec![300, 200, 20], 128)] {
        for fuse in [true, false] {
            let config = Config { fuse, ..config(&hidden, batch) };
            let plans = plans(&config, &data)?;
            let plans: Vec<_> = plans.iter().collect();
            for mut session in sessions() {
                let session = session.as_mut();
                let need = session.check_memory(&plans)?;
                assert_eq!(session.memory(), Memory::default());
                let architecture = Architecture::new(9, &hidden)?;
                Trainer::new(session, &config, &data)?;
                let test = Trainer::test_images(&data, config.binarize);
                Pictures::load(session, &architecture, test, data.test.size(), &config)?;
                assert_eq!(session.memory(), need, "{}", session.description());
                // Held already, but for what each plan has to itself.
                let again = session.check_memory(&plans)?;
                assert_eq!(again, Memory { workspace: need.workspace, ..Memory::default() });
            }
        }
    }
    Ok(())
}

#[test]
fn edges_work() -> Fallible<()> {
    for (count, hidden, batch) in [
        (1, vec![1], 1),
        (1, vec![4, 2], 1),
        (5, vec![4, 1], 1),
        (5, vec![1, 1], 5),
        (65, vec![10_000, 1], 65),
        // A step in several rows of the grid: each kernel has 64 or 256 elements a workgroup.
        (70_000, vec![2, 1], 70_000),
    ] {
        let (data, config) = (data(count)?, config(&hidden, batch));
        for mut session in sessions() {
            let folder = tempfile::tempdir()?;
            let ended = Run::new(&config, &data, folder.path()).begin(session.as_mut(), |_| Ok(()));
            let name = session.description();
            assert!(matches!(ended, Ok(Ended::Finished)), "{name}, {hidden:?}, {batch}: {ended:?}");
        }
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_made() -> Fallible<()> {
    let data = data(200_000)?;
    // 400 million weights a layer and fewer numbers between them, then more; and few weights, but more
    // than 4 GiB of what they make of a batch, which no GPU has in one buffer.
    for (hidden, batch, flag, on_cpu) in [
        (vec![20_000; 40], 64, "hidden", true),
        (vec![20_000; 40], 50_000, "batch", true),
        (vec![20_000; 40], 64, "hidden", false),
        (vec![5_000, 10], 200_000, "batch", false),
    ] {
        let config = config(&hidden, batch);
        for mut session in sessions() {
            if (session.description().backend == "CPU") != on_cpu {
                continue;
            }
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("run");
            match Run::new(&config, &data, &path).begin(session.as_mut(), |_| Ok(())) {
                Err(Error::Setting { setting, .. }) if setting == flag => {}
                other => panic!("{}, {flag}: {other:?}", session.description()),
            }
            assert_eq!(session.memory(), Memory::default());
            assert!(!path.exists());
        }
    }
    Ok(())
}

#[test]
fn a_batch_larger_than_the_data_is_refused() -> Fallible<()> {
    let wrong = plans(&config(&[4, 2], 6), &data(5)?).err().ok_or("a batch of 6 of 5 images")?;
    let expected = "batch: expected 1 to 5, the number of training images, found 6";
    assert_eq!(wrong.to_string(), expected);
    Ok(())
}

/// A limit of the process counts as the system's memory does.
#[test]
#[cfg(target_os = "linux")]
fn a_limit_of_address_space_is_refused_in_words() -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let mut shell = std::process::Command::new("sh");
    // In KiB: enough for MNIST, too little for the layers.
    shell.args([
        "-c",
        "ulimit -v 600000; exec \"$0\" train --device cpu --run \"$1\" \"$2\" \"$3\"",
    ]);
    shell.arg(env!("CARGO_BIN_EXE_wgvae")).arg(&run).args(["--hidden", "20000,200"]);
    let output = shell.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    let text = crate::cli::stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--hidden: expected at most the "), "{text}");
    assert!(!run.exists());
    Ok(())
}
