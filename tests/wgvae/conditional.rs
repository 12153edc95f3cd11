//! Models that are given labels: the same numbers on every device, the label that was chosen, files and
//! runs that know the labels, and what is refused.

use crate::cli::{stderr, stdout, wgvae};
use crate::devices::sessions;
use crate::resume::check_parts;
use crate::vae::{network, sigmoid};
use safetensors::SafeTensors;
use serde_json::Value;
use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::ops::ControlFlow::Continue;
use std::path::Path;
use wgvae::assess::{Samples, assess};
use wgvae::checkpoint::{Checkpoint, FILE_NAME, fingerprint, fingerprint_with_labels};
use wgvae::data::{Dataset, Labels, Levels, Split};
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Choice, Options, Session, open};
use wgvae::graph::Binarize;
use wgvae::model::{self, Architecture, Bound, Init, Weights};
use wgvae::random::{generator, normals};
use wgvae::train::{Config, ConfigFile, Ended, Report, Run, Trainer};
use wgvae::{Matrix, Vae};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const NAMES: [&str; 2] = ["bottom", "top"];

/// The grey levels of images of 4 by 4 pixels, of which each is white in one half, by its class, but for
/// a few pixels.
fn levels(classes: &[u16], seed: u64) -> Vec<u8> {
    let mut noise = generator(seed, 0);
    let mut noise = normals(&mut noise);
    let mut pixel = |index: usize| {
        let is_top = index % 16 < 8;
        let is_white = is_top == (classes[index / 16] == 1);
        let is_noise = noise.next().is_some_and(|draw| draw > 1.5);
        if is_white != is_noise { 255 } else { 0 }
    };
    (0..classes.len() * 16).map(&mut pixel).collect()
}

fn images(count: usize, seed: u64) -> Outcome<Dataset> {
    let mut draws = generator(seed, 1);
    let of: Vec<_> = normals(&mut draws).take(count).map(|draw| u16::from(draw > 0.0)).collect();
    let images = Dataset::new(Levels::Bytes(levels(&of, seed)), "4x4".parse()?)?;
    Ok(images.with_labels(Labels { of, names: NAMES.map(str::to_owned).into() })?)
}

pub(crate) fn data() -> Outcome<Split> {
    Ok(Split::new(images(70, 1)?, images(15, 2)?))
}

pub(crate) fn config() -> Config {
    Config {
        hidden: vec![9, 3],
        epochs: 3,
        batch: 8,
        seed: 7,
        conditional: true,
        ..Config::default()
    }
}

fn architecture() -> wgvae::Result<Architecture> {
    Architecture::new(16, &[9, 3])?.with_labels(NAMES.map(str::to_owned).into())
}

/// Weights with biases that are not 0.
fn weights() -> wgvae::Result<Weights> {
    let mut weights = Init::He.weights(&architecture()?, 1);
    for (layer, bias) in weights.values.iter_mut().skip(1).step_by(2).enumerate() {
        for (unit, value) in bias.iter_mut().enumerate() {
            *value = 0.1 * ((unit + layer) % 5) as f32 - 0.2;
        }
    }
    Ok(weights)
}

/// Each step of an epoch, and the weights after it.
fn epoch(session: &mut dyn Session, config: &Config) -> Outcome<(Vec<f64>, Weights)> {
    let mut trainer = Trainer::new(session, config, &data()?)?;
    let mut elbos = Vec::new();
    let report = trainer.epoch(session, |report| {
        if let Report::Step(step) = report {
            elbos.push(step.elbo);
        }
        Ok(())
    })?;
    elbos.push(report.test.elbo);
    Ok((elbos, trainer.weights(session)?))
}

