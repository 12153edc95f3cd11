//! Where a step's time goes: counts against such as were written out by hand, times that belong
//! together, and comparisons that catch what got slower.

use crate::devices::{gpus, sessions};
use std::error::Error;
use std::fs;
use std::time::Duration;
use wgvae::device::cpu::CpuSession;
use wgvae::device::gpu::GpuSession;
use wgvae::device::{Blocking, Device, Profiled, ProgramId, Session, TimedSteps, Timer, Values};
use wgvae::graph::{Binarize, Element, Graph, Pixels, Plan, Shape, Step};
use wgvae::kernel::Cost;
use wgvae::model::{Architecture, Images, Training, Weights, initial_weights};
use wgvae::optimizer::{ADAM, Optimizer, RMSPROP};
use wgvae::profile::{Baseline, Profile, Workload, capture, profile, trace};

type Outcome = Result<(), Box<dyn Error>>;

const BATCH: usize = 8;

fn plan(architecture: &Architecture, batch: usize, fused: bool) -> wgvae::Result<Plan> {
    let (pixels, binarize) = (Pixels::Bytes, Binarize::Stochastic);
    let images = Images { name: "images", count: 64, batch, pixels, binarize };
    architecture.training_plan(images, Training::default(), fused)
}

/// A small model, ready to train.
fn load(session: &mut dyn Session, fused: bool) -> wgvae::Result<(Architecture, ProgramId)> {
    let architecture = Architecture::new(20, &[12, 4])?;
    let program = session.load(plan(&architecture, BATCH, fused)?)?;
    let bytes: Vec<u8> = (0..64 * 20).map(|i| (i * 37 % 256) as u8).collect();
    session.write("images.images", Values::U8(&bytes))?;
    session.write("images.indices", Values::U32(&(0..64).collect::<Vec<_>>()))?;
    initial_weights(&architecture, 1).write(session)?;
    Ok((architecture, program))
}

fn steps() -> Vec<Step> {
    (0..6).map(|index| Step::new(3, index, index * BATCH as u32)).collect()
}

/// The default model with batch 64, kernel by kernel, as one counts it on paper.
#[test]
fn operations_and_bytes_are_those_counted_by_hand() -> Outcome {
    let plan = plan(&Architecture::new(784, &[200, 100])?, 64, true)?;
    let found: Vec<_> = plan
        .nodes()
        .map(|node| {
            let Cost { flops, bytes } = Cost::of(plan.graph(), node);
            (node.label(), flops, bytes)
        })
        .collect();
    let f32s = |count: u64| 4 * count;
    let expected = [
        // One for each pixel, four for each draw; of the data set, the batch.
        ("batch", 50_176 + 25_600, 50_176 + f32s(64 + 50_176 + 6_400)),
        // 2·64·784·200, bias, ReLU.
        ("linear+relu", 20_070_400 + 2 * 12_800, f32s(50_176 + 156_800 + 200 + 12_800)),
        // 2·64·200·200, bias; of 64·100: 5 for the standard deviation, 2 for z, 8 for KL and its sums.
        // h1, W, b, eps; mean and s, z, and 25 sums a row.
        (
            "linear+softplus+gaussian_kl",
            5_120_000 + 12_800 + 6_400 * (5 + 2 + 8),
            f32s(12_800 + 40_000 + 200 + 6_400 + 3 * 6_400 + 64 * 25),
        ),
        ("linear+relu", 2_560_000 + 2 * 12_800, f32s(6_400 + 20_000 + 200 + 12_800)),
        // 2·64·200·784, bias; of 64·784: 7 for the log-likelihood, 5 for its gradient. h2, W, b, x;
        // 196 sums a row, dlogits.
        (
            "linear+bernoulli",
            20_070_400 + 50_176 * (1 + 7 + 5),
            f32s(12_800 + 156_800 + 784 + 50_176 + 64 * 196 + 50_176),
        ),
        ("linear_backward+relu", 20_070_400 + 12_800, f32s(50_176 + 156_800 + 2 * 12_800)),
        // 2·64·200·100; of 64·100: 5 for the standard deviation, once more, 1 for dz·eps, 1 and 3 for
        // KL, 4 for softplus, two sums. ddecoder.0, W, eps, mean and s.
        (
            "linear_backward+softplus+gaussian_kl",
            2_560_000 + 6_400 * (5 + 1 + 1 + 3 + 4 + 2),
            f32s(12_800 + 20_000 + 3 * 6_400 + 12_800),
        ),
        ("linear_backward+relu", 5_120_000 + 12_800, f32s(12_800 + 40_000 + 2 * 12_800)),
        // 2·64 for each weight, 64 for each bias, 9 for each of both, the terms of the loss. Each
        // layer's input and gradient, the terms; weights and mean squares read and written; two
        // numbers of the log.
        (
            "update",
            128 * 373_600 + 64 * 1_384 + 9 * 374_984 + 64 * (196 + 25),
            f32s(
                (12_800 + 50_176)
                    + (6_400 + 12_800)
                    + (12_800 + 12_800)
                    + (50_176 + 12_800)
                    + 64 * (196 + 25)
                    + 4 * 374_984
                    + 2,
            ),
        ),
    ];
    let expected = expected.map(|(name, flops, bytes)| (name.to_owned(), flops, bytes));
    assert_eq!(found, expected);
    Ok(())
}

