//! Settings in files: what a run leaves repeats it, flags win, and mistakes are named.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::any_gpu;
use std::error::Error;
use std::fs;
use wgvae::device::Choice;
use wgvae::train::{Config, ConfigFile};

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_runs_config_repeats_it_bit_for_bit() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    for device in ["cpu", any_gpu().0] {
        let (first, second) = (path(&format!("{device} first")), path(&format!("{device} second")));
        let flags = "--epochs 2 --limit 640 --hidden 12,3 --batch 32 --learning-rate 0.002 --seed 5 \
                     --binarize stochastic --test-fraction 0.01 --no-fuse --device";
        let flags: Vec<_> = flags.split_whitespace().chain([device]).collect();
        let output = wgvae(&[&["train", "--run", &first], &flags[..]].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let config = format!("{first}/config.toml");
        let output = wgvae(&["train", "--run", &second, "--config", &config])?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(
            fs::read_to_string(&config)?,
            fs::read_to_string(format!("{second}/config.toml"))?
        );
        for file in ["model.safetensors", "samples.png", "reconstructions.png"] {
            let [one, other] = [&first, &second].map(|run| fs::read(format!("{run}/{file}")));
            assert!(one? == other?, "{device}: {file} differs");
        }
    }
    Ok(())
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.toml");
    fs::write(&file, "epochs = 7\nhidden = [50, 2]\ndevice = \"cpu\"\nsize = \"14x56\"\n")?;
    let file = file.display().to_string();
    let printed = |flags: &[&str]| -> Result<String, Box<dyn Error>> {
        let output = wgvae(&[&["train", "--print-config"], flags].concat())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(stdout(&output))
    };
    let text = printed(&["--config", &file, "--hidden", "40,3", "--seed", "9", "--limit", "100"])?;
    let again = folder.path().join("printed.toml");
    fs::write(&again, &text)?;
    let ConfigFile { config, device, .. } = ConfigFile::read(&again)?;
    let expected = Config {
        epochs: 7,
        hidden: vec![40, 3],
        size: Some("14x56".parse()?),
        seed: 9,
        limit: Some(100),
        ..Config::default()
    };
    assert_eq!((config, device), (expected, Some(Choice::Cpu)));
    assert_eq!(printed(&["--config", &again.display().to_string()])?, text);

    let defaults = printed(&[])?;
    fs::write(&again, &defaults)?;
    let ConfigFile { config, device, kernels, .. } = ConfigFile::read(&again)?;
    assert_eq!((config, device, kernels.len()), (Config::default(), Some(Choice::Auto), 0));
    // One test set takes the place of the other.
    fs::write(&again, "test_fraction = 0.2\n")?;
    let text = printed(&["--config", &again.display().to_string(), "--test-data", "mnist"])?;
    assert!(text.contains("test_data = \"mnist\"") && !text.contains("test_fraction"), "{text}");
    Ok(())
}

#[test]
fn defaults_in_the_help_are_those_of_the_code() -> Outcome {
    let output = wgvae(&["train", "--help"])?;
    let help = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    let Config { data, hidden, batch, epochs, learning_rate, seed, .. } = Config::default();
    let hidden = hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    for (flag, default) in [
        ("--data <DATA>", data),
        ("--hidden <HIDDEN>", hidden),
        ("--batch <BATCH>", batch.to_string()),
        ("--epochs <EPOCHS>", epochs.to_string()),
        ("--learning-rate <LEARNING_RATE>", learning_rate.to_string()),
        ("--seed <SEED>", seed.to_string()),
        ("--device <DEVICE>", "auto".to_owned()),
        ("--test-fraction <SHARE>", "0.1, if there is no test set".to_owned()),
    ] {
        let text = help.split(flag).nth(1).ok_or(flag)?;
        let text = text.split(" --").next().ok_or(flag)?;
        assert!(text.contains(&format!("[default: {default}]")), "{flag}: {text}");
    }
    Ok(())
}

#[test]
fn mistakes_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.toml");
    let path = file.display().to_string();
    for (text, said) in [
        ("epoch = 3", "found `epoch`, similar to `epochs`"),
        ("learning-rate = 0.1", "found `learning-rate`, similar to `learning_rate`"),
        ("Seed = 1", "found `Seed`, similar to `seed`"),
        ("test_date = \"x\"", "found `test_date`, similar to `test_data`"),
        (
            "momentum = 0.9",
            "found `momentum`, which is none of activation, batch, binarize, changes, checkpoint_every, ",
        ),
        ("checkpoint_every = \"0s\"", "expected steps, such as 500, or seconds, such as 60s"),
        ("epochs = \"three\"", "expected u32"),
        ("hidden = 20", "expected a sequence"),
        ("activation = \"mish\"", "expected one of relu, "),
        ("binarize = \"maybe\"", "unknown variant `maybe`"),
        ("size = \"28\"", "expected ROWSxCOLUMNS, such as 28x28"),
        ("size = \"0x784\"", "expected ROWSxCOLUMNS, such as 28x28"),
        ("[[changes]]\nstep = 3\nrate = 0.1", "unknown field `rate`"),
        ("device = 3", "expected a device's name"),
        ("epochs = ", "TOML parse error at line 1"),
        ("[kernels]\na = 1", "expected a string"),
    ] {
        fs::write(&file, text)?;
        let output = wgvae(&["train", "--print-config", "--config", &path])?;
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}: {message}");
        assert!(message.contains(&path) && message.contains(said), "{text}: {message}");
    }
    Ok(())
}
