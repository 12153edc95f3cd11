//! What users see: lines that fit a terminal, colours, headings in `--help`.

use crate::cli::{CACHE_HOME, short_run, stderr, stdout};
use crate::devices::any_gpu;
use std::error::Error;
use std::process::{Command, Output};

type Outcome = Result<(), Box<dyn Error>>;

/// The program in a terminal of so many columns, or not in a terminal.
fn wgvae(columns: Option<usize>, arguments: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("COLUMNS");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns.to_string());
    }
    command.output()
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn every_table_fits_the_terminal() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    assert_eq!(short_run(&run)?.status.code(), Some(0));
    let run = run.display().to_string();
    let small = ["--hidden", "8,4", "--batch", "10"];
    let quick = ["--steps", "3", "--oracle-steps", "2"];
    let commands = [
        vec!["verify", "--device", "cpu", "--kernel", "update"],
        [&["profile", "--device", "cpu", "--steps", "3"][..], &small].concat(),
        [&["compare", "--devices", "cpu,cpu"][..], &quick, &small].concat(),
        vec!["graph"],
        vec!["shader"],
        vec!["devices", "--kernels"],
        // The folder's own name may be longer than a line.
        vec!["eval", &run, "--device", "cpu", "--limit", "10"],
    ];
    for arguments in commands {
        let all = stdout(&wgvae(None, &arguments)?);
        for columns in [80, 40] {
            let output = wgvae(Some(columns), &arguments)?;
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
            let text = stdout(&output).replace(&run, "run");
            assert!(widest(&text) <= columns, "{arguments:?} in {columns}:\n{text}");
            let is_less = text.contains("left out: --wide") || text.contains("are cut: --wide");
            let is_wide = match arguments[0] {
                "verify" | "profile" | "graph" | "shader" => true,
                "compare" => columns == 40,
                _ => false,
            };
            // What is known of an adapter's kernels differs.
            let may_differ = arguments[0] == "devices";
            assert!(is_less == is_wide || may_differ, "{arguments:?} in {columns}:\n{text}");
            let wide = stdout(&wgvae(Some(columns), &[&arguments[..], &["--wide"]].concat())?);
            assert!(!wide.contains("left out: --wide"), "{arguments:?}:\n{wide}");
            if arguments[0] == "verify" {
                assert!(wide.contains(" -> ["), "{wide}");
            }
        }
        assert!(!all.contains("left out: --wide"), "into a pipe: {all}");
    }
    Ok(())
}

#[test]
fn eval_says_which_weights_and_what_is_active() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let name = run.display().to_string();
    let train =
        ["train", "--device", "cpu", "--epochs", "1", "--limit", "640", "--hidden", "16,12"];
    assert!(wgvae(None, &[&train[..], &["--run", &name]].concat())?.status.success());
    let eval = |run: &str, more: &[&str]| {
        let flags = ["eval", run, "--device", "cpu", "--limit", "10"];
        wgvae(None, &[&flags[..], more].concat()).map(|output| stdout(&output))
    };
    let text = eval(&name, &[])?;
    let file = run.join("model.safetensors");
    let said = format!("weights: {}, after the last epoch\n", file.display());
    assert!(text.starts_with(&said), "{text}");
    let active = "active: the variance of the posterior mean over the images is above 0.01";
    assert!(text.contains(active), "{text}");
    assert!(text.contains("the largest 10 of 12 (--wide has all)"), "{text}");
    let units = |text: &str| {
        text.lines()
            .skip_while(|line| !line.starts_with("KL of"))
            .skip(1)
            .map(|line| line.matches(": ").count())
            .sum::<usize>()
    };
    assert_eq!((units(&text), units(&eval(&name, &["--wide"])?)), (10, 12));
    let best = eval(&format!("{name}/best.safetensors"), &[])?;
    assert!(best.contains("best.safetensors, of the epoch with the best test ELBO"), "{best}");
    let json: serde_json::Value = serde_json::from_str(&eval(&name, &["--json"])?)?;
    assert_eq!(json["kl_per_unit"].as_array().map(Vec::len), Some(12));
    assert!(json["weights"].as_str().is_some_and(|weights| said.contains(weights)), "{json}");
    Ok(())
}

