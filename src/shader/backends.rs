//! The text that wgpu-hal 30 passes to each platform's compiler for a compute stage: the output of
//! naga's writers with the options of wgpu-hal's `dx12`, `vulkan` and `metal`. Those options depend
//! on three things: the driver's capabilities ([`Spirv`], [`ShaderModel`], Metal's version),
//! whether wgvae runs with `--checked`, and wgpu's debug flags, which wgvae leaves out.

use naga::ShaderStage;
use naga::back::hlsl::{self, ShaderModel};
use naga::back::{TaskDispatchLimits, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use super::{Fault, Specialised};

/// Shader models that wgpu compiles for: 5.1 by FXC, the others by DXC.
pub const SHADER_MODELS: [ShaderModel; 8] = [
    ShaderModel::V5_1,
    ShaderModel::V6_0,
    ShaderModel::V6_1,
    ShaderModel::V6_2,
    ShaderModel::V6_3,
    ShaderModel::V6_4,
    ShaderModel::V6_5,
    ShaderModel::V6_6,
];

/// Versions of Metal's language since macOS 10.14, the first with everything that wgvae needs.
pub const METAL: [(u8, u8); 5] = [(2, 1), (2, 4), (3, 0), (3, 2), (4, 0)];

/// Properties of a device that wgpu's choice of SPIR-V depends on.
#[derive(Clone, Copy, Debug)]
pub struct Spirv {
    /// Vulkan version of the device.
    pub vulkan: (u8, u8),
    /// Whether the device has `robustBufferAccess2`.
    pub robust: bool,
    /// Whether the device has `robustImageAccess`.
    pub robust_images: bool,
    /// Whether the device was opened with subgroups, as is every device that has them.
    pub subgroups: bool,
}

/// Every version of Vulkan, without and with robust buffers.
pub const VULKAN: [Spirv; 6] = {
    const fn spirv(vulkan: (u8, u8), robust: bool) -> Spirv {
        Spirv { vulkan, robust, robust_images: robust, subgroups: vulkan.1 > 0 }
    }
    [
        spirv((1, 0), false),
        spirv((1, 1), false),
        spirv((1, 1), true),
        spirv((1, 2), true),
        spirv((1, 3), false),
        spirv((1, 3), true),
    ]
};

/// A text in another language, with the name of its entry point there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The text.
    pub text: String,
    /// The entry point's name.
    pub entry_point: String,
}

impl Translation {
    fn new<E: std::fmt::Display>(
        text: String,
        names: Vec<Result<String, E>>,
    ) -> Result<Self, Fault> {
        match <[_; 1]>::try_from(names) {
            Ok([Ok(entry_point)]) if text.contains(&format!("void {entry_point}(")) => {
                Ok(Self { text, entry_point })
            }
            Ok([Err(error)]) => Err(Fault::whole(error)),
            _ => Err(Fault::whole(format!("no entry point in {text}"))),
        }
    }
}

/// Returns SPIR-V as the bytes of a file.
pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Limits of mesh shaders, which do not affect compute stages.
const TASK_LIMITS: Option<TaskDispatchLimits> =
    Some(TaskDispatchLimits { max_mesh_workgroups_per_dim: 0, max_mesh_workgroups_total: 0 });

