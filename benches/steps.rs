//! Times whole training steps, fused and not, by batch and width. Timings of one run can be
//! compared with each other; a comparison with another run depends on the other load of the
//! machine.
//!
//! `cargo bench --bench steps -- [DEVICE] [MOST]`; DEVICE as for `--device`, by default `gpu`; MOST
//! is the largest batch, by default 512, at most 4096.

mod common;

use wgvae::device::{Choice, Options, Session, open};
use wgvae::model::{Architecture, Training};
use wgvae::profile::{Profile, Workload, profile};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The number of fused steps: they take about a second on the slowest devices.
const STEPS: u32 = 40;

fn main() -> Outcome {
    // Cargo adds --bench.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let device = arguments.next().unwrap_or_else(|| "gpu".to_owned());
    let most: usize = arguments.next().map_or(Ok(512), |most| most.parse())?;
    let Ok(choice) = device.parse::<Choice>();
    println!("{}\n", common::header(open(&choice, Options::default())?.description()));
    println!("| hidden | batch | | ms a step | images/s | GFLOP/s | dispatches |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: |");
    let batches = [64, 128, 256, 512, 1024, 2048, 4096].into_iter().filter(|&batch| batch <= most);
    for batch in batches {
        row(&choice, &[200, 100], batch, true)?;
    }
    for hidden in [[400, 200], [800, 400], [2048, 1024]] {
        if hidden[0] * 64 <= 800 * most {
            row(&choice, &hidden, 64, true)?;
        }
    }
    row(&choice, &[200, 100], 64, false)
}

/// Times a row in a new session, so that earlier rows have no effect.
fn row(choice: &Choice, hidden: &[usize], batch: usize, fused: bool) -> Outcome {
    let mut session: Box<dyn Session> = open(choice, Options::default())?;
    let (architecture, training) = (Architecture::new(784, hidden)?, Training::default());
    let workload = Workload { architecture, training, batch, fused };
    let steps = if fused { STEPS } else { STEPS / 4 };
    let Profile { step_ms, images_per_second, gflops, dispatches_per_step, .. } =
        profile(session.as_mut(), &workload, steps, &[])?;
    let fused = if fused { "fused" } else { "not fused" };
    println!(
        "| {hidden:?} | {batch} | {fused} | {step_ms:.2} | {images_per_second:.0} | {gflops:.2} | \
         {dispatches_per_step:.0} |"
    );
    Ok(())
}
