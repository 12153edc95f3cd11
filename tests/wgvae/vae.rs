//! The model as a value: what it answers, on every device, against plain loops over its weights;
//! training, saving and loading; and questions that do not fit it.

use crate::devices::sessions;
use std::error::Error;
use std::ops::ControlFlow::{Break, Continue};
use wgvae::data::{Dataset, Labels, Levels, Split};
use wgvae::device::Choice;
use wgvae::model::{Architecture, Weights, initial_weights};
use wgvae::optimizer::{ADAM, Optimizer};
use wgvae::random::{generator, normals, pixels};
use wgvae::train::{Config, EpochReport};
use wgvae::{Matrix, Vae};

type Outcome = Result<(), Box<dyn Error>>;

/// 12 pixels, layers of 7, 5 and 3 units.
fn weights() -> wgvae::Result<Weights> {
    let mut weights = initial_weights(&Architecture::new(12, &[7, 5, 3])?, 1);
    // Biases begin at 0, which would hide them.
    let mut draws = normals(&mut generator(2, 0))
        .map(|draw| 0.1 * draw as f32)
        .take(100)
        .collect::<Vec<_>>()
        .into_iter();
    for bias in weights.values.iter_mut().skip(1).step_by(2) {
        bias.iter_mut().for_each(|value| *value = draws.next().unwrap_or(0.1));
    }
    Ok(weights)
}

/// Layers `from..to` of the weights on one row, with ReLU between them.
pub(crate) fn network(weights: &Weights, from: usize, to: usize, row: &[f32]) -> Vec<f64> {
    let mut x: Vec<f64> = row.iter().map(|&value| value.into()).collect();
    for layer in from..to {
        let (weight, bias) = (&weights.values[2 * layer], &weights.values[2 * layer + 1]);
        let unit = |j: usize| {
            let products =
                x.iter().enumerate().map(|(i, x)| x * f64::from(weight[i * bias.len() + j]));
            let sum = products.sum::<f64>() + f64::from(bias[j]);
            if layer + 1 < to { sum.max(0.0) } else { sum }
        };
        x = (0..bias.len()).map(unit).collect();
    }
    x
}

fn assert_near(what: &str, found: &Matrix, expected: impl Fn(usize) -> Vec<f64>) {
    for row in 0..found.rows() {
        let expected = expected(row);
        assert_eq!(found.columns(), expected.len(), "{what}");
        for (found, expected) in found.row(row).iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() <= 1e-5 * (1.0 + expected.abs()),
                "{what} of row {row}: {found}, {expected}"
            );
        }
    }
}

fn images(count: usize) -> wgvae::Result<Matrix> {
    let values = pixels(12 * count, 3).into_iter().map(|pixel| f32::from(pixel) / 255.0);
    Matrix::new(count, 12, values.collect())
}

pub(crate) fn sigmoid(logits: Vec<f64>) -> Vec<f64> {
    logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect()
}

#[test]
fn it_encodes_and_decodes_as_plain_loops_do() -> Outcome {
    let weights = weights()?;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        // One row, a chunk, one more, and several chunks.
        for count in [1, 256, 257, 600] {
            let x = images(count)?;
            let posterior = vae.encode(&x)?;
            assert_eq!(posterior.mean.rows(), count);
            assert_near("mean", &posterior.mean, |row| {
                network(&weights, 0, 3, x.row(row))[..3].to_vec()
            });
            let softplus = |s: &f64| s.exp().ln_1p() + 1e-6;
            assert_near("stddev", &posterior.stddev, |row| {
                network(&weights, 0, 3, x.row(row))[3..].iter().map(softplus).collect()
            });
            assert_eq!(vae.transform(&x)?, posterior.mean);
            let probabilities = vae.decode(&posterior.mean)?;
            assert_near("probabilities", &probabilities, |row| {
                sigmoid(network(&weights, 3, 6, posterior.mean.row(row)))
            });
        }
    }
    Ok(())
}