impl Specialised {
    /// Writes HLSL, like `dx12::Device::create_pipeline_layout` and `load_shader`. Immediate data
    /// has register 0 of space 0, which moves the constants that wgpu adds, such as
    /// `num_workgroups`, to register 1 of space 1. Storage buffers are counted across the groups.
    ///
    /// # Errors
    /// naga's errors.
    pub fn hlsl(&self, shader_model: ShaderModel, checked: bool) -> Result<Translation, Fault> {
        let [mut constants, mut read, mut written] = [const { TARGET }; 3];
        let mut immediates_target = None;
        if self.layout.immediate_bytes > 0 {
            immediates_target = Some(constants);
            constants.register += 1;
            constants.space += 1;
        }
        let mut binding_map = hlsl::BindingMap::default();
        for &(binding, mutable) in &self.layout.storages {
            let next = if mutable { &mut written } else { &mut read };
            binding_map.insert(binding, *next);
            next.register += 1;
        }
        let options = hlsl::Options {
            shader_model,
            binding_map,
            fake_missing_bindings: false,
            special_constants_binding: Some(constants),
            immediates_target,
            zero_initialize_workgroup_memory: false,
            restrict_indexing: true,
            force_loop_bounding: checked,
            task_dispatch_limits: TASK_LIMITS,
            mesh_shader_primitive_indices_clamp: true,
            ray_query_initialization_tracking: true,
            ..Default::default()
        };
        let entry_point = Some((ShaderStage::Compute, self.entry_point.to_owned()));
        let pipeline = hlsl::PipelineOptions { entry_point };
        let mut text = String::new();
        let info = hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&self.module, &self.info, None)
            .map_err(|error| Fault::whole(format!("HLSL: {error}")))?;
        Translation::new(text, info.entry_point_names)
    }

    /// Writes MSL, like `metal::Device::create_pipeline_layout` and `load_shader`: immediate data,
    /// storage buffers across the groups and the buffers' sizes are buffers 0, 1, ….
    ///
    /// # Errors
    /// naga's errors.
    pub fn msl(&self, lang_version: (u8, u8), checked: bool) -> Result<Translation, Fault> {
        let mut slots = 0..;
        let immediates_buffer = if self.layout.immediate_bytes > 0 { slots.next() } else { None };
        let resources = self.layout.storages.iter().zip(&mut slots);
        let resources = resources.map(|(&(binding, mutable), slot)| {
            (binding, msl::BindTarget { buffer: Some(slot), mutable, ..Default::default() })
        });
        let resources = resources.collect();
        let sizes_buffer = slots.next();
        let resources = msl::EntryPointResources { resources, immediates_buffer, sizes_buffer };
        let options = msl::Options {
            lang_version,
            per_entry_point_map: [(self.entry_point.to_owned(), resources)].into(),
            spirv_cross_compatibility: false,
            fake_missing_bindings: false,
            bounds_check_policies: policies(
                BoundsCheckPolicy::Restrict,
                BoundsCheckPolicy::Restrict,
            ),
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: checked,
            task_dispatch_limits: TASK_LIMITS,
            mesh_shader_primitive_indices_clamp: true,
            emit_int_div_checks: true,
            ray_query_initialization_tracking: true,
            ..Default::default()
        };
        let pipeline = msl::PipelineOptions {
            entry_point: Some((ShaderStage::Compute, self.entry_point.to_owned())),
            allow_and_force_point_size: false,
            vertex_pulling_transform: true,
            ..Default::default()
        };
        let (text, info) = msl::write_string(&self.module, &self.info, &options, &pipeline)
            .map_err(|error| Fault::whole(format!("MSL: {error}")))?;
        Translation::new(text, info.entry_point_names)
    }

    /// Writes SPIR-V, like `vulkan::Adapter::open` and `Device::compile_stage`: bindings are
    /// counted in each set.
    ///
    /// # Errors
    /// naga's errors.
    pub fn spirv(&self, device: Spirv, checked: bool) -> Result<Vec<u32>, Fault> {
        let unless = |robust| match robust {
            true => BoundsCheckPolicy::Unchecked,
            false => BoundsCheckPolicy::Restrict,
        };
        let mut binding_map = spv::BindingMap::default();
        for &(place, _) in &self.layout.storages {
            let before = binding_map.keys().filter(|other| other.group == place.group).count();
            let (descriptor_set, binding) = (place.group, before as u32);
            let info = spv::BindingInfo { descriptor_set, binding, binding_array_size: None };
            binding_map.insert(place, info);
        }
        let options = spv::Options {
            lang_version: match device.vulkan {
                (1, 0) => (1, 0),
                (1, 1) => (1, 3),
                (1, 2) => (1, 5),
                _ => (1, 6),
            },
            flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
            fake_missing_bindings: false,
            binding_map,
            capabilities: Some(capabilities(device.subgroups).collect()),
            bounds_check_policies: policies(unless(device.robust), unless(device.robust_images)),
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            force_loop_bounding: checked,
            ray_query_initialization_tracking: true,
            trace_ray_argument_validation: true,
            use_storage_input_output_16: false,
            debug_info: None,
            task_dispatch_limits: TASK_LIMITS,
            mesh_shader_primitive_indices_clamp: true,
            emit_int_div_checks: true,
        };
        let (shader_stage, entry_point) = (ShaderStage::Compute, self.entry_point.to_owned());
        let pipeline = spv::PipelineOptions { shader_stage, entry_point };
        spv::write_vec(&self.module, &self.info, &options, Some(&pipeline))
            .map_err(|error| Fault::whole(format!("SPIR-V: {error}")))
    }
}

/// Register 0 of space 0.
const TARGET: hlsl::BindTarget = hlsl::BindTarget {
    space: 0,
    register: 0,
    binding_array_size: None,
    dynamic_storage_buffer_offsets_index: None,
    restrict_indexing: false,
};

fn policies(buffer: BoundsCheckPolicy, image_load: BoundsCheckPolicy) -> BoundsCheckPolicies {
    let (index, binding_array) = (BoundsCheckPolicy::Restrict, BoundsCheckPolicy::Unchecked);
    BoundsCheckPolicies { index, buffer, image_load, binding_array }
}

/// Returns the capabilities that compute stages may use. wgpu lists more for textures and number
/// types.
fn capabilities(subgroups: bool) -> impl Iterator<Item = spv::Capability> {
    let always = [spv::Capability::Shader, spv::Capability::Matrix];
    let groups = [
        spv::Capability::GroupNonUniform,
        spv::Capability::GroupNonUniformVote,
        spv::Capability::GroupNonUniformArithmetic,
        spv::Capability::GroupNonUniformBallot,
        spv::Capability::GroupNonUniformShuffle,
        spv::Capability::GroupNonUniformShuffleRelative,
        spv::Capability::GroupNonUniformQuad,
    ];
    always.into_iter().chain(groups.into_iter().filter(move |_| subgroups))
}
