//! Instruction statistics of GPU compilers for every variant of every product of a training step.
//! No GPU is needed: Mesa's drivers compile for GPUs that are not installed. The script `drivers`
//! beside this file downloads them.
//!
//! `cargo bench --bench isa -- amd|intel|nvidia [GPU [KERNEL VARIANT]]`; without GPU, a few GPUs of
//! the vendor; GPU is the driver's name of one (`navi21`, `0x56a0`, `174`). With a kernel and a
//! variant, prints their instructions.

mod assembly;
mod driver;
mod gpus;

use driver::{Compiler, Executable, Interface};
use gpus::{VENDORS, Vendor};
use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use wgvae::graph::{Binarize, Pixels};
use wgvae::kernel::{Arguments, Call, Kernel, Variant};
use wgvae::model::{Architecture, Images, Training};
use wgvae::shader::{VULKAN, specialised};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // Cargo adds --bench.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let named = |vendor: &&Vendor| arguments.first().is_some_and(|name| name == vendor.name);
    let vendor =
        VENDORS.iter().find(named).ok_or("usage: amd|intel|nvidia [GPU [KERNEL VARIANT]]")?;
    // Vulkan's loader and the driver read their settings when the program starts.
    if std::env::var_os(vendor.variable).is_some() {
        return show(vendor, arguments.get(2..).unwrap_or_default());
    }
    let all: Vec<_> = vendor.gpus.iter().map(|(id, _)| *id).collect();
    let gpus = arguments.get(1).map_or(all, |gpu| vec![gpu]);
    gpus.into_iter().try_for_each(|gpu| start(vendor, gpu, &arguments))
}

/// Restarts this program with the driver, the libraries it came with, and the GPU's name.
fn start(vendor: &Vendor, gpu: &str, arguments: &[String]) -> Outcome<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("drivers");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/isa/drivers");
    if !Command::new(script).arg(&folder).status()?.success() {
        return Err("no drivers".into());
    }
    let libraries = folder.join("root/usr/lib/x86_64-linux-gnu");
    let manifests = folder.join("root/usr/share/vulkan/icd.d");
    let mut again = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    again.arg("--library-path").arg(&libraries);
    if let Some(shim) = vendor.shim {
        again.arg("--preload").arg(folder.join(shim));
    }
    again.arg(std::env::current_exe()?).args(arguments);
    again.env(vendor.variable, gpu).env("VK_DRIVER_FILES", manifests.join(vendor.manifest));
    again.env("NVK_I_WANT_A_BROKEN_VULKAN_DRIVER", "1").env("MESA_SHADER_CACHE_DISABLE", "1");
    let status = again.status()?;
    if status.success() { Ok(()) } else { Err(format!("{gpu}: {status}").into()) }
}

/// Prints a table, or the instructions of the given kernel and variant.
fn show(vendor: &Vendor, wanted: &[String]) -> Outcome<()> {
    let compiler = Compiler::new()?;
    if wanted.is_empty() {
        println!("\n## {}\n\n{}", compiler.name, vendor.head());
    }
    let architecture = Architecture::new(784, &[200, 100])?;
    let images = Images {
        name: "bench",
        count: 64,
        batch: 64,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let plan = architecture.training_plan(images, Training::default(), true)?;
    let mut seen = HashSet::new();
    for node in plan.nodes() {
        let call = Call::of(plan.graph(), node);
        let (kernel, label) = (Kernel::of(&call), call.label());
        if call.largest_product() == 0 || !seen.insert(label.clone()) {
            continue;
        }
        for variant in kernel.variants() {
            let is_named = wanted.iter().zip([&*label, variant.name()]).all(|(a, b)| a == b);
            if !is_named || !variant.core().is_some_and(|core| core.suits(false, vendor.id)) {
                continue;
            }
            for pass in 0..kernel.wgsl(&call, variant).len() {
                let executable = compile(&compiler, kernel, &call, variant, pass)?;
                let Some(executable) = executable else { continue };
                if wanted.is_empty() {
                    let name = variant.name().to_owned() + ["", ", sums"][pass];
                    println!("{}", vendor.row(&label, &name, &executable));
                } else {
                    print!("{}", executable.assembly);
                }
            }
        }
    }
    Ok(())
}

fn compile(
    compiler: &Compiler,
    kernel: &Kernel,
    call: &Call,
    variant: Variant,
    pass: usize,
) -> Outcome<Option<Executable>> {
    let Some(tiling) = kernel.tiling(call, variant) else { return Ok(None) };
    let wgsl = &kernel.wgsl(call, variant)[pass];
    let module = specialised(wgsl, kernel.entry_point, &tiling.constants, true);
    let spirv = module.and_then(|module| module.spirv(VULKAN[5], false))?;
    let operands = call.inputs.len() + call.outputs.len();
    let buffers = kernel.table.as_ref().map_or(operands, |table| table.buffers + 1);
    let interface = Interface {
        entry_point: &std::ffi::CString::new(kernel.entry_point)?,
        buffers: &[buffers as u32, 1],
        push_constant_bytes: size_of::<Arguments>() as u32,
    };
    Ok(Some(compiler.compile(&spirv, &interface)?))
}
