//! What naga 30 writes that a compiler refuses. Each fault has the smallest WGSL that shows it: its
//! test fails once naga has mended it, and then what the shaders do for its sake can go.
//! `tests/compilers/faults.toml` lists the messages that are expected for it.

use std::fs;
use std::path::Path;

use naga::back::hlsl::ShaderModel;
use serde::Deserialize;
use wgvae::shader::{Specialised, VULKAN, specialised};

use super::{Outcome, ROOT};

/// A message that is naga's fault.
#[derive(Deserialize)]
struct Fault {
    compiler: String,
    /// Parts of the message, all of which it has.
    message: Vec<String>,
}

/// Whether the list has a compiler's message.
pub(super) fn is_known(compiler: &str, message: &str) -> Result<bool, Box<dyn std::error::Error>> {
    #[derive(Deserialize)]
    struct Faults {
        fault: Vec<Fault>,
    }
    let text = fs::read_to_string(Path::new(ROOT).join("tests/compilers/faults.toml"))?;
    let Faults { fault } = toml::from_str(&text)?;
    let is_it = |fault: &Fault| {
        fault.compiler == compiler && fault.message.iter().all(|part| message.contains(part))
    };
    Ok(fault.iter().any(is_it))
}

fn smallest(wgsl: &str) -> Result<Specialised, String> {
    specialised(wgsl, "f", &[], false).map_err(|fault| fault.to_string())
}

/// A helper function for each handle of a type, named by the type: no alias of a type has a zero
/// value in the shaders, only `Unit(0.0)`.
#[test]
fn hlsl_has_the_zero_value_of_an_alias_twice() -> Outcome {
    let stage = smallest(
        "alias Unit = vec4f;
        @group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
        @compute @workgroup_size(1) fn f() { x[0] = Unit(); x[1] = vec4f(); }",
    )?;
    let hlsl = stage.hlsl(ShaderModel::V6_0, false)?.text;
    assert_eq!(hlsl.matches("float4 ZeroValuefloat4() {").count(), 2, "mended: {hlsl}");
    Ok(())
}

/// DXC has a namespace of that name since 2025: no buffer is called so.
#[test]
fn hlsl_keeps_the_name_dx() -> Outcome {
    let stage = smallest(
        "@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
        @compute @workgroup_size(1) fn f() { dx[0] = 1.0; }",
    )?;
    let hlsl = stage.hlsl(ShaderModel::V6_0, false)?.text;
    assert!(hlsl.contains(" dx : register("), "mended: {hlsl}");
    Ok(())
}

/// <https://github.com/gfx-rs/wgpu/issues/7696>: since VUID-StandaloneSpirv-None-10684 such types
/// have no explicit layout.
#[test]
fn spirv_lays_out_workgroup_memory() -> Outcome {
    let stage = smallest(
        "var<workgroup> shared_sums: array<f32, 4>;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn f() { shared_sums[0] = 1.0; x[0] = shared_sums[1]; }",
    )?;
    let words = stage.spirv(VULKAN[5], false)?;
    assert_eq!(layouts_in(&words, WORKGROUP), 1, "mended");
    Ok(())
}

/// The same of function memory, where a structure that a buffer has is copied into it.
#[test]
fn spirv_lays_out_function_memory() -> Outcome {
    let stage = smallest(
        "struct Four { all: array<f32, 4> }
        @group(0) @binding(0) var<storage, read_write> x: array<Four>;
        @compute @workgroup_size(1) fn f() { var copy = x[0]; copy.all[1] = 1.0; x[0] = copy; }",
    )?;
    let words = stage.spirv(VULKAN[5], false)?;
    assert_eq!(layouts_in(&words, FUNCTION), 2, "mended"); // The structure and its array.
    Ok(())
}

/// naga has not implemented the line that browsers want: the kernels have no such line.
#[test]
fn wgsl_with_enable_subgroups_is_refused() {
    let enabled = "enable subgroups; @compute @workgroup_size(1) fn f() {}";
    assert!(smallest(enabled).is_err_and(|report| report.contains("subgroups")), "mended");
}

/// Storage classes of SPIR-V.
const WORKGROUP: u32 = 4;
const FUNCTION: u32 = 7;

/// The pointers of a storage class to a structure or array that has offsets or strides.
fn layouts_in(words: &[u32], storage_class: u32) -> usize {
    const OP_TYPE_POINTER: u32 = 32;
    const OP_DECORATE: u32 = 71;
    const OP_MEMBER_DECORATE: u32 = 72;
    const ARRAY_STRIDE: u32 = 6;
    const OFFSET: u32 = 35;
    let mut rest = &words[5..];
    let (mut laid_out, mut pointers) = (Vec::new(), 0);
    while let [head, ..] = rest {
        let (instruction, others) = rest.split_at((head >> 16) as usize);
        rest = others;
        match (head & 0xffff, &instruction[1..]) {
            (OP_DECORATE, [target, ARRAY_STRIDE, ..])
            | (OP_MEMBER_DECORATE, [target, _, OFFSET, ..]) => laid_out.push(*target),
            (OP_TYPE_POINTER, [_, class, pointee]) => {
                let counts = *class == storage_class && laid_out.contains(pointee);
                pointers += usize::from(counts);
            }
            _ => (),
        }
    }
    pointers
}