fn check(timed: &TimedSteps, nodes: usize) {
    assert!(!timed.steps.is_empty());
    let mut before = Duration::ZERO;
    for span in timed.steps.iter().flatten() {
        assert!(span.ended >= span.began && span.began >= before, "{timed:?}");
        before = span.ended;
    }
    assert!(timed.steps.iter().all(|step| step.len() == nodes));
    assert!(before <= timed.wait.ended && timed.record.ended <= timed.wait.ended, "{timed:?}");
    let total: Duration = timed.steps.iter().flatten().map(|span| span.duration()).sum();
    assert!(total > Duration::ZERO, "{timed:?}");
    // What a step took by the host's clock holds all of its kernels.
    let step = timed.wait.ended.saturating_sub(timed.submit.began);
    assert!(timed.timer != Timer::Submits || step >= total, "{timed:?}");
}

#[test]
fn steps_that_are_timed_are_steps_like_others() -> Outcome {
    for fused in [true, false] {
        for (mut plain, mut timed) in sessions().into_iter().zip(sessions()) {
            let (architecture, program) = load(plain.as_mut(), fused)?;
            plain.run(program, &steps())?;
            let expected = Weights::read(&architecture, plain.as_mut())?;

            let (_, program) = load(timed.as_mut(), fused)?;
            let launches = timed.launches(program)?;
            let mut left = &steps()[..];
            while !left.is_empty() {
                let some = timed.time_steps(program, left)?;
                check(&some, launches.len());
                left = &left[some.steps.len()..];
            }
            let device = timed.description().clone();
            assert_eq!(timed.take_log(true)?.len(), 6, "{device}");
            assert!(Weights::read(&architecture, timed.as_mut())? == expected, "{device}");
            if fused && device.backend != "CPU" {
                assert_eq!(launches.len(), 9);
                assert_eq!((&*launches[0].kernel, &*launches[8].kernel), ("batch", "update"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_timer_times_the_same_steps() -> Outcome {
    for gpu in gpus() {
        let mut found = Vec::new();
        for timer in [Timer::Dispatches, Timer::Passes, Timer::Submits] {
            let mut session = GpuSession::new(gpu.clone());
            session.time_by(timer);
            let (architecture, program) = load(&mut session, true)?;
            let mut left = &steps()[..];
            while !left.is_empty() {
                let some = session.time_steps(program, left)?;
                assert_eq!(some.timer, timer);
                check(&some, 9);
                left = &left[some.steps.len()..];
            }
            assert_eq!(session.take_log(true)?.len(), 6);
            found.push(Weights::read(&architecture, &mut session)?);
        }
        assert!(found.iter().all(|weights| *weights == found[0]));
    }
    Ok(())
}

#[test]
fn memory_is_counted_by_what_it_is_for() -> Outcome {
    for mut session in sessions() {
        load(session.as_mut(), true)?;
        let memory = session.memory();
        let parameters = (20 * 12 + 12 + 12 * 8 + 8 + 4 * 12 + 12 + 12 * 20 + 20) as u64;
        // The oracle computes in f64.
        let size = memory.weights / parameters;
        assert!(size == 4 || size == 8, "{memory:?}");
        assert_eq!((memory.weights, memory.optimizer), (size * parameters, size * parameters));
        assert!(memory.data >= 64 * 20 + 64 * 4 && memory.workspace > 0, "{memory:?}");
    }
    Ok(())
}

fn workload(optimizer: Optimizer, fused: bool) -> wgvae::Result<Workload> {
    let architecture = Architecture::new(20, &[12, 4])?;
    let training = Training { optimizer, ..Training::default() };
    Ok(Workload { architecture, training, batch: BATCH, fused })
}

fn small(session: &mut dyn Session, steps: u32, fused: bool) -> wgvae::Result<Profile> {
    profile(session, &workload(Optimizer::default(), fused)?, steps, &[])
}

#[test]
fn the_rows_are_those_of_the_step() -> Outcome {
    for fused in [true, false] {
        for mut session in
            sessions().into_iter().filter(|s| !s.description().driver.contains("f64"))
        {
            let found = small(session.as_mut(), 12, fused)?;
            let sum: f64 = found.kernels.iter().map(|row| row.ms_per_step).sum();
            let share: f64 = found.kernels.iter().map(|row| row.share).sum();
            assert!((sum - found.kernels_ms).abs() < 1e-9 && (share - 1.0).abs() < 1e-9);
            let unattributed = found.profiled_step_ms - found.kernels_ms;
            let said = found.unattributed_ms.ok_or("unknown")?;
            assert!((said - unattributed).abs() < 1e-9);
            let runs: usize = found.kernels.iter().map(|row| row.dispatches_per_step).sum();
            if found.device == "CPU" {
                assert_eq!(runs, found.launches.len());
            } else {
                assert_eq!(runs as f64, found.dispatches_per_step);
            }
            for row in &found.kernels {
                assert!(
                    row.median_us > 0.0
                        && row.p95_us >= row.median_us
                        && row.best_us <= row.median_us,
                    "{row:?}"
                );
                assert!(row.percent_of_roof >= 0.0 && row.percent_of_roof.is_finite(), "{row:?}");
                assert_eq!(row.flop_per_byte, row.flops as f64 / row.bytes as f64);
                // Of kernels that run once a step.
                let ms = row.median_ms_per_step;
                assert!(ms >= 1e-3 * row.median_us - 1e-12, "{row:?}");
                let total: f64 = found.kernels.iter().map(|row| row.median_ms_per_step).sum();
                assert!((row.share - ms / total).abs() < 1e-12, "shares are of medians: {row:?}");
                let hints = [None, Some("larger batch"), Some("other kernels")];
                assert!(hints.contains(&row.hint), "{row:?}");
            }
        }
    }
    Ok(())
}

/// The others run, so the weights are the same.
#[test]
fn some_nodes_are_timed_of_steps_like_others() -> Outcome {
    const NODES: [usize; 3] = [1, 3, 8];
    for gpu in gpus() {
        let mut plain = GpuSession::new(gpu.clone());
        let (architecture, program) = load(&mut plain, true)?;
        plain.run(program, &steps())?;
        let expected = Weights::read(&architecture, &mut plain)?;
        for timer in [Timer::Dispatches, Timer::Passes, Timer::Submits] {
            let mut session = GpuSession::new(gpu.clone());
            session.time_by(timer);
            let (_, program) = load(&mut session, true)?;
            let mut left = &steps()[..];
            while !left.is_empty() {
                let some = session.time_nodes(program, left, &NODES)?;
                assert_eq!(some.timer, timer);
                check(&some, NODES.len());
                left = &left[some.steps.len()..];
            }
            assert_eq!(session.take_log(true)?.len(), 6);
            assert!(Weights::read(&architecture, &mut session)? == expected, "{timer}");
        }
    }
    Ok(())
}

/// A product takes longer than an element, whichever of the two is timed.
#[test]
fn the_nodes_that_are_timed_are_those_asked_for() -> Outcome {
    const SIDE: usize = 512;
    let mut graph = Graph::new();
    let a = graph.data("a", Shape::new(SIDE, SIDE), Element::F32);
    let x = graph.data("x", Shape::new(1, 1), Element::F32);
    let outputs = [graph.matmul(a, a)?, graph.relu(x)?];
    for gpu in gpus() {
        for timer in [Timer::Dispatches, Timer::Passes, Timer::Submits] {
            let mut session = GpuSession::new(gpu.clone());
            session.time_by(timer);
            let program = session.load(Plan::new(graph.clone(), &outputs))?;
            let launches = session.launches(program)?;
            let mut shortest = |label: &str| -> Result<Duration, Box<dyn Error>> {
                let node = launches.iter().position(|launch| launch.kernel == label);
                let node = node.ok_or("no such node")?;
                let mut all = Vec::new();
                for _ in 0..4 {
                    let timed = session.time_nodes(program, &steps(), &[node])?;
                    all.extend(timed.steps.iter().flatten().map(|span| span.duration()));
                }
                Ok(all.into_iter().min().ok_or("no time")?)
            };
            let (product, element) = (shortest("matmul")?, shortest("relu")?);
            assert!(product > element, "{timer}: {product:?} and {element:?}");
        }
    }
    Ok(())
}

#[test]
fn only_the_kernels_that_are_named_have_rows() -> Outcome {
    let workload = workload(Optimizer::default(), true)?;
    for (names, labels) in [
        (&["update"][..], &["update"][..]),
        (&["update", "linear+bernoulli"], &["linear+bernoulli", "update"]),
        // A row of the kernel table is several kernels.
        (&["batch", "product"], &["batch", "linear", "linear", "linear", "linear"]),
    ] {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        for mut session in sessions() {
            let found = profile(session.as_mut(), &workload, 12, &names)?;
            let rows: Vec<_> = found.kernels.iter().map(|row| row.kernel.as_str()).collect();
            let is_as = |(row, label): (&&str, &&str)| row.starts_with(label);
            assert!(rows.len() >= labels.len() && rows.iter().zip(labels).all(is_as), "{rows:?}");
            let times = found.timed.steps.iter().map(Vec::len);
            assert!(times.into_iter().all(|count| count == found.launches.len()));
            assert!(found.launches.len() >= rows.len() && found.launches.len() < 9);
            assert_eq!((found.unattributed_ms, found.idle_share), (None, None));
            assert_eq!(found.only, names);
            for row in &found.kernels {
                let share = row.median_ms_per_step / found.step_ms;
                assert!((row.share - share).abs() < 1e-12, "shares are of the step: {row:?}");
            }
            let json = serde_json::to_value(&found)?;
            assert!(json["unattributed_ms"].is_null() && json["only"] == serde_json::json!(names));
        }
    }
    let mut session = CpuSession::<f32>::new();
    let all = small(&mut session, 2, true)?;
    assert!(all.only.is_empty() && serde_json::to_value(&all)?.get("only").is_none());
    let names = ["normal".to_owned()];
    let none = profile(&mut session, &workload, 2, &names);
    assert!(none.is_err_and(|error| error.to_string().starts_with("kernel: ")));
    Ok(())
}

/// The baseline that is read from a profile's file.
fn reread(profile: &Profile) -> Result<Baseline, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("before.json");
    fs::write(&file, serde_json::to_string(profile)?)?;
    Ok(Baseline::read(&file)?)
}

/// A profile with numbers of our own, so that nothing depends on how fast the machine is, and its
/// baseline.
fn even() -> Result<(Profile, Baseline), Box<dyn Error>> {
    let mut found = small(&mut CpuSession::<f32>::new(), 10, true)?;
    (found.best_step_ms, found.step_ms, found.pace_gflops) = (1.0, 1.0, 100.0);
    for row in &mut found.kernels {
        (row.best_us, row.noise, row.share) = (100.0, 0.03, 0.2);
    }
    let before = reread(&found)?;
    Ok((found, before))
}

#[test]
fn the_step_of_any_optimizer_is_profiled() -> Outcome {
    for (rule, label) in [(&RMSPROP, "update"), (&ADAM, "update+adam")] {
        let workload = workload(Optimizer::of(rule), true)?;
        let found = profile(&mut CpuSession::<f32>::new(), &workload, 2, &[])?;
        assert!(found.kernels.iter().any(|row| row.kernel == label), "{label}");
    }
    Ok(())
}

/// One kernel says nothing about the others: it is compared beside what the device ran at.
#[test]
fn a_kernel_alone_is_slower_by_itself() -> Outcome {
    let (mut found, before) = even()?;
    found.kernels.truncate(1);
    found.kernels[0].best_us = 150.0;
    found.only = vec![found.kernels[0].kernel.clone()];
    let slower = |now: &Profile| {
        before.compare(now, 0.1).changes.iter().filter(|change| change.is_slower).count()
    };
    assert_eq!(slower(&found), 1);
    found.pace_gflops = 60.0;
    assert_eq!(slower(&found), 0, "the device ran at less");
    Ok(())
}

#[test]
fn a_trace_has_both_tracks_and_every_kernel() -> Outcome {
    let mut session = GpuSession::new(gpus()[0].clone());
    let found = small(&mut session, 12, true)?;
    let trace = trace(&found);
    let events = trace["traceEvents"].as_array().ok_or("no events")?;
    let names: Vec<_> =
        events.iter().filter(|e| e["ph"] == "M").map(|e| e["args"]["name"].as_str()).collect();
    assert_eq!(names, [Some("host"), Some(found.adapter.as_str())]);
    let mut ends = [0.0, 0.0];
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let number =
            |key: &str| event[key].as_f64().filter(|number| *number >= 0.0).ok_or("no number");
        let track = event["tid"].as_u64().ok_or("no track")? as usize - 1;
        let (begin, duration) = (number("ts")?, number("dur")?);
        // Events of a track follow each other.
        assert!(begin >= ends[track] - 1e-3, "{event}");
        ends[track] = begin + duration;
    }
    assert!(ends[1] <= ends[0] + 1e-3, "the device ends when the host has waited for it");
    let kernels = events.iter().filter(|event| event["tid"] == 2 && event["ph"] == "X").count();
    assert_eq!(kernels, 9 * found.timed.steps.len());
    Ok(())
}

#[test]
fn a_baseline_is_quiet_on_itself_and_catches_what_got_slower() -> Outcome {
    let (mut found, before) = even()?;
    assert_eq!(before.adapter(), found.adapter);
    let slower = |now: &Profile, allowed: f64| -> Vec<String> {
        let changes = before.compare(now, allowed).changes.into_iter();
        changes.filter(|change| change.is_slower).map(|change| change.what).collect()
    };
    let same = before.compare(&found, 0.1);
    assert_eq!(same.changes.len(), 1 + found.kernels.len());
    assert_eq!((same.kernels, same.pace), (1.0, 1.0));
    assert!(slower(&found, 0.0).is_empty());
    found.kernels[3].best_us = 130.0;
    let name = found.kernels[3].kernel.clone();
    assert!(slower(&found, 0.1).len() == 1 && slower(&found, 0.1)[0].starts_with(&name));
    assert!(slower(&found, 0.5).is_empty(), "it is allowed");
    found.kernels[3].noise = 0.35;
    assert!(slower(&found, 0.1).is_empty(), "it is noise");
    found.kernels[3].noise = 0.03;
    // A machine that does something else besides.
    found.kernels.iter_mut().for_each(|row| row.best_us *= 1.5);
    assert_eq!(before.compare(&found, 0.1).kernels, 1.5);
    assert!(slower(&found, 0.1).len() == 1 && slower(&found, 0.1)[0].starts_with(&name));
    // One that does nothing else anymore.
    found.kernels.iter_mut().for_each(|row| row.best_us /= 2.0);
    assert!(slower(&found, 0.1).is_empty());
    found.best_step_ms = 1.2;
    assert_eq!(slower(&found, 0.1), ["step"]);
    found.step_ms = 1.5;
    assert!(slower(&found, 0.1).is_empty(), "its rounds differed by more");
    (found.step_ms, found.pace_gflops) = (1.2, 80.0);
    assert!(slower(&found, 0.1).is_empty(), "the device ran at less");
    // What hardly counts.
    found.kernels.iter_mut().for_each(|row| (row.best_us, row.share) = (100.0, 0.04));
    let before = reread(&found)?;
    found.kernels[3].best_us = 300.0;
    let changes = before.compare(&found, 0.1).changes;
    assert!(changes.iter().all(|change| !change.is_slower), "{changes:?}");
    Ok(())
}

#[test]
fn a_baseline_of_something_else_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("before.json");
    let found = small(&mut CpuSession::<f32>::new(), 2, true)?;
    fs::write(&file, serde_json::to_string(&found)?)?;
    let before = Baseline::read(&file)?;
    let check = |hidden: &[usize], batch| -> Result<(), Box<dyn Error>> {
        Ok(before.check(&Architecture::new(20, hidden)?, batch)?)
    };
    check(&[12, 4], BATCH)?;
    for (hidden, batch) in [([12, 3], BATCH), ([12, 4], BATCH + 1)] {
        let refused = check(&hidden, batch).map_err(|error| error.to_string());
        let words = "found one of 20-[12, 4], batch 8";
        assert!(refused.as_ref().is_err_and(|error| error.contains(words)), "{refused:?}");
    }
    fs::write(&file, "{}")?;
    let refused = Baseline::read(&file).map_err(|error| error.to_string());
    assert!(refused.is_err_and(|error| error.contains("a profile in JSON")));
    Ok(())
}

#[test]
fn there_is_no_capture_without_renderdoc() -> Outcome {
    let mut session = CpuSession::<f32>::new();
    let workload = workload(Optimizer::default(), true)?;
    let folder = tempfile::tempdir()?;
    let found = capture(&mut session, &workload, &folder.path().join("step"));
    let Err(wgvae::Error::Unsupported { expected, .. }) = found else {
        panic!("{found:?}");
    };
    assert_eq!(expected, "RenderDoc in the process");
    Ok(())
}
