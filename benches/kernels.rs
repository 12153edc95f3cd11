//! Every variant of every product of a training step, checked against the CPU and then timed.
//!
//! `cargo bench --bench kernels -- [DEVICE] [BATCH]`; DEVICE as in `wgvae devices`, `gpu` if none is
//! given, BATCH 64.

use wgvae::device::gpu::{Adapters, Trial};
use wgvae::graph::{Binarize, RmsProp};
use wgvae::kernel::{Call, Kernel, Product};
use wgvae::model::{Architecture, Images};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    // Cargo adds --bench.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let device = arguments.next().unwrap_or_else(|| "gpu".to_owned());
    let batch = arguments.next().map_or(Ok(64), |batch| batch.parse())?;
    let adapters = Adapters::enumerate();
    let index = if device == "gpu" { adapters.best(true)? } else { adapters.named(&device) };
    let index = index.ok_or_else(|| format!("no adapter {device}: see `wgvae devices`"))?;
    let (gpu, info) = (adapters.open(index)?, &adapters.list()[index]);
    println!("{}", info.description());

    let architecture = Architecture::new(784, &[200, 100])?;
    let images = Images { name: "bench", count: batch, batch, binarize: Binarize::Threshold };
    let plan = architecture.training_plan(images, RmsProp::default(), true)?;
    for node in plan.nodes() {
        let (kernel, call) = (Kernel::of(&node.op), Call::of(plan.graph(), node));
        if call.largest_product() == 0 {
            continue;
        }
        let trial = Trial::new(plan.graph(), node)?;
        println!("\n{call}");
        for variant in kernel.variants().into_iter().filter(|&variant| gpu.has(variant)) {
            if kernel.tiling(&call, variant).is_none() {
                continue;
            }
            match trial.measure(&gpu, variant, None)? {
                None => println!("  {:<16} wrong", variant.name()),
                Some(time) => {
                    let seconds = time.as_secs_f64();
                    println!(
                        "  {:<16} {:>9.1} us {:>8.2} GFLOP/s {:>8.2} GB/s",
                        variant.name(),
                        seconds * 1e6,
                        2e-9 * call.multiplications() as f64 / seconds,
                        1e-9 * bytes(&call) as f64 / seconds,
                    );
                }
            }
        }
    }
    Ok(())
}

/// Bytes of all operands, each counted once.
fn bytes(call: &Call) -> usize {
    let elements: usize = call.inputs.iter().chain(&call.outputs).map(|shape| shape.len()).sum();
    4 * elements + size_of::<Product>()
}
