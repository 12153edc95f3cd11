//! How long tensors live, the slots that they share, and the judge of assignments.

use std::collections::HashMap;

use wgvae::graph::memory::{Lifetime, SlotError, Slots, assign, check, lifetimes};
use wgvae::graph::schedule::schedule;
use wgvae::graph::{Element, Graph, NodeId, Role, Shape, TensorId};
use wgvae::optimizer::Optimizer;

use super::random::for_each_sample;
use super::{SQUARE, TestResult, nodes, pairs, reference, square, weight};

/// The slots of a graph whose nodes run in this order.
fn slots(graph: &Graph, order: &[NodeId], outputs: &[TensorId]) -> Slots {
    assign(graph, &lifetimes(graph, order, outputs))
}

#[test]
fn a_tensor_lives_from_its_first_use_to_its_last() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (w, ms) = weight(&mut graph, "w", SQUARE);
    let a = graph.matmul(x, w)?; // place 0
    let (left, right) = graph.split_columns(a, 1)?; // 1
    let b = graph.relu(a)?; // 2
    graph.update(Optimizer::default(), b, w, &[ms])?; // 3
    let c = graph.relu(left)?; // 4
    let order: Vec<_> = graph.node_ids().collect();
    let life = |first, last| Lifetime { first, last };
    let expected = [
        (a, life(0, 2)),
        (left, life(1, 4)),
        (right, life(1, 1)),
        (b, life(2, 5)), // an output
        (c, life(4, 4)),
    ];
    assert_eq!(lifetimes(&graph, &order, &[b, w]), HashMap::from(expected));
    Ok(())
}

#[test]
fn lives_overlap_where_they_meet() {
    let life = |first, last| Lifetime { first, last };
    for (a, b, overlap) in [
        (life(0, 1), life(1, 2), true),
        (life(0, 1), life(2, 3), false),
        (life(0, 5), life(2, 3), true),
        (life(2, 2), life(2, 2), true),
        (life(3, 3), life(2, 2), false),
    ] {
        assert_eq!([a.overlaps(b), b.overlaps(a)], [overlap; 2], "{a:?} {b:?}");
    }
}

#[test]
fn a_chain_of_any_length_needs_two_slots() -> TestResult {
    let mut graph = Graph::new();
    let mut last = square(&mut graph, "x");
    for _ in 0..7 {
        last = graph.relu(last)?;
    }
    let order: Vec<_> = graph.node_ids().collect();
    assert_eq!(slots(&graph, &order, &[last]).bytes, [64, 64]);
    Ok(())
}

#[test]
fn a_tensor_goes_into_the_smallest_slot_that_is_free() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let one = graph.constant(1.0, Shape::new(1, 1));
    let a = graph.relu(x)?; // 64 bytes, places 0 to 1
    let sums = graph.column_sum(a)?; // 16 bytes, place 1
    let early = graph.relu(one)?; // 4 bytes, place 2: both slots are free
    let b = graph.sigmoid(x)?; // 64 bytes, place 3, while `early` is kept
    let late = graph.sigmoid(one)?; // 4 bytes, place 4, likewise
    let order: Vec<_> = graph.node_ids().collect();
    let found = slots(&graph, &order, &[early]);
    assert_eq!(found.bytes, [64, 16]);
    let places = [a, sums, early, b, late].map(|tensor| found.of[&tensor].index());
    assert_eq!(places, [0, 1, 1, 0, 0]);
    Ok(())
}

/// a = relu(x), b = sigmoid(x), c = a + b, d = relu(x), and the program order.
fn diamond() -> wgvae::Result<(Graph, [TensorId; 4], Vec<NodeId>)> {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (a, b) = (graph.relu(x)?, graph.sigmoid(x)?);
    let c = graph.add(a, b)?;
    let d = graph.relu(x)?;
    let order = graph.node_ids().collect();
    Ok((graph, [a, b, c, d], order))
}

#[test]
fn check_finds_a_tensor_without_room() -> TestResult {
    let (graph, [a, _, c, d], order) = diamond()?;
    let good = slots(&graph, &order, &[c, d]);
    let judge = |slots: &Slots| check(&graph, &order, &[c, d], slots);
    assert_eq!(judge(&good), Ok(()));
    let mut changed = good.clone();
    changed.of.remove(&a);
    assert_eq!(judge(&changed), Err(SlotError::DoesNotFit(a)));
    let mut changed = good.clone();
    changed.bytes[good.of[&c].index()] = 63;
    assert_eq!(judge(&changed), Err(SlotError::DoesNotFit(c)));
    let mut changed = good.clone();
    changed.bytes.truncate(good.of[&c].index());
    assert_eq!(judge(&changed), Err(SlotError::DoesNotFit(c)), "the slot itself is missing");
    Ok(())
}

