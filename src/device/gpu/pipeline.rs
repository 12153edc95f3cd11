//! Compute pipelines, each created once: one for every pass of a shader and set of `override`
//! constants.

use super::context::Gpu;
use crate::device::Launch;
use crate::graph::{Element, Graph, Node};
use crate::kernel::{
    Arguments, Call, Cost, Kernel, Passing, SLICES_BINDING, Tiling, Variant, WORKGROUP, Wgsl,
};
use crate::shader::specialised;
use crate::{Error, Fault, Result};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A pipeline for each pass, and the layout of their storage buffers.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) passes: Vec<wgpu::ComputePipeline>,
    pub(super) layout: wgpu::BindGroupLayout,
    /// Whether the pipelines take [`Arguments`].
    pub(super) has_arguments: bool,
}

/// The texts of all passes, and the bits of the constants.
type Key = (Arc<[String]>, Vec<(&'static str, u64)>);

/// Values that are each created once, by the first thread that needs them; other threads wait
/// meanwhile.
#[derive(Debug)]
struct Made<K, V>(Mutex<HashMap<K, Arc<OnceLock<V>>>>);

impl<K, V> Default for Made<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Made<K, V> {
    fn get(&self, key: K, make: impl FnOnce() -> V) -> V {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = Arc::clone(all.entry(key).or_default());
        drop(all); // Other threads may create theirs meanwhile.
        one.get_or_init(make).clone()
    }
}

/// The pipelines and shader modules of a device, shared by threads.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    modules: Made<Arc<[String]>, Vec<wgpu::ShaderModule>>,
    pipelines: Made<Key, Pipeline>,
}

/// A kernel's call, with the variant that computes it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) kernel: &'static Kernel,
    pub(super) call: Call,
    pub(super) variant: Variant,
    pub(super) tiling: Tiling,
}

impl Chosen {
    /// Returns the node's [`Launch`].
    pub(super) fn launch(&self, graph: &Graph, node: &Node) -> Launch {
        let workgroups = |grid: &[u32; 3]| grid.iter().map(|&count| count as usize).product();
        Launch {
            call: self.call.clone(),
            kernel: self.call.label(),
            variant: self.variant.name(),
            workgroup: self.variant.core().map_or(WORKGROUP, |core| core.lanes),
            workgroups: self.tiling.grids.iter().map(workgroups).collect(),
            cost: Cost::of(graph, node),
        }
    }
}

impl Pipelines {
    /// Returns the pipeline for a call of a kernel.
    ///
    /// # Errors
    /// [`Error::Shader`] if a module with a user's file is not valid, or does not fit its kernel.
    pub(super) fn get(&self, gpu: &Gpu, chosen: &Chosen) -> Result<Pipeline> {
        let modules = chosen.kernel.modules(&chosen.call, chosen.variant, &gpu.sources);
        let edited: Vec<_> = modules.iter().filter(|module| !module.edited().is_empty()).collect();
        if edited.is_empty() {
            return Ok(self.make(gpu, chosen, modules, gpu.is_checked));
        }
        edited.iter().try_for_each(|module| check(gpu, chosen, module))?;
        let place = edited[0].edited().join(", ");
        // Catches the errors that depend on the layout of the pipeline.
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let pipeline = self.make(gpu, chosen, modules, true);
        match pollster::block_on(scope.pop()) {
            Some(error) => Err(Error::Shader {
                place,
                message: without_blank_lines(&error),
                fault: Fault::Failure,
            }),
            None => Ok(pipeline),
        }
    }

    fn make(&self, gpu: &Gpu, chosen: &Chosen, modules: Vec<Wgsl>, is_checked: bool) -> Pipeline {
        let constants = &chosen.tiling.constants;
        let bits = constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
        let passing = gpu.passing();
        let texts: Arc<[String]> =
            modules.into_iter().map(|module| passing.adapt(&module.text)).collect();
        let modules = self.modules.get(Arc::clone(&texts), || {
            let label = chosen.call.label();
            let module = |wgsl: &String| {
                let source = wgpu::ShaderSource::Wgsl(wgsl.into());
                let wanted = wgpu::ShaderModuleDescriptor { label: Some(&label), source };
                module(gpu, wanted, is_checked)
            };
            texts.iter().map(module).collect()
        });
        let has_arguments = texts[0].contains(passing.declaration());
        self.pipelines.get((texts, bits), || create(gpu, chosen, &modules, has_arguments))
    }
}

/// Returns wgpu's report, one reason per line.
fn without_blank_lines(error: &wgpu::Error) -> String {
    let report = error.to_string();
    report.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// Checks a module with a user's file, so that a fault is reported with its file and line.
fn check(gpu: &Gpu, Chosen { kernel, tiling, .. }: &Chosen, module: &Wgsl) -> Result<()> {
    let subgroups = gpu.device.features().contains(wgpu::Features::SUBGROUP);
    specialised(&module.text, kernel.entry_point, &tiling.constants, subgroups)
        .map_or_else(|fault| Err(fault.in_module(module)), |_| Ok(()))
}

/// Creates a module. Bounds of buffers are always checked: tiles reach beyond the last row and
/// column. Loops are bounded by wgpu, which counts the rounds of each, only if `is_checked` is set:
/// at the user's choice, or because the module has a user's file.
pub(super) fn module(
    gpu: &Gpu,
    wanted: wgpu::ShaderModuleDescriptor,
    is_checked: bool,
) -> wgpu::ShaderModule {
    if is_checked {
        return gpu.device.create_shader_module(wanted);
    }
    let checked = wgpu::ShaderRuntimeChecks::checked();
    let checks = wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..checked };
    #[allow(unsafe_code)]
    // SAFETY: no loop of the built-in texts is infinite: each counts, by a fixed amount, to a bound
    // that it does not change, and a test checks every shader for that. Users' texts keep wgpu's
    // bounds.
    unsafe {
        gpu.device.create_shader_module_trusted(wanted, checks)
    }
}

fn create(
    gpu: &Gpu,
    Chosen { kernel, call, tiling, .. }: &Chosen,
    modules: &[wgpu::ShaderModule],
    has_arguments: bool,
) -> Pipeline {
    let label = call.label();
    let label = Some(label.as_str());
    let operands = call.inputs.len() + call.outputs.len();
    let mut entries: Vec<_> = match &kernel.table {
        Some(table) => (0..=table.buffers).map(|i| entry(i, i == table.buffers)).collect(),
        None => (0..operands).map(|i| entry(i, call.op.input_element(i) != Element::F32)).collect(),
    };
    if tiling.slice_bytes > 0 {
        entries.push(entry(SLICES_BINDING, false));
    }
    let wanted = wgpu::BindGroupLayoutDescriptor { label, entries: &entries };
    let layout = gpu.device.create_bind_group_layout(&wanted);
    let arguments_layout = gpu.arguments_layout().filter(|_| has_arguments);
    let is_immediate = has_arguments && gpu.passing() == Passing::Immediate;
    let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout), arguments_layout][..1 + arguments_layout.iter().len()],
        immediate_size: if is_immediate { size_of::<Arguments>() as u32 } else { 0 },
    });
    let pipeline = |module| {
        gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module,
            entry_point: Some(kernel.entry_point),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &tiling.constants,
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
            },
            cache: gpu.pipeline_cache(),
        })
    };
    Pipeline { passes: modules.iter().map(pipeline).collect(), layout, has_arguments }
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
