//! Fusion: what is put together in the autoencoder at any depth, that nothing which somebody else
//! needs is hidden, and that results stay the same, in the autoencoder and in random graphs.

use std::collections::HashSet;

use rand::RngExt;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Session, Values};
use wgvae::graph::{Binarize, FusionOptions, Graph, Op, Plan, RmsProp, Shape, Step, TensorId};
use wgvae::graph::{Element, Stream, fuse};
use wgvae::model::{Architecture, Forward, forward, initial_weights, training};
use wgvae::random::generator;

use super::TestResult;

const BATCH: usize = 4;
const INPUT: usize = 10;

/// A training graph, and its forward tensors.
fn vae(hidden: &[usize]) -> wgvae::Result<(Architecture, Graph, Forward)> {
    let architecture = Architecture::new(INPUT, hidden)?;
    let mut graph = Graph::new();
    let images = graph.data("images", Shape::new(3 * BATCH, INPUT), Element::U8);
    let indices = graph.data("indices", Shape::new(3 * BATCH, 1), Element::U32);
    let x = graph.gather_batch(images, indices, BATCH, Binarize::Stochastic)?;
    let eps = graph.normal(Shape::new(BATCH, architecture.latent()), Stream::Latent)?;
    let pass = forward(&mut graph, &architecture, x, eps)?;
    training(&mut graph, &pass, RmsProp::default())?;
    Ok((architecture, graph, pass))
}

fn names(graph: &Graph) -> Vec<&'static str> {
    graph.nodes().iter().map(|node| node.op.name()).collect()
}

