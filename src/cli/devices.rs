//! `wgvae devices`.

use super::Outcome;
use super::shared::{print_json, say};
use super::table::{self, Cell, Column, WideFlag, say_words};
use super::terminal::HEAD;
use crate::Result;
use crate::device::Device;
use crate::device::cpu::CpuSession;
use crate::device::gpu::{AdapterInfo, Adapters, Tuned, known_kernels};
use serde_json::json;
use std::process::ExitCode;

/// List the devices that --device can name: every adapter, and the CPU.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae devices --json")]
pub(super) struct Arguments {
    /// Show the fastest measured variant of each kernel, if known
    #[arg(long)]
    kernels: bool,
    #[command(flatten)]
    wide: WideFlag,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let adapters = Adapters::enumerate();
    let cpu = CpuSession::<f32>::new();
    let cpu = cpu.description();
    if arguments.json {
        let mut all = json!({ "adapters": adapters.list(), "cpu": cpu });
        if arguments.kernels {
            let known = adapters.list().iter().map(|info| known_kernels(&info.description(), None));
            all["kernels"] = json!(known.collect::<Vec<_>>());
        }
        print_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    for info in adapters.list() {
        print(info)?;
        if arguments.kernels {
            print_kernels(info, arguments.wide.width())?;
        }
    }
    if adapters.list().is_empty() {
        say_words("     no adapter: no driver for Vulkan, Metal or DX12 was found", 5)?;
    }
    say_words(&format!("{HEAD}cpu  {} ({}){HEAD:#}", cpu.name, cpu.driver), 5)?;
    let auto = match adapters.best(false) {
        Ok(best) => best.map_or("cpu".to_owned(), |index| index.to_string()),
        Err(error) => format!("nothing: {error}"),
    };
    say("")?;
    say_words(&format!("--device auto takes {auto}"), 2)?;
    Ok(ExitCode::SUCCESS)
}

fn print_kernels(info: &AdapterInfo, width: Option<usize>) -> Result<()> {
    let known = known_kernels(&info.description(), None);
    if known.is_empty() {
        return say_words("     no kernel has been measured yet; training measures them", 5);
    }
    let row = |(call, Tuned { variant, microseconds }): (&String, &Tuned)| -> Vec<Cell> {
        let (kernel, operands) = call.split_once(' ').unwrap_or((call, ""));
        let us = format!("{microseconds:.1}");
        vec![kernel.into(), variant.into(), us.into(), operands.into()]
    };
    let columns = vec![
        Column::words("kernel", 0).cut_to(16),
        Column::words("variant", 1),
        Column::numbers("us", 0),
        Column::words("operands -> results", 2).cut_to(12),
    ];
    table::print(columns, &known.iter().map(row).collect::<Vec<_>>(), width)
}

fn print(info: &AdapterInfo) -> Result<()> {
    let AdapterInfo { index, name, backend, kind, driver, .. } = info;
    say_words(&format!("{HEAD}{index:>3}  {name}{HEAD:#}"), 5)?;
    let lines = [
        format!("{backend}, {kind}, driver {driver}"),
        format!(
            "buffers up to {} MiB (bound up to {} MiB), {} storage buffers per dispatch",
            info.max_buffer_bytes >> 20,
            info.max_binding_bytes >> 20,
            info.max_storage_buffers,
        ),
        format!(
            "workgroups up to {} invocations and {} KiB, subgroups of {} to {}",
            info.max_workgroup_invocations,
            info.max_workgroup_bytes >> 10,
            info.subgroup_sizes[0],
            info.subgroup_sizes[1],
        ),
        format!("arguments in {}", info.arguments),
        info.features.join(", "),
    ];
    lines.iter().try_for_each(|line| say_words(&format!("     {line}"), 5))
}
