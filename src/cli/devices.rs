//! `wgvae devices`.

use super::Outcome;
use super::shared::{print_json, say};
use crate::Result;
use crate::device::Session;
use crate::device::cpu::CpuSession;
use crate::device::gpu::{AdapterInfo, Adapters, Tuned, known_kernels};
use serde_json::json;
use std::process::ExitCode;

/// List the devices that --device can name: every adapter, and the CPU.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  wgvae devices --json")]
pub(super) struct Arguments {
    /// Show which variant of each kernel was measured to be the fastest, where that is known
    #[arg(long)]
    kernels: bool,
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
            print_kernels(info)?;
        }
    }
    if adapters.list().is_empty() {
        say("     no adapter: no driver for Vulkan, Metal or DX12 was found")?;
    }
    say(format!("cpu  {} ({})", cpu.name, cpu.driver))?;
    let auto = match adapters.best(false) {
        Ok(best) => best.map_or("cpu".to_owned(), |index| index.to_string()),
        Err(error) => format!("nothing: {error}"),
    };
    say(format!("\n--device auto takes {auto}"))?;
    Ok(ExitCode::SUCCESS)
}

fn print_kernels(info: &AdapterInfo) -> Result<()> {
    let known = known_kernels(&info.description(), None);
    if known.is_empty() {
        say("     no kernel has been measured; training does")?;
    }
    known.iter().try_for_each(|(call, Tuned { variant, microseconds })| {
        say(format!("     {variant:<16} {microseconds:>9.1} us  {call}"))
    })
}

fn print(info: &AdapterInfo) -> Result<()> {
    let AdapterInfo { index, name, backend, kind, driver, .. } = info;
    say(format!("{index:>3}  {name}"))?;
    say(format!("     {backend}, {kind}, driver {driver}"))?;
    say(format!(
        "     buffers to {} MiB (bound to {} MiB), {} storage buffers a dispatch",
        info.max_buffer_bytes >> 20,
        info.max_binding_bytes >> 20,
        info.max_storage_buffers,
    ))?;
    say(format!(
        "     workgroups to {} invocations and {} KiB, subgroups of {} to {}",
        info.max_workgroup_invocations,
        info.max_workgroup_bytes >> 10,
        info.subgroup_sizes[0],
        info.subgroup_sizes[1],
    ))?;
    say(format!("     {}", info.features.join(", ")))
}
