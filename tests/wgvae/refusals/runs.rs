//! Folders of runs: what they go on from, and what may be missing.

use super::models::changed;
use super::{Outcome, Part};
use std::fs::{self, File};
use std::path::Path;
use wgvae::checkpoint::{Checkpoint, FILE_NAME as CHECKPOINT};
use wgvae::file::System;

pub(super) const PARTS: &[Part] = &[
    (
        "train --resume",
        &[
            ("a run and a seed", "train --resume run --seed 1"),
            ("a run and a batch", "train --resume run --batch 16"),
            ("a run and a folder for another", "train --resume run --run other"),
            ("a run and a file of settings", "train --resume run --config epochs.toml"),
            ("a folder that is not there", "train --resume absent"),
            ("a folder of something else", "train --resume pictures"),
            ("a file", "train --resume digits.npy"),
            ("fewer epochs than the run has", "train -q --resume run --epochs 1"),
            ("no epochs", "train -q --resume run --epochs 0"),
            ("data that are no longer there", "train -q --resume moved"),
            ("other data than the run had", "train -q --resume run --epochs 3 --data others.npy"),
            ("images of another size", "train -q --resume run --epochs 3 --data wide.npy"),
            ("settings of another seed", "train -q --resume seeded"),
            ("settings of other layers", "train -q --resume layered"),
            ("settings of another batch", "train -q --resume batched"),
            ("settings of other grey levels", "train -q --resume grey"),
            ("a checkpoint that is gone", "train -q --resume unsaved"),
            ("a checkpoint that was damaged", "train -q --resume damaged"),
            ("a checkpoint that is cut off", "train -q --resume cut"),
            ("a checkpoint that is empty", "train -q --resume emptied"),
            ("a checkpoint of another version", "train -q --resume newer"),
            ("a model for a checkpoint", "train -q --resume model"),
            ("metrics that are cut off", "train -q --resume short"),
            ("metrics that are gone", "train -q --resume unmeasured"),
            ("a run that is under way", "train -q --resume busy"),
        ],
    ),
    (
        "a run's folder",
        &[
            ("a folder that is not there", "eval absent"),
            ("a folder without a config.toml", "eval pictures"),
            ("a folder without a model", "eval modelless"),
            ("settings that were damaged", "eval unsettled"),
            ("data that are no longer there", "eval moved"),
        ],
    ),
];

/// Trains a run by `train`, which is given the words of a command line, and makes broken ones of it.
/// One of them seems to be under way for as long as what is returned is there.
pub(super) fn write(folder: &Path, train: &dyn Fn(&str) -> Outcome) -> Outcome<File> {
    train("train -q --data digits.npy --batch 8 --hidden 5,3 --epochs 2 --run run")?;
    let read = |name: &str| fs::read(folder.join("run").join(name));
    let config = String::from_utf8(read("config.toml")?)?;
    let settings = |from: &str, to: &str| -> Vec<u8> {
        assert!(config.contains(from), "no {from} in {config}");
        config.replace(from, to).into()
    };
    let checkpoint = read(CHECKPOINT)?;
    let mut damaged = checkpoint.clone();
    let last = damaged.len() - 4;
    damaged[last] ^= 1;
    let newer = |text: String| text.replace("{\\\"seed\\\"", "{\\\"momentum\\\":0,\\\"seed\\\"");
    let broken = [
        ("moved", "config.toml", settings("digits.npy", "absent.npy")),
        ("seeded", "config.toml", settings("seed = 0", "seed = 1")),
        ("layered", "config.toml", settings("hidden = [5, 3]", "hidden = [5, 4]")),
        ("batched", "config.toml", settings("batch = 8", "batch = 4")),
        ("grey", "config.toml", settings("binarize = \"threshold\"", "binarize = \"none\"")),
        ("unsettled", "config.toml", settings("epochs = 2", "epochs = two")),
        ("damaged", CHECKPOINT, damaged),
        ("cut", CHECKPOINT, checkpoint[..checkpoint.len() / 2].to_vec()),
        ("emptied", CHECKPOINT, Vec::new()),
        ("newer", CHECKPOINT, changed(&checkpoint, newer)?),
        ("model", CHECKPOINT, read("model.safetensors")?),
        ("short", "metrics.jsonl", b"{}\n".to_vec()),
        ("busy", ".lock", Vec::new()),
    ];
    for (name, file, bytes) in broken {
        copy(&folder.join("run"), &folder.join(name))?;
        fs::write(folder.join(name).join(file), bytes)?;
    }
    for (name, file) in [
        ("modelless", "model.safetensors"),
        ("unmeasured", "metrics.jsonl"),
        ("unsaved", CHECKPOINT),
    ] {
        copy(&folder.join("run"), &folder.join(name))?;
        fs::remove_file(folder.join(name).join(file))?;
    }
    // As long as is the same on every machine.
    let path = folder.join("short").join(CHECKPOINT);
    let mut longer = Checkpoint::load(&path)?;
    longer.state.files.metrics = 400;
    longer.save(&System, &path)?;
    let lock = File::open(folder.join("busy/.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let to = to.join(path.file_name().ok_or("no name")?);
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            fs::copy(&path, &to)?;
        }
    }
    Ok(())
}
