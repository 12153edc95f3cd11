//! Plans: what they say of themselves, and that running one gives what its graph means.

use std::collections::HashMap;

use crate::devices::sessions;
use wgvae::Error;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Session, Values};
use wgvae::graph::schedule::schedule;
use wgvae::graph::{Element, Graph, Node, Plan, Shape, Step, TensorId};
use wgvae::optimizer::Optimizer;

use super::random::{Sample, for_each_sample};
use super::{SQUARE, TestResult, nodes, pairs, reference, square, weight};

#[test]
fn a_plan_knows_what_outlives_it() -> TestResult {
    let mut graph = Graph::new();
    let log = graph.log("log", 1);
    let (w, ms) = weight(&mut graph, "w", SQUARE);
    let unused = graph.parameter("unused", SQUARE);
    let x = square(&mut graph, "x");
    let only_dead = square(&mut graph, "only_dead");
    graph.relu(only_dead)?;
    let y = graph.relu(x)?;
    graph.update(Optimizer::default(), y, w, &[ms])?;
    let plan = Plan::new(graph.clone(), &[y]);
    assert_eq!(plan.persistent().collect::<Vec<_>>(), [w, ms, x]);
    assert_eq!(plan.log(), None);
    assert_eq!(plan.order(), nodes(&graph, [1, 2]));
    assert_eq!(plan.nodes().collect::<Vec<_>>(), [&graph.nodes()[1], &graph.nodes()[2]]);
    assert_eq!((plan.graph(), plan.outputs()), (&graph, &[y][..]));
    assert_eq!(plan.slots().bytes, [64]);
    for persistent in [w, ms, x, unused] {
        assert_eq!(plan.slot(persistent), None);
    }
    let term = graph.data("term", Shape::new(3, 1), Element::F32);
    graph.loss_sum(term, log, 0)?;
    assert_eq!(Plan::new(graph, &[]).log(), Some(log));
    Ok(())
}

#[test]
fn only_outputs_can_be_read() -> TestResult {
    let mut graph = Graph::new();
    let x = square(&mut graph, "x");
    let inner = graph.relu(x)?;
    let [y, z] = [graph.sigmoid(inner)?, graph.softplus(inner)?];
    let (y, z) = (graph.rename(y, "y"), graph.rename(z, "z"));
    let plan = Plan::new(graph, &[y, z]);
    assert_eq!(plan.output_slot(z)?, plan.slots().of[&z]);
    assert!(plan.slot(inner).is_some());
    for (tensor, asked) in [(inner, "relu.1"), (x, "x")] {
        let Err(Error::UnknownTensor { name, known }) = plan.output_slot(tensor) else {
            panic!("{asked} is no output");
        };
        assert_eq!((name.as_str(), known.as_str()), (asked, "y, z"));
    }
    Ok(())
}

#[test]
fn keep_all_keeps_each_intermediate_apart() -> TestResult {
    for_each_sample(|sample| {
        let plan = Plan::keep_all(sample.graph.clone());
        assert_eq!(plan.order().len(), sample.graph.nodes().len());
        let ids = sample.graph.tensor_ids();
        let made: Vec<_> = ids.filter(|&id| sample.graph.tensor(id).is_workspace()).collect();
        let slots = made.iter().map(|&id| plan.output_slot(id)).collect::<Result<Vec<_>, _>>()?;
        assert!(pairs(slots.len()).all(|(a, b)| slots[a] != slots[b]));
        plan.outputs().iter().try_for_each(|&id| plan.output_slot(id).map(drop))?;
        Ok(())
    })
}

#[test]
fn plans_of_one_graph_are_equal() -> TestResult {
    for_each_sample(|sample| {
        let [first, second] = [(); 2].map(|()| Plan::new(sample.graph.clone(), &sample.outputs));
        assert_eq!(first, second);
        assert_eq!(first.order(), schedule(&sample.graph, &sample.outputs));
        assert_eq!(first.to_string(), second.to_string());
        Ok(())
    })
}

