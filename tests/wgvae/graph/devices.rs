//! Random graphs, fused, on every device in f32 against the primitives in f64. Kernels are checked one
//! by one elsewhere; this shows that any graph's groups of stages are computed as they are meant.

use crate::devices::gpus;
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::GpuSession;
use wgvae::device::{Session, Tunable};
use wgvae::function::LESS;
use wgvae::graph::{FusionOptions, Node, Op, Plan, Step, fuse};
use wgvae::kernel::{Tolerance, Variant};
use wgvae::verify::compare;

use super::random::{Sample, for_each_sample, for_samples};
use super::{TestResult, plan, reference};

/// Graphs that a test compiles for a GPU.
const GPU_SAMPLES: u64 = 24;

/// Rounding errors grow along a graph; a wrong operand or place is off by far more.
const ROUGH: Tolerance = Tolerance { absolute: 1e-4, relative: 1e-4 };

/// Compares everything that the host can read after each of two steps.
fn check(session: &mut dyn Session, sample: &Sample) -> TestResult {
    // Rounding decides a comparison of equal numbers.
    let primitives = || sample.graph.nodes().iter().flat_map(Node::primitives);
    if primitives().any(|node| node.op == Op::Map(&LESS)) {
        return Ok(());
    }
    let steps = [Step::new(11, 0, 0), Step::new(11, 1, 5)];
    let steps = steps.map(|step| step.with_learning_rate(0.5).with_kl_weight(0.625));
    let fused = fuse(&sample.graph, &sample.outputs, FusionOptions::default());
    let plan = Plan::new(fused, &sample.outputs);
    let meant = reference::interpret(sample, &steps);
    for (found, expected) in plan::run(session, sample, &plan, &steps)?.iter().zip(&meant) {
        for (id, found) in found {
            let comparison = compare(found, &expected[id], ROUGH);
            let name = &sample.graph.tensor(*id).name;
            let device = session.description();
            assert!(
                comparison.ok,
                "{name} on {device}: {found:?} instead of {:?}:\n{plan}",
                expected[id]
            );
        }
    }
    Ok(())
}

#[test]
fn random_graphs_on_the_cpu() -> TestResult {
    for_each_sample(|sample| check(&mut CpuSession::<f32>::new(), sample))
}

#[test]
fn random_graphs_on_gpus() -> TestResult {
    for gpu in gpus() {
        for_samples(GPU_SAMPLES, |sample| {
            let mut session = GpuSession::new(gpu.clone());
            session.force(Some(Variant::DEFAULT));
            check(&mut session, sample)
        })?;
    }
    Ok(())
}
