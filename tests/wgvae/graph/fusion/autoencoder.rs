//! The nodes of autoencoders of any depth, of the widths that can be taken for each other, and with
//! readers from outside.

use std::collections::HashSet;

use rand::RngExt;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Profiled, Values};
use wgvae::graph::schedule::live_nodes;
use wgvae::graph::{
    Binarize, Element, FusionOptions, Graph, Node, Op, Plan, SUM_COLUMNS, Shape, Step, Stream,
    TensorId, fuse,
};
use wgvae::model::{Architecture, Forward, Training, forward, initial_weights, training};
use wgvae::random::generator;
use wgvae::verify::compare;

use super::super::TestResult;
use super::super::random::Sample;
use super::{BOTH, REORDERED, check_nodes, check_values, labels, reordered};

/// Sizes of autoencoders.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    input: usize,
    hidden: &'static [usize],
}

const fn sizes(batch: usize, input: usize, hidden: &'static [usize]) -> Sizes {
    Sizes { batch, input, hidden }
}

/// The default depth.
const DEFAULT: Sizes = sizes(4, 10, &[7, 3]);

/// One to four layers; layers of equal width, and latents of half the width of a layer, whose stages
/// look as if they belonged to the next product; a width of 1, which is also that of a repeated column.
const ALL: [Sizes; 12] = [
    sizes(4, 10, &[3]),
    DEFAULT,
    sizes(4, 10, &[8, 7, 3]),
    sizes(4, 10, &[9, 8, 7, 3]),
    sizes(4, 6, &[6, 3]),
    sizes(4, 3, &[3, 3, 3]),
    sizes(4, 6, &[6, 6, 6]),
    sizes(6, 6, &[6, 6, 3]),
    sizes(4, 4, &[4, 4, 4, 2]),
    sizes(4, 8, &[4, 2]),
    sizes(4, 5, &[5, 1]),
    sizes(3, 2, &[2, 2, 1]),
];

/// A training graph, and its forward tensors.
fn vae(sizes: Sizes) -> wgvae::Result<(Architecture, Graph, Forward)> {
    let Sizes { batch, input, hidden } = sizes;
    let architecture = Architecture::new(input, hidden)?;
    let mut graph = Graph::new();
    let images = graph.data("images", Shape::new(3 * batch, input), Element::U8);
    let indices = graph.data("indices", Shape::new(3 * batch, 1), Element::U32);
    let x = graph.gather_batch(images, indices, batch, Binarize::Stochastic)?;
    let eps = graph.normal(Shape::new(batch, architecture.latent()), Stream::Latent)?;
    let pass = forward(&mut graph, &architecture, x, eps)?;
    training(&mut graph, &pass, Training::default())?;
    Ok((architecture, graph, pass))
}

#[test]
fn the_nodes_of_a_step_of_the_default_depth() -> TestResult {
    let expected = [
        "batch",
        "linear+bernoulli",
        "linear+relu",
        "linear+relu",
        "linear+softplus+gaussian_kl",
        "linear_backward+relu",
        "linear_backward+relu",
        "linear_backward+softplus+gaussian_kl",
        "update",
    ];
    for sizes in [DEFAULT, sizes(100, 784, &[200, 100]), sizes(4, 6, &[6, 3])] {
        let (_, graph, _) = vae(sizes)?;
        assert_eq!(labels(&fuse(&graph, &[], FusionOptions::default())), expected, "{sizes:?}");
    }
    Ok(())
}

#[test]
fn every_depth_is_a_chain_of_fused_nodes() -> TestResult {
    for sizes in ALL {
        let (_, graph, _) = vae(sizes)?;
        let fused = fuse(&graph, &[], FusionOptions::default());
        let layers = sizes.hidden.len();
        assert_eq!(fused.nodes().len(), 4 * layers + 1, "{sizes:?} {:?}", labels(&fused));
        let primitives = fused.nodes().iter().flat_map(Node::primitives);
        assert!(primitives.count() >= live_nodes(&graph, &[]).len());
        assert!(fused.nodes().iter().all(|node| !node.parts.is_empty()));
        // Each layer's stages are with its own product.
        let count = |label: &str| labels(&fused).iter().filter(|found| *found == label).count();
        assert_eq!(count("linear+relu"), 2 * (layers - 1), "{sizes:?} {:?}", labels(&fused));
        assert_eq!(count("linear_backward+relu"), 2 * (layers - 1), "{sizes:?}");
        for options in BOTH {
            check_nodes(&graph, &fuse(&graph, &[], options), &[]);
        }
    }
    Ok(())
}

