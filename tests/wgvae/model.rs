//! The model: the parameters that follow from its layer sizes, the weights that it starts with, and
//! (in [`file`]) the file that it is kept in.

use std::error::Error;

use wgvae::device::Device;
use wgvae::device::cpu::CpuSession;
use wgvae::function::CONTINUOUS_BERNOULLI_MEAN;
use wgvae::graph::MOST_ELEMENTS;
use wgvae::graph::{Binarize, Pixels};
use wgvae::model::{
    Architecture, GAUSSIAN, Images, Init, LIKELIHOODS, Layer, Scale, Training, Weights,
    initial_weights,
};
use wgvae::{Matrix, Vae};

mod file;

type Outcome = Result<(), Box<dyn Error>>;

/// The tutorial's layers.
fn tutorial() -> wgvae::Result<Architecture> {
    Architecture::new(784, &[200, 100])
}

fn bits(weights: &Weights) -> Vec<Vec<u32>> {
    let of_tensor = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
    weights.values.iter().map(of_tensor).collect()
}

#[test]
fn parameters_follow_from_the_layers() -> Outcome {
    let found = |input, hidden: &[usize]| -> wgvae::Result<Vec<String>> {
        let parameters = Architecture::new(input, hidden)?.parameters();
        Ok(parameters.iter().map(|p| format!("{} {}", p.name, p.shape)).collect())
    };
    assert_eq!(
        found(784, &[200, 100])?,
        [
            "encoder.0.weight [784, 200]",
            "encoder.0.bias [1, 200]",
            "encoder.2.weight [200, 200]",
            "encoder.2.bias [1, 200]",
            "decoder.0.weight [100, 200]",
            "decoder.0.bias [1, 200]",
            "decoder.2.weight [200, 784]",
            "decoder.2.bias [1, 784]",
        ]
    );
    assert_eq!(
        found(3, &[1])?,
        [
            "encoder.0.weight [3, 2]",
            "encoder.0.bias [1, 2]",
            "decoder.0.weight [1, 3]",
            "decoder.0.bias [1, 3]",
        ]
    );
    let deep = Architecture::new(9, &[8, 7, 6])?;
    assert_eq!((deep.input(), deep.latent(), deep.hidden()), (9, 6, &[8, 7, 6][..]));
    let layers = |all: Vec<Layer>| {
        all.iter().map(|layer| [layer.inputs, layer.width, layer.parts]).collect::<Vec<_>>()
    };
    assert_eq!(layers(deep.encoder()), [[9, 8, 1], [8, 7, 1], [7, 6, 2]]);
    assert_eq!(layers(deep.decoder()), [[6, 7, 1], [7, 8, 1], [8, 9, 1]]);
    let other = deep.clone().with_decoder(&[5])?.with_activation("glu".parse()?)?;
    let other = other.with_likelihood(&GAUSSIAN)?.with_scale(Scale::LogVariance);
    assert_eq!(layers(other.encoder()), [[9, 8, 2], [8, 7, 2], [7, 6, 2]]);
    assert_eq!(layers(other.decoder()), [[6, 5, 2], [5, 9, 2]]);
    assert_eq!(other.to_string(), "9-[8, 7, 6]-[5] with glu and log-variance and gaussian");
    assert_eq!(deep.parameters()[4].name, "encoder.4.weight");
    assert_eq!(deep.to_string(), "9-[8, 7, 6]");
    Ok(())
}

#[test]
fn empty_layers_are_refused() {
    let rule = "hidden: expected at least one layer size, each at least 1; the last is the latent";
    for hidden in [vec![], vec![0], vec![0, 2], vec![200, 0]] {
        let words = match Architecture::new(784, &hidden) {
            Ok(architecture) => panic!("{architecture} was accepted"),
            Err(error) => error.to_string(),
        };
        assert_eq!(words, format!("{rule} size, found {hidden:?}"));
    }
}

