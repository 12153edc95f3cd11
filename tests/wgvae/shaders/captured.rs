//! The SPIR-V that reaches a Vulkan driver, byte for byte that of [`wgvae::shader`].
//! A test of this program runs again as a process of its own, in which `capture.c` stands before the
//! Vulkan loader and writes down every module that wgpu creates.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wgvae::device::gpu::{Adapters, Gpu, GpuSession};
use wgvae::device::{Device, Tunable};
use wgvae::graph::Plan;
use wgvae::kernel::kernels;
use wgvae::shader::{Spirv, VULKAN, bytes};

use super::stage::Stage;
use super::{Outcome, ROOT};

const FOLDER: &str = "WGVAE_CAPTURED";

/// A driver that compiles a module when it is first run, so that thousands cost little.
fn open() -> wgvae::Result<Gpu> {
    let adapters = Adapters::enumerate();
    adapters.open(adapters.named("llvmpipe").unwrap_or(0))
}

/// The modules in a folder.
fn modules(folder: &Path) -> std::io::Result<BTreeSet<Vec<u8>>> {
    fs::read_dir(folder)?.map(|entry| fs::read(entry?.path())).collect()
}

/// Has every pipeline made, none of them run.
fn load_all(session: &mut GpuSession) -> Outcome {
    for kernel in kernels() {
        for variant in session.variants(kernel) {
            session.force(Some(variant));
            for (number, case) in (kernel.cases)().iter().enumerate() {
                let is_core = variant.core().is_some();
                if !case.is_for(variant)
                    || is_core && kernel.tiling(&case.call()?, variant).is_none()
                {
                    continue;
                }
                let name = format!("{} {} {number}", kernel.name, variant.name());
                let case_graph = case.graph(&name)?;
                session.load(Plan::new(case_graph.graph.clone(), &case_graph.outputs()))?;
            }
        }
    }
    Ok(())
}

/// The process of its own.
#[test]
fn makes_every_pipeline() -> Outcome {
    let Some(folder) = std::env::var_os(FOLDER) else { return Ok(()) };
    let gpu = open()?;
    // wgpu made some of its own.
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    for checked in [false, true] {
        load_all(&mut GpuSession::new(gpu.clone().checked(checked)))?;
    }
    Ok(())
}

/// The Vulkan loader that this process uses.
fn loader() -> std::io::Result<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let path = maps.lines().find_map(|line| {
        line.find('/').map(|at| &line[at..]).filter(|path| path.contains("/libvulkan.so"))
    });
    path.map(PathBuf::from).ok_or(std::io::ErrorKind::NotFound.into())
}

/// What a device with such features is given.
fn expected(device: Spirv) -> Result<BTreeSet<Vec<u8>>, Box<dyn std::error::Error>> {
    let mut all = BTreeSet::new();
    for stage in Stage::all()? {
        if stage.name.starts_with("probe_") || stage.subgroups && !device.subgroups {
            continue;
        }
        let specialised = stage.specialised()?;
        for checked in [false, true] {
            all.insert(bytes(&specialised.spirv(device, checked)?));
        }
    }
    Ok(all)
}

#[test]
fn a_driver_gets_these_bytes() -> Outcome {
    let has_subgroups = GpuSession::new(open()?);
    let has_subgroups = kernels().any(|kernel| {
        let variants = has_subgroups.variants(kernel);
        variants.iter().any(|variant| variant.core().is_some_and(|core| core.subgroups))
    });
    let folder = tempfile::tempdir()?;
    let (library, captured) = (folder.path().join("lib"), folder.path().join("captured"));
    fs::create_dir(&library)?;
    fs::create_dir(&captured)?;
    let source = Path::new(ROOT).join("tests/wgvae/shaders/capture.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(library.join("libvulkan.so.1"))
        .arg(source)
        .arg("-ldl")
        .status()?;
    assert!(built.success(), "cc fails");
    let run = Command::new(std::env::current_exe()?)
        .args(["--exact", "shaders::captured::makes_every_pipeline"])
        .env("LD_LIBRARY_PATH", &library)
        .env("WGVAE_VULKAN", loader()?)
        .env(FOLDER, &captured)
        .output()?;
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));

    let found = modules(&captured)?;
    assert!(found.len() > 200, "{} modules were captured", found.len());
    let mut differences = Vec::new();
    for device in VULKAN.map(|device| Spirv { subgroups: has_subgroups, ..device }) {
        for robust_images in [false, true] {
            let device = Spirv { robust_images, ..device };
            let wanted = expected(device)?;
            if wanted == found {
                println!("{} modules are as for {device:?}", found.len());
                return Ok(());
            }
            let missing = wanted.difference(&found).count();
            let more = found.difference(&wanted).count();
            differences
                .push(format!("{device:?}: {missing} were not captured, {more} others were"));
        }
    }
    panic!("{}", differences.join("\n"))
}
