//! Every module, with the constants of every case, through naga's validator and the writers of the
//! three backends, with the options that wgpu gives them. Where SPIRV-Tools is installed, its
//! validator has the last word on the SPIR-V.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use naga::back::{hlsl, msl};
use naga::proc::BoundsCheckPolicy;
use naga::{AddressSpace, ShaderStage, StorageAccess};
use wgvae::kernel::{Kernel, Tiling, Variant, WORKGROUP, kernels};

use super::valid::Valid;
use super::{Applied, Outcome};

/// Vulkan versions with their SPIR-V versions, without and with robust buffer access, as wgpu
/// chooses; with and without bounds on loops, as `--checked` does.
const VULKAN: [(&str, (u8, u8), BoundsCheckPolicy, bool); 2] = [
    ("vulkan1.1", (1, 3), BoundsCheckPolicy::Restrict, true),
    ("vulkan1.3", (1, 6), BoundsCheckPolicy::Unchecked, false),
];

impl Valid {
    fn msl(&self, entry: &str) -> Result<String, String> {
        let resources = self.module.global_variables.iter().filter_map(|(_, global)| {
            let AddressSpace::Storage { access } = global.space else { return None };
            let binding = global.binding?;
            let (buffer, mutable) = (binding.binding as u8, access.contains(StorageAccess::STORE));
            let target = msl::BindTarget { buffer: Some(buffer), mutable, ..Default::default() };
            Some((binding, target))
        });
        let resources = msl::EntryPointResources {
            resources: resources.collect(),
            immediates_buffer: Some(30),
            sizes_buffer: Some(29),
        };
        let options = msl::Options {
            lang_version: (2, 3),
            per_entry_point_map: [(entry.to_owned(), resources)].into(),
            fake_missing_bindings: false,
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        };
        let entry_point = Some((ShaderStage::Compute, entry.to_owned()));
        let pipeline = msl::PipelineOptions { entry_point, ..Default::default() };
        let (text, info) = msl::write_string(&self.module, &self.info, &options, &pipeline)
            .map_err(|error| format!("MSL: {error}"))?;
        named(&text, info.entry_point_names)?;
        Ok(text)
    }

    fn hlsl(&self, entry: &str, shader_model: hlsl::ShaderModel) -> Result<String, String> {
        let in_space = |space| Some(hlsl::BindTarget { space, ..Default::default() });
        let options = hlsl::Options {
            shader_model,
            immediates_target: in_space(1),
            special_constants_binding: in_space(2),
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        };
        let entry_point = Some((ShaderStage::Compute, entry.to_owned()));
        let pipeline = hlsl::PipelineOptions { entry_point };
        let mut text = String::new();
        let info = hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&self.module, &self.info, None)
            .map_err(|error| format!("HLSL: {error}"))?;
        named(&text, info.entry_point_names)?;
        Ok(text)
    }
}

/// Whether a text has the one entry point that its writer reports.
fn named<E: std::fmt::Display>(text: &str, names: Vec<Result<String, E>>) -> Result<(), String> {
    match names.as_slice() {
        [Ok(name)] if text.contains(&format!("void {name}(")) => Ok(()),
        [Err(error)] => Err(error.to_string()),
        _ => Err(format!("no entry point in {text}")),
    }
}

/// Checks SPIR-V for a version of Vulkan; false if the program is not installed.
fn spirv_val(file: &Path, words: &[u32], target: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    fs::write(file, bytes)?;
    match Command::new("spirv-val").args(["--target-env", target]).arg(file).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => Err(format!("{target}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// Takes one kernel with one set of constants through everything; false if spirv-val is missing.
fn translate(
    kernel: &Kernel,
    variant: Variant,
    valid: &Valid,
    constants: &[(&str, f64)],
    file: &Path,
) -> Result<bool, Box<dyn std::error::Error>> {
    let entry = kernel.entry_point;
    let valid = valid.specialised(entry, constants)?;
    let core = variant.core();
    let invocations = core.map_or(WORKGROUP, |core| core.lanes) as u32;
    translate_entry(&valid, entry, invocations, core.is_some_and(|core| core.subgroups), file)
}

/// The same of a module that has its constants.
pub(super) fn translate_entry(
    valid: &Valid,
    entry: &str,
    invocations: u32,
    subgroups: bool,
    file: &Path,
) -> Result<bool, Box<dyn std::error::Error>> {
    let sizes: Vec<_> = valid.module.entry_points.iter().map(|e| e.workgroup_size).collect();
    assert_eq!(sizes, [[invocations, 1, 1]], "{entry}");
    valid.msl(entry)?;
    if !subgroups {
        valid.hlsl(entry, hlsl::ShaderModel::V5_1)?;
    }
    valid.hlsl(entry, hlsl::ShaderModel::V6_0)?;
    let mut installed = true;
    for (target, version, buffer, bound_loops) in VULKAN {
        let words = valid.spirv(entry, version, buffer, bound_loops)?;
        installed = installed && spirv_val(file, &words, target)?;
    }
    Ok(installed)
}

#[test]
fn every_module_translates_for_every_backend() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kernel.spv");
    let mut seen = HashSet::new();
    let mut installed = true;
    for kernel in kernels() {
        for variant in kernel.variants() {
            let subgroups = variant.core().is_some_and(|core| core.subgroups);
            let valid = |wgsl: &String| {
                Valid::new(wgsl, subgroups)
                    .map_err(|error| format!("{} {variant:?}: {error}", kernel.name))
            };
            let passes = kernel.wgsl(variant).iter().map(valid).collect::<Result<Vec<_>, _>>()?;
            for case in (kernel.cases)() {
                let tiling = kernel.tiling(&Applied::new(&case)?.call, variant);
                let Some(Tiling { constants, .. }) = tiling else { continue };
                let bits: Vec<_> = constants.iter().map(|&(name, v)| (name, v.to_bits())).collect();
                if !seen.insert((kernel.shader, variant.name(), bits)) {
                    continue;
                }
                for valid in &passes {
                    installed &= translate(kernel, variant, valid, &constants, &file)
                        .map_err(|error| format!("{} with {constants:?}: {error}", kernel.name))?;
                }
            }
        }
    }
    if !installed {
        println!("spirv-val is not installed (SPIRV-Tools): naga alone has checked the SPIR-V");
    }
    Ok(())
}

#[test]
fn faults_are_reported() -> Outcome {
    let faulty = |text: &str| match Valid::new(text, false) {
        Ok(_) => panic!("nothing was reported for {text}"),
        Err(report) => report,
    };
    assert!(faulty("fn f() -> u32 { return 1.5; }").contains("error"));
    // Subgroups are more than the device was asked for.
    assert!(faulty("@compute @workgroup_size(1) fn f() { _ = subgroupAdd(1.0); }").contains("f()"));
    let text = "override COUNT: u32; @compute @workgroup_size(COUNT) fn f() {}";
    let given = |constants: &[(&str, f64)]| {
        Valid::new(text, false).and_then(|valid| valid.specialised("f", constants)).err()
    };
    assert_eq!(given(&[("COUNT", 2.0)]), None);
    assert!(given(&[]).is_some_and(|report| report.contains("COUNT")));
    assert!(given(&[("COUNT", 2.0), ("MORE", 1.0)]).is_some_and(|report| report.contains("MORE")));

    let folder = tempfile::tempdir()?;
    let no_module = spirv_val(&folder.path().join("none.spv"), &[0; 5], "vulkan1.1");
    assert!(no_module.is_err() || no_module.is_ok_and(|installed| !installed));
    Ok(())
}
