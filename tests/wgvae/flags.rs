//! Flags as people type them.

use crate::cli::{stderr, stdout, wgvae};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

fn setting(arguments: &[&str], key: &str) -> Result<String, Box<dyn Error>> {
    let output = wgvae(&[&["train", "--print-config"], arguments].concat())?;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    Ok(stdout(&output).parse::<toml::Table>()?[key].to_string())
}

#[test]
fn the_last_of_a_flag_given_twice_wins() -> Outcome {
    for (arguments, key, value) in [
        (&["--epochs", "3", "--epochs", "5"][..], "epochs", "5"),
        (&["--hidden", "32,4", "--hidden", "16,2"], "hidden", "[16, 2]"),
        (&["--data", "a.npy", "--data", "b.npy"], "data", "\"b.npy\""),
        (&["--no-fuse", "--no-fuse"], "fuse", "false"),
        (&["--device", "gpu", "--device", "cpu"], "device", "\"cpu\""),
    ] {
        assert_eq!(setting(arguments, key)?, value, "{arguments:?}");
    }
    // More than once means more here.
    let output = wgvae(&["devices", "-q", "-q"])?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = wgvae(&["graph", "--input", "9", "--input", "4", "--hidden", "3,2"])?;
    assert!(stdout(&output).contains("U8[60000, 4]"), "{}", stdout(&output));
    Ok(())
}

#[test]
fn blanks_in_a_list_are_left_out() -> Outcome {
    assert_eq!(setting(&["--hidden", "32, 4"], "hidden")?, "[32, 4]");
    assert_eq!(setting(&["--hidden", " 32 ,4 "], "hidden")?, "[32, 4]");
    let few = ["--steps", "1", "--hidden", "3,2", "--batch", "8"];
    let output = wgvae(&[&["compare", "--devices", "cpu, cpu"], &few[..]].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    Ok(())
}

#[test]
fn a_flag_of_another_program_is_answered_with_the_one_here() -> Outcome {
    for (arguments, said) in [
        (&["train", "--lr", "0.1"][..], "the flag is '--learning-rate'"),
        (&["train", "--lr=0.1"], "the flag is '--learning-rate'"),
        (&["train", "--batch_size", "8"], "the flag is '--batch'"),
        (&["train", "--latent-dim", "8"], "the flag is '--hidden'"),
        (&["train", "--output", "runs/a"], "the flag is '--run'"),
        (&["train", "--kl-weight", "4"], "the flag is '--beta'"),
        (&["verify", "--gpu"], "the flag is '--device gpu'"),
        (&["sample", "run", "--n", "4", "--output", "x.png"], "the flag is '--count'"),
    ] {
        let output = wgvae(arguments)?;
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
    // Of commands that have no such flag, none is named.
    let text = stderr(&wgvae(&["graph", "--lr", "1"])?);
    assert!(text.contains("unexpected argument '--lr'") && !text.contains("learning"), "{text}");
    Ok(())
}