#[test]
fn every_device_has_the_oracles_losses() -> Outcome {
    // As many latent units as labels, or more.
    for (objective, samples, latent) in [
        (Bound::Elbo, 1, 3),
        (Bound::Elbo, 1, 2),
        (Bound::Elbo, 2, 2),
        (Bound::Iwae, 3, 3),
        (Bound::Dreg, 2, 3),
    ] {
        let config = Config { objective, samples, hidden: vec![9, latent], ..config() };
        let unfused = Config { fuse: false, ..config.clone() };
        let (expected, weights) = epoch(&mut CpuSession::<f64>::new(), &unfused)?;
        assert_eq!(expected.len(), 8 + 1);
        for fuse in [true, false] {
            for mut session in sessions() {
                let config = Config { fuse, self_check: Some(3), ..config.clone() };
                let (found, own) = epoch(session.as_mut(), &config)?;
                let name = session.description();
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (found - expected).abs() / expected.abs();
                    assert!(error <= 1e-5, "{name}, {objective:?}: {found}, {expected}");
                }
                assert_eq!(found.len(), expected.len());
                let pairs = own.values.iter().flatten().zip(weights.values.iter().flatten());
                for (one, other) in pairs {
                    assert!((one - other).abs() <= 1e-4, "{name}, {objective:?}: {one}, {other}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_training_in_parts_has_the_same_bits() -> Outcome {
    check_parts(&config(), &data()?)?;
    check_parts(&Config { objective: Bound::Iwae, samples: 2, ..config() }, &data()?)
}

#[test]
fn labels_are_inputs_of_both_networks() -> Outcome {
    let (weights, set) = (weights()?, images(300, 5)?);
    let all: Vec<u32> = (0..300).collect();
    let one_hot = set.one_hot(&all, &NAMES.map(str::to_owned))?;
    let x = set.matrix(&all, Binarize::Threshold, 0)?.beside(&one_hot)?;
    let near = |found: &Matrix, expected: &dyn Fn(usize) -> Vec<f64>| {
        for row in 0..found.rows() {
            let expected = expected(row);
            assert_eq!(found.columns(), expected.len());
            for (found, expected) in found.row(row).iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{row}: {found}, {expected}");
            }
        }
    };
    let decoded = |z: &[f32], label: &[f32]| sigmoid(network(&weights, 2, 4, &[z, label].concat()));
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let posterior = vae.encode(&x)?;
        near(&posterior.mean, &|row| network(&weights, 0, 2, x.row(row))[..3].to_vec());
        let mean = &posterior.mean;
        let probabilities = vae.decode(&mean.beside(&one_hot)?)?;
        near(&probabilities, &|row| decoded(mean.row(row), one_hot.row(row)));
        let bottom = vae.decode_of("bottom", mean)?;
        near(&bottom, &|row| decoded(mean.row(row), &[1.0, 0.0]));
        let drawn = vae.posterior_predictive(&x, 3)?;
        near(&drawn.probabilities, &|row| decoded(drawn.z.row(row), one_hot.row(row)));
        let drawn = vae.prior_predictive_of("top", 300, 3)?;
        near(&drawn.probabilities, &|row| decoded(drawn.z.row(row), &[0.0, 1.0]));
        // Half of each, from the same latents.
        let both = vae.prior_predictive(301, 3)?;
        assert_eq!(both.z.values()[..900], drawn.z.values()[..]);
        near(&both.probabilities, &|row| {
            decoded(both.z.row(row), if row <= 150 { &[1.0, 0.0] } else { &[0.0, 1.0] })
        });
        let log_likelihood = vae.log_likelihood(&x, mean)?;
        for (row, found) in log_likelihood.iter().enumerate() {
            let pixels = x.row(row)[..16].iter().zip(decoded(mean.row(row), one_hot.row(row)));
            let expected: f64 =
                pixels.map(|(x, p)| if *x == 1.0 { p.ln() } else { (1.0 - p).ln() }).sum();
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{row}: {found}, {expected}");
        }
        // Neither images nor latents without labels, nor labels that do not exist.
        let said =
            |error: Option<wgvae::Error>| error.map_or(String::new(), |error| error.to_string());
        let (pixels, _) = x.split(16)?;
        let words = "model: expected rows of 16 numbers and 2 of labels, found rows of 16";
        assert_eq!(said(vae.encode(&pixels).err()), words);
        let words = "model: expected rows of 3 numbers and 2 of labels, found rows of 3";
        assert_eq!(said(vae.decode(mean).err()), words);
        let words =
            "label: expected a label of the model: bottom, top, found \"botom\", similar to bottom";
        assert_eq!(said(vae.prior_predictive_of("botom", 1, 0).err()), words);
        assert_eq!(said(vae.decode_of("botom", mean).err()), words);
    }
    let plain = Architecture::new(16, &[9, 3])?;
    let mut vae = Vae::new(Box::new(CpuSession::<f32>::new()), &Init::He.weights(&plain, 1))?;
    let error = vae.prior_predictive_of("top", 1, 0).err().ok_or("no labels")?;
    let words =
        "label: expected a model that was trained with labels, found 16-[9, 3], without labels";
    assert_eq!(error.to_string(), words);
    Ok(())
}

/// The mean of each half of the images, the upper one first.
fn halves(images: &Matrix) -> [f64; 2] {
    let mean = |half: usize| {
        let rows = (0..images.rows()).flat_map(|row| &images.row(row)[8 * half..][..8]);
        rows.map(|&pixel| f64::from(pixel)).sum::<f64>() / (8 * images.rows()) as f64
    };
    [mean(0), mean(1)]
}

#[test]
fn a_label_chooses_what_is_generated() -> Outcome {
    let data = Split::new(images(640, 1)?, images(64, 2)?);
    for session in sessions() {
        let layers = architecture()?;
        let mut vae = Vae::new(session, &Init::default().weights(&layers, 0))?;
        // The labels of the data are those of the model.
        let config = Config { epochs: 12, batch: 16, learning_rate: 0.005, ..vae.config() };
        assert_eq!((config.conditional, config.labels.len()), (true, 2));
        let history = vae.fit(&data, &config, |_| Ok(Continue(())))?;
        let name = vae.session().description().clone();
        for (label, upper, lower) in [("top", 1, 0), ("bottom", 0, 1)] {
            let drawn = vae.prior_predictive_of(label, 200, 4)?;
            for found in [halves(&drawn.probabilities), halves(&drawn.sample)] {
                let [bright, dark] = if upper > lower { found } else { [found[1], found[0]] };
                assert!(bright > 0.85 && dark < 0.15, "{name}: {label}, {found:?}");
            }
        }
        // A latent unit need not tell the classes apart, and the evaluation is given the labels, too.
        let test = &data.test;
        let all: Vec<u32> = (0..64).collect();
        let x = test.matrix(&all, Binarize::Threshold, 0)?;
        let own = x.beside(&test.one_hot(&all, layers.labels())?)?;
        let other: Vec<_> =
            test.places(layers.labels())?.iter().map(|&place| 1 - place as usize).collect();
        let wrong = x.beside(&Matrix::one_hot(&other, 2)?)?;
        let samples = Samples { noise: 4, importance: Some(8), seed: 0 };
        let [own, wrong] = [own, wrong].map(|x| assess(&mut vae, &x, samples, || ()));
        let (own, wrong) = (own?, wrong?);
        assert!(own.elbo.mean > wrong.elbo.mean + 10.0, "{name}: {own:?}, {wrong:?}");
        assert!((own.elbo.mean - history[11].test.elbo).abs() < 0.5, "{name}: {own:?}");
        let nll = |nll: Option<wgvae::assess::Mean>| nll.map_or(f64::NAN, |nll| nll.mean);
        assert!(nll(wrong.nll) > nll(own.nll) + 5.0);
    }
    Ok(())
}

#[test]
fn files_have_the_labels() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.safetensors");
    let names = vec!["a \"cat\"".to_owned(), "chien, été".to_owned(), String::new()];
    let layers = Architecture::new(6, &[5, 2])?.with_decoder(&[4])?.with_labels(names.clone())?;
    let weights = Init::He.weights(&layers, 3);
    model::save(&path, &weights)?;
    assert_eq!(model::load(&path)?, weights);
    assert_eq!(layers.to_string(), "6-[5, 2]-[4] with 3 labels");
    assert_eq!((layers.encoder_inputs(), layers.decoder_inputs()), (9, 5));
    let bytes = fs::read(&path)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    assert_eq!(tensors.tensor("encoder.0.weight")?.shape(), [5, 9]);
    assert_eq!(tensors.tensor("decoder.0.weight")?.shape(), [4, 5]);
    // As another program may write it, with no more than it must.
    let text = serde_json::to_string(&names)?;
    let write = |labels: &str| -> Outcome {
        let entries = [("labels", labels), ("scale", "softplus")];
        let entries = entries.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(fs::write(&path, safetensors::serialize(tensors.tensors(), Some(entries.into()))?)?)
    };
    write(&text)?;
    assert_eq!(model::load(&path)?, weights);
    for (labels, said) in [
        ("cat, dog", "metadata with names such as [\"cat\",\"dog\"] as labels, found cat, dog"),
        ("[1, 2]", "metadata with names"),
        ("[\"a\",\"b\",\"a\"]", "metadata with names that differ as labels, found labels"),
        ("[\"a\",\"b\"]", "a decoder of 3 latent units and 6 pixels for an encoder of 2 and 7"),
        ("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]", "5 inputs for 6 labels and others"),
    ] {
        write(labels)?;
        let error = model::load(&path).err().ok_or_else(|| format!("{labels} was taken"))?;
        assert!(error.to_string().contains(said), "{labels}: {error}");
    }
    Ok(())
}

/// Trains in a folder until a step, or to the end.
pub(crate) fn train(
    config: &Config,
    data: &Split,
    folder: &Path,
    until: Option<u64>,
) -> Outcome<Ended> {
    let step = Cell::new(0);
    let is_interrupted = || until.is_some_and(|until| step.get() >= until);
    let run = Run { is_interrupted: &is_interrupted, ..Run::new(config, data, folder) };
    let tell = |report: &Report| {
        if let Report::Step(report) = report {
            step.set(report.step);
        }
        Ok(())
    };
    let mut session = CpuSession::<f32>::new();
    let is_begun = folder.join("config.toml").exists();
    Ok(if is_begun { run.resume(&mut session, tell)? } else { run.begin(&mut session, tell)? })
}

#[test]
fn a_run_knows_its_labels() -> Outcome {
    let (folder, data) = (tempfile::tempdir()?, data()?);
    let config = Config { checkpoint_every: Some("3".parse()?), ..config() };
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    assert_eq!(train(&config, &data, &whole, None)?, Ended::Finished);
    assert!(matches!(train(&config, &data, &parts, Some(5))?, Ended::Interrupted(5..=12)));
    let recorded = ConfigFile::read(&parts.join("config.toml"))?.config;
    assert_eq!((recorded.conditional, &recorded.labels[..]), (true, &NAMES.map(str::to_owned)[..]));
    // Images with other labels are others.
    let mut swapped = data.clone();
    let labels = data.test.labels().cloned().ok_or("labels")?;
    let of = labels.of.iter().map(|class| 1 - class).collect();
    swapped.test = data.test.clone().with_labels(Labels { of, ..labels })?;
    assert_eq!(fingerprint(&swapped), fingerprint(&data));
    let names = &recorded.labels;
    assert_ne!(fingerprint_with_labels(&swapped, names), fingerprint_with_labels(&data, names));
    let error = train(&recorded, &swapped, &parts, None).err().ok_or("other labels")?;
    assert!(error.to_string().contains("data: expected the images of the run"), "{error}");
    let renamed =
        Config { labels: vec!["bottom".into(), "top".into(), "middle".into()], ..recorded.clone() };
    let error = train(&renamed, &data, &parts, None).err().ok_or("more labels")?;
    assert!(
        error.to_string().contains("labels = [\"bottom\", \"top\", \"middle\"], as in"),
        "{error}"
    );
    assert_eq!(train(&recorded, &data, &parts, None)?, Ended::Finished);
    for file in ["model.safetensors", "best.safetensors", "samples.png", "reconstructions.png"] {
        assert!(fs::read(whole.join(file))? == fs::read(parts.join(file))?, "{file}");
    }
    let [one, other] = [&whole, &parts].map(|run| Checkpoint::load(&run.join(FILE_NAME)));
    let (one, other) = (one?, other?);
    assert!(one.weights == other.weights && one.states == other.states);
    assert_eq!(one.weights.architecture.labels(), NAMES);
    Ok(())
}

#[test]
fn images_must_have_the_labels_of_the_training_images() -> Outcome {
    let whole = data()?;
    let refused = |data: &Split, config: &Config, said: &str| -> Outcome {
        let error = Trainer::new(&mut CpuSession::<f32>::new(), config, data).err();
        let error = error.ok_or_else(|| format!("{said}: nothing was refused"))?;
        assert!(error.to_string().contains(said), "{error}");
        Ok(())
    };
    let bare = Dataset::new(whole.test.levels().clone(), whole.test.size())?;
    let without = Split { test: bare.clone(), ..whole.clone() };
    refused(&without, &config(), "labels of the test images, for a conditional model, found none")?;
    let without = Split { validation: Some(bare.clone()), ..whole.clone() };
    refused(&without, &config(), "labels of the validation images")?;
    refused(
        &Split::new(bare.clone(), bare),
        &config(),
        "mnist: expected labels of the training images",
    )?;
    let others =
        Labels { of: vec![2; 15], names: ["top", "x", "middle"].map(str::to_owned).into() };
    let other = Split { test: whole.test.clone().with_labels(others)?, ..whole.clone() };
    let said = "test images with the labels of the training images: bottom, top, found middle";
    refused(&other, &config(), said)?;
    let labels = vec!["bottom".to_owned()];
    let said = "training images with the labels of the model: bottom, found top";
    refused(&whole, &Config { labels: labels.clone(), ..config() }, said)?;
    let twice = vec!["bottom".to_owned(), "top".to_owned(), "top".to_owned()];
    refused(&whole, &Config { labels: twice, ..config() }, "names that differ, found top twice")?;
    let error = Config { conditional: false, labels, ..config() }.check().err().ok_or("labels")?;
    assert!(
        error.to_string().contains("labels: expected none unless conditional is true"),
        "{error}"
    );
    // The order of a set's own names does not matter, nor names that no image has.
    let labels = whole.test.labels().ok_or("labels")?;
    let names = ["no image", "top", "bottom"].map(str::to_owned).into();
    let of = labels.of.iter().map(|class| 2 - class).collect();
    let renamed = whole.test.clone().with_labels(Labels { of, names })?;
    assert_eq!(renamed.classes(), ["top", "bottom"]);
    let names = NAMES.map(str::to_owned);
    assert_eq!(renamed.places(&names)?, whole.test.places(&names)?);
    Ok(())
}

#[test]
fn matrices_are_put_side_by_side() -> Outcome {
    let one = Matrix::new(2, 2, vec![1.0, 2.0, 3.0, 4.0])?;
    let hot = Matrix::one_hot(&[2, 0], 3)?;
    assert_eq!(hot.values(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let both = one.beside(&hot)?;
    assert_eq!(both.row(1), [3.0, 4.0, 1.0, 0.0, 0.0]);
    assert_eq!(both.split(2)?, (one.clone(), hot));
    assert_eq!(both.split(5)?.1.columns(), 0);
    assert!(both.split(6).is_err() && Matrix::one_hot(&[3], 3).is_err());
    assert!(one.beside(&Matrix::one_hot(&[0], 3)?).is_err());
    let layers =
        Architecture::new(4, &[2])?.with_labels(vec!["a".into(), "b".into(), "c".into()])?;
    assert_eq!(layers.labels_in_turn(7), [0, 0, 0, 1, 1, 2, 2]);
    assert_eq!(layers.labels_in_turn(2), [0, 1]);
    assert!(layers.labels_in_turn(0).is_empty());
    Ok(())
}

/// A table of images, with the class in the first column.
pub(crate) fn table(path: &Path, set: &Dataset, with_labels: bool) -> Outcome {
    let Levels::Bytes(levels) = set.levels() else { return Err("no bytes".into()) };
    let labels = set.labels().ok_or("no labels")?;
    let mut text = String::new();
    for (image, levels) in levels.chunks(16).enumerate() {
        let label = with_labels.then(|| labels.name(image).to_owned());
        let cells: Vec<_> = label.into_iter().chain(levels.iter().map(u8::to_string)).collect();
        text += &format!("{}\n", cells.join(","));
    }
    Ok(fs::write(path, text)?)
}

#[test]
fn every_command_takes_labels() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    table(path("train.csv").as_ref(), &images(200, 1)?, true)?;
    table(path("bare.csv").as_ref(), &images(20, 2)?, false)?;
    let other = images(20, 2)?;
    let of = other.labels().ok_or("labels")?.of.clone();
    let names = vec!["bottom".to_owned(), "middle".to_owned()];
    table(path("other.csv").as_ref(), &other.with_labels(Labels { of, names })?, true)?;
    let run = |words: &str| -> Outcome<std::process::Output> {
        let here = path("");
        let words: Vec<_> = words.split(' ').map(|word| word.replace('@', &here)).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Ok(wgvae(&[&words[..], &["--device", "cpu"]].concat())?)
    };
    let done = |words: &str| -> Outcome<String> {
        let output = run(words)?;
        assert_eq!(output.status.code(), Some(0), "{words}: {}", stderr(&output));
        Ok(stdout(&output))
    };
    let refused = |words: &str, said: &str| -> Outcome {
        let output = run(words)?;
        assert_eq!(output.status.code(), Some(2), "{words}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{words}: {}", stderr(&output));
        Ok(())
    };
    let small = "--hidden 9,2 --batch 16 --epochs 40 --learning-rate 0.005 --no-tensorboard";
    let output = run(&format!("train --data @train.csv {small} --conditional --run @run"))?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("16-[9, 2] with 2 labels"), "{}", stderr(&output));
    done(&format!("train --data @train.csv {small} --run @plain"))?;
    refused(
        &format!("train --data @bare.csv {small} --conditional --run @none"),
        "bare.csv: expected labels of the training images, for a conditional model, found none\n  try: ",
    )?;
    refused(
        &format!(
            "train --data @train.csv --test-data @other.csv {small} --conditional --run @none"
        ),
        "other.csv: expected test images with the labels of the training images: bottom, top, found middle\n  \
         try: --test-data IMAGES",
    )?;
    refused("train --resume @run --conditional", "cannot be used with")?;
    assert!(!folder.path().join("none").exists());

    let session = open(&Choice::Cpu, Options::default())?;
    let mut vae = Vae::load(session, path("run/model.safetensors").as_ref())?;
    let read = |name: &str| Matrix::read(path(name).as_ref());
    done("sample @run --count 6 --seed 4 --output @s.npy --probabilities @p.npy --latents @z.npy")?;
    let drawn = vae.prior_predictive(6, 4)?;
    assert_eq!((read("s.npy")?, read("p.npy")?), (drawn.sample, drawn.probabilities));
    done("sample @run --count 6 --seed 4 --label top --output @s.npy --probabilities @p.npy")?;
    let drawn = vae.prior_predictive_of("top", 6, 4)?;
    assert_eq!((read("s.npy")?, read("p.npy")?), (drawn.sample, drawn.probabilities.clone()));
    let [upper, lower] = halves(&drawn.probabilities);
    assert!(upper > lower + 0.5, "{upper}, {lower}");
    done("decode @run --label top --input @z.npy --output @d.npy")?;
    assert_eq!(read("d.npy")?, drawn.probabilities);
    refused(
        "decode @run --input @z.npy --output @x.npy",
        "--label: expected a label of the model: bottom, top, found none",
    )?;

    let split = ConfigFile::read(path("run/config.toml").as_ref())?.config.split()?.0;
    let (test, names) = (&split.test, NAMES.map(str::to_owned));
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let one_hot = test.one_hot(&all, &names)?;
    let x = test.matrix(&all, Binarize::Threshold, 0)?.beside(&one_hot)?;
    done("encode @run --output @m.npy")?;
    assert_eq!(read("m.npy")?, vae.encode(&x)?.mean);
    let found: Value = serde_json::from_str(&done("eval @run --json --importance-samples 3")?)?;
    let samples = Samples { noise: 1, importance: Some(3), seed: 0 };
    let expected = assess(&mut vae, &x, samples, || ())?;
    assert_eq!(found["elbo"].as_f64(), Some(expected.elbo.mean));
    assert_eq!(found["nll"].as_f64(), expected.nll.map(|nll| nll.mean));
    for words in [
        "sample @run --output @sample.png",
        "sample @run --label top --output @top.png",
        "decode @run --label bottom --input @z.npy --output @decode.png",
        "manifold @run --output @first.png",
        "manifold @run --label bottom --output @bottom.png",
        "manifold @run --label top --output @manifold.png",
        "reconstruct @run --count 4 --samples 2 --output @reconstruct.png",
        "reconstruct @run --label top --count 2 --output @tops.png",
        "interpolate @run --from 0 --to 1 --output @interpolate.png",
        "eval @run --input @train.csv",
        "profile @run --steps 5",
    ] {
        done(words)?;
    }
    let size = |name: &str| image::image_dimensions(path(name));
    // Two rows of ten each; labels are above those of several.
    let [sample, top] = [size("sample.png")?, size("top.png")?];
    assert!(sample.0 >= 128 + 10 * 72 && sample.1 > top.1, "{sample:?}, {top:?}");
    let bytes = |name: &str| fs::read(path(name));
    assert!(bytes("manifold.png")? != bytes("bottom.png")?);
    for words in ["sample @run", "decode @run --input @z.npy", "manifold @run"] {
        let words = format!("{words} --label topp --output @x.png");
        refused(
            &words,
            "--label: expected a label of the model: bottom, top, found \"topp\", similar to top",
        )?;
    }
    for words in ["sample @plain", "decode @plain --input @z.npy", "manifold @plain"] {
        let words = format!("{words} --label top --output @x.png");
        refused(
            &words,
            "--label: expected a model that was trained with labels, found 16-[9, 2], without labels\n  \
             try: no --label",
        )?;
    }
    for words in ["encode @run --output @x.npy", "eval @run", "reconstruct @run --output @x.png"] {
        refused(
            &format!("{words} --input @bare.csv"),
            "bare.csv: expected images with labels, for a model with labels, found none",
        )?;
        refused(
            &format!("{words} --input @other.csv"),
            "other.csv: expected labels among bottom, top, for a model with labels, found middle",
        )?;
    }
    // A run of the same settings has the labels of its own images.
    let settings = done("train --config @run/config.toml --print-config")?;
    assert!(
        settings.contains("conditional = true") && !settings.contains("labels = "),
        "{settings}"
    );
    done("train --config @run/config.toml --run @again")?;
    assert!(bytes("again/model.safetensors")? == bytes("run/model.safetensors")?);
    assert_eq!(
        fs::read_to_string(path("again/config.toml"))?,
        fs::read_to_string(path("run/config.toml"))?
    );
    let more = done("train --resume @run --epochs 41")?;
    assert!(more.contains("41/41"), "{more}");
    Ok(())
}
