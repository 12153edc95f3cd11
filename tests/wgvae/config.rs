//! Settings in files: what a run leaves repeats it, flags win, and mistakes are named.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::any_gpu;
use std::error::Error;
use std::fs;
use wgvae::device::Choice;
use wgvae::optimizer::{ADAM, Optimizer};
use wgvae::train::{Config, ConfigFile, Schedule, Stage};

type Outcome = Result<(), Box<dyn Error>>;

/// What `--print-config` prints with these flags.
fn printed(flags: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = wgvae(&[&["train", "--print-config"], flags].concat())?;
    assert_eq!(output.status.code(), Some(0), "{flags:?}: {}", stderr(&output));
    Ok(stdout(&output))
}

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
fn flags_of_the_optimiser_and_of_schedules_are_settings() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("settings.toml");
    let rates = ["--optimizer", "adam", "--beta1", "0.8", "--epsilon", "1e-4", "--warm-up", "0.5"];
    let kl = ["--beta", "4", "--kl-warm-up", "2", "--kl-cycles", "3"];
    let stages = ["--schedule", "stages", "--stages", "1:1,3:0.25"];
    fs::write(&file, printed(&[&rates[..], &kl, &stages].concat())?)?;
    let config = ConfigFile::read(&file)?.config;
    assert_eq!(config.optimizer, Optimizer::of(&ADAM).with("beta1", 0.8)?.with("epsilon", 1e-4)?);
    let stage = |epochs, factor| Stage { epochs, factor };
    let schedule = Schedule::Stages { stages: vec![stage(1, 1.0), stage(3, 0.25)] };
    assert_eq!(
        config,
        Config {
            optimizer: config.optimizer,
            warm_up: 0.5,
            beta: 4.0,
            kl_warm_up: 2.0,
            kl_cycles: 3,
            schedule,
            ..Config::default()
        }
    );
    // 10 steps an epoch, 10 epochs of a cycle: the rate rises in 5 steps, the weight in 20.
    let steps = [0, 4, 5, 10, 19, 99, 100, 110].map(|index| config.step(index, 10).scalars);
    let rates = steps.map(|scalars| scalars.learning_rate * 1e3);
    let weights = steps.map(|scalars| scalars.kl_weight);
    let near = |found: &[f64], expected: &[f64]| {
        let errors = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
        assert!(errors.fold(0.0, f64::max) < 1e-12, "{found:?}, not {expected:?}");
    };
    near(&rates, &[0.2, 1.0, 1.0, 0.25, 0.25, 0.25, 0.25, 0.25]);
    near(&weights, &[0.0, 0.8, 1.0, 2.0, 3.8, 4.0, 0.0, 2.0]);
    // Flags change one constant of a file's optimiser, and the factor of its schedule.
    let again = file.display().to_string();
    let text = printed(&["--config", &again, "--beta2", "0.9", "--stages", "2:0.5"])?;
    for line in ["beta1 = 0.8", "beta2 = 0.9", "epochs = 2", "factor = 0.5"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    for (arguments, said) in [
        (&["--beta1", "0.9"][..], "--optimizer: expected a constant of rmsprop"),
        (&["--milestones", "3"], "--milestones: expected --schedule step, found constant"),
        (&["--schedule", "step"], "--schedule: expected one or more milestones"),
        (&["--schedule", "step", "--milestones", "3,2"], "increasing numbers of epochs"),
        (&["--schedule", "stages", "--stages", "1"], "expected EPOCHS:FACTOR"),
        (&["--kl-cycles", "0"], "--kl-cycles: expected at least 1, found 0"),
        (&["--beta", "-1"], "--beta: expected a number from 0 on, found -1"),
    ] {
        let output = wgvae(&[&["train", "--print-config"], arguments].concat())?;
        let text = stderr(&output);
        assert!(output.status.code() == Some(2) && text.contains(said), "{arguments:?}: {text}");
    }
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
            "found `momentum`, which is none of activation, batch, beta, binarize, changes, ",
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
