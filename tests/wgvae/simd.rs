//! The CPU device: its functions are accurate over all of their range, and no bit of a result depends
//! on the number of threads or the width of the CPU's vectors.

use allocation_counter::measure;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use wgvae::data::Split;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Session, Tunable, Values};
use wgvae::function::{EXP, FUNCTIONS, Function, LOG, RELU, Rows, SIGMOID, SOFTPLUS};
use wgvae::graph::{
    Binarize, Element, FusionOptions, Graph, Op, Pixels, Plan, Shape, Step, TensorId, fuse,
};
use wgvae::kernel::{Variant, Vectors};
use wgvae::model::{Architecture, Images, Training, Weights, initial_weights};
use wgvae::random::{generator, normals};
use wgvae::train::{Config, Report, Trainer};
use wgvae::vectors::math::{cos_sin_turns, erfc, exp, ln, ln_1p, reciprocal_sqrt};
use wgvae::vectors::vectors;

type Outcome = Result<(), Box<dyn Error>>;

/// Asserts that a function is within so many units of 2⁻²⁴ of the exact value, over these.
fn assert_close(
    name: &str,
    of: impl Fn(f32) -> f32,
    exact: impl Fn(f64) -> f64,
    over: impl Iterator<Item = f32>,
    bound: f64,
) {
    let mut count = 0;
    let mut worst = (0.0, 0.0);
    for x in over {
        let expected = exact(x.into());
        let error = (f64::from(of(x)) - expected).abs() / expected.abs() * f64::from(1 << 24);
        assert!(error <= bound, "{name}({x}) is {}, not {expected}: {error} units", of(x));
        if error > worst.0 {
            worst = (error, x);
        }
        count += 1;
    }
    assert!(count > 100_000, "{name}");
    println!("{name}: {} units at {}", worst.0, worst.1);
}

/// So many numbers from one to another, both included.
fn steps(from: f64, to: f64) -> impl Iterator<Item = f32> {
    const COUNT: u32 = 300_000;
    (0..=COUNT).map(move |i| (from + (to - from) * f64::from(i) / f64::from(COUNT)) as f32)
}