/// Runs a plan step by step on an empty session, its workspace poisoned before each step, and returns
/// everything that the host can read after each.
pub(super) fn run(
    session: &mut dyn Session,
    sample: &Sample,
    plan: &Plan,
    steps: &[Step],
) -> wgvae::Result<Vec<Read>> {
    let graph = &sample.graph;
    let program = session.load(plan.clone())?;
    let persistent: Vec<_> = plan.persistent().collect();
    for (id, values) in sample.values.iter().filter(|(id, _)| persistent.contains(id)) {
        session.write(&graph.tensor(*id).name, Values::F64(values))?;
    }
    let mut after = Vec::new();
    for &step in steps {
        session.poison(program)?;
        session.run(program, &[step])?;
        let mut read = Read::new();
        for &id in &persistent {
            read.insert(id, session.read(&graph.tensor(id).name)?);
        }
        for &id in plan.outputs() {
            read.insert(id, session.read_output(program, id)?);
        }
        after.push(read);
    }
    Ok(after)
}

/// What a host has read.
pub(super) type Read = HashMap<TensorId, Vec<f64>>;

#[test]
fn reordering_and_sharing_change_no_bit() -> TestResult {
    let (mut compared, steps) = (0, [Step::new(11, 0, 0), Step::new(11, 1, 5)]);
    let steps = steps.map(|step| step.with_learning_rate(0.5));
    for_each_sample(|sample| {
        let shared = Plan::new(sample.graph.clone(), &sample.outputs);
        let apart = Plan::keep_all(sample.graph.clone());
        let meant = reference::interpret(sample, &steps);
        for (plan, name) in [(&apart, "keep_all"), (&shared, "new")] {
            for (found, expected) in
                run(&mut CpuSession::<f64>::new(), sample, plan, &steps)?.iter().zip(&meant)
            {
                for (id, values) in found {
                    assert!(values.iter().all(|value| value.is_finite()), "{name} {id:?}");
                    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect();
                    let [found, expected]: [Vec<_>; 2] = [bits(values), bits(&expected[id])];
                    assert!(found == expected, "{name} {id:?}: {values:?}");
                    compared += 1;
                }
            }
        }
        Ok(())
    })?;
    assert!(compared > 10_000, "only {compared} tensors were compared");
    Ok(())
}

#[test]
fn the_order_of_updates_decides_what_is_read() -> TestResult {
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(1, 1), Element::F32);
    let (w, ms) = weight(&mut graph, "w", Shape::new(1, 1));
    let before = graph.add(x, w)?;
    let optimizer = Optimizer::default().with("decay", 1.0)?.with("epsilon", 0.0)?;
    graph.update(optimizer, x, w, &[ms])?;
    let after = graph.add(x, w)?;
    assert!(graph.nodes().iter().map(Node::reads).all(|reads| reads.count() >= 2));
    let mut session = CpuSession::<f64>::new();
    let program = session.load(Plan::new(graph, &[before, after]))?;
    session.write("x", Values::F64(&[2.0]))?;
    session.write("w", Values::F64(&[10.0]))?;
    for [w_before, w_after] in [[10.0, 4.0], [4.0, -2.0]] {
        session.run(program, &[Step::default().with_learning_rate(3.0)])?;
        assert_eq!(session.read_output(program, before)?, [2.0 + w_before]);
        assert_eq!(session.read_output(program, after)?, [2.0 + w_after]);
        assert_eq!(session.read("w")?, [w_after]);
    }
    Ok(())
}

#[test]
fn two_tensors_of_one_name_are_refused() -> TestResult {
    let mut graph = Graph::new();
    let x = graph.data("x", Shape::new(2, 2), Element::F32);
    let twins = [0; 2].map(|_| graph.parameter("w", Shape::new(2, 2)));
    let product = graph.matmul(x, twins[0])?;
    let y = graph.matmul(product, twins[1])?;
    for mut session in sessions() {
        let refused =
            session.load(Plan::new(graph.clone(), &[y])).err().ok_or("two of one name")?;
        let said = "tensor w: expected a name of its own, found two tensors of this name";
        assert_eq!(refused.to_string(), said, "{}", session.description());
    }
    Ok(())
}