#[test]
fn samples_and_probabilities_come_from_the_same_latents() -> Outcome {
    let weights = weights()?;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let x = images(300)?;
        let posterior = vae.encode(&x)?;
        for (what, drawn) in [
            ("posterior", vae.posterior_predictive(&x, 7)?),
            ("prior", vae.prior_predictive(300, 7)?),
        ] {
            assert_near(what, &drawn.probabilities, |row| {
                sigmoid(network(&weights, 3, 6, drawn.z.row(row)))
            });
            assert!(drawn.sample.values().iter().all(|&pixel| pixel == 0.0 || pixel == 1.0));
            // Of 3600 pixels, as many are 1 as is likely.
            let sum = |matrix: &Matrix| matrix.values().iter().map(|&v| f64::from(v)).sum::<f64>();
            let (found, likely) = (sum(&drawn.sample), sum(&drawn.probabilities));
            assert!((found - likely).abs() < 4.0 * 30.0, "{what}: {found}, {likely}");
        }
        // Standardised, latents of both are draws from N(0, 1).
        let z = vae.posterior_predictive(&x, 7)?.z;
        let pairs = z.values().iter().zip(posterior.mean.values()).zip(posterior.stddev.values());
        let eps: Vec<f64> =
            pairs.map(|((z, mean), stddev)| f64::from((z - mean) / stddev)).collect();
        let prior = vae.prior_predictive(300, 7)?.z;
        let prior: Vec<f64> = prior.values().iter().map(|&z| z.into()).collect();
        for draws in [eps, prior] {
            let mean = draws.iter().sum::<f64>() / 900.0;
            let square = draws.iter().map(|draw| draw * draw).sum::<f64>() / 900.0;
            assert!(
                mean.abs() < 4.0 / 30.0 && (square - 1.0).abs() < 4.0 * 0.0472,
                "{mean}, {square}"
            );
        }
    }
    Ok(())
}

#[test]
fn draws_follow_from_the_seed_alone() -> Outcome {
    let weights = weights()?;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let many = vae.prior_predictive(600, 7)?;
        let few = vae.prior_predictive(300, 7)?;
        assert_eq!(many.z.values()[..900], few.z.values()[..900]);
        assert_eq!(many.sample.values()[..3600], few.sample.values()[..3600]);
        // No two rows of two chunks have the same.
        assert_ne!(many.z.row(0), many.z.row(256));
        assert_ne!(vae.prior_predictive(300, 8)?.z, few.z);
        let x = images(20)?;
        assert_eq!(vae.posterior_predictive(&x, 7)?, vae.posterior_predictive(&x, 7)?);
        assert_ne!(vae.posterior_predictive(&x, 7)?.z, vae.posterior_predictive(&x, 8)?.z);
    }
    Ok(())
}

#[test]
fn it_learns_and_comes_back_from_its_file() -> Outcome {
    let size = "3x4".parse()?;
    let set = |count: usize, seed| Dataset::new(Levels::Bytes(pixels(12 * count, seed)), size);
    let data = Split::new(set(640, 5)?, set(64, 6)?);
    let config = Config { hidden: vec![7, 5, 3], epochs: 3, ..Config::default() };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("model.safetensors");
    for session in sessions() {
        let mut vae = Vae::new(session, &weights()?)?;
        let mut elbos = Vec::new();
        let history = vae.fit(&data, &config, |report| {
            elbos.push(report.test.elbo);
            Ok(Continue(()))
        })?;
        assert!(elbos.len() == 3 && elbos[2] > elbos[0], "{elbos:?}");
        assert!(history.iter().map(|report| report.test.elbo).eq(elbos));
        let means = vae.transform(&images(10)?)?;
        vae.save(&file)?;
        let session = sessions().pop().ok_or("no session")?; // the CPU
        let mut loaded = Vae::load(session, &file)?;
        assert_eq!(loaded.weights()?, vae.weights()?);
        assert_near("mean", &loaded.transform(&images(10)?)?, |row| {
            means.row(row).iter().map(|&mean| mean.into()).collect()
        });
        let other = Config { hidden: vec![7, 3], ..config.clone() };
        let refusal = vae.fit(&data, &other, |_| Ok(Continue(()))).err().ok_or("other layers")?;
        assert_eq!(refusal.to_string(), "hidden: expected 12-[7, 5, 3], found 12-[7, 3]");
    }
    Ok(())
}