#[test]
fn check_finds_a_tensor_that_is_overwritten() -> TestResult {
    let (graph, [a, b, c, d], order) = diamond()?;
    let good = slots(&graph, &order, &[c, d]);
    let judge = |tensor: TensorId, into: TensorId, outputs: &[TensorId]| {
        let mut changed = good.clone();
        changed.of.insert(tensor, good.of[&into]);
        check(&graph, &order, outputs, &changed)
    };
    let [first, second, sum] = nodes(&graph, [0, 1, 2]);
    let overwritten = |reader, expected, found| {
        Err(SlotError::Overwritten { reader, expected, found: Some(found) })
    };
    assert_eq!(judge(b, a, &[c, d]), overwritten(Some(sum), a, b));
    assert_eq!(judge(d, c, &[c, d]), overwritten(None, c, d));
    assert_eq!(judge(d, c, &[d]), Ok(()), "nobody reads c after d");
    let order = [second, sum, first];
    let unmade = SlotError::Overwritten { reader: Some(sum), expected: a, found: None };
    assert_eq!(check(&graph, &order, &[c], &good), Err(unmade));
    Ok(())
}

#[test]
fn check_finds_a_slot_that_is_bound_twice() -> TestResult {
    let (graph, [a, _, c, d], order) = diamond()?;
    let mut changed = slots(&graph, &order, &[c, d]);
    changed.of.insert(c, changed.of[&a]);
    let [sum] = nodes(&graph, [2]);
    assert_eq!(check(&graph, &order, &[c, d], &changed), Err(SlotError::Shared(sum)));

    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (left, right) = graph.split_columns(x, 2)?;
    let order: Vec<_> = graph.node_ids().collect();
    let mut changed = slots(&graph, &order, &[]);
    assert_eq!(check(&graph, &order, &[], &changed), Ok(()));
    changed.of.insert(right, changed.of[&left]);
    assert_eq!(check(&graph, &order, &[], &changed), Err(SlotError::Shared(order[0])));
    Ok(())
}

#[test]
fn bytes_are_whole_words() -> TestResult {
    let mut graph = Graph::new();
    for (element, columns, bytes) in [
        (Element::F32, 5, 20),
        (Element::U32, 5, 20),
        (Element::U8, 5, 8),
        (Element::U8, 4, 4),
        (Element::U8, 1, 4),
    ] {
        let id = graph.add_tensor("t", Shape::new(1, columns), element, Role::Data);
        assert_eq!(graph.tensor(id).bytes(), bytes);
    }
    Ok(())
}

#[test]
fn random_graphs_are_packed_rightly() -> TestResult {
    let (mut apart, mut shared) = (0, 0);
    for_each_sample(|sample| {
        let (graph, outputs) = (&sample.graph, &sample.outputs);
        let order = schedule(graph, outputs);
        let lives = lifetimes(graph, &order, outputs);
        for id in graph.tensor_ids() {
            let expected = reference::lifetime(graph, &order, outputs, id)
                .filter(|_| graph.tensor(id).is_workspace());
            assert_eq!(lives.get(&id).map(|life| (life.first, life.last)), expected, "{id:?}");
        }
        let slots = assign(graph, &lives);
        assert_eq!(check(graph, &order, outputs, &slots), Ok(()));
        assert_eq!(assign(graph, &lifetimes(graph, &order, outputs)), slots, "the second time");
        let bytes = |id: &TensorId| graph.tensor(*id).bytes();
        for (slot, &size) in slots.bytes.iter().enumerate() {
            let tenants = slots.of.iter().filter(|(_, of)| of.index() == slot);
            assert_eq!(tenants.map(|(id, _)| bytes(id)).max(), Some(size), "slot {slot}");
        }
        let [sum_apart, sum_shared]: [usize; 2] =
            [lives.keys().map(bytes).sum(), slots.bytes.iter().sum()];
        assert!(sum_shared <= sum_apart);
        (apart, shared) = (apart + sum_apart, shared + sum_shared);
        Ok(())
    })?;
    assert!(4 * shared < 3 * apart, "{shared} bytes instead of {apart}");
    Ok(())
}

#[test]
fn tensors_that_live_at_once_may_not_share() -> TestResult {
    let (mut together, mut rejected) = (0, 0);
    for_each_sample(|sample| {
        let (graph, outputs) = (&sample.graph, &sample.outputs);
        let order = schedule(graph, outputs);
        let lives = lifetimes(graph, &order, outputs);
        let mut slots = assign(graph, &lives);
        // Large enough for every tensor: only sharing can be wrong.
        slots.bytes.fill(1 << 20);
        let mut tensors: Vec<_> = lives.keys().copied().collect();
        tensors.sort();
        for (a, b) in pairs(tensors.len()).map(|(a, b)| (tensors[a], tensors[b])) {
            let overlap = lives[&a].first <= lives[&b].last && lives[&b].first <= lives[&a].last;
            together += usize::from(overlap);
            assert!(!overlap || slots.of[&a] != slots.of[&b], "{a:?} {b:?}");
            let mut changed = slots.clone();
            changed.of.insert(a, slots.of[&b]);
            let found = check(graph, &order, outputs, &changed);
            assert!(!(overlap && found.is_ok()), "{a:?} in the slot of {b:?}");
            rejected += usize::from(found.is_err());
        }
        Ok(())
    })?;
    assert!(together > 1000 && rejected > together, "{together} overlap, {rejected} rejected");
    Ok(())
}
