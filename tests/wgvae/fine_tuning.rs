//! Runs that start with the weights of a model: where they start, what they resume from, and what
//! contradicts the model.

use crate::cli::{stderr, stdout, wgvae};
use crate::conditional::{self, NAMES, Outcome, table, train};
use serde_json::Value;
use std::fs;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use wgvae::Vae;
use wgvae::checkpoint::{Checkpoint, FILE_NAME};
use wgvae::data::{Dataset, Labels};
use wgvae::device::cpu::CpuSession;
use wgvae::model::{Architecture, Init, Scale, save};
use wgvae::optimizer::{ADAM, Optimizer};
use wgvae::train::{Config, Ended};

/// A model of 16 pixels without default layers, and the settings of a run that starts with it.
fn source(folder: &Path) -> Outcome<(wgvae::model::Weights, Config)> {
    let layers =
        Architecture::new(16, &[9, 3])?.with_decoder(&[5])?.with_activation("tanh".parse()?)?;
    let layers =
        layers.with_scale(Scale::LogVariance).with_labels(NAMES.map(str::to_owned).into())?;
    let mut weights = Init::Glorot.weights(&layers, 5);
    weights.values[1].fill(0.25);
    let path = folder.join("source.safetensors");
    save(&path, &weights)?;
    let config = Config { from: Some(path.display().to_string()), ..conditional::config() };
    Ok((weights, config.with_architecture(&layers)))
}

#[test]
fn a_run_starts_with_the_models_weights_and_resumes_without_them() -> Outcome {
    let (folder, data) = (tempfile::tempdir()?, conditional::data()?);
    let (weights, config) = source(folder.path())?;
    let optimizer = Optimizer::of(&ADAM);
    let config = Config { optimizer, checkpoint_every: Some("3".parse()?), ..config };
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    assert_eq!(train(&config, &data, &parts, Some(0))?, Ended::Interrupted(0));
    let Checkpoint { weights: started, states, state } = Checkpoint::load(&parts.join(FILE_NAME))?;
    assert!(started == weights);
    assert!(states.iter().flatten().flatten().all(|state| *state == 0.0));
    assert_eq!(state.position.step, 0);
    assert_eq!(train(&config, &data, &whole, None)?, Ended::Finished);
    // A run that has no checkpoint yet starts as it did at first.
    fs::remove_file(parts.join(FILE_NAME))?;
    assert!(matches!(train(&config, &data, &parts, Some(5))?, Ended::Interrupted(5..=12)));
    fs::remove_file(folder.path().join("source.safetensors"))?;
    assert_eq!(train(&config, &data, &parts, None)?, Ended::Finished);
    let [one, other] = [&whole, &parts].map(|run| fs::read(run.join("model.safetensors")));
    assert!(one? == other?);
    let trained = wgvae::model::load(&whole.join("model.safetensors"))?;
    assert!(trained != weights && trained.architecture == weights.architecture);
    // Without a checkpoint and without the source there is no run.
    let error =
        train(&config, &data, &folder.path().join("none"), None).err().ok_or("no source")?;
    assert!(error.to_string().contains("source.safetensors: cannot read"), "{error}");
    assert!(!folder.path().join("none").exists());
    Ok(())
}

#[test]
fn a_model_with_other_layers_than_the_settings_is_refused() -> Outcome {
    let (folder, data) = (tempfile::tempdir()?, conditional::data()?);
    let (_, config) = source(folder.path())?;
    let config = Config { hidden: vec![9, 4], ..config };
    let error = train(&config, &data, &folder.path().join("run"), None).err().ok_or("layers")?;
    let words = "from: expected 16-[9, 4]-[5] with tanh and log-variance and 2 labels, found \
                 16-[9, 3]-[5] with tanh and log-variance and 2 labels";
    assert_eq!(error.to_string(), words);
    Ok(())
}

/// `Vae::fit` trains the same weights by the same steps.
#[test]
fn a_run_from_a_model_is_what_fit_does() -> Outcome {
    let (folder, data) = (tempfile::tempdir()?, conditional::data()?);
    let (weights, config) = source(folder.path())?;
    let run = folder.path().join("run");
    assert_eq!(train(&config, &data, &run, None)?, Ended::Finished);
    let mut vae = Vae::new(Box::new(CpuSession::<f32>::new()), &weights)?;
    vae.fit(&data, &config, |_| Ok(Continue(())))?;
    assert!(vae.weights()? == wgvae::model::load(&run.join("model.safetensors"))?);
    Ok(())
}

