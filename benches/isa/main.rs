//! What a compiler for AMD GPUs makes of every variant of every product of a training step. No GPU
//! is needed: Mesa's driver RADV compiles for one that it is only told of.
//!
//! `cargo bench --bench isa -- [FAMILY] [KERNEL VARIANT]`; FAMILY as RADV_FORCE_FAMILY takes it,
//! `navi21` if none is given. With a kernel and a variant, their instructions.

#[allow(dead_code)]
#[path = "../../tests/wgvae/shaders/backends.rs"]
mod backends;
#[allow(dead_code)]
#[path = "../../tests/wgvae/shaders/valid.rs"]
mod valid;

mod radv;

use backends::VULKAN;
use radv::{Compiler, Executable, Interface};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::process::Command;
use valid::specialised;
use wgvae::graph::{Binarize, Pixels, RmsProp};
use wgvae::kernel::{Call, Kernel, Product, Variant};
use wgvae::model::{Architecture, Images};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Vulkan's loader and RADV read their settings when the program starts.
const FAMILY: &str = "RADV_FORCE_FAMILY";

fn main() -> Outcome<()> {
    // Cargo adds --bench.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if std::env::var_os(FAMILY).is_none() {
        let family = arguments.first().map_or("navi21", String::as_str);
        let mut again = Command::new(std::env::current_exe()?);
        again.args(&arguments).env(FAMILY, family).env("VK_DRIVER_FILES", radv_icd()?);
        let status = again.status()?;
        return if status.success() { Ok(()) } else { Err(format!("{family}: {status}").into()) };
    }
    let wanted: Option<&[String; 2]> = arguments.get(1..).and_then(|rest| rest.try_into().ok());
    let compiler = Compiler::new()?;
    println!("{}\n", compiler.name);
    if wanted.is_none() {
        println!(
            "| kernel | variant | for | VGPRs | spilled | LDS bytes | waves a SIMD | instructions | \
             in the loop | FMA |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        );
    }
    let architecture = Architecture::new(784, &[200, 100])?;
    let images = Images {
        name: "bench",
        count: 64,
        batch: 64,
        pixels: Pixels::Bytes,
        binarize: Binarize::Threshold,
    };
    let plan = architecture.training_plan(images, RmsProp::default(), true)?;
    let mut seen = HashSet::new();
    for node in plan.nodes() {
        let (kernel, call) = (Kernel::of(&node.op), Call::of(plan.graph(), node));
        if call.largest_product() == 0 || !seen.insert(kernel.name) {
            continue;
        }
        for variant in kernel.variants() {
            let Some(executable) = compile(&compiler, kernel, &call, variant)? else { continue };
            match wanted {
                None => row(kernel, variant, &executable),
                Some([name, other]) if kernel.name == name && variant.name() == other => {
                    print!("{}", executable.assembly);
                }
                Some(_) => (),
            }
        }
    }
    Ok(())
}

fn row(kernel: &Kernel, variant: Variant, executable: &Executable) {
    let statistic = |name: &str| {
        let found = executable.statistics.iter().find(|(other, _)| other == name);
        found.map_or_else(|| "-".to_owned(), |(_, value)| value.to_string())
    };
    let inner = inner_loop(&executable.assembly);
    let share = 100.0 * fma_count(&inner) as f64 / inner.len().max(1) as f64;
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {share:.0} % |",
        kernel.name,
        variant.name(),
        if variant.core().is_some_and(|core| core.suits(false, true)) { "GPUs" } else { "CPUs" },
        statistic("VGPRs"),
        statistic("Spilled VGPRs"),
        statistic("LDS size"),
        statistic("Subgroups per SIMD"),
        statistic("Instructions"),
        inner.len(),
    );
}

/// Instructions of the loop that multiplies and adds the most, of those that hold no other loop.
fn inner_loop(assembly: &str) -> Vec<&str> {
    let mut labels = HashMap::new();
    let mut names = Vec::new();
    let mut loops: Vec<Range<usize>> = Vec::new();
    for line in assembly.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some(label) = first.strip_suffix(':') {
            labels.insert(label, names.len());
            continue;
        }
        names.push(first);
        let target = words.next().filter(|_| first.contains("branch"));
        if let Some(&start) = target.and_then(|target| labels.get(target)) {
            // A label that has been met: back to it.
            loops.retain(|earlier| earlier.start != start);
            loops.push(start..names.len());
        }
    }
    let holds = |outer: &Range<usize>, inner: &Range<usize>| {
        outer != inner && outer.start <= inner.start && inner.end <= outer.end
    };
    let innermost = loops.iter().filter(|outer| !loops.iter().any(|inner| holds(outer, inner)));
    let body = |range: &Range<usize>| names[range.clone()].to_vec();
    innermost.map(body).max_by_key(|body| fma_count(body)).unwrap_or_default()
}

/// How many of these instructions multiply and add.
fn fma_count(names: &[&str]) -> usize {
    let is_fma = |name: &&&str| {
        ["v_fma_f32", "v_fmac_f32", "v_pk_fma_f32", "v_mac_f32", "v_mad_f32"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    names.iter().filter(is_fma).count()
}

/// The driver's manifest.
fn radv_icd() -> Outcome<std::path::PathBuf> {
    let folder = std::fs::read_dir("/usr/share/vulkan/icd.d")?;
    let found = folder.filter_map(|entry| Some(entry.ok()?.path()));
    let is_radv = |path: &std::path::PathBuf| path.to_string_lossy().contains("radeon_icd");
    Ok(found.into_iter().find(is_radv).ok_or("RADV is not installed (mesa-vulkan-drivers)")?)
}

fn compile(
    compiler: &Compiler,
    kernel: &Kernel,
    call: &Call,
    variant: Variant,
) -> Outcome<Option<Executable>> {
    let Some(tiling) = kernel.tiling(call, variant) else { return Ok(None) };
    // Of two passes, the first is the product.
    let wgsl = &kernel.wgsl(variant)[0];
    let module = specialised(wgsl, kernel.entry_point, &tiling.constants, true)?;
    let spirv = module.spirv(VULKAN[5], false)?;
    let operands = call.inputs.len() + call.outputs.len();
    let buffers = kernel.table.as_ref().map_or(operands, |table| table.buffers + 1);
    let interface = Interface {
        entry_point: &std::ffi::CString::new(kernel.entry_point)?,
        buffers: &[buffers as u32, 1],
        push_constant_bytes: size_of::<Product>() as u32,
    };
    Ok(Some(compiler.compile(&spirv, &interface)?))
}
