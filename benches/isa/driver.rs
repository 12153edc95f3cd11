//! Uses a Vulkan driver as a compiler, and reads its report on a compiled pipeline
//! (VK_KHR_pipeline_executable_properties).

use ash::khr::pipeline_executable_properties as executables;
use ash::{Device, Entry, Instance, vk};
use std::ffi::CStr;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The name of an additional statistic: invocations per subgroup.
pub(super) const SUBGROUP: &str = "Subgroup size";

/// An open device that is used only to compile.
pub(super) struct Compiler {
    /// The name of the GPU.
    pub(super) name: String,
    device: Device,
    executables: executables::Device,
    instance: Instance,
    _entry: Entry,
}

/// A compiled compute pipeline.
pub(super) struct Executable {
    /// The driver's names and values, and [`SUBGROUP`].
    pub(super) statistics: Vec<(String, u64)>,
    /// The GPU's instructions, as text.
    pub(super) assembly: String,
}

/// The interface of a pipeline, besides its SPIR-V.
pub(super) struct Interface<'a> {
    pub(super) entry_point: &'a CStr,
    /// Storage buffers in each descriptor set.
    pub(super) buffers: &'a [u32],
    pub(super) push_constant_bytes: u32,
}

#[allow(unsafe_code)]
// SAFETY of all below: every handle is used while its parent, held by the same value, is alive;
// create infos and what they point to outlive their calls; the SPIR-V comes from naga, for a valid
// module.
impl Compiler {
    pub(super) fn new() -> Outcome<Self> {
        let entry = unsafe { Entry::load()? };
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let wanted = vk::InstanceCreateInfo::default().application_info(&application);
        let instance = unsafe { entry.create_instance(&wanted, None)? };
        let physical = unsafe { instance.enumerate_physical_devices()? };
        let physical = *physical.first().ok_or("the driver shows no GPU")?;
        let properties = unsafe { instance.get_physical_device_properties(physical) };
        let name = properties.device_name_as_c_str()?.to_string_lossy().into_owned();

        let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
        let extensions = [executables::NAME.as_ptr()];
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true);
        let mut memory_model = vk::PhysicalDeviceVulkanMemoryModelFeatures::default()
            .vulkan_memory_model(true)
            .vulkan_memory_model_device_scope(true);
        let mut info = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
            .pipeline_executable_info(true);
        let wanted = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut memory_model)
            .push_next(&mut info);
        let device = unsafe { instance.create_device(physical, &wanted, None)? };
        let executables = executables::Device::new(&instance, &device);
        Ok(Self { name, device, executables, instance, _entry: entry })
    }

    /// Compiles a module's entry point.
    pub(super) fn compile(&self, spirv: &[u32], interface: &Interface) -> Outcome<Executable> {
        let sets = interface.buffers.iter().map(|&buffers| self.set_layout(buffers));
        let sets = sets.collect::<Result<Vec<_>, _>>()?;
        let constants = [vk::PushConstantRange::default()
            .stage_flags(vk::ShaderStageFlags::COMPUTE)
            .size(interface.push_constant_bytes)];
        let constants = if interface.push_constant_bytes > 0 { &constants[..] } else { &[] };
        let wanted = vk::PipelineLayoutCreateInfo::default()
            .set_layouts(&sets)
            .push_constant_ranges(constants);
        let layout = unsafe { self.device.create_pipeline_layout(&wanted, None)? };
        let wanted = vk::ShaderModuleCreateInfo::default().code(spirv);
        let module = unsafe { self.device.create_shader_module(&wanted, None)? };
        let stage = vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(module)
            .name(interface.entry_point);
        let wanted = vk::ComputePipelineCreateInfo::default()
            .flags(
                vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                    | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
            )
            .stage(stage)
            .layout(layout);
        let pipeline = unsafe {
            self.device.create_compute_pipelines(vk::PipelineCache::null(), &[wanted], None)
        };
        let pipeline = pipeline.map_err(|(_, error)| error)?[0];
        let executable = self.executable(pipeline);
        unsafe {
            self.device.destroy_pipeline(pipeline, None);
            self.device.destroy_shader_module(module, None);
            self.device.destroy_pipeline_layout(layout, None);
            sets.into_iter().for_each(|set| self.device.destroy_descriptor_set_layout(set, None));
        }
        executable
    }

    fn set_layout(&self, buffers: u32) -> Result<vk::DescriptorSetLayout, vk::Result> {
        let binding = |binding| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(binding)
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let bindings: Vec<_> = (0..buffers).map(binding).collect();
        let wanted = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        unsafe { self.device.create_descriptor_set_layout(&wanted, None) }
    }

    fn executable(&self, pipeline: vk::Pipeline) -> Outcome<Executable> {
        let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
        let properties = unsafe { self.executables.get_pipeline_executable_properties(&info)? };
        let subgroup = properties.first().ok_or("the driver shows no executable")?.subgroup_size;
        let of = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(0);
        let statistics = unsafe { self.executables.get_pipeline_executable_statistics(&of)? };
        let named = |statistic: &vk::PipelineExecutableStatisticKHR| -> Outcome<_> {
            let name = statistic.name_as_c_str()?.to_string_lossy().into_owned();
            let is_unsigned = statistic.format == vk::PipelineExecutableStatisticFormatKHR::UINT64;
            let value = if is_unsigned { unsafe { statistic.value.u64 } } else { 0 };
            Ok((name, value))
        };
        let mut statistics = statistics.iter().map(named).collect::<Outcome<Vec<_>>>()?;
        statistics.push((SUBGROUP.to_owned(), subgroup.into()));
        Ok(Executable { statistics, assembly: self.assembly(&of)? })
    }

    fn assembly(&self, of: &vk::PipelineExecutableInfoKHR) -> Outcome<String> {
        let get = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        let (device, mut count) = (self.device.handle(), 0);
        unsafe { get(device, of, &mut count, std::ptr::null_mut()).result()? };
        let empty = vk::PipelineExecutableInternalRepresentationKHR::default();
        let mut found = vec![empty; count as usize];
        unsafe { get(device, of, &mut count, found.as_mut_ptr()).result()? };
        let mut texts: Vec<_> = found.iter().map(|text| vec![0_u8; text.data_size]).collect();
        for (found, text) in found.iter_mut().zip(&mut texts) {
            found.p_data = text.as_mut_ptr().cast();
        }
        unsafe { get(device, of, &mut count, found.as_mut_ptr()).result()? };
        let assembly = found.iter().zip(&texts).find(|(found, _)| {
            found.name_as_c_str().is_ok_and(|name| name.to_bytes().ends_with(b"ssembly"))
        });
        let (_, text) = assembly.ok_or("the driver shows no assembly")?;
        Ok(CStr::from_bytes_until_nul(text)?.to_str()?.to_owned())
    }
}

impl Executable {
    /// The statistic with this name.
    pub(super) fn statistic(&self, name: &str) -> Option<u64> {
        self.statistics.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }
}

impl Drop for Compiler {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: all objects that were created with them have been destroyed.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}
