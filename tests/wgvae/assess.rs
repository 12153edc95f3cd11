//! The assessment of a model against what can be computed otherwise: a likelihood integrated over
//! its only latent unit, and a model whose posterior is the prior.

use crate::devices::sessions;
use crate::vae::{network, sigmoid};
use std::error::Error;
use wgvae::assess::{Assessment, LogMeanExp, Samples, assess};
use wgvae::model::{Architecture, Weights, initial_weights};
use wgvae::random::pixels;
use wgvae::{Matrix, Vae};

type Outcome = Result<(), Box<dyn Error>>;

fn images(count: usize) -> wgvae::Result<Matrix> {
    let values = pixels(12 * count, 3).into_iter().map(|pixel| f32::from(pixel) / 255.0);
    Matrix::new(count, 12, values.collect())
}

fn samples(noise: u32, importance: u32) -> Samples {
    Samples { noise, importance: Some(importance), seed: 5 }
}

fn log_likelihood(weights: &Weights, x: &[f32], z: f32) -> f64 {
    let probabilities = sigmoid(network(weights, 2, 4, &[z]));
    let pixel = |(&x, p): (&f32, f64)| if x == 1.0 { p.ln() } else { (1.0 - p).ln() };
    x.iter().zip(probabilities).map(pixel).sum()
}

/// log p(x) of the model's one latent unit, by the trapezoid rule from -10 to 10.
fn integrated(weights: &Weights, x: &[f32]) -> f64 {
    const STEP: f64 = 1.0 / 128.0;
    let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let points = (-1280..=1280).map(|point| f64::from(point) * STEP);
    let sum: f64 = points.map(|z| log_likelihood(weights, x, z as f32).exp() * density(z)).sum();
    (sum * STEP).ln()
}

#[test]
fn importance_sampling_gives_the_integral() -> Outcome {
    let mut weights = initial_weights(&Architecture::new(12, &[5, 1])?, 1);
    // For every image the same posterior, wider than the prior, so that no draw counts too much.
    weights.values[2].fill(0.0);
    weights.values[3] = vec![0.3, 1.0];
    let x = images(40)?;
    let expected = (0..40).map(|row| -integrated(&weights, x.row(row))).sum::<f64>() / 40.0;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let found = assess(&mut vae, &x, samples(1, 4000), || ())?.nll.ok_or("no nll")?;
        assert!((found.mean - expected).abs() < 0.01, "{found:?}, {expected}");
        // Of few draws it is an upper bound, on average.
        let few = assess(&mut vae, &x, samples(1, 1), || ())?.nll.ok_or("no nll")?;
        assert!(few.mean > expected, "{few:?}, {expected}");
    }
    Ok(())
}

#[test]
fn where_the_posterior_is_the_prior_everything_is_exact() -> Outcome {
    let architecture = Architecture::new(12, &[5, 3])?;
    let mut weights = initial_weights(&architecture, 1);
    weights.values[2].fill(0.0);
    // Means of 0, and stddevs of softplus(s) + 1e-6 = 1.
    let s = ((1.0_f64 - 1e-6).exp() - 1.0).ln() as f32;
    weights.values[3] = vec![0.0, 0.0, 0.0, s, s, s];
    // A decoder that does not look at the latents.
    weights.values[4].fill(0.0);
    let x = images(300)?;
    let of = |row: usize| -> f64 {
        let probabilities = sigmoid(network(&weights, 2, 4, &[0.0; 3]));
        let pixel = |(&x, p): (&f32, f64)| if x == 1.0 { p.ln() } else { (1.0 - p).ln() };
        x.row(row).iter().zip(probabilities).map(pixel).sum()
    };
    let all: Vec<f64> = (0..300).map(of).collect();
    let mean = all.iter().sum::<f64>() / 300.0;
    let variance = all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 299.0;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let mut draws = 0;
        let found = assess(&mut vae, &x, samples(2, 3), || draws += 1)?;
        assert_eq!(draws, 5);
        let Assessment { elbo, log_likelihood, kl, nll, active_units, kl_per_unit } = found;
        let nll = nll.ok_or("no nll")?;
        for (what, found, expected) in [
            ("ELBO", elbo.mean, mean),
            ("log-likelihood", log_likelihood.mean, mean),
            ("negative log-likelihood", nll.mean, -mean),
            ("its error", nll.error, (variance / 300.0).sqrt()),
            ("KL", kl.mean, 0.0),
        ] {
            assert!((found - expected).abs() < 2e-5, "{what}: {found}, {expected}");
        }
        assert_eq!((active_units, kl_per_unit.len()), (0, 3));
    }
    Ok(())
}

#[test]
fn latent_units_are_told_apart() -> Outcome {
    let mut weights = initial_weights(&Architecture::new(12, &[5, 3])?, 1);
    // The last unit's mean and stddev depend on nothing: a mean of 2, a stddev of about ln 2.
    for row in weights.values[2].chunks_exact_mut(6) {
        (row[2], row[5]) = (0.0, 0.0);
    }
    weights.values[3][2] = 2.0;
    let x = images(200)?;
    for session in sessions() {
        let mut vae = Vae::new(session, &weights)?;
        let found = assess(&mut vae, &x, Samples { importance: None, ..samples(1, 1) }, || ())?;
        assert!(found.nll.is_none());
        assert_eq!(found.active_units, 2);
        let stddev = 2.0_f64.ln() + 1e-6;
        let expected = 0.5 * (4.0 + stddev * stddev - 1.0) - stddev.ln();
        assert!((found.kl_per_unit[2] - expected).abs() < 1e-5, "{:?}", found.kl_per_unit);
        let sum: f64 = found.kl_per_unit.iter().sum();
        assert!((sum - found.kl.mean).abs() < 1e-9 * sum, "{sum}, {:?}", found.kl);
        let difference = found.log_likelihood.mean - found.kl.mean;
        assert!((found.elbo.mean - difference).abs() < 1e-9 * difference.abs());
    }
    Ok(())
}

#[test]
fn the_mean_of_exponentials_does_not_depend_on_their_order() {
    // Far below and above what a double's exponential can be.
    for offset in [0.0, -5000.0, 5000.0] {
        let terms = [0.0, 3.0, -700.0, 2.5, -1.0, 3.5];
        let expected = offset + (terms.map(f64::exp).iter().sum::<f64>() / 6.0).ln();
        let mut ascending = terms;
        ascending.sort_by(f64::total_cmp);
        let mut descending = ascending;
        descending.reverse();
        for order in [terms, ascending, descending] {
            let mut mean = LogMeanExp::default();
            order.iter().for_each(|term| mean.add(offset + term));
            assert!((mean.value() - expected).abs() < 1e-9, "{}, {expected}", mean.value());
        }
    }
}
