//! `wgvae eval`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags};
use super::shared::{print_json, say};
use super::table::{Output, WideFlag, say_words};
use super::terminal::progress_target;
use crate::Result;
use crate::assess::{Assessment, Mean, Samples, assess};
use crate::eval::ACTIVE;
use crate::train::{Change, Config};
use indicatif::ProgressBar;
use serde_json::json;
use std::process::ExitCode;
use std::time::Instant;

/// Number of latent units whose KL is printed, unless all are requested.
const LARGEST: usize = 10;

/// Width of a latent unit and its KL, in characters.
const CELL: usize = 13;

/// Units per line, if the line is wide enough.
const IN_A_LINE: usize = 5;

/// Measure a run on its test images: ELBO, log-likelihood, KL and active latent units.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae eval runs/first --limit 1000 --importance-samples 500")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// Samples of each image's latents for its log-likelihood
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    noise_samples: u32,
    /// Also estimate the negative log-likelihood by importance sampling, with K samples per image
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    importance_samples: Option<u32>,
    #[command(flatten)]
    wide: WideFlag,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut run = arguments.run.open()?;
    let weights = arguments.run.weights(&run.config);
    let x = arguments.images.all(&run, &arguments.images.load(&run)?, arguments.run.seed)?;
    let samples = Samples {
        noise: arguments.noise_samples,
        importance: arguments.importance_samples,
        seed: arguments.run.seed,
    };
    let draws = u64::from(samples.noise) + u64::from(samples.importance.unwrap_or(0));
    let bar = ProgressBar::with_draw_target(Some(draws), progress_target());
    let began = Instant::now();
    let assessment = assess(&mut run.vae, &x, samples, || bar.inc(1))?;
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    if arguments.json {
        let mut object = object(&assessment, samples, x.rows(), seconds);
        object["weights"] = weights.into();
        let changes: Vec<_> = run.config.changes.iter().map(Change::brief).collect();
        object["changes"] = json!(changes);

        print_json(&object)?;
    } else {
        print_settings(&weights, &run.config)?;
        print(&assessment, samples, x.rows(), arguments.wide)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn object(
    Assessment { elbo, log_likelihood, kl, nll, active_units, kl_per_unit }: &Assessment,
    samples: Samples,
    images: usize,
    seconds: f64,
) -> serde_json::Value {
    let mut object = json!({
        "elbo": elbo.mean,
        "elbo_se": elbo.error,
        "log_likelihood": log_likelihood.mean,
        "log_likelihood_se": log_likelihood.error,
        "kl": kl.mean,
        "kl_se": kl.error,
        "noise_samples": samples.noise,
        "active_units": active_units,
        "kl_per_unit": kl_per_unit,
        "images": images,
        "seconds": seconds,
    });
    if let Some((nll, count)) = nll.zip(samples.importance) {
        object["nll"] = nll.mean.into();
        object["nll_se"] = nll.error.into();
        object["importance_samples"] = count.into();
    }
    object
}

/// Prints which weights are evaluated, and the settings that changed during their training.
fn print_settings(weights: &str, Config { learning_rate, changes, .. }: &Config) -> Result<()> {
    say_words(&format!("weights: {weights}"), 2)?;
    if changes.is_empty() {
        return Ok(());
    }
    let later = changes.iter().map(|change| format!("after step {}: {change}", change.step));
    let all: Vec<_> = [format!("learning rate {learning_rate}")].into_iter().chain(later).collect();
    say_words(&format!("trained with {}", all.join("; ")), 2)
}

fn print(assessment: &Assessment, samples: Samples, images: usize, wide: WideFlag) -> Result<()> {
    say_words(&format!("{images} images, nats per image, ± standard error"), 2)?;
    let row = |name: &str, Mean { mean, error }: Mean| {
        // For a single image the error is not known.
        let error = if error.is_nan() { "?".to_owned() } else { format!("{error:.3}") };
        row_of_words(name, format!("{mean:>9.3} ± {error}"))
    };
    row("ELBO", assessment.elbo)?;
    row("log-likelihood", assessment.log_likelihood)?;
    row("KL", assessment.kl)?;
    if let Some((nll, count)) = assessment.nll.zip(samples.importance) {
        row(&format!("negative log-likelihood, K = {count}"), nll)?;
    }
    let units = &assessment.kl_per_unit;
    row_of_words("active units", format!("{:>5} of {}", assessment.active_units, units.len()))?;
    say_words(
        &format!("  active: the variance of the posterior mean over the images is above {ACTIVE}"),
        2,
    )?;
    print_units(units, if wide.is_set() { units.len() } else { LARGEST })
}

fn row_of_words(name: &str, words: String) -> Result<()> {
    // A narrow terminal gets a narrow column of names.
    let wide = Output::Results.width().is_none_or(|width| width > 50);
    let label = if wide { 34 } else { 15 };
    say_words(&format!("{name:<label$} {words}"), 2)
}

/// Prints the latent units with the largest KL.
fn print_units(units: &[f64], most: usize) -> Result<()> {
    let shown = most.min(units.len());
    let which = if shown < units.len() {
        format!("the largest {shown} of {} (--wide has all)", units.len())
    } else {
        "the largest first".to_owned()
    };
    say_words(&format!("KL of each latent unit, {which}:"), 2)?;
    let mut order: Vec<_> = units.iter().enumerate().collect();
    order.sort_by(|one, other| other.1.total_cmp(one.1));
    let cells: Vec<_> =
        order[..shown].iter().map(|(unit, kl)| format!("{unit:>5}: {kl:<6.3}")).collect();
    let width = Output::Results.width().unwrap_or(usize::MAX);
    let fit = (width / CELL).clamp(1, IN_A_LINE);
    cells.chunks(fit).try_for_each(|some| say(some.concat().trim_end()))
}