/// The bits of each tensor's first weights. They were computed apart from this program, in Python,
/// from the definitions of ChaCha8, of rand's seeding and of the Box–Muller transform.
#[test]
fn starting_weights_are_pinned() -> Outcome {
    let architecture = tutorial()?;
    let first = |seed, tensor: usize| {
        let weights = initial_weights(&architecture, seed);
        weights.values[tensor][..4].iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(first(0, 0), [0xbde0_a0b5, 0x3cc3_626a, 0x3dd2_b80f, 0x3d27_6234]);
    assert_eq!(first(0, 2), [0x3e66_4149, 0x3d90_66ea, 0xbe24_ec7e, 0xbdb2_188b]);
    assert_eq!(first(0, 4), [0x3ebd_e5fa, 0x3d84_2d54, 0x3e26_2885, 0xbe5a_4647]);
    assert_eq!(first(0, 6), [0x3e5e_0188, 0xbdd3_cb6e, 0xbe0e_d17c, 0x3e30_5249]);
    assert_eq!(first(1, 0), [0x3d81_ec91, 0x3d0f_ab6e, 0x3c97_04fb, 0x3dc1_7437]);
    assert_eq!(first(1 << 32, 0), [0xbdab_bb83, 0x3d00_f9b1, 0xbde0_fd0a, 0x3da6_c34d]);
    Ok(())
}

/// By their second moments, and Glorot's by its bounds; a part of a layer counts as a layer.
#[test]
fn starting_weights_have_the_variance_of_their_init() -> Outcome {
    let architecture = Architecture::new(300, &[120, 60])?.with_activation("glu".parse()?)?;
    let layers = [architecture.encoder(), architecture.decoder()].concat();
    for init in Init::ALL {
        let weights = init.weights(&architecture, 3);
        for (layer, values) in layers.iter().zip(weights.values.iter().step_by(2)) {
            let (inputs, outputs) = (layer.inputs as f64, layer.width as f64);
            let variance = match init {
                Init::Tutorial => 4.0 / inputs,
                Init::He => 2.0 / inputs,
                _ => 2.0 / (inputs + outputs),
            };
            let n = values.len() as f64;
            let found = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / n;
            // Of n squares of normal numbers the relative standard error is √(2/n), of uniform ones less.
            assert!((found / variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{init} {layer:?}");
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let is_bounded = f64::from(largest) <= (3.0 * variance).sqrt();
            assert_eq!(is_bounded, init == Init::Glorot, "{init} {layer:?}: {largest}");
        }
    }
    Ok(())
}

/// A decoder of weights 0 decodes to the mean image, kept a thousandth from 0 and 1, or from a logit beyond
/// that of 0.999.
#[test]
fn an_output_bias_gives_the_mean_image() -> Outcome {
    let image = [0.0, 0.2, 0.5, 0.9, 1.0, 0.499];
    for likelihood in LIKELIHOODS {
        let architecture = Architecture::new(6, &[4, 2])?.with_likelihood(likelihood)?;
        let mut weights = initial_weights(&architecture, 1);
        weights.values[6].fill(0.0);
        let mut vae = Vae::new(Box::new(CpuSession::<f32>::new()), &weights.with_mean(&image))?;
        let decoded = vae.decode(&Matrix::new(1, 2, vec![0.3, -2.0])?)?;
        let [low, high] = match likelihood.name {
            "continuous-bernoulli" => {
                [-1.0, 1.0].map(|sign| CONTINUOUS_BERNOULLI_MEAN.at(&[sign * f64::ln(999.0)]))
            }
            _ => [1e-3, 1.0 - 1e-3],
        };
        for (found, wanted) in decoded.values().iter().zip(image) {
            let wanted = wanted.clamp(low, high);
            assert!((f64::from(*found) - wanted).abs() < 1e-5, "{}: {found}", likelihood.name);
        }
    }
    Ok(())
}

/// Standard errors of n numbers from N(0, 1): of the mean 1/√n, of the standard deviation 1/√(2n).
#[test]
fn starting_weights_are_scaled_by_their_inputs() -> Outcome {
    let architecture = tutorial()?;
    let weights = initial_weights(&architecture, 0);
    let parameters = architecture.parameters();
    assert_eq!(weights.values.len(), parameters.len());
    let mut firsts = Vec::new();
    for (parameter, values) in parameters.iter().zip(&weights.values) {
        assert_eq!(values.len(), parameter.shape.len(), "{}", parameter.name);
        if parameter.name.ends_with("bias") {
            assert!(values.iter().all(|value| value.to_bits() == 0), "{}", parameter.name);
            continue;
        }
        let scale = 2.0 / (parameter.shape.rows as f64).sqrt();
        let standard: Vec<_> = values.iter().map(|&value| f64::from(value) / scale).collect();
        let n = standard.len() as f64;
        let mean = standard.iter().sum::<f64>() / n;
        let deviation = (standard.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!(mean.abs() <= 5.0 / n.sqrt(), "{}: mean {mean}", parameter.name);
        let error = (deviation - 1.0).abs();
        assert!(error <= 5.0 / (2.0 * n).sqrt(), "{}: deviation {deviation}", parameter.name);
        firsts.push((standard[0] * 1e4).round() as i64);
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 4, "two tensors start with the same draw");
    Ok(())
}

#[test]
fn weights_pass_through_a_session() -> Outcome {
    let architecture = Architecture::new(6, &[5, 2])?;
    let weights = initial_weights(&architecture, 3);
    let images = Images {
        name: "train",
        count: 4,
        batch: 2,
        pixels: Pixels::Bytes,
        binarize: Binarize::None,
    };
    let mut session = CpuSession::<f32>::new();
    assert!(weights.write(&mut session).is_err(), "there are no such tensors yet");
    session.load(architecture.training_plan(images, Training::default(), true)?)?;
    let zero = Weights::read(&architecture, &mut session)?;
    assert!(zero.values.concat().iter().all(|&value| value == 0.0));
    weights.write(&mut session)?;
    assert_eq!(bits(&Weights::read(&architecture, &mut session)?), bits(&weights));
    Ok(())
}

#[test]
fn sizes_beyond_32_bits_are_refused() -> Outcome {
    for (input, hidden) in
        [(0, vec![2]), (usize::MAX, vec![2]), (784, vec![usize::MAX]), (784, vec![60_000, 20_000])]
    {
        assert!(matches!(Architecture::new(input, &hidden), Err(wgvae::Error::Setting { .. })));
    }
    let architecture = Architecture::new(784, &[200, 100])?;
    let most = MOST_ELEMENTS / 784;
    for batch in [0, most + 1, usize::MAX] {
        assert!(matches!(architecture.check_batch(batch), Err(wgvae::Error::Setting { .. })));
    }
    Ok(architecture.check_batch(most)?)
}