/// The program in a folder, on the CPU; `@` stands for the folder.
struct Program(tempfile::TempDir);

impl Program {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn run(&self, words: &str) -> Outcome<std::process::Output> {
        let here = self.path("");
        let words: Vec<_> = words.split(' ').map(|word| word.replace('@', &here)).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Ok(wgvae(&[&words[..], &["--device", "cpu"]].concat())?)
    }

    fn done(&self, words: &str) -> Outcome<String> {
        let output = self.run(words)?;
        assert_eq!(output.status.code(), Some(0), "{words}: {}", stderr(&output));
        Ok(stdout(&output))
    }

    fn refused(&self, words: &str, said: &str) -> Outcome {
        let output = self.run(words)?;
        assert_eq!(output.status.code(), Some(2), "{words}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{words}: {}", stderr(&output));
        Ok(())
    }

    /// Returns the lines of a run's epochs.
    fn epochs(&self, run: &str) -> Outcome<Vec<Value>> {
        let text = fs::read_to_string(self.path(&format!("{run}/metrics.jsonl")))?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        Ok(lines.into_iter().filter(|line| line["kind"] == "epoch").collect())
    }
}

const SMALL: &str = "--batch 16 --epochs 12 --no-tensorboard";

#[test]
fn the_program_starts_with_the_weights_of_a_model() -> Outcome {
    let program = Program(tempfile::tempdir()?);
    let set = conditional::data()?.train;
    table(program.path("a.csv").as_ref(), &set, true)?;
    program.done(&format!(
        "train --data @a.csv --hidden 9,3 --activation tanh --conditional {SMALL} --learning-rate 0.005 --run @source"
    ))?;
    let before = program.epochs("source")?;
    let elbo = |line: &Value, key: &str| line[key].as_f64().unwrap_or(f64::NAN);
    // Hardly any step: the ELBO is that of the source but for the noise.
    let still =
        format!("train --data @a.csv --from @source {SMALL} --learning-rate 1e-9 --run @still");
    program.done(&still)?;
    let (last, first) = (elbo(&before[11], "test_elbo"), elbo(&before[0], "test_elbo"));
    let found = elbo(&program.epochs("still")?[0], "test_elbo");
    assert!((found - last).abs() < 0.6 && found > first + 1.0, "{found}: {first} to {last}");
    program.done(&format!(
        "train --data @a.csv --from @source/model.safetensors --hidden 9,3 {SMALL} --learning-rate 0.005 --run @more"
    ))?;
    let more = program.epochs("more")?;
    assert!(elbo(&more[0], "train_elbo") > elbo(&before[0], "train_elbo") + 1.0, "{more:?}");
    assert!(elbo(&more[11], "train_elbo") > elbo(&before[11], "train_elbo"), "{more:?}");
    let text = fs::read_to_string(program.path("more/config.toml"))?;
    let settings: toml::Table = text.parse()?;
    assert_eq!(settings["from"].as_str(), Some(&*program.path("source/model.safetensors")));
    assert_eq!(settings["activation"].as_str(), Some("tanh"));
    assert_eq!(settings["conditional"].as_bool(), Some(true));
    assert_eq!(settings["hidden"], vec![9, 3].into());

    // The settings repeat the run, and it resumes without the model.
    program.done("train --config @more/config.toml --run @again")?;
    let model = |run: &str| fs::read(program.path(&format!("{run}/model.safetensors")));
    assert!(model("again")? == model("more")?);
    program
        .refused("train --resume @more --from @source", "cannot be used with '--from <MODEL>'")?;
    for (flags, said) in [
        (
            "--hidden 9,4",
            "--hidden: expected [9, 3], as in the model of --from, found [9, 4]\n  try: no such setting",
        ),
        ("--decoder 3", "--decoder: expected [9], as in the model of --from, found [3]"),
        ("--activation relu", "--activation: expected tanh, as in the model of --from, found relu"),
        ("--scale log-variance", "--scale: expected softplus, as in the model of --from"),
        ("--likelihood gaussian", "--likelihood: expected bernoulli, as in the model of --from"),
        ("--init he", "cannot be used with '--init <INIT>'"),
        ("--output-bias data", "cannot be used with '--output-bias <START>'"),
    ] {
        let words = format!("train --data @a.csv --from @source {flags} {SMALL} --run @none");
        program.refused(&words, said)?;
    }
    program.refused("train --from @absent --run @none", "absent")?;
    program.refused("train --from @a.csv --run @none", "a.csv: expected a safetensors file")?;
    program.refused(
        &format!("train --from @source {SMALL} --limit 100 --run @none"),
        "--from: expected a model of images of 28x28 pixels, as those of mnist, found one of 16 pixels\n  \
         try: --size ROWSxCOLUMNS",
    )?;
    assert!(!Path::new(&program.path("none")).exists());
    fs::rename(program.path("source"), program.path("gone"))?;
    program.done("train --resume @more --epochs 13")?;
    assert_eq!(program.epochs("more")?.len(), 13);
    program.refused("train --config @more/config.toml --run @none", "source")
}

