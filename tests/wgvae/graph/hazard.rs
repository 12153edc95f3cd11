//! Hazards: which pairs of nodes must keep their order, and why.

use std::collections::HashSet;

use wgvae::graph::hazard::{Hazard, Kind, hazards};
use wgvae::graph::{Element, Graph, NodeId, Shape};
use wgvae::optimizer::Optimizer;

use super::random::for_each_sample;
use super::reference::touched;
use super::{SQUARE, TestResult, nodes, pairs, reference, square, weight};
use Kind::{ReadAfterWrite, WriteAfterRead, WriteAfterWrite};

#[test]
fn an_update_waits_for_every_earlier_reader() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (w, ms) = weight(&mut graph, "w", SQUARE);
    let y = graph.matmul(x, w)?;
    graph.matmul_transpose_b(y, w)?;
    graph.update(Optimizer::default(), y, w, &[ms])?;
    graph.relu(w)?;
    let [product, second, update, later] = nodes(&graph, [0, 1, 2, 3]);
    let all: Vec<_> = graph.node_ids().collect();
    let hazard = |before, after, tensor, kind| Hazard { before, after, tensor, kind };
    let expected = [
        hazard(product, second, y, ReadAfterWrite),
        hazard(product, update, y, ReadAfterWrite),
        hazard(product, update, w, WriteAfterRead),
        hazard(second, update, w, WriteAfterRead),
        hazard(update, later, w, ReadAfterWrite),
    ];
    assert_eq!(hazards(&graph, &all), expected);
    Ok(())
}

#[test]
fn two_updates_of_one_tensor_keep_their_order() -> TestResult {
    let mut graph = Graph::new();
    let term = graph.data("term", Shape::new(5, 1), Element::F32);
    let log = graph.log("log", 2);
    for column in [1, 0] {
        graph.loss_sum(term, log, column)?;
    }
    let [before, after] = nodes(&graph, [0, 1]);
    let hazard = |kind| Hazard { before, after, tensor: log, kind };
    let expected = [hazard(ReadAfterWrite), hazard(WriteAfterWrite)];
    assert_eq!(hazards(&graph, &[before, after]), expected);
    Ok(())
}

#[test]
fn readers_of_one_tensor_are_free() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    graph.relu(x)?;
    graph.add(x, x)?;
    graph.matmul(x, x)?;
    let all: Vec<_> = graph.node_ids().collect();
    assert_eq!(hazards(&graph, &all), []);
    Ok(())
}

/// The hazards, as pairs, and the pairs that follow from them.
fn closure(found: &[Hazard], nodes: &[NodeId]) -> HashSet<(NodeId, NodeId)> {
    let mut waits: HashSet<_> = found.iter().map(|hazard| (hazard.before, hazard.after)).collect();
    for &middle in nodes {
        let all = || nodes.iter().copied();
        let earlier: Vec<_> = all().filter(|&node| waits.contains(&(node, middle))).collect();
        let later: Vec<_> = all().filter(|&node| waits.contains(&(middle, node))).collect();
        for before in earlier {
            waits.extend(later.iter().map(|&after| (before, after)));
        }
    }
    waits
}

#[test]
fn hazards_of_random_graphs_are_the_conflicts() -> TestResult {
    let mut kinds = [0; 3];
    for_each_sample(|sample| {
        let graph = &sample.graph;
        let all: Vec<_> = graph.node_ids().collect();
        for nodes in [all, reference::live(graph, &sample.outputs)] {
            let found = hazards(graph, &nodes);
            for hazard in &found {
                assert!(is_as_it_says(graph, hazard), "{hazard:?}");
                kinds[hazard.kind as usize] += 1;
            }
            let waits = closure(&found, &nodes);
            for (earlier, later) in pairs(nodes.len()) {
                let (before, after) = (nodes[earlier], nodes[later]);
                if reference::conflict(graph, before, after) {
                    assert!(waits.contains(&(before, after)), "{before:?} {after:?}");
                }
            }
        }
        Ok(())
    })?;
    assert!(kinds.iter().all(|&count| count > 500), "the samples have too few: {kinds:?}");
    Ok(())
}

/// Whether the nodes of a hazard are in order and do with the tensor what its kind says.
fn is_as_it_says(graph: &Graph, hazard: &Hazard) -> bool {
    let [before, after] = [hazard.before, hazard.after].map(|id| touched(graph.node(id)));
    let [[was_read, was_written], [is_read, is_written]] =
        [before, after].map(|sets| sets.map(|tensors| tensors.contains(&hazard.tensor)));
    hazard.before < hazard.after
        && match hazard.kind {
            ReadAfterWrite => was_written && is_read,
            WriteAfterRead => was_read && is_written,
            WriteAfterWrite => was_written && is_written,
        }
}
