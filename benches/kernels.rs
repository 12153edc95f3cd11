//! Checks every variant of every product of a training step against the CPU, and then times it.
//!
//! `cargo bench --bench kernels -- [DEVICE] [BATCH] [KERNEL] [VARIANT]`; DEVICE as in `wgvae
//! devices`, by default `gpu`; BATCH, by default 64; by default every KERNEL and VARIANT.

mod common;

use wgvae::device::gpu::{Adapters, Trial};
use wgvae::graph::{Binarize, Pixels};
use wgvae::kernel::{Arguments, Call, Kernel, Variant};
use wgvae::model::{Architecture, Images, Training};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Timings of each variant, interleaved; the shortest counts.
const TIMINGS: usize = 20;

fn main() -> Outcome {
    // Cargo adds --bench.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let device = arguments.next().unwrap_or_else(|| "gpu".to_owned());
    let batch = arguments.next().map_or(Ok(64), |batch| batch.parse())?;
    let (wanted, only) = (arguments.next(), arguments.next());
    let adapters = Adapters::enumerate();
    let index = if device == "gpu" { adapters.best(true)? } else { adapters.named(&device) };
    let index = index.ok_or_else(|| format!("no adapter {device}: see `wgvae devices`"))?;
    let (gpu, info) = (adapters.open(index)?, &adapters.list()[index]);
    println!("{}, batch {batch}\n", common::header(&info.description()));
    let architecture = Architecture::new(784, &[200, 100])?;
    let images = Images {
        name: "bench",
        count: batch,
        batch,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let plan = architecture.training_plan(images, Training::default(), true)?;
    for node in plan.nodes() {
        let call = Call::of(plan.graph(), node);
        let (kernel, label) = (Kernel::of(&call), call.label());
        if call.largest_product() == 0 || wanted.as_ref().is_some_and(|name| *name != label) {
            continue;
        }
        let trial = Trial::new(plan.graph(), node)?;
        let serves = |&variant: &Variant| {
            gpu.has(variant)
                && kernel.tiling(&call, variant).is_some()
                && only.as_ref().is_none_or(|only| variant.name() == only)
        };
        let variants = kernel.variants().into_iter().filter(serves);
        let candidate = |variant| Ok((variant, trial.candidate(&gpu, variant)?));
        let mut candidates = variants.map(candidate).collect::<wgvae::Result<Vec<_>>>()?;
        for _ in 0..TIMINGS {
            for candidate in candidates.iter_mut().filter_map(|(_, found)| found.as_mut()) {
                candidate.time()?;
            }
        }
        println!("{call}\n\n| variant | us | GFLOP/s | GB/s |\n| --- | ---: | ---: | ---: |");
        for (variant, candidate) in candidates {
            let times = match candidate {
                None => "wrong | - | -".to_owned(),
                Some(candidate) => {
                    let seconds = candidate.shortest.as_secs_f64();
                    let gflops = 2e-9 * call.multiplications() as f64 / seconds;
                    let bandwidth = 1e-9 * bytes(&call) as f64 / seconds;
                    format!("{:.1} | {gflops:.2} | {bandwidth:.2}", seconds * 1e6)
                }
            };
            println!("| {} | {times} |", variant.name());
        }
        println!();
    }
    Ok(())
}

/// Bytes of all operands, each counted once.
fn bytes(call: &Call) -> usize {
    let elements: usize = call.inputs.iter().chain(&call.outputs).map(|shape| shape.len()).sum();
    4 * elements + size_of::<Arguments>()
}