#[test]
fn labels_are_those_of_the_model() -> Outcome {
    let program = Program(tempfile::tempdir()?);
    let set = conditional::data()?.train;
    table(program.path("both.csv").as_ref(), &set, true)?;
    let named = |class: u16, name: &str| -> Outcome<Dataset> {
        let of = &set.labels().ok_or("labels")?.of;
        let which: Vec<u32> = (0..70).filter(|&row| of[row as usize] == class).collect();
        let labels = Labels { of: vec![0; which.len()], names: vec![name.to_owned()] };
        Ok(set.select(&which).with_labels(labels)?)
    };
    table(program.path("top.csv").as_ref(), &named(1, "top")?, true)?;
    table(program.path("other.csv").as_ref(), &named(1, "other")?, true)?;
    for (run, flags) in [("source", "--conditional"), ("plain", "")] {
        let words = format!("train --data @both.csv --hidden 9,3 {SMALL} --run @{run} {flags}");
        program.done(words.trim_end())?;
    }
    let on = |data: &str, from: &str| {
        format!(
            "train --data @{data}.csv --label-column first --from @{from} {SMALL} --run @{data}-{from}"
        )
    };
    program.done(&on("top", "source"))?;
    let text = fs::read_to_string(program.path("top-source/config.toml"))?;
    assert!(text.contains("labels = [\"bottom\", \"top\"]"), "{text}");
    program.done("sample @top-source --label bottom --output @x.npy")?;
    program.done("train --resume @top-source --epochs 13")?;
    let said = "other.csv: expected training images with the labels of the model: bottom, top, found other";
    program.refused(&on("other", "source"), said)?;
    // Without labels in the model, those of the images are not used.
    program.done(&on("other", "plain"))?;
    program.refused(
        &format!("{} --conditional", on("both", "plain")),
        "--conditional: expected false, as in the model of --from, found true",
    )
}

/// A model of PyTorch whose encoder gives logarithms of variances.
#[test]
fn a_model_of_pytorch_is_trained_further() -> Outcome {
    let program = Program(tempfile::tempdir()?);
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/logvar-model");
    let [model, data] = ["logvar.safetensors", "d.npy.gz"].map(|name| cases.join(name));
    let words = format!("train --data {} --from {}", data.display(), model.display());
    let words = format!("{words} --batch 8 --epochs 2 --learning-rate 1e-9");
    program.refused(
        &format!("{words} --run @none"),
        "logvar.safetensors: expected metadata with scale = softplus or log-variance, found nothing\n  \
         try: --scale log-variance",
    )?;
    program.done(&format!("{words} --scale log-variance --run @run"))?;
    // In PyTorch: KL 4.758, and ELBO −19.194 by one draw of the latents.
    let epoch = &program.epochs("run")?[0];
    let near = |key: &str, value: f64, within: f64| {
        assert!(epoch[key].as_f64().is_some_and(|own| (own - value).abs() < within), "{epoch}");
    };
    near("train_kl", 4.758, 0.2);
    near("train_elbo", -19.194, 0.8);
    let text = fs::read_to_string(program.path("run/config.toml"))?;
    assert!(text.contains("scale = \"log-variance\""), "{text}");
    // The settings say what the model's file does not.
    program.done("train --config @run/config.toml --run @again")?;
    assert!(fs::read_to_string(program.path("again/config.toml"))? == text);
    Ok(())
}
