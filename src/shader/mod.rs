//! The text of a kernel for each platform's driver: WGSL through naga, with wgpu 30's options.
//! [`specialised`] validates a module and sets its constants, and [`Specialised`] writes it as
//! HLSL, MSL or SPIR-V.

mod backends;
mod fault;
mod valid;

pub use backends::{METAL, SHADER_MODELS, Spirv, Translation, VULKAN, bytes};
pub use fault::Fault;
pub use valid::{Layout, Specialised, specialised, validated};

/// Declaration of immediate data.
const IMMEDIATE: &str = "var<immediate>";

/// Returns a module with the directives that browsers require and naga 30 does not support.
pub fn for_browsers(wgsl: &str, subgroups: bool) -> String {
    let enable = if subgroups { "enable subgroups;\n" } else { "" };
    let requires =
        if wgsl.contains(IMMEDIATE) { "requires immediate_address_space;\n" } else { "" };
    format!("{enable}{requires}{wgsl}")
}