#[test]
fn results_are_coloured_for_terminals_that_want_it() -> Outcome {
    let verify = |name: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
        command
            .args(["verify", "--device", "cpu", "--kernel", "update"])
            .env_remove("NO_COLOR")
            .env(name, value);
        command.output().map(|output| stdout(&output))
    };
    let plain = verify("NO_COLOR", "1")?;
    assert!(plain.contains(" ok ") && !plain.contains('\u{1b}'), "{plain}");
    assert_eq!(verify("TERM", "xterm")?, plain, "stdout is no terminal");
    let coloured = verify("CLICOLOR_FORCE", "1")?;
    assert!(coloured.starts_with("\u{1b}[1mkernel\u{1b}[0m"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[32mok\u{1b}[0m"), "{coloured:?}");
    let compare =
        ["compare", "--devices", "cpu,cpu", "--steps", "2", "--tolerance", "0", "--hidden"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(compare).arg("4,2").current_dir(env!("CARGO_MANIFEST_DIR"));
    // f32 is not f64.
    let failed = stdout(&command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output()?);
    assert!(failed.contains("\u{1b}[1m\u{1b}[31mNOT within 0e0\u{1b}[0m"), "{failed:?}");
    Ok(())
}

/// A screen of flags is read by its headings.
#[test]
fn many_flags_are_grouped_under_headings() -> Outcome {
    for command in ["train", "eval", "encode", "profile", "compare", "verify", "reconstruct"] {
        let help = stdout(&wgvae(None, &[command, "--help"])?);
        let mut counts = Vec::new();
        for line in help.lines() {
            if line.ends_with(':') && !line.starts_with(' ') {
                counts.push((line, 0));
            } else if line.trim_start().starts_with('-')
                && let Some((_, count)) = counts.last_mut()
            {
                *count += 1;
            }
        }
        assert!(counts.iter().all(|&(_, count)| count <= 11), "{command}: {counts:?}");
        assert!(counts.iter().any(|&(name, _)| name == "Device:"), "{command}: {counts:?}");
    }
    let help = stdout(&wgvae(None, &["train", "--help"])?);
    let places: Vec<_> = ["Data:", "Model:", "Training:", "Run:", "Device:", "Checks:"]
        .map(|heading| help.find(&format!("\n{heading}\n")))
        .into_iter()
        .collect::<Option<_>>()
        .ok_or("a heading is missing")?;
    assert!(places.is_sorted(), "{help}");
    Ok(())
}

/// What few people need is in the long help alone.
#[test]
fn the_short_help_leaves_out_the_folder_of_shaders() -> Outcome {
    for command in ["train", "eval", "profile", "compare", "verify", "sample", "shader"] {
        let help = |flag: &str| wgvae(None, &[command, flag]).map(|output| stdout(&output));
        assert!(!help("-h")?.contains("--shaders <DIR>"), "{command}");
        let long = help("--help")?;
        assert!(long.contains("--shaders <DIR>") && long.contains("Example"), "{command}: {long}");
    }
    Ok(())
}

/// Mesa prints an error of its own where `XDG_RUNTIME_DIR` is not set.
#[test]
#[cfg(target_os = "linux")]
fn quiet_is_quiet_without_a_desktop() -> Outcome {
    for value in [None, Some(""), Some("relative")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
        command.args(["devices", "-q"]).env_remove("XDG_RUNTIME_DIR");
        value.map(|value| command.env("XDG_RUNTIME_DIR", value));
        let output = command.output()?;
        assert!(stdout(&output).contains("--device auto takes"));
        assert_eq!(stderr(&output), "", "{value:?}");
    }
    Ok(())
}

#[test]
fn a_folder_for_caches_that_is_of_no_use_is_told_of_once() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "")?;
    let (device, info) = any_gpu();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["train", "--device", device, "--epochs", "1", "--limit", "128", "--hidden"]);
    command.arg("20,8").arg("--run").arg(folder.path().join("run"));
    command.env(CACHE_HOME, &file).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output()?;
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("warning: ").count(), 1, "{text}");
    // A line says why nothing happens meanwhile.
    let trying = format!("trying the kernels on {}", info.name);
    let said = text.lines().filter(|line| line.starts_with(&trying));
    assert_eq!(said.count(), 1, "{text}");
    Ok(())
}

/// As a program is run with other libraries than the system's.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_dynamic_linker_may_start_it() -> Outcome {
    let linker = std::path::Path::new("/lib64/ld-linux-x86-64.so.2");
    if !linker.exists() {
        return Ok(());
    }
    let output = Command::new(linker)
        .args([env!("CARGO_BIN_EXE_wgvae"), "--version"])
        .env_remove("XDG_RUNTIME_DIR")
        .output()?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), format!("wgvae {}\n", env!("CARGO_PKG_VERSION")));
    Ok(())
}
