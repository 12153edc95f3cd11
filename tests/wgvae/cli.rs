//! The program, run as a user runs it: exit codes, messages, and what a run leaves behind.

use crate::devices::any_gpu;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use wgvae::kernel::{Variant, Vectors, kernels};
use wgvae::model;
use wgvae::train::ConfigFile;

type Outcome = Result<(), Box<dyn Error>>;

/// The variable that names the user's folder for caches.
pub(crate) const CACHE_HOME: &str = if cfg!(windows) { "LOCALAPPDATA" } else { "XDG_CACHE_HOME" };

pub(crate) fn wgvae(arguments: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn short_run(folder: &Path) -> std::io::Result<Output> {
    let folder = folder.to_string_lossy();
    let small = ["--device", "cpu", "--epochs", "2", "--limit", "6400", "--hidden", "16,4"];
    wgvae(&[&["train", "--run", &folder, "--seed", "3"], small.as_slice()].concat())
}

#[test]
fn train_leaves_a_whole_run() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let output = short_run(&run)?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let epochs: Vec<_> = text.lines().filter(|line| line.contains("  test ")).collect();
    assert_eq!(epochs.len(), 2, "{text}");
    assert!(epochs.iter().all(|line| line.chars().count() <= 78), "{text}");
    assert!(text.ends_with(&format!("{}\n", run.display())), "{text}");
    let config = fs::read_to_string(run.join("config.toml"))?.parse::<toml::Table>()?;
    assert_eq!(config["hidden"], vec![16, 4].into());
    assert_eq!(config["seed"].as_integer(), Some(3));
    assert_eq!(config["fuse"].as_bool(), Some(true));
    assert_eq!(config["device"]["backend"].as_str(), Some("CPU"));
    assert_eq!(config["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    let weights = model::load(&run.join("model.safetensors"))?;
    assert_eq!(weights.architecture.hidden(), [16, 4]);
    for picture in ["elbo.png", "reconstructions.png", "samples.png"] {
        assert!(image::open(run.join(picture))?.width() > 300, "{picture}");
    }
    check_metrics(&fs::read_to_string(run.join("metrics.jsonl"))?)
}

fn check_metrics(text: &str) -> Outcome {
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, [Some("step"), Some("epoch"), Some("step"), Some("epoch")]);
    let numbers = |line: &Value, keys: &[&str]| {
        for key in keys {
            assert!(line[key].is_number(), "{key} in {line}");
        }
    };
    numbers(&lines[0], &["step", "epoch", "elbo", "log_likelihood", "kl"]);
    numbers(&lines[1], &["epoch", "train_elbo", "train_kl", "test_elbo", "test_kl"]);
    numbers(&lines[1], &["seconds", "images_per_second"]);
    assert_eq!((lines[0]["step"].as_u64(), lines[2]["step"].as_u64()), (Some(100), Some(200)));
    assert!(lines[3]["test_elbo"].as_f64() > lines[1]["test_elbo"].as_f64());
    Ok(())
}

#[test]
fn a_repeated_run_has_the_same_bits() -> Outcome {
    let folder = tempfile::tempdir()?;
    let runs = ["a", "b"].map(|name| folder.path().join(name));
    for run in &runs {
        assert_eq!(short_run(run)?.status.code(), Some(0));
    }
    for file in ["model.safetensors", "samples.png", "reconstructions.png"] {
        assert!(fs::read(runs[0].join(file))? == fs::read(runs[1].join(file))?, "{file}");
    }
    let again = short_run(&runs[0])?;
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("already has a run"), "{}", stderr(&again));
    Ok(())
}

