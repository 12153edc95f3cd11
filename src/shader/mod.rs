//! The text of a kernel as each platform's driver gets it: WGSL through naga as wgpu 30 takes it.
//! [`specialised`] validates a module and gives it its constants, and [`Specialised`] writes it as HLSL,
//! MSL or SPIR-V.

mod backends;
mod fault;
mod valid;

pub use backends::{METAL, SHADER_MODELS, Spirv, Translation, VULKAN, bytes};
pub use fault::Fault;
pub use valid::{Layout, Specialised, specialised, validated};

/// Declaration of immediate data.
const IMMEDIATE: &str = "var<immediate>";

/// A module with the lines before it by which browsers let it use what it uses, and which naga 30 does
/// not know.
pub fn for_browsers(wgsl: &str, subgroups: bool) -> String {
    let enable = if subgroups { "enable subgroups;\n" } else { "" };
    let requires =
        if wgsl.contains(IMMEDIATE) { "requires immediate_address_space;\n" } else { "" };
    format!("{enable}{requires}{wgsl}")
}
