//! Loads a model and prints images drawn from its prior: `cargo run --release --example sample --
//! [FILE] [COUNT]`, after `--example train`.

use std::path::Path;
use wgvae::Vae;
use wgvae::device::{Choice, Options, open};

fn main() -> wgvae::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| "model.safetensors".to_owned());
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(2);

    let mut vae = Vae::load(open(&Choice::Auto, Options::default())?, Path::new(&file))?;
    let side = vae.architecture().input().isqrt();
    let drawn = vae.prior_predictive(count, 0)?;
    for image in 0..count {
        for line in drawn.probabilities.row(image).chunks(side) {
            let shade = |&p: &f32| [' ', '.', ':', 'o', '#'][(p * 4.0).round() as usize];
            println!("{}", line.iter().map(shade).collect::<String>());
        }
    }
    Ok(())
}
