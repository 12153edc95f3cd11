//! Which nodes run, in which order, and the judge of orders.

use wgvae::graph::schedule::{OrderError, check, live_nodes, schedule};
use wgvae::graph::{Graph, NodeId, Shape, TensorId};
use wgvae::optimizer::Optimizer;

use super::random::for_each_sample;
use super::{SQUARE, TestResult, nodes, pairs, reference, square, weight};

#[test]
fn dead_code_is_dropped_and_updates_are_kept() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (w, ms) = weight(&mut graph, "w", SQUARE);
    let y = graph.relu(x)?;
    let dead = graph.sigmoid(y)?;
    graph.softplus(dead)?;
    let dw = graph.add(x, x)?;
    graph.update(Optimizer::default(), dw, w, &[ms])?;
    let (left, _) = graph.split_columns(w, 1)?;
    let [relu, sigmoid, add, update, split] = nodes(&graph, [0, 1, 3, 4, 5]);
    assert_eq!(live_nodes(&graph, &[]), [add, update]);
    assert_eq!(live_nodes(&graph, &[y]), [relu, add, update]);
    assert_eq!(live_nodes(&graph, &[dead]), [relu, sigmoid, add, update]);
    assert_eq!(live_nodes(&graph, &[left]), [add, update, split]);
    Ok(())
}

/// Two tensors of 64 bytes, the column sums of each, and an element of its own.
fn two_branches() -> wgvae::Result<(Graph, [TensorId; 5])> {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let one = graph.constant(1.0, Shape::new(1, 1));
    let (a, b) = (graph.relu(x)?, graph.sigmoid(x)?);
    let (a_sums, b_sums) = (graph.column_sum(a)?, graph.column_sum(b)?);
    let small = graph.relu(one)?;
    Ok((graph, [a, b, a_sums, b_sums, small]))
}

#[test]
fn the_order_keeps_little_memory_alive() -> TestResult {
    let (graph, [a, _, a_sums, b_sums, small]) = two_branches()?;
    // A branch is finished (16 − 64 bytes) before the other begins (64), but after what is small
    // (4). Equals go in program order.
    let order = schedule(&graph, &[a_sums, b_sums, small]);
    assert_eq!(order, nodes(&graph, [4, 0, 2, 1, 3]));
    // An output stays alive, so summing it frees nothing: 16 bytes, still fewer than 64.
    let order = schedule(&graph, &[a, a_sums, b_sums]);
    assert_eq!(order, nodes(&graph, [0, 2, 1, 3]));
    Ok(())
}

#[test]
fn what_is_freed_counts_once_and_outputs_never() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let row = graph.data("row", Shape::new(1, 4), wgvae::graph::Element::F32);
    let a = graph.relu(x)?;
    let sums = graph.column_sum(a)?; // 16 bytes, less 64 if a ends here
    let twice = graph.add(a, a)?; // 64 bytes, less 64 if a ends here
    let small = graph.relu(row)?; // 16 bytes
    let [relu, sum, add, other] = nodes(&graph, [0, 1, 2, 3]);
    assert_eq!(schedule(&graph, &[twice, small]), [other, relu, add]);
    assert_eq!(schedule(&graph, &[sums, twice, small]), [other, relu, sum, add]);
    let narrow = graph.column_sum(row)?; // 16 bytes, the last node
    let [last] = nodes(&graph, [4]);
    assert_eq!(schedule(&graph, &[a, sums, narrow]), [last, relu, sum]);
    Ok(())
}

#[test]
fn an_update_that_would_free_memory_waits_for_the_readers() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let (w, ms) = weight(&mut graph, "w", SQUARE);
    let y = graph.matmul(x, w)?;
    let dw = graph.matmul_transpose_a(x, y)?;
    let dx = graph.matmul_transpose_b(y, w)?;
    graph.update(Optimizer::default(), dw, w, &[ms])?;
    // Without the write-after-read hazard the update would come before dx: it frees dw.
    assert_eq!(schedule(&graph, &[dx]), nodes(&graph, [0, 1, 2, 3]));
    let [product, gradient, reader, update] = nodes(&graph, [0, 1, 2, 3]);
    let swapped = check(&graph, &[dx], &[product, gradient, update, reader]);
    assert_eq!(swapped, Err(OrderError::Swapped { first: update, second: reader }));
    Ok(())
}