#[test]
fn training_goes_on_from_the_weights_and_may_stop() -> Outcome {
    let size = "3x4".parse()?;
    let set = |count: usize, seed| Dataset::new(Levels::Bytes(pixels(12 * count, seed)), size);
    let data = Split::new(set(320, 5)?, set(64, 6)?);
    for optimizer in [Optimizer::default(), Optimizer::of(&ADAM)] {
        for (whole, parts) in sessions().into_iter().zip(sessions()) {
            let mut whole = Vae::new(whole, &weights()?)?;
            let mut parts = Vae::new(parts, &weights()?)?;
            let config = Config { batch: 32, epochs: 3, optimizer, ..whole.config() };
            let expected = whole.fit(&data, &config, |_| Ok(Continue(())))?;
            // Stopped after the first epoch, then two more, with a use of the model between them.
            let mut found = parts.fit(&data, &config, |_| Ok(Break(())))?;
            parts.prior_predictive(2, 0)?;
            let rest = Config { epochs: 2, ..config.clone() };
            found.extend(parts.fit(&data, &rest, |_| Ok(Continue(())))?);
            let measures = |history: &[EpochReport]| -> Vec<_> {
                history.iter().map(|report| (report.epoch, report.train, report.test)).collect()
            };
            assert_eq!(measures(&found), measures(&expected));
            assert_eq!(parts.weights()?, whole.weights()?);
            // With other settings it goes on from the weights, and begins with epoch 1.
            let slow = Config { learning_rate: 1e-9, epochs: 1, ..config };
            let before = whole.weights()?.values.concat();
            let reports = whole.fit(&data, &slow, |_| Ok(Continue(())))?;
            assert_eq!(reports[0].epoch, 1);
            let after = whole.weights()?.values.concat();
            assert!(before.iter().zip(&after).all(|(one, other)| (one - other).abs() < 1e-5));
        }
    }
    Ok(())
}

#[test]
fn a_builder_names_each_size_once() -> Outcome {
    let vae = Vae::builder(12).hidden(&[7, 3]).activation("gelu".parse()?).seed(4);
    let mut vae = vae.device(Choice::Cpu).build()?;
    assert_eq!(vae.architecture().to_string(), "12-[7, 3] with gelu");
    let config = vae.config();
    assert_eq!((config.hidden, config.activation), (vec![7, 3], "gelu".parse()?));
    assert_eq!(vae.weights()?, initial_weights(vae.architecture(), 4));
    let refused = Vae::builder(12).hidden(&[]).device(Choice::Cpu).build().err();
    assert!(refused.ok_or("no layers")?.to_string().starts_with("hidden: expected"));
    Ok(())
}

#[test]
fn a_data_set_is_valid() -> Outcome {
    let size = "2x2".parse()?;
    let bytes = |count: usize| Levels::Bytes(vec![1; count]);
    let refused = Dataset::new(bytes(7), size).err().ok_or("a part of an image")?;
    assert_eq!(refused.to_string(), "images: expected whole images of 2x2, found 7 levels");
    let refused = Dataset::new(Levels::Reals(vec![0.0, 1.0, 0.5, 1.5]), size).err();
    assert!(refused.ok_or("above white")?.to_string().ends_with("levels from 0 to 1, found 1.5"));
    let set = Dataset::new(bytes(8), size)?;
    let labels = |of: Vec<u16>| Labels { of, names: vec!["a".into(), "b".into()] };
    for wrong in [labels(vec![0]), labels(vec![0, 2])] {
        assert!(set.clone().with_labels(wrong).is_err());
    }
    let set = set.with_labels(labels(vec![1, 0]))?;
    assert_eq!(set.labels().map(|labels| labels.name(0)), Some("b"));
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Outcome {
    for session in sessions() {
        let mut vae = Vae::new(session, &weights()?)?;
        let narrow = Matrix::new(2, 6, vec![0.0; 12])?;
        for refused in [vae.transform(&narrow).err(), vae.posterior_predictive(&narrow, 0).err()] {
            let words = "model: expected rows of 12 numbers, found rows of 6";
            assert_eq!(refused.ok_or("a narrow image")?.to_string(), words);
        }
        let words = "model: expected rows of 3 numbers, found rows of 6";
        assert_eq!(vae.decode(&narrow).err().ok_or("a wide latent")?.to_string(), words);
        let words = "model: expected at least one row, found none";
        assert_eq!(vae.prior_predictive(0, 0).err().ok_or("nothing")?.to_string(), words);
        assert_eq!(
            vae.decode(&Matrix::new(0, 3, Vec::new())?).err().ok_or("nothing")?.to_string(),
            words
        );
    }
    let words = "matrix: expected 2 rows of 3 numbers, found 5 numbers";
    assert_eq!(Matrix::new(2, 3, vec![0.0; 5]).err().ok_or("too few")?.to_string(), words);
    Ok(())
}
