//! Adapters: enumeration, the choice of the best, and opening.

use super::context::Gpu;
use crate::device::Description;
use crate::kernel::Passing;
use crate::{Error, Result};
use serde::Serialize;
use tracing::debug;

/// Percent of the free memory that may be used, by the driver's report.
const MOST_OF_BUDGET: u8 = 95;

/// An adapter, with the properties that `wgvae devices` prints.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterInfo {
    /// The adapter's place in the list.
    pub index: usize,
    /// The adapter's name.
    pub name: String,
    /// `Vulkan`, `Metal` or `Dx12`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software` (a driver that runs on the CPU) or `other`.
    pub kind: &'static str,
    /// The driver and its version.
    pub driver: String,
    /// Largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Largest storage binding, in bytes.
    pub max_binding_bytes: u64,
    /// Storage buffers of one dispatch.
    pub max_storage_buffers: u32,
    /// Invocations of one workgroup.
    pub max_workgroup_invocations: u32,
    /// Memory of one workgroup, in bytes.
    pub max_workgroup_bytes: u32,
    /// Smallest and largest subgroup.
    pub subgroup_sizes: [u32; 2],
    /// Default form of kernels' arguments.
    pub arguments: Passing,
    /// The features that matter here.
    pub features: Vec<&'static str>,
}

impl AdapterInfo {
    /// Returns the description of a session on this adapter.
    pub fn description(&self) -> Description {
        Description {
            name: self.name.clone(),
            backend: self.backend.clone(),
            driver: self.driver.clone(),
        }
    }
}

/// The adapters of this machine.
#[derive(Debug)]
pub struct Adapters {
    adapters: Vec<wgpu::Adapter>,
    list: Vec<AdapterInfo>,
}

impl Adapters {
    /// Finds the adapters. `WGPU_BACKEND`, wgpu's other variables and those of the Vulkan loader
    /// apply.
    pub fn enumerate() -> Self {
        let mut wanted = wgpu::InstanceDescriptor::new_without_display_handle();
        wanted.backends = wgpu::Backends::PRIMARY;
        // Labels cost host time, and are visible only in a capture.
        let captured = std::env::var_os("ENABLE_VULKAN_RENDERDOC_CAPTURE").is_some();
        wanted.flags = wgpu::InstanceFlags::empty();
        wanted.flags.set(wgpu::InstanceFlags::DEBUG, captured);
        // A driver may grant more memory than there is, and lose the device when that is used.
        wanted.memory_budget_thresholds.for_resource_creation = Some(MOST_OF_BUDGET);
        let instance = wgpu::Instance::new(wanted.with_env());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        let list = adapters.iter().enumerate().map(|(index, adapter)| describe(index, adapter));
        Self { list: list.collect(), adapters }
    }

    /// Returns the adapters' properties.
    pub fn list(&self) -> &[AdapterInfo] {
        &self.list
    }

    /// Returns the index of the adapter that `WGPU_ADAPTER_NAME` names; without the variable, that
    /// of the best: discrete before integrated before others, software last and only if allowed.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if the variable names no adapter.
    pub fn best(&self, allow_software: bool) -> Result<Option<usize>> {
        let name = std::env::var("WGPU_ADAPTER_NAME").unwrap_or_default();
        if !name.is_empty() {
            let wanted = || self.none_matches(&format!("WGPU_ADAPTER_NAME={name}"));
            return self.named(&name).map(Some).ok_or_else(wanted);
        }
        const RANKS: [&str; 5] = ["discrete", "integrated", "virtual", "other", "software"];
        let rank = |info: &&AdapterInfo| RANKS.iter().position(|&kind| kind == info.kind);
        let allowed = |info: &&AdapterInfo| allow_software || info.kind != "software";
        Ok(self.list.iter().filter(allowed).min_by_key(rank).map(|info| info.index))
    }

    /// Returns the error for a device that no adapter matches.
    pub(crate) fn none_matches(&self, wanted: &str) -> Error {
        let found = self.list.iter().fold("cpu".to_owned(), |all, info| all + ", " + &info.name);
        Error::NoDevice { wanted: wanted.to_owned(), found }
    }

    /// Returns the adapter with this index, else the first whose name or driver contains `part`,
    /// ignoring case.
    pub fn named(&self, part: &str) -> Option<usize> {
        if let Ok(index) = part.parse()
            && index < self.list.len()
        {
            return Some(index);
        }
        let part = Some(part.trim().to_lowercase()).filter(|part| !part.is_empty())?;
        let text = |info: &AdapterInfo| format!("{} {}", info.name, info.driver).to_lowercase();
        self.list.iter().position(|info| text(info).contains(&part))
    }

    /// Opens an adapter.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the adapter lacks a feature that every plan needs;
    /// [`Error::Device`] if the driver refuses.
    pub fn open(&self, index: usize) -> Result<Gpu> {
        let Some((adapter, info)) = self.adapters.get(index).zip(self.list.get(index)) else {
            let found = format!("{} adapters", self.list.len());
            return Err(Error::NoDevice { wanted: index.to_string(), found });
        };
        let unsupported = |expected: &str, found: String| {
            Err(Error::Unsupported { adapter: info.name.clone(), expected: expected.into(), found })
        };
        if info.max_workgroup_invocations < 256 {
            return unsupported(
                "workgroups of 256 invocations",
                format!("at most {}", info.max_workgroup_invocations),
            );
        }
        debug!("{}, {}, features: {}", info.name, info.driver, info.features.join(", "));
        Gpu::open(adapter, info)
    }
}

fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterInfo {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterInfo {
        index,
        name: info.name,
        backend: format!("{:?}", info.backend),
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        max_buffer_bytes: limits.max_buffer_size,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        max_workgroup_invocations: limits.max_compute_invocations_per_workgroup,
        max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
        subgroup_sizes: [info.subgroup_min_size, info.subgroup_max_size],
        arguments: if adapter.features().contains(wgpu::Features::IMMEDIATES) {
            Passing::Immediate
        } else {
            Passing::Uniform
        },
        features: features(adapter.features()),
    }
}

fn features(has: wgpu::Features) -> Vec<&'static str> {
    [
        ("immediates", wgpu::Features::IMMEDIATES),
        ("timestamps", wgpu::Features::TIMESTAMP_QUERY),
        ("timestamps in passes", wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES),
        ("subgroups", wgpu::Features::SUBGROUP),
        ("f16", wgpu::Features::SHADER_F16),
        ("pipeline cache", wgpu::Features::PIPELINE_CACHE),
    ]
    .into_iter()
    .filter_map(|(name, feature)| has.contains(feature).then_some(name))
    .collect()
}