#[test]
fn check_finds_what_is_wrong() -> TestResult {
    let (graph, [_, _, a_sums, b_sums, _]) = two_branches()?;
    let [a, b, a_sum, b_sum, small] = nodes(&graph, [0, 1, 2, 3, 4]);
    let judge = |order: &[NodeId]| check(&graph, &[a_sums, b_sums], order);
    assert_eq!(judge(&[b, a, b_sum, a_sum]), Ok(()));
    assert_eq!(judge(&[a, b, a_sum, b_sum, small]), Ok(()), "dead code does no harm");
    let swapped = OrderError::Swapped { first: b_sum, second: b };
    assert_eq!(judge(&[a, b_sum, b, a_sum]), Err(swapped));
    assert_eq!(judge(&[a, b, b_sum, a_sum, a]), Err(OrderError::Repeated(a)));
    assert_eq!(judge(&[a, b, b_sum]), Err(OrderError::Missing(a_sum)));
    assert_eq!(judge(&[]), Err(OrderError::Missing(a)));
    Ok(())
}

#[test]
fn check_sees_each_kind_of_conflict() -> TestResult {
    let mut graph = Graph::new();
    let term = graph.data("term", Shape::new(4, 1), wgvae::graph::Element::F32);
    let log = graph.log("log", 1);
    graph.relu(log)?;
    graph.loss_sum(term, log, 0)?;
    graph.loss_sum(term, log, 0)?;
    let y = graph.relu(log)?;
    let [early, first, second, late] = nodes(&graph, [0, 1, 2, 3]);
    let judge = |order: &[NodeId]| check(&graph, &[y], order);
    let swapped = |first, second| Err(OrderError::Swapped { first, second });
    assert_eq!(judge(&[early, first, second, late]), Ok(()));
    assert_eq!(judge(&[first, early, second, late]), swapped(first, early));
    assert_eq!(judge(&[early, second, first, late]), swapped(second, first));
    assert_eq!(judge(&[early, first, late, second]), swapped(late, second));
    Ok(())
}

#[test]
fn random_graphs_are_ordered_rightly() -> TestResult {
    let mut moved = 0;
    for_each_sample(|sample| {
        let (graph, outputs) = (&sample.graph, &sample.outputs);
        let live = reference::live(graph, outputs);
        assert_eq!(live_nodes(graph, outputs), live);
        let order = schedule(graph, outputs);
        assert_eq!(check(graph, outputs, &order), Ok(()));
        assert_eq!(schedule(graph, outputs), order, "the second time");
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(sorted, live);
        for (earlier, later) in pairs(order.len()) {
            let (first, second) = (order[earlier], order[later]);
            assert!(first < second || !reference::conflict(graph, first, second));
        }
        moved += usize::from(order != live);
        Ok(())
    })?;
    assert!(moved > 100, "only {moved} samples are run in another order than program order");
    Ok(())
}

#[test]
fn check_judges_random_orders_as_the_definition_does() -> TestResult {
    let (mut right, mut wrong) = (0, 0);
    for_each_sample(|sample| {
        let (graph, outputs) = (&sample.graph, &sample.outputs);
        let order = schedule(graph, outputs);
        for (earlier, later) in pairs(order.len()) {
            let mut swapped = order.clone();
            swapped.swap(earlier, later);
            let bad = pairs(order.len()).any(|(first, second)| {
                let (first, second) = (swapped[first], swapped[second]);
                second < first && reference::conflict(graph, first, second)
            });
            let found = check(graph, outputs, &swapped);
            assert_eq!(matches!(found, Err(OrderError::Swapped { .. })), bad, "{swapped:?}");
            assert_eq!(found.is_ok(), !bad, "{swapped:?}");
            *(if bad { &mut wrong } else { &mut right }) += 1;
        }
        for (place, &id) in order.iter().enumerate() {
            let without = [&order[..place], &order[place + 1..]].concat();
            assert_eq!(check(graph, outputs, &without), Err(OrderError::Missing(id)));
            let twice = [&order[..], &[id]].concat();
            assert_eq!(check(graph, outputs, &twice), Err(OrderError::Repeated(id)));
        }
        Ok(())
    })?;
    assert!(right > 1000 && wrong > 1000, "{right} swaps were right, {wrong} wrong");
    Ok(())
}
