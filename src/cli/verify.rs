//! `wgvae verify`.

use super::Outcome;
use super::shared::{A_KERNEL, DeviceFlag, KernelsFlag, OnlyFlag, print_json, say};
use super::table::{Cell, Column, Table, WideFlag};
use super::terminal::{BAD, GOOD};
use crate::Result;
use crate::kernel::{Call, kernels};
use crate::verify::{Row, verify_calls, verify_steps};
use std::process::ExitCode;

/// Check every kernel and the first 20 whole training steps on a device against the CPU in f64.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  wgvae verify --device gpu",
    after_long_help = "Example:\n  wgvae verify --device gpu\n  wgvae verify --device gpu --kernel update --kernel linear+relu\n  wgvae shader --sources --output shaders\n  wgvae verify --device gpu --kernel update --shaders shaders"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    kernels: KernelsFlag,
    #[command(flatten)]
    only: OnlyFlag,
    /// Seed of the random operands
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    wide: WideFlag,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let only = &arguments.only;
    let mut calls = calls()?;
    only.check(&calls, A_KERNEL)?;
    calls.retain(|call| only.has(call));
    let mut session = arguments.device.open(&arguments.kernels)?;
    tracing::info!("{}, seed {}", session.description(), arguments.seed);
    let width = arguments.wide.width();
    let table = if arguments.json { None } else { Some(Table::begin(columns(&calls), width)?) };
    let mut rows = Vec::new();
    let mut add = |row: Row| -> Result<()> {
        table.as_ref().map_or(Ok(()), |table| print(table, &row))?;
        rows.push(row);
        Ok(())
    };
    for kernel in kernels() {
        verify_calls(session.as_mut(), kernel, arguments.seed, &|call| only.has(call))?
            .into_iter()
            .try_for_each(&mut add)?;
    }
    // Whole steps run every kernel.
    for fused in [true, false].into_iter().filter(|_| only.names().is_empty()) {
        verify_steps(session.as_mut(), arguments.seed, fused)?
            .into_iter()
            .try_for_each(&mut add)?;
    }
    let failed = rows.iter().filter(|row| !row.ok).count();
    if arguments.json {
        print_json(&rows)?;
    } else {
        table.as_ref().map_or(Ok(()), Table::end)?;
        let style = if failed == 0 { GOOD } else { BAD };
        let (within, all) = (rows.len() - failed, rows.len());
        say(format!("\n{style}{within} of {all} within tolerance{style:#}"))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the calls of all cases.
fn calls() -> Result<Vec<Call>> {
    kernels().flat_map(|kernel| (kernel.cases)()).map(|case| case.call()).collect()
}

/// Returns columns as wide as the names of all kernels and variants: rows are printed as they are
/// computed.
fn columns(calls: &[Call]) -> Vec<Column> {
    let kernel = calls.iter().map(|call| call.label().len()).max().unwrap_or(0);
    vec![
        Column::words("kernel", 0).of(kernel).cut_to(16),
        Column::words("variant", 1).of(16),
        Column::words("", 0).of(4),
        Column::numbers("max abs", 2).of(8),
        Column::numbers("max rel", 4).of(8),
        Column::numbers("index", 5).of(7),
        Column::words("tolerance", 3).of(20),
        Column::words("worst operands", 6).of(60),
    ]
}

fn print(table: &Table, row: &Row) -> Result<()> {
    table.row(&[
        (&row.kernel).into(),
        row.variant.into(),
        if row.ok { Cell::styled("ok", GOOD) } else { Cell::styled("FAIL", BAD) },
        format!("{:.1e}", row.max_abs).into(),
        format!("{:.1e}", row.max_rel).into(),
        row.worst_index.map_or("-".to_owned(), |index| index.to_string()).into(),
        (&row.tolerance).into(),
        (&row.shape).into(),
    ])
}