/// The bits of weights, mean squares and outputs after some steps on the oracle, and the losses.
fn trained(
    sizes: Sizes,
    graph: &Graph,
    outputs: &[TensorId],
) -> wgvae::Result<(Vec<Vec<u64>>, Vec<f64>)> {
    let Sizes { batch, input, hidden } = sizes;
    let architecture = Architecture::new(input, hidden)?;
    let mut session = CpuSession::<f64>::new();
    let program = session.load(Plan::new(graph.clone(), outputs))?;
    let bytes: Vec<u8> = (0..3 * batch * input).map(|i| (i * 67 % 256) as u8).collect();
    session.write("images", Values::U8(&bytes))?;
    session.write("indices", Values::U32(&(0..3 * batch as u32).collect::<Vec<_>>()))?;
    initial_weights(&architecture, 1).write(&mut session)?;
    for index in 0..6 {
        session.poison(program)?;
        let step = Step::new(9, index, index % 3 * batch as u32);
        session.run(program, &[step.with_kl_weight(0.625)])?;
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
    for sizes in ALL {
        let (_, graph, _) = vae(sizes)?;
        let (weights, losses) = trained(sizes, &graph, &[])?;
        for options in BOTH {
            let fused = fuse(&graph, &[], options);
            let (found, found_losses) = trained(sizes, &fused, &[])?;
            assert!(found == weights, "{sizes:?} {options:?}");
            let result = compare(&found_losses, &losses, REORDERED);
            assert!(result.ok, "{sizes:?} {options:?}: {result:?}");
        }
    }
    Ok(())
}

#[test]
fn without_updates_the_gradients_stay_tensors() -> TestResult {
    for sizes in ALL {
        let (architecture, graph, _) = vae(sizes)?;
        let fused = fuse(&graph, &[], FusionOptions { updates: false });
        let updates = fused.nodes().iter().filter(|node| matches!(node.op, Op::Update(_)));
        assert_eq!(updates.count(), architecture.parameters().len());
        let made: Vec<_> = fused.nodes().iter().flat_map(|node| &node.outputs).collect();
        for parameter in architecture.parameters() {
            let gradient = fused.find(&format!("d{}", parameter.name)).ok_or("no gradient")?;
            assert!(made.contains(&&gradient));
        }
    }
    Ok(())
}

#[test]
fn what_the_host_reads_is_not_hidden() -> TestResult {
    let (_, graph, pass) = vae(DEFAULT)?;
    let made = graph.tensor_ids().filter(|&id| graph.tensor(id).is_workspace());
    for output in made {
        let fused = fuse(&graph, &[output], FusionOptions::default());
        check_nodes(&graph, &fused, &[output]);
        let writers = fused.nodes().iter().filter(|node| node.outputs.contains(&output));
        assert_eq!(writers.count(), 1, "{}", graph.tensor(output).name);
    }
    // A node that makes these has a binding left for them, so they can be read without breaking it.
    let before_relu = graph.find("encoder.0").ok_or("no encoder.0")?;
    for output in [before_relu, pass.logits, pass.z] {
        let fused = fuse(&graph, &[output], FusionOptions::default());
        let name = &graph.tensor(output).name;
        assert_eq!(fused.nodes().len(), 9, "{name} {:?}", labels(&fused));
    }
    // A sum of a row is not made by the stages that make sums of its blocks.
    let fused = fuse(&graph, &[pass.log_likelihood], FusionOptions::default());
    let sum = fused.nodes().iter().find(|node| node.outputs == [pass.log_likelihood]);
    assert_eq!(sum.map(|node| node.op), Some(Op::RowSum));
    // Only if there is more than one block.
    let fused = fuse(&graph, &[pass.kl], FusionOptions::default());
    assert!(DEFAULT.hidden[1] <= SUM_COLUMNS);
    assert!(!fused.nodes().iter().any(|node| node.op == Op::RowSum), "{fused}");
    Ok(())
}

/// Adds readers of random tensors here and there, so that groups which hide them must not form.
fn with_random_readers(seed: u64) -> wgvae::Result<(Sizes, Graph, Vec<TensorId>)> {
    let mut rng = generator(seed, 0);
    let sizes = ALL[rng.random_range(0..ALL.len())];
    let (_, mut graph, _) = vae(sizes)?;
    let workspace = |graph: &Graph, id: &TensorId| graph.tensor(*id).is_workspace();
    let made: Vec<_> = graph.tensor_ids().filter(|id| workspace(&graph, id)).collect();
    let mut outputs = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let one = made[rng.random_range(0..made.len())];
        outputs.push(if rng.random() { graph.add(one, one)? } else { one });
    }
    Ok((sizes, graph, outputs))
}

#[test]
fn readers_from_outside_are_served() -> TestResult {
    let mut counts = HashSet::new();
    for seed in 0..200 {
        let (sizes, graph, outputs) = with_random_readers(seed)?;
        let fused = fuse(&graph, &outputs, FusionOptions::default());
        check_nodes(&graph, &fused, &outputs);
        counts.insert(fused.nodes().len());
        let (found, _) = trained(sizes, &fused, &outputs)?;
        let (expected, _) = trained(sizes, &graph, &outputs)?;
        let reordered = reordered(&graph);
        let weights = expected.len() - outputs.len();
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let output = index.checked_sub(weights).map(|place| outputs[place]);
            if output.is_some_and(|id| reordered.contains(&id)) {
                let [found, expected] = [found, expected]
                    .map(|bits| bits.iter().map(|&bits| f64::from_bits(bits)).collect::<Vec<_>>());
                let result = compare(&found, &expected, REORDERED);
                assert!(result.ok, "seed {seed}, {result:?}:\n{fused}");
            } else {
                assert!(found == expected, "seed {seed}:\n{fused}");
            }
        }
    }
    assert!(counts.len() > 5, "always the same {counts:?} nodes");
    Ok(())
}

#[test]
fn the_stages_of_autoencoders_are_their_primitives() -> TestResult {
    for sizes in ALL {
        let architecture = Architecture::new(sizes.input, sizes.hidden)?;
        let mut graph = Graph::new();
        let data = |graph: &mut Graph, name, columns| {
            graph.data(name, Shape::new(sizes.batch, columns), Element::F32)
        };
        let x = data(&mut graph, "x", sizes.input);
        let eps = data(&mut graph, "eps", architecture.latent());
        let pass = forward(&mut graph, &architecture, x, eps)?;
        training(&mut graph, &pass, Training::default())?;
        for outputs in [vec![], vec![pass.stddev, pass.log_likelihood]] {
            let sample = Sample::of(0, graph.clone(), outputs, generator(0, 0));
            let fused = check_values(&sample, FusionOptions::default())?;
            if sample.outputs.is_empty() {
                assert_eq!(fused.nodes().len(), 4 * sizes.hidden.len(), "{sizes:?}");
            }
        }
    }
    Ok(())
}
