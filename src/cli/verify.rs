//! `wgvae verify`.

use super::Outcome;
use super::shared::{DeviceFlag, KernelsFlag, print_json, say};
use crate::Result;
use crate::kernel::kernels;
use crate::verify::{Row, verify_kernel, verify_steps};
use std::process::ExitCode;

/// Check every kernel and the first 20 whole training steps on a device against the CPU in f64.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae verify --device gpu")]
pub(super) struct Arguments {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    /// Seed of the random operands
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut session = arguments.device.open(&arguments.kernels)?;
    tracing::info!("{}, seed {}", session.description(), arguments.seed);
    let mut rows = Vec::new();
    let mut add = |row: Row| -> Result<()> {
        if !arguments.json {
            print(&row, rows.is_empty())?;
        }
        rows.push(row);
        Ok(())
    };
    for kernel in kernels() {
        verify_kernel(session.as_mut(), kernel, arguments.seed)?
            .into_iter()
            .try_for_each(&mut add)?;
    }
    for fused in [true, false] {
        verify_steps(session.as_mut(), arguments.seed, fused)?
            .into_iter()
            .try_for_each(&mut add)?;
    }
    let failed = rows.iter().filter(|row| !row.ok).count();
    if arguments.json {
        print_json(&rows)?;
    } else {
        say(format!("\n{} of {} within tolerance", rows.len() - failed, rows.len()))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(row: &Row, first: bool) -> Result<()> {
    if first {
        say(format!(
            "{:<33} {:<16} {:<4} {:>8} {:>8} {:>7}  {:<20} worst operands",
            "kernel", "variant", "", "max abs", "max rel", "index", "tolerance"
        ))?;
    }
    say(format!(
        "{:<33} {:<16} {:<4} {:>8.1e} {:>8.1e} {:>7}  {:<20} {}",
        row.kernel,
        row.variant,
        if row.ok { "ok" } else { "FAIL" },
        row.max_abs,
        row.max_rel,
        row.worst_index.map_or("-".to_owned(), |index| index.to_string()),
        row.tolerance.to_string(),
        row.shape,
    ))
}
