//! Trains the tutorial's model on MNIST for an epoch and saves it:
//! `cargo run --release --example train -- [DEVICE] [FILE]`.

use std::path::Path;
use wgvae::Vae;
use wgvae::data::{Source, Split};
use wgvae::device::{Choice, Options, open};
use wgvae::model::{Architecture, initial_weights};
use wgvae::train::Config;

fn main() -> wgvae::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let file = arguments.next().unwrap_or_else(|| "model.safetensors".to_owned());
    let Ok(choice) = device.parse::<Choice>();

    let data = Split::load(&Source::new("mnist"))?;
    let config = Config { epochs: 1, ..Config::default() };
    let architecture = Architecture::new(data.train.width(), &config.hidden)?;
    let weights = initial_weights(&architecture, config.seed);
    let mut vae = Vae::new(open(&choice, Options::default())?, &weights)?;
    println!("{architecture} on {}", vae.session().description());
    vae.fit(&data, &config, |report| {
        println!("epoch {}: test ELBO {:.2}", report.epoch, report.test.elbo);
        Ok(())
    })?;
    vae.save(Path::new(&file))?;
    println!("{file}");
    Ok(())
}