#[test]
fn the_nodes_of_a_step_of_the_default_depth() -> TestResult {
    let (_, graph, _) = vae(&[7, 3])?;
    let fused = fuse(&graph, &[], FusionOptions::default());
    let mut found = names(&fused);
    found.sort_unstable();
    let expected = [
        "batch",
        "latent_backward",
        "linear_bernoulli",
        "linear_relu",
        "linear_relu",
        "linear_sample",
        "matmul_relu_backward",
        "matmul_relu_backward",
        "update",
    ];
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn every_depth_is_a_chain_of_fused_nodes() -> TestResult {
    for hidden in [&[3][..], &[7, 3], &[8, 7, 3], &[9, 8, 7, 3]] {
        let (_, graph, _) = vae(hidden)?;
        let fused = fuse(&graph, &[], FusionOptions::default());
        assert_eq!(fused.nodes().len(), 4 * hidden.len() + 1, "{:?}", names(&fused));
        let primitives = fused.nodes().iter().flat_map(|node| node.primitives());
        assert_eq!(primitives.count(), graph.nodes().len());
        assert!(fused.nodes().iter().all(|node| !node.parts.is_empty()));
    }
    Ok(())
}

/// The bits of weights, mean squares and outputs after some steps on the oracle, and the losses.
fn trained(
    architecture: &Architecture,
    graph: &Graph,
    outputs: &[TensorId],
) -> wgvae::Result<(Vec<Vec<u64>>, Vec<f64>)> {
    let mut session = CpuSession::<f64>::new();
    let program = session.load(Plan::new(graph.clone(), outputs))?;
    let bytes: Vec<u8> = (0..3 * BATCH * INPUT).map(|i| (i * 67 % 256) as u8).collect();
    session.write("images", Values::U8(&bytes))?;
    session.write("indices", Values::U32(&(0..3 * BATCH as u32).collect::<Vec<_>>()))?;
    initial_weights(architecture, 1).write(&mut session)?;
    for index in 0..6 {
        session.poison(program)?;
        session.run(program, &[Step::new(9, index, index % 3 * BATCH as u32)])?;
    }
    let mut kept = Vec::new();
    for parameter in architecture.parameters() {
        for name in [parameter.name.clone(), format!("rms.{}", parameter.name)] {
            kept.push(session.read(&name)?.into_iter().map(f64::to_bits).collect());
        }
    }
    for &output in outputs {
        kept.push(session.read_output(program, output)?.into_iter().map(f64::to_bits).collect());
    }
    let losses = session.take_log(true)?.into_iter().flat_map(|row| row.values).collect();
    Ok((kept, losses))
}

#[test]
fn fusion_changes_no_bit_of_the_weights() -> TestResult {
    for hidden in [&[3][..], &[7, 3], &[8, 7, 3]] {
        let (architecture, graph, _) = vae(hidden)?;
        let (weights, losses) = trained(&architecture, &graph, &[])?;
        for options in [FusionOptions { updates: true }, FusionOptions { updates: false }] {
            let fused = fuse(&graph, &[], options);
            let (found, found_losses) = trained(&architecture, &fused, &[])?;
            assert!(found == weights, "{hidden:?} {options:?}");
            // Sums of blocks are added in another order.
            for (found, expected) in found_losses.iter().zip(&losses) {
                assert!((found - expected).abs() <= 1e-12 * expected.abs());
            }
            assert_eq!(found_losses.len(), losses.len());
        }
    }
    Ok(())
}

#[test]
fn without_updates_the_gradients_stay_tensors() -> TestResult {
    let (architecture, graph, _) = vae(&[7, 3])?;
    let fused = fuse(&graph, &[], FusionOptions { updates: false });
    let updates = fused.nodes().iter().filter(|node| matches!(node.op, Op::RmsProp(_)));
    assert_eq!(updates.count(), architecture.parameters().len());
    let made: Vec<_> = fused.nodes().iter().flat_map(|node| &node.outputs).collect();
    for parameter in architecture.parameters() {
        let gradient = fused.find(&format!("d{}", parameter.name)).ok_or("no gradient")?;
        assert!(made.contains(&&gradient));
    }
    Ok(())
}

#[test]
fn what_the_host_reads_is_not_hidden() -> TestResult {
    let (_, graph, pass) = vae(&[7, 3])?;
    let h = graph.find("encoder.h1").ok_or("no h1")?;
    let before_relu = graph.nodes().iter().find(|node| node.outputs == [h]);
    let hidden = before_relu.ok_or("no relu")?.inputs[0];
    for (output, gone) in [
        (pass.logits, "linear_bernoulli"),
        (pass.log_likelihood, "linear_bernoulli"),
        (pass.kl, "linear_sample"),
    ] {
        let fused = fuse(&graph, &[output], FusionOptions::default());
        assert!(!names(&fused).contains(&gone), "{:?}", names(&fused));
        assert!(fused.nodes().iter().any(|node| node.outputs.contains(&output)));
    }
    let fused = fuse(&graph, &[hidden], FusionOptions::default());
    assert_eq!(names(&fused).iter().filter(|&&name| name == "linear_relu").count(), 1);
    assert!(names(&fused).contains(&"linear"));
    // Means and samples are outputs of the fused node, so they can be read without breaking it.
    let fused = fuse(&graph, &[pass.mean, pass.z], FusionOptions::default());
    assert_eq!(fused.nodes().len(), 9);
    Ok(())
}

/// Adds readers of random tensors here and there, so that groups which hide them must not form.
fn with_random_readers(seed: u64) -> wgvae::Result<(Architecture, Graph, Vec<TensorId>)> {
    let mut rng = generator(seed, 0);
    let hidden = [&[3][..], &[7, 3], &[8, 7, 3]][rng.random_range(0..3)];
    let (architecture, mut graph, _) = vae(hidden)?;
    let workspace = |graph: &Graph, id: &TensorId| graph.tensor(*id).is_workspace();
    let made: Vec<_> = graph.tensor_ids().filter(|id| workspace(&graph, id)).collect();
    let mut outputs = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let one = made[rng.random_range(0..made.len())];
        outputs.push(if rng.random() { graph.add(one, one)? } else { one });
    }
    Ok((architecture, graph, outputs))
}

#[test]
fn readers_from_outside_are_served() -> TestResult {
    let mut counts = HashSet::new();
    for seed in 0..60 {
        let (architecture, graph, outputs) = with_random_readers(seed)?;
        let fused = fuse(&graph, &outputs, FusionOptions::default());
        counts.insert(fused.nodes().len());
        let (found, _) = trained(&architecture, &fused, &outputs)?;
        let (expected, _) = trained(&architecture, &graph, &outputs)?;
        assert!(found == expected, "seed {seed}:\n{fused}");
    }
    assert!(counts.len() > 5, "always the same {counts:?} nodes");
    Ok(())
}
