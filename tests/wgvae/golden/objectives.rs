//! Bounds and their gradients, by PyTorch's numbers.

use super::{Golden, Mode, Outcome, Run};
use crate::devices::sessions;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Session, Values};
use wgvae::graph::{Element, Graph, Shape, Step};
use wgvae::model::{Bound, Objective, Training, forward, training};

/// The cases in the file.
const CASES: [(&str, Bound); 6] = [
    ("elbo_3", Bound::Elbo),
    ("free_bits", Bound::Elbo),
    ("iwae_3", Bound::Iwae),
    ("iwae_4_beta", Bound::Iwae),
    ("dreg_3", Bound::Dreg),
    ("dreg_4_beta", Bound::Dreg),
];

fn open() -> Result<Golden, Box<dyn std::error::Error>> {
    Golden::open("objectives", 5, &[3, 2])
}

/// Compares the bound and all gradients of one step; returns how many tensors that was.
fn check(
    (case, bound): (&str, Bound),
    session: &mut dyn Session,
    exact: bool,
    mode: Mode,
) -> Result<usize, Box<dyn std::error::Error>> {
    let (golden, start) = (open()?, Golden::open("tiny-5-3-2", 5, &[3, 2])?);
    let [settings, x, eps] = ["settings", "x", "eps"].map(|name| match name {
        "x" => golden.must(name),
        _ => golden.must(&format!("{case}.{name}")),
    });
    let [samples, beta, free_bits] = settings?.1[..] else { return Err("three settings".into()) };
    let objective = Objective { bound, samples: samples as usize, free_bits };
    let mut graph = Graph::new();
    let mut data = |name: &str, shape: &[usize]| {
        graph.data(name, Shape::new(shape[0], shape[1]), Element::F32)
    };
    let (x, eps) = (x?, eps?);
    let operands = [data("x", &x.0), data("eps", &eps.0)];
    let pass = forward(&mut graph, &golden.architecture, operands[0], operands[1])?;
    training(&mut graph, &pass, Training { objective, ..Training::default() })?;
    let program = session.load(mode.plan(&graph))?;
    for parameter in golden.architecture.parameters() {
        let values = start.parameter(&format!("init.{}", parameter.name))?;
        session.write(&parameter.name, Values::F64(&values.ok_or("no init")?))?;
    }
    session.write("x", Values::F64(&x.1))?;
    session.write("eps", Values::F64(&eps.1))?;
    session.run(program, &[Step::new(0, 0, 0).with_kl_weight(beta)])?;
    let values = session.take_log(true)?.remove(0).values;
    let found = values.get(2).copied().unwrap_or(values[0] / samples - values[1]);
    let expected = golden.must(&format!("{case}.bound"))?.1;
    let mut run = Run { golden: &golden, session, program, graph, compared: 0, exact, mode };
    run.compare(case, &[found], &expected)?;
    for parameter in golden.architecture.parameters() {
        let expected = golden.parameter(&format!("{case}.grad.{}", parameter.name))?;
        let found = run.output(&format!("d{}", parameter.name))?;
        run.compare(&format!("{case}, {}", parameter.name), &found, &expected.ok_or(case)?)?;
    }
    Ok(run.compared)
}

#[test]
fn every_objective() -> Outcome {
    for case in CASES {
        for mode in [Mode::Primitives, Mode::GradientsApart] {
            assert_eq!(check(case, &mut CpuSession::<f64>::new(), true, mode)?, 9);
            for mut session in sessions() {
                assert_eq!(check(case, session.as_mut(), false, mode)?, 9);
            }
        }
    }
    Ok(())
}

/// With one sample importance weights are all 1: every bound is the ELBO, to the bit.
#[test]
fn bounds_of_one_sample_are_the_elbo() -> Outcome {
    let plans = [Bound::Elbo, Bound::Iwae, Bound::Dreg].map(|bound| {
        let mut graph = Graph::new();
        let x = graph.data("x", Shape::new(4, 5), Element::F32);
        let eps = graph.data("eps", Shape::new(4, 2), Element::F32);
        let pass = forward(&mut graph, &open()?.architecture, x, eps)?;
        let objective = Objective { bound, ..Objective::default() };
        training(&mut graph, &pass, Training { objective, ..Training::default() })?;
        Ok::<_, Box<dyn std::error::Error>>(graph)
    });
    let [elbo, iwae, dreg] = plans;
    let elbo = elbo?;
    assert!(iwae? == elbo && dreg? == elbo);
    Ok(())
}