#[test]
fn wrong_usage_exits_with_2_and_says_why() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").to_string_lossy().into_owned();
    for (arguments, said) in [
        (&["train", "--batch", "0"][..], "--batch: expected 1 to 60000"),
        (&["train", "--batch", "65", "--limit", "64"], "--batch: expected 1 to 64"),
        (&["train", "--hidden", "0"], "--hidden: expected at least one layer size"),
        (
            &["train", "--hidden", "20,x"],
            "expected whole numbers with commas between them, found 'x'",
        ),
        (&["train", "--epochs", "0"], "--epochs: expected at least 1"),
        (&["train", "--limit", "0"], "--limit: expected at least 1"),
        (&["train", "--learning-rate", "-1"], "--learning-rate: expected a number above 0"),
        (&["train", "--learning-rate", "1e-39"], "--learning-rate: expected a number above 0"),
        (&["train", "--learning-rate", "nan"], "--learning-rate: expected a number above 0"),
        (&["train", "--data", "nowhere"], "nowhere"),
        (&["train", "--data", "src"], "src: expected IDX files, or pictures (PNG"),
        (&["train", "--device", "no such"], "no device matches \"no such\""),
        (&["train", "--device", "99"], "no device matches \"99\""),
        (&["train", "--device", ""], "no device matches \"\""),
        (&["train", "--hidden", "18446744073709551615"], "--hidden: expected layers with at most"),
        (&["train", "--hidden", "9000,400000"], "--hidden: expected layers with at most"),
        (&["train", "--batch", "18446744073709551615"], "--batch: expected 1 to 60000"),
        (&["graph", "--batch", "18446744073709551615"], "--batch: expected 1 to 1369"),
        (&["graph", "--batch", "0"], "--batch: expected 1 to 1369"),
        (&["graph", "--input", "0"], "--input: expected images of 1 to"),
        (&["train", "--binarize", "maybe"], "possible values: threshold, stochastic, none"),
        (&["train", "--no-such-flag"], "--no-such-flag"),
        (&["nonsense"], "nonsense"),
        (&[], "Usage"),
    ] {
        let mut arguments = arguments.to_vec();
        if arguments.first() == Some(&"train") {
            arguments.extend(["--run", &run]);
            if !arguments.contains(&"--device") {
                arguments.extend(["--device", "cpu"]);
            }
        }
        let output = wgvae(&arguments)?;
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(said), "{arguments:?}: {message}");
        assert!(!Path::new(&run).exists(), "{arguments:?} left something behind");
    }
    Ok(())
}

#[test]
fn a_run_that_diverges_exits_with_1_and_names_the_step() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let run = run.to_string_lossy();
    let diverge = ["--learning-rate", "1e12", "--limit", "640", "--hidden", "8,2"];
    let fixed = ["train", "--device", "cpu", "--epochs", "1", "--run", &run];
    let output = wgvae(&[&fixed[..], &diverge].concat())?;
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(message.contains(" at step "), "{message}");
    assert!(message.contains("a lower --learning-rate"), "{message}");
    Ok(())
}

#[test]
fn without_a_driver_the_cpu_is_used_and_said() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["train", "--epochs", "1", "--limit", "640", "--hidden", "8,2", "--run"]);
    command.arg(&run).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("VK_DRIVER_FILES", "/nonexistent").env_remove("VK_ADD_DRIVER_FILES");
    if cfg!(target_os = "linux") {
        let output = command.output()?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains("no GPU found: training on the CPU"));
        assert!(run.join("samples.png").exists());
    }
    Ok(())
}

#[test]
fn verify_has_a_row_for_every_kernel() -> Outcome {
    let output = wgvae(&["verify", "--device", "cpu", "--json"])?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_str(&stdout(&output))?;
    let cases = kernels().flat_map(|kernel| (kernel.cases)());
    for case in cases {
        let label = case.call()?.label();
        let count = rows.iter().filter(|row| row["kernel"] == *label).count();
        // One for each of the vectors that the CPU has, of those that compute with vectors.
        let vectors = wgvae::vectors::vectors().count();
        assert!(count == 1 || count == vectors, "{label}: {count} rows");
    }
    let of_vectors = rows.iter().filter(|row| row["variant"] == "portable").count();
    assert!(of_vectors > 10, "{of_vectors} kernels by vectors");
    for row in &rows {
        let keys = ["variant", "shape", "max_abs", "max_rel", "worst_index", "tolerance"];
        assert!(keys.iter().all(|key| !row[key].is_null()), "{row}");
        assert_eq!(row["ok"], true, "{row}");
    }
    Ok(())
}

