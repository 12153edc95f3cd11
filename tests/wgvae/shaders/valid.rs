//! A WGSL module through naga's front end and validator, and on to SPIR-V with the options that wgpu
//! gives its writer.

use naga::back::pipeline_constants::process_overrides;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{
    Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator,
};
use naga::{Module, ShaderStage};

/// A module that passed the validator.
pub(super) struct Valid {
    pub(super) module: Module,
    pub(super) info: ModuleInfo,
}

impl Valid {
    /// With the capabilities of a device that was asked for immediate data and nothing else, or for
    /// subgroups too.
    pub(super) fn new(wgsl: &str, subgroups: bool) -> Result<Self, String> {
        let parsed = naga::front::wgsl::parse_str(wgsl);
        let module = parsed.map_err(|error| error.emit_to_string(wgsl))?;
        let mut capabilities = Capabilities::IMMEDIATES;
        capabilities.set(Capabilities::SUBGROUP, subgroups);
        let (stages, operations) = (ShaderStages::COMPUTE, SubgroupOperationSet::all());
        let info = Validator::new(ValidationFlags::all(), capabilities)
            .subgroup_stages(if subgroups { stages } else { ShaderStages::empty() })
            .subgroup_operations(if subgroups { operations } else { SubgroupOperationSet::empty() })
            .validate(&module)
            .map_err(|error| error.emit_to_string(wgsl))?;
        Ok(Self { module, info })
    }

    /// With values for its `override` constants.
    pub(super) fn specialised(
        &self,
        entry: &str,
        constants: &[(&str, f64)],
    ) -> Result<Self, String> {
        let values = constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let entry_point = Some((ShaderStage::Compute, entry));
        let (module, info) = process_overrides(&self.module, &self.info, entry_point, &values)
            .map_err(|error| error.to_string())?;
        Ok(Self { module: module.into_owned(), info: info.into_owned() })
    }

    pub(super) fn spirv(
        &self,
        entry: &str,
        version: (u8, u8),
        buffer: BoundsCheckPolicy,
        force_loop_bounding: bool,
    ) -> Result<Vec<u32>, String> {
        let index = BoundsCheckPolicy::Restrict;
        let options = spv::Options {
            lang_version: version,
            force_loop_bounding,
            capabilities: Some(
                [
                    spv::Capability::Shader,
                    spv::Capability::GroupNonUniform,
                    spv::Capability::GroupNonUniformQuad,
                ]
                .into_iter()
                .collect(),
            ),
            bounds_check_policies: BoundsCheckPolicies { index, buffer, ..Default::default() },
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            ..Default::default()
        };
        let (shader_stage, entry_point) = (ShaderStage::Compute, entry.to_owned());
        let pipeline = spv::PipelineOptions { shader_stage, entry_point };
        spv::write_vec(&self.module, &self.info, &options, Some(&pipeline))
            .map_err(|error| format!("SPIR-V: {error}"))
    }
}
