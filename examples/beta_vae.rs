//! A β-VAE (Higgins and others, 2017) whose weight of the KL divergence rises over the first
//! epochs. The weight is passed with each step, so no recompilation is needed: `cargo run --release
//! --example beta_vae`.

use std::path::Path;
use wgvae::data::Split;
use wgvae::device::{Choice, Options, Values, open};
use wgvae::graph::{Binarize, Step};
use wgvae::model::{Architecture, Images, Training, initial_weights};

const BATCH: usize = 64;
const EPOCHS: u32 = 4;
const BETA: f64 = 4.0;
const WARM_UP_EPOCHS: f64 = 2.0;

fn main() -> wgvae::Result<()> {
    let data = Split::from_folder(Path::new("data/mnist"))?.train;
    let per_epoch = (data.len() / BATCH) as u32;
    let architecture = Architecture::new(data.width(), &[200, 20])?;
    let images = Images {
        name: "train",
        count: data.len(),
        batch: BATCH,
        pixels: data.levels().pixels(),
        binarize: Binarize::Threshold,
    };
    let plan = architecture.training_plan(images, Training::default(), true)?;
    let mut session = open(&Choice::Auto, Options::default())?;
    let program = session.load(plan)?;
    println!("{} dispatches a step on {}", session.launches(program)?.len(), session.description());
    initial_weights(&architecture, 0).write(session.as_mut())?;
    session.write("train.images", data.levels().values())?;
    session.write("train.indices", Values::U32(&(0..data.len() as u32).collect::<Vec<_>>()))?;

    // A pure function of the step.
    let weight =
        |index: u32| BETA * (f64::from(index) / f64::from(per_epoch) / WARM_UP_EPOCHS).min(1.0);
    let step = |index: u32| {
        let first_row = index % per_epoch * BATCH as u32;
        Step::new(0, index, first_row).with_kl_weight(weight(index))
    };
    for epoch in 0..EPOCHS {
        let mut sums = [0.0; 2];
        for first in (epoch * per_epoch..(epoch + 1) * per_epoch).step_by(100) {
            let last = (first + 100).min((epoch + 1) * per_epoch);
            session.run(program, &(first..last).map(step).collect::<Vec<_>>())?;
            for row in session.take_log(true)? {
                sums.iter_mut().zip(&row.values).for_each(|(sum, value)| *sum += value);
            }
        }
        let [log_likelihood, kl] = sums.map(|sum| sum / f64::from(per_epoch) / BATCH as f64);
        let last = weight((epoch + 1) * per_epoch - 1);
        println!("epoch {}: LL {log_likelihood:.2}, KL {kl:.2}, weight {last:.2}", epoch + 1);
    }
    Ok(())
}