#[test]
fn verify_and_profile_may_be_asked_for_some_kernels() -> Outcome {
    let rows = |names: &[&str]| -> Result<Vec<String>, Box<dyn Error>> {
        let names = names.iter().flat_map(|name| ["--kernel", name]);
        let flags = ["verify", "--device", "cpu", "--json"].into_iter().chain(names);
        let output = wgvae(&flags.collect::<Vec<_>>())?;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let rows: Vec<Value> = serde_json::from_str(&stdout(&output))?;
        let mut names: Vec<_> =
            rows.iter().filter_map(|row| row["kernel"].as_str().map(str::to_owned)).collect();
        names.dedup();
        Ok(names)
    };
    assert_eq!(rows(&["linear+relu"])?, ["linear+relu"]);
    assert_eq!(rows(&["update+adam", "normal", "update+adam"])?, ["normal", "update+adam"]);
    // By the row of the kernel table, and without the whole steps.
    let products = rows(&["product"])?;
    assert!(products.len() > 10 && products.contains(&"linear+gelu".to_owned()), "{products:?}");
    assert!(!products.iter().any(|name| name.contains("step") || name == "update"), "{products:?}");

    let small = ["--hidden", "8,4", "--batch", "10", "--steps", "3"];
    let profile = ["profile", "--device", "cpu", "--kernel", "update"];
    let output = wgvae(&[&profile[..], &small].concat())?;
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        text.contains("unknown: these kernels were not timed") && !text.contains("linear"),
        "{text}"
    );
    assert!(!text.contains("unattributed") && !text.contains("idle"), "{text}");
    Ok(())
}

#[test]
fn devices_lists_the_cpu() -> Outcome {
    let output = wgvae(&["devices", "--json"])?;
    let devices: Value = serde_json::from_str(&stdout(&output))?;
    assert_eq!(devices["cpu"]["backend"], "CPU");
    assert!(devices["adapters"].is_array());
    assert!(stdout(&wgvae(&["devices"])?).contains("--device auto takes"));
    Ok(())
}

#[test]
fn wgpus_variables_are_obeyed() -> Outcome {
    let devices = |key: &str, value: &str| -> std::io::Result<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
        Ok(stdout(&command.arg("devices").env(key, value).output()?))
    };
    let none = devices("WGPU_BACKEND", "none")?;
    assert!(none.contains("no adapter") && none.contains("--device auto takes cpu"), "{none}");
    let adapters: Value = serde_json::from_str(&stdout(&wgvae(&["devices", "--json"])?))?;
    let name = adapters["adapters"][0]["name"].as_str().ok_or(crate::devices::NO_ADAPTER)?;
    let absent = devices("WGPU_ADAPTER_NAME", "no such")?;
    let refusal = "--device auto takes nothing: no device matches \"WGPU_ADAPTER_NAME=no such\"";
    assert!(absent.contains(refusal), "{absent}");
    let empty = devices("WGPU_ADAPTER_NAME", "")?;
    assert!(!empty.contains("takes nothing"), "{empty}");
    let named = devices("WGPU_ADAPTER_NAME", name)?;
    assert!(named.contains("--device auto takes 0"), "{named}");
    Ok(())
}

/// A run's choice of kernels is in its config.toml, from which another run can take it.
#[test]
fn kernels_are_kept_and_can_be_given() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = |name: &str, more: &[&str]| -> std::io::Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
        command.args(["train", "--device", "gpu", "--epochs", "1", "--limit", "64"]);
        command.args(["--hidden", "8,4", "--run"]).arg(folder.path().join(name)).args(more);
        command.env(CACHE_HOME, folder.path().join("cache"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).output()
    };
    let first = run("first", &[])?;
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let config = folder.path().join("first/config.toml");
    let text = fs::read_to_string(&config)?;
    let kernels = text.parse::<toml::Table>()?;
    let kernels = kernels["kernels"].as_table().ok_or("no kernels")?;
    let (call, name) = kernels.iter().find(|(call, _)| call.starts_with("update")).ok_or("none")?;
    let name = name.as_str().ok_or("no name")?;
    let other = if name == "tiled_32_vector" { "tiled_64_vector" } else { "tiled_32_vector" };

    let file = folder.path().join("kernels.toml");
    fs::write(&file, format!("[kernels]\n\"{call}\" = \"{other}\"\n"))?;
    let second = run("second", &["--kernels", &file.to_string_lossy()])?;
    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    let text = fs::read_to_string(folder.path().join("second/config.toml"))?;
    assert!(text.contains(&format!("\"{call}\" = \"{other}\"")), "{text}");

    fs::write(&file, format!("[kernels]\n\"{call}\" = \"nonsense\"\n"))?;
    let third = run("third", &["--kernels", &file.to_string_lossy()])?;
    assert_eq!(third.status.code(), Some(2));
    assert!(stderr(&third).contains("found variant nonsense, which is none of tiled_64_vector"));
    let fourth = run("fourth", &["--kernels", "no-such-file.toml"])?;
    assert_eq!(fourth.status.code(), Some(2));
    assert!(stderr(&fourth).contains("no-such-file.toml: cannot read"), "{}", stderr(&fourth));
    Ok(())
}

