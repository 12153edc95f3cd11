//! Compute pipelines, each made once: one for every shader and set of `override` constants.

use super::context::Gpu;
use crate::graph::{Element, Op};
use crate::kernel::{Call, Kernel, Product, Step, Tiling, Variant};
use std::collections::HashMap;

/// A pipeline and the layout of its bind group.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// Shader, variant and constants, the latter by their bits.
type Key = (Module, Vec<(&'static str, u64)>);

/// Shader and variant.
type Module = (&'static str, &'static str);

/// The pipelines and shader modules of a session.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    modules: HashMap<Module, wgpu::ShaderModule>,
    pipelines: HashMap<Key, Pipeline>,
}

impl Pipelines {
    /// The pipeline for a call of a kernel.
    pub(super) fn get(
        &mut self,
        gpu: &Gpu,
        kernel: &Kernel,
        call: &Call,
        variant: Variant,
        tiling: &Tiling,
    ) -> Pipeline {
        let constants = &tiling.constants;
        let bits = constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
        let key = ((kernel.shader, variant.name()), bits);
        if let Some(pipeline) = self.pipelines.get(&key) {
            return pipeline.clone();
        }
        let module = self.modules.entry(key.0).or_insert_with(|| {
            let source = wgpu::ShaderSource::Wgsl(kernel.wgsl(variant).into());
            let label = Some(kernel.shader);
            gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source })
        });
        let pipeline = create(gpu, kernel, call, module, tiling);
        self.pipelines.insert(key, pipeline.clone());
        pipeline
    }
}

fn create(
    gpu: &Gpu,
    kernel: &Kernel,
    call: &Call,
    module: &wgpu::ShaderModule,
    tiling: &Tiling,
) -> Pipeline {
    let label = Some(kernel.name);
    let operands = call.inputs.len() + call.outputs.len();
    let entries: Vec<_> = match &kernel.table {
        Some(table) => (0..=table.buffers).map(|i| entry(i, i == table.buffers)).collect(),
        None => (0..operands).map(|i| entry(i, call.op.input_element(i) != Element::F32)).collect(),
    };
    let layout = gpu
        .device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: immediate_size(&call.op, tiling),
    });
    let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module,
        entry_point: Some(kernel.entry_point),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &tiling.constants,
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}

/// Bytes of immediate data that an op's kernel takes.
fn immediate_size(op: &Op, tiling: &Tiling) -> u32 {
    match tiling.product {
        Some(_) => size_of::<Product>() as u32,
        None if op.depends_on_step() => size_of::<Step>() as u32,
        None => 0,
    }
}

fn entry(binding: usize, read_only: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}