/// Every 5000th positive number that is neither subnormal nor infinite.
fn positive() -> impl Iterator<Item = f32> {
    (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(5000).map(f32::from_bits)
}

#[test]
fn functions_are_accurate_over_their_range() {
    assert_close("exp", exp, f64::exp, steps(-87.0, 88.0), 2.0);
    assert_close("exp near 0", exp, f64::exp, steps(-1.0, 1.0), 2.0);
    let below_1 = positive().filter(|x| *x <= 1.0);
    assert_close("ln_1p", ln_1p, f64::ln_1p, below_1, 4.0);
    assert_close("ln_1p near 1", ln_1p, f64::ln_1p, steps(0.0001, 1.0), 4.0);
    // At 1 the logarithm is 0, exactly.
    let not_1 = || positive().filter(|x| *x != 1.0);
    assert_close("ln", ln, f64::ln, not_1(), 2.0);
    assert_close("ln near 1", ln, f64::ln, steps(0.5, 2.0).filter(|x| *x != 1.0), 2.0);
    assert_eq!(ln(1.0).to_bits(), 0.0_f32.to_bits());
    let exact = |x: f64| 1.0 / x.sqrt();
    assert_close("reciprocal_sqrt", reciprocal_sqrt, exact, positive(), 2.0);
    assert_close("reciprocal_sqrt near 1", reciprocal_sqrt, exact, steps(0.9, 4.1), 2.0);
    for x in steps(-5.0, 5.0) {
        let (found, exact) = (f64::from(erfc(x)), libm::erfc(x.into()));
        // 1.2e-7 by the formula, two units by the exponential and three by its argument and what it is
        // multiplied by and subtracted from; and by the rounding of x².
        let allowed = exact * (4.5e-7 + 1.5e-7 * f64::from(x * x));
        assert!((found - exact).abs() <= allowed, "erfc at {x}: {found}, not {exact}");
    }
    assert!(erfc(100.0) < 1e-37 && erfc(-100.0) == 2.0);
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let sigmoid =
        |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    assert_close("softplus", |x| value(&SOFTPLUS, x), softplus, steps(-80.0, 80.0), 4.0);
    assert_close("sigmoid", |x| value(&SIGMOID, x), sigmoid, steps(-80.0, 80.0), 3.0);
    assert_eq!([&SOFTPLUS, &SIGMOID].map(|function| value(function, 1e30)), [1e30, 1.0]);
    assert!([&SOFTPLUS, &SIGMOID].iter().all(|function| value(function, -1e30) < 1e-37));
}

/// A function of numbers that are all x, by the CPU's vectors.
fn value(function: &Function, x: f32) -> f32 {
    let mut y = [f32::INFINITY];
    let x = [x];
    let operands = vec![Rows { values: &x, pitch: 1 }; function.arity()];
    (function.vectors.value)(&operands, 1, &mut y);
    y[0]
}

/// All combinations of `count` of these.
fn combinations(of: &[f32], count: usize) -> Vec<Vec<f32>> {
    let longer = |shorter: Vec<f32>| of.iter().map(move |&x| [shorter.as_slice(), &[x]].concat());
    (0..count).fold(vec![Vec::new()], |all, _| all.into_iter().flat_map(longer).collect())
}

#[test]
fn functions_of_special_numbers_are_as_those_of_the_twin() {
    let special = [0.0, -0.0, 1.0, -1.0, 100.0, -100.0, 1e30, -1e30, f32::NAN];
    for function in FUNCTIONS {
        for operands in combinations(&special, function.arity()) {
            let rows: Vec<_> = operands.chunks(1).map(|values| Rows { values, pitch: 1 }).collect();
            let [found, expected] = [&function.vectors, &function.f32].map(|loops| {
                let mut y = [f32::NAN];
                (loops.value)(&rows, 1, &mut y);
                y[0]
            });
            let same = found == expected || found.is_nan() && expected.is_nan();
            let near = (found - expected).abs() <= 1e-6 + 1e-5 * expected.abs();
            assert!(same || near, "{function:?} of {operands:?}: {found}, not {expected}");
        }
    }
    let infinite = f32::INFINITY;
    assert_eq!([value(&EXP, infinite), value(&LOG, infinite)], [infinite; 2]);
    assert!(value(&EXP, -infinite) < 1e-37 && value(&LOG, -infinite).is_nan());
}

/// An operand of a product that is an operand of its stages, too: each thread has all of it.
#[test]
fn weights_can_be_operands_of_stages() -> Outcome {
    const SIDE: usize = 131;
    type Append = fn(&mut Graph, TensorId, TensorId) -> wgvae::Result<TensorId>;
    let graphs: [Append; 4] = [
        |graph, x, w| {
            let product = graph.matmul(x, w)?;
            graph.add(product, w)
        },
        |graph, x, w| {
            let product = graph.matmul_transpose_a(x, w)?;
            let product = graph.multiply(product, x)?;
            graph.add(product, w)
        },
        |graph, x, w| {
            let product = graph.matmul_transpose_b(x, w)?;
            graph.apply(Op::MapBackward(&RELU, 0), &[product, w]).map(|outputs| outputs[0])
        },
        |graph, x, w| {
            let product = graph.matmul_transpose_b(x, w)?;
            let column = graph.row_sum(w)?;
            let product = graph.multiply(product, column)?;
            graph.add(product, x)
        },
    ];
    let numbers: Vec<f32> =
        normals(&mut generator(3, 0)).take(2 * SIDE * SIDE).map(|x| x as f32).collect();
    for (index, append) in graphs.into_iter().enumerate() {
        let mut graph = Graph::new();
        let data = |graph: &mut Graph, name| graph.data(name, Shape::new(SIDE, SIDE), Element::F32);
        let (x, w) = (data(&mut graph, "x"), data(&mut graph, "w"));
        let y = append(&mut graph, x, w)?;
        let plan = Plan::new(fuse(&graph, &[y], FusionOptions::default()), &[y]);
        let run = |session: &mut dyn Session| -> wgvae::Result<Vec<f64>> {
            let program = session.load(plan.clone())?;
            session.write("x", Values::F32(&numbers[..SIDE * SIDE]))?;
            session.write("w", Values::F32(&numbers[SIDE * SIDE..]))?;
            session.run(program, &[Step::default()])?;
            session.read_output(program, y)
        };
        let expected = run(&mut CpuSession::<f64>::new())?;
        for threads in 1..=3 {
            let found = run(&mut CpuSession::<f32>::with_threads(Some(threads)))?;
            let pairs = found.iter().zip(&expected);
            let worst = pairs.map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
            assert!(worst < 1e-3, "graph {index} on {threads} threads: {worst}");
        }
    }
    Ok(())
}

#[test]
fn activations_let_what_is_not_a_number_through() {
    for function in FUNCTIONS.iter().filter(|function| function.is_activation) {
        assert!(value(function, f32::NAN).is_nan(), "{function:?}");
    }
}

/// The portable kernels add products by `mul_add`, which a platform's library may compute.
#[test]
fn products_are_added_with_one_rounding() {
    let bit = |exponent: i32| 2.0_f32.powi(exponent);
    for (x, y, z, expected) in [
        // A rounded product leaves 0.
        (1.0 + bit(-12), 1.0 + bit(-12), -1.0 - bit(-11), bit(-24)),
        // The sum is 2⁻³⁰ below a tie, which f64 rounds it to.
        (1.0 + bit(-15), 1.0 - bit(-15), bit(24) + 2.0, bit(24) + 2.0),
    ] {
        assert_eq!(black_box(x).mul_add(y, z), expected, "{x:e} {y:e} {z:e}");
    }
}

#[test]
fn sines_and_cosines_are_accurate_all_around() {
    const TURN: u32 = 1 << 24;
    for i in (0..TURN).step_by(7).chain([TURN / 8, TURN / 4, TURN / 2, 3 * (TURN / 4), TURN - 1]) {
        let v = i as f32 / TURN as f32;
        let (cos, sin) = cos_sin_turns(v);
        let (exact_sin, exact_cos) = (std::f64::consts::TAU * f64::from(v)).sin_cos();
        let error = (f64::from(cos) - exact_cos).abs().max((f64::from(sin) - exact_sin).abs());
        assert!(error <= 1.5e-7, "at {i}: {error}");
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    assert!(exp(f32::NAN).is_nan());
    assert!(reciprocal_sqrt(f32::NAN).is_nan());
}

/// Losses and weights after some steps, on so many threads, with the widest vectors or with these.
fn train(
    config: &Config,
    threads: usize,
    vectors: Option<Vectors>,
) -> wgvae::Result<(Vec<[u64; 2]>, Weights)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let mut data = Split::from_folder(&folder)?;
    data.train.truncate(12 * config.batch);
    data.test.truncate(700);
    let mut session = CpuSession::<f32>::with_threads(Some(threads));
    assert!(session.description().driver.ends_with(&format!(" {threads} threads")));
    session.force(vectors.map(Variant::of_vectors));
    let mut trainer = Trainer::new(&mut session, config, &data)?;
    let mut losses = Vec::new();
    let report = trainer.epoch(&mut session, |report| {
        if let Report::Step(step) = report {
            losses.push([step.log_likelihood.to_bits(), step.kl.to_bits()]);
        }
        Ok(())
    })?;
    losses.push([report.test.log_likelihood.to_bits(), report.test.kl.to_bits()]);
    let architecture = Architecture::new(data.train.width(), &config.hidden)?;
    Ok((losses, Weights::read(&architecture, &mut session)?))
}

#[test]
fn no_bit_depends_on_the_number_of_threads() -> Outcome {
    let small = Config { hidden: vec![200, 100], epochs: 1, ..Config::default() };
    let unfused = Config { fuse: false, batch: 33, ..small.clone() };
    let timed = Config { profile_every: Some(5), ..small.clone() };
    for config in [small, odd(), unfused, timed] {
        let expected = train(&config, 1, None)?;
        for threads in [2, 3] {
            assert!(train(&config, threads, None)? == expected, "{threads} threads, {config:?}");
        }
    }
    Ok(())
}

#[test]
fn no_bit_depends_on_the_vectors() -> Outcome {
    let binary = Config { hidden: vec![130, 21], epochs: 1, ..Config::default() };
    for config in [binary, odd()] {
        let expected = train(&config, 1, None)?;
        for vectors in vectors() {
            assert!(train(&config, 1, Some(vectors))? == expected, "{vectors:?}, {config:?}");
        }
    }
    Ok(())
}

#[test]
fn nothing_is_allocated_in_a_step() -> Outcome {
    const BATCH: usize = 20;
    let images = Images {
        name: "some",
        count: BATCH,
        batch: BATCH,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let architecture = Architecture::new(784, &[90, 30])?;
    let mut session = CpuSession::<f32>::with_threads(Some(1));
    let plan = architecture.training_plan(images, Training::default(), true)?;
    let program = session.load(plan)?;
    initial_weights(&architecture, 0).write(&mut session)?;
    let pixels: Vec<u8> = (0..BATCH * 784).map(|i| (i * i % 251) as u8).collect();
    session.write("some.images", Values::U8(&pixels))?;
    let steps = [0, 1, 2, 3].map(|index| Step::new(0, index, 0));
    // What is kept from step to step is made in the first ones.
    session.run(program, &steps)?;
    assert_eq!(session.take_log(true)?.len(), steps.len());
    let mut outcome = Ok(());
    let allocations = measure(|| outcome = session.run(program, &steps));
    outcome?;
    assert_eq!(session.take_log(true)?.len(), steps.len());
    assert_eq!(allocations.count_total, 0, "{allocations:?}");
    Ok(())
}

/// Rows and columns that don't divide by threads or vectors, one layer more, grey images.
fn odd() -> Config {
    let hidden = vec![131, 67, 13];
    Config { hidden, batch: 53, epochs: 1, binarize: Binarize::None, ..Config::default() }
}
