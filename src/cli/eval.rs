//! `wgvae eval`.

use super::Outcome;
use super::run::{ImageFlags, RunFlags};
use super::shared::{print_json, say};
use super::terminal::progress_target;
use crate::Result;
use crate::eval::{Assessment, Mean, Samples, assess};
use indicatif::ProgressBar;
use serde_json::json;
use std::process::ExitCode;
use std::time::Instant;

/// Measure a run on its test images: ELBO, log-likelihood, KL, and what the latent units do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae eval runs/first --limit 1000 --importance-samples 500")]
pub(super) struct Arguments {
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    images: ImageFlags,
    /// Draws of each image's latents for its log-likelihood
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    noise_samples: u32,
    /// Also the negative log-likelihood by importance sampling, with so many draws an image
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    importance_samples: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut run = arguments.run.open()?;
    let x = arguments.images.load_matrix(&run, arguments.run.seed)?;
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
        print_json(&object(&assessment, samples, x.rows(), seconds))?;
    } else {
        print(&assessment, samples, x.rows())?;
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

fn print(assessment: &Assessment, samples: Samples, images: usize) -> Result<()> {
    say(format!("{images} images, nats an image, ± standard error"))?;
    let row = |name: &str, Mean { mean, error }: Mean| {
        // Of one image the error is not known.
        let error = if error.is_nan() { "?".to_owned() } else { format!("{error:.3}") };
        say(format!("{name:<34} {mean:>9.3} ± {error}"))
    };
    row("ELBO", assessment.elbo)?;
    row("log-likelihood", assessment.log_likelihood)?;
    row("KL", assessment.kl)?;
    if let Some((nll, count)) = assessment.nll.zip(samples.importance) {
        row(&format!("negative log-likelihood, K = {count}"), nll)?;
    }
    let units = &assessment.kl_per_unit;
    say(format!("{:<34} {:>5} of {}", "active units", assessment.active_units, units.len()))?;
    say("KL of each latent unit, the largest first:")?;
    let mut order: Vec<_> = units.iter().enumerate().collect();
    order.sort_by(|one, other| other.1.total_cmp(one.1));
    order.chunks(8).try_for_each(|some| {
        let texts: Vec<_> = some.iter().map(|(unit, kl)| format!("{unit:>4}: {kl:<6.3}")).collect();
        say(format!(" {}", texts.concat().trim_end()))
    })
}
