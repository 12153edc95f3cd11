//! Trains the tutorial's model on MNIST for an epoch and saves it:
//! `cargo run --release --example train -- [DEVICE] [FILE]`.

use std::ops::ControlFlow::Continue;
use std::path::Path;
use wgvae::data::{Source, Split};
use wgvae::{Config, Vae};

fn main() -> wgvae::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let file = arguments.next().unwrap_or_else(|| "model.safetensors".to_owned());
    let Ok(device) = device.parse();

    let data = Split::load(&Source::new("mnist"))?;
    let mut vae = Vae::builder(data.train.width()).device(device).build()?;
    println!("{} on {}", vae.architecture().clone(), vae.session().description());
    let config = Config { epochs: 1, ..vae.config() };
    vae.fit(&data, &config, |report| {
        println!("epoch {}: test ELBO {:.2}", report.epoch, report.test.elbo);
        Ok(Continue(()))
    })?;
    vae.save(Path::new(&file))?;
    println!("{file}");
    Ok(())
}