#[test]
fn profile_counts_what_a_step_costs() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
    command.args(["profile", "--device", "gpu", "--hidden", "12,4", "--steps", "20", "--json"]);
    let output = command.env(CACHE_HOME, folder.path()).output()?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let profile: Value = serde_json::from_str(&stdout(&output))?;
    for (key, expected) in
        [("upload_bytes_per_step", 0.0), ("buffers_created_per_step", 0.0), ("batch", 64.0)]
    {
        assert_eq!(profile[key].as_f64(), Some(expected), "{key} in {profile}");
    }
    for key in ["step_ms", "images_per_second", "submits_per_step", "host_us_per_step"] {
        assert!(profile[key].as_f64().is_some_and(|value| value > 0.0), "{key} in {profile}");
    }
    // A kernel is one dispatch, or two where the sums of its product are split into slices.
    let kernels = profile["kernels"].as_array().ok_or("no kernels")?;
    let of_kernels = kernels.iter().filter_map(|row| row["dispatches_per_step"].as_u64());
    let dispatches = of_kernels.sum::<u64>();
    assert_eq!(profile["dispatches_per_step"].as_f64(), Some(dispatches as f64), "{profile}");
    let is_sliced = |row: &&Value| row["variant"].as_str().is_some_and(|v| v.contains("sliced"));
    let sliced =
        kernels.iter().filter(is_sliced).filter_map(|row| row["dispatches_per_step"].as_u64());
    assert_eq!(dispatches - sliced.sum::<u64>() / 2, 9, "{profile}");
    Ok(())
}

/// What the program's help lists.
fn commands() -> Result<Vec<String>, Box<dyn Error>> {
    let help = stdout(&wgvae(&["--help"])?);
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(commands.len() > 12, "{help}");
    Ok(commands)
}

#[test]
fn a_run_is_profiled_as_it_was_trained() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    assert_eq!(short_run(&run)?.status.code(), Some(0));
    let run = run.display().to_string();
    let output = wgvae(&["profile", &run, "--steps", "3", "--batch", "10", "--csv"])?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().ok_or("no header")?.split(',').collect();
    assert_eq!((header[0], header[2]), ("kernel", "shape"));
    // The run's layers, on the CPU where it was trained, with another batch.
    let row = format!("\nlinear+relu,{},10x16x784,", widest());
    assert!(text.contains(&row), "{text}");
    assert!(lines.all(|line| line.matches(',').count() >= header.len() - 1), "{text}");
    let output = wgvae(&["profile", &run, "--steps", "3", "--device", any_gpu().0, "--json"])?;
    let found: Value = serde_json::from_str(&stdout(&output))?;
    assert_eq!((found["input"].as_u64(), found["batch"].as_u64()), (Some(784), Some(64)));
    assert_eq!(found["hidden"], serde_json::json!([16, 4]));
    Ok(())
}

