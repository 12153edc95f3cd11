//! Measures the peak rates of a device five times, with the spread of each: its largest value over
//! its smallest, less 1. On the CPU, also compares the FMA rate with that of a hand-written loop.
//!
//! `cargo bench --bench roofs -- [DEVICE]`; DEVICE as for `--device`, by default `cpu`.

#[path = "../common/mod.rs"]
mod common;
mod intrinsics;

use std::time::Instant;
use wgvae::device::Roofs;
use wgvae::device::{Choice, Options, open};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const RUNS: usize = 5;

fn main() -> Outcome {
    // Cargo adds --bench.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let Ok(choice) = arguments.next().unwrap_or_else(|| "cpu".to_owned()).parse::<Choice>();
    let mut session = open(&choice, Options::default())?;
    println!("{}\n", common::header(session.description()));
    let (mut runs, mut intrinsics, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let began = Instant::now();
        runs.push(session.roofs()?);
        seconds.push(began.elapsed().as_secs_f64());
        if session.description().backend == "CPU" {
            intrinsics.extend(intrinsics::gflops());
        }
    }
    println!("| roof | run 1 | 2 | 3 | 4 | 5 | spread |\n| --- |{}", " ---: |".repeat(RUNS + 1));
    let all = |name: &str, of: fn(&Roofs) -> f64| row(name, runs.iter().map(of).collect());
    all("GFLOP/s", |roofs| roofs.gflops);
    all("GB/s", |roofs| roofs.gbs);
    all("GB/s, cached", |roofs| roofs.cached_gbs);
    if runs.iter().all(|roofs| roofs.workgroup_gbs.is_some()) {
        all("GB/s, workgroup memory", |roofs| roofs.workgroup_gbs.unwrap_or_default());
    }
    all("us a dispatch", |roofs| roofs.dispatch_us);
    if runs.iter().all(|roofs| roofs.submit_us > 0.0) {
        all("us a submit", |roofs| roofs.submit_us);
    }
    if !intrinsics.is_empty() {
        let ratios = runs.iter().zip(&intrinsics).map(|(roofs, gflops)| roofs.gflops / gflops);
        row("GFLOP/s over the intrinsics'", ratios.collect());
        row("GFLOP/s of intrinsics", intrinsics);
    }
    row("seconds to measure", seconds);
    Ok(())
}

fn row(name: &str, values: Vec<f64>) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let cells: Vec<_> = values.iter().map(|value| format!("{value:.2}")).collect();
    println!("| {name} | {} | {:.1} % |", cells.join(" | "), 100.0 * (most / least - 1.0));
}