#[test]
fn the_kernels_of_some_steps_are_in_the_metrics() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run").display().to_string();
    let small = ["--device", "cpu", "--epochs", "1", "--limit", "640", "--hidden", "6,2"];
    let timed = ["train", "--run", &run, "--profile-every", "4", "--batch", "64"];
    let output = wgvae(&[&timed[..], &small].concat())?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let metrics = fs::read_to_string(format!("{run}/metrics.jsonl"))?;
    let lines = metrics.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let steps: Vec<_> = lines.iter().map(|line| (&line["kind"], line["step"].as_u64())).collect();
    assert_eq!(steps[..2], [(&"kernels".into(), Some(4)), (&"kernels".into(), Some(8))]);
    let products = lines[0]["kernels"].as_array().ok_or("no kernels")?.iter();
    let mut products = products.filter(|time| time["kernel"] == "linear+relu");
    let first = products.next().ok_or("no product")?;
    assert_eq!((&first["shape"], &first["variant"]), (&"64x6x784".into(), &widest().into()));
    assert!(first["us"].as_f64().is_some_and(|us| us > 0.0), "{first}");
    let settings = ConfigFile::read(format!("{run}/config.toml").as_ref())?;
    assert_eq!(settings.config.profile_every, Some(4));
    let refused = wgvae(&["train", "--profile-every", "0"])?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--profile-every: expected at least 1 step, found 0"));
    Ok(())
}

#[test]
fn every_command_has_an_example() -> Outcome {
    for command in commands()? {
        let output = wgvae(&[&command, "--help"])?;
        assert_eq!(output.status.code(), Some(0));
        let help = stdout(&output);
        let example = help.split("Example:\n").nth(1).ok_or(command.clone())?;
        assert!(
            example.contains(&format!("  wgvae {command} "))
                || example.contains(&format!("  wgvae {command}\n")),
            "{command}"
        );
    }
    Ok(())
}

#[test]
fn quiet_says_the_result_alone_and_verbose_says_more() -> Outcome {
    let folder = tempfile::tempdir()?;
    let train = |name: &str, more: &[&str]| {
        let run = folder.path().join(name).display().to_string();
        let flags = ["train", "--limit", "64", "--epochs", "1", "--hidden", "4,2", "--run", &run];
        wgvae(&[&flags[..], more].concat()).map(|output| (output, run))
    };
    let (quiet, run) = train("quiet", &["-q", "--device", "cpu"])?;
    assert_eq!((stdout(&quiet), stderr(&quiet)), (format!("{run}\n"), String::new()));
    let (plain, _) = train("plain", &["--device", "cpu"])?;
    let said = stderr(&plain);
    assert!(
        said.contains("64 training and 10000 test images") && !said.contains("written"),
        "{said}"
    );
    let (verbose, run) = train("verbose", &["--verbose", "--device", any_gpu().0])?;
    let file = Path::new(&run).join("model.safetensors").display().to_string();
    for said in [&format!("{file}: "), "mnist: 10000 images", "plan of 9 ops"] {
        assert!(stderr(&verbose).contains(said), "{said}: {}", stderr(&verbose));
    }
    Ok(())
}

#[test]
fn colours_are_for_terminals_that_want_them() -> Outcome {
    let failed = |name: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgvae"));
        command.args(["eval", "no such run"]).env_remove("NO_COLOR").env(name, value);
        command.output().map(|output| stderr(&output))
    };
    let plain = failed("NO_COLOR", "1")?;
    assert!(plain.starts_with("error: no such run: cannot read: "), "{plain}");
    assert_eq!(failed("TERM", "xterm")?, plain, "stderr is no terminal");
    let coloured = failed("CLICOLOR_FORCE", "1")?;
    assert!(coloured.starts_with("\u{1b}[1m\u{1b}[31merror\u{1b}[0m: no such run"), "{coloured:?}");
    Ok(())
}

#[test]
fn shells_and_man_know_every_command() -> Outcome {
    let commands = commands()?;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&wgvae(&["completions", shell])?);
        for name in commands.iter().map(String::as_str).chain(["importance-samples"]) {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("man1");
    assert!(wgvae(&["man", "--output", &pages.display().to_string()])?.status.success());
    for name in &commands {
        let page = fs::read_to_string(pages.join(format!("wgvae-{name}.1")))?;
        assert!(page.contains(".TH") && page.contains("Example"), "{name}: {page}");
    }
    let page = stdout(&wgvae(&["man"])?);
    assert!(commands.iter().all(|name| page.contains(name.as_str())), "{page}");
    Ok(())
}

/// The variant that the CPU's kernels have unless one is forced.
fn widest() -> &'static str {
    let widest = wgvae::vectors::vectors().next_back().unwrap_or(Vectors::Portable);
    Variant::of_vectors(widest).name()
}
