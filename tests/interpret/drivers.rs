//! Random programs without floats on every adapter: results must have the interpreter's bits.
//! Ignored, since it takes long: `cargo test --test interpret -- --ignored --nocapture drivers`.
//! The number of programs is `WGVAE_PROGRAMS`, the first seed `WGVAE_SEED`.

use crate::generator::{ELEMENTS, Style, program};
use crate::random::bound;
use crate::run::words;
use std::sync::mpsc;
use wgpu::util::DeviceExt;
use wgvae::interpret::{Options, Program};

/// A device that runs programs with the generator's three buffers.
struct Driver {
    name: String,
    subgroup_size: u32,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

impl Driver {
    fn all() -> Vec<Self> {
        let wanted = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(wanted.with_env());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        let open = |adapter: wgpu::Adapter| {
            let required_features = adapter.features() & wgpu::Features::SUBGROUP;
            let wanted = wgpu::DeviceDescriptor { required_features, ..Default::default() };
            let (device, queue) = pollster::block_on(adapter.request_device(&wanted)).ok()?;
            let info = adapter.get_info();
            let has_one_size = info.subgroup_min_size == info.subgroup_max_size;
            let has_subgroups = !required_features.is_empty() && has_one_size;
            let subgroup_size = if has_subgroups { info.subgroup_min_size } else { 0 };
            Some(Self { name: info.name, subgroup_size, device, queue })
        };
        adapters.into_iter().filter_map(open).collect()
    }

    /// Runs a program in three workgroups and returns its output and counters.
    fn run(&self, text: &str, buffers: &[&[u8]]) -> Vec<Vec<u32>> {
        let label = Some("random");
        let source = wgpu::ShaderSource::Wgsl(text.into());
        let module =
            &self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&self.layout()),
            module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let create = |contents: &&[u8]| {
            let wanted = wgpu::util::BufferInitDescriptor { label, contents, usage };
            self.device.create_buffer_init(&wanted)
        };
        let bound: Vec<_> = buffers.iter().map(create).collect();
        let entries: Vec<_> = bound
            .iter()
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let layout = &pipeline.get_bind_group_layout(0);
        let wanted = wgpu::BindGroupDescriptor { label, layout, entries: &entries };
        let group = self.device.create_bind_group(&wanted);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(3, 1, 1);
        drop(pass);
        self.read(encoder, &bound[1..])
    }

    fn layout(&self) -> wgpu::PipelineLayout {
        let entry = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: binding == 0 },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let group = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("random"),
            entries: &[0, 1, 2].map(entry),
        });
        self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("random"),
            bind_group_layouts: &[Some(&group)],
            ..Default::default()
        })
    }

    fn read(&self, mut encoder: wgpu::CommandEncoder, buffers: &[wgpu::Buffer]) -> Vec<Vec<u32>> {
        let staging = buffers.iter().map(|buffer| {
            let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("staging"),
                size: buffer.size(),
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
            staging
        });
        let staging: Vec<_> = staging.collect();
        self.queue.submit([encoder.finish()]);
        let words = |buffer: wgpu::Buffer| {
            let (sender, receiver) = mpsc::channel();
            buffer.map_async(wgpu::MapMode::Read, .., move |result| drop(sender.send(result)));
            self.device.poll(wgpu::PollType::wait_indefinitely()).unwrap_or_else(|e| panic!("{e}"));
            assert!(matches!(receiver.recv(), Ok(Ok(()))), "mapping failed");
            let view = buffer.get_mapped_range(..).unwrap_or_else(|e| panic!("{e}"));
            bytemuck::pod_collect_to_vec(&view)
        };
        staging.into_iter().map(words).collect()
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The first difference between a driver's results and the interpreter's; none if the text is not
/// valid.
fn difference(driver: &Driver, text: &str, subgroup_size: u32) -> Option<String> {
    let case = bound(text);
    let program = Program::from_wgsl(text, None, &[]).ok()?;
    let report =
        program.run(&case.dispatch, &Options { subgroup_size, ..Options::default() }).ok()?;
    let buffers: Vec<_> = case.dispatch.buffers.iter().map(|b| b.bytes.as_slice()).collect();
    let found = driver.run(text, &buffers);
    [1, 2].into_iter().zip(found).find_map(|(binding, found)| {
        let is_used = report.buffers.iter().any(|buffer| buffer.binding == binding);
        let expected = if is_used { words(&report, binding) } else { vec![0; ELEMENTS] };
        let i = (0..ELEMENTS).find(|&i| found[i] != expected[i])?;
        let (found, expected) = (found[i], expected[i]);
        Some(format!("binding {binding}, element {i}: {found}, not {expected}"))
    })
}

/// Removes lines while a difference remains, from halves of the text to single lines and blocks.
fn reduced(text: &str, differs: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    let mut size = lines.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < lines.len() {
            let end = (start + size).min(lines.len());
            let rest = [&lines[..start], &lines[end..]].concat();
            let depth = |c| rest.iter().flat_map(|line| line.chars()).filter(|&d| d == c).count();
            if depth('{') == depth('}') && differs(&rest.join("\n")) {
                lines = rest;
            } else {
                start += 1;
            }
        }
        size /= 2;
    }
    lines.join("\n")
}

#[test]
#[ignore = "takes minutes, and needs an adapter"]
fn drivers_agree_with_the_interpreter() {
    let drivers = Driver::all();
    assert!(!drivers.is_empty(), "no adapter: install a Vulkan driver, such as lavapipe");
    let (first, count) = (setting("WGVAE_SEED", 0), setting("WGVAE_PROGRAMS", 1000));
    let mut differences = 0;
    for seed in first..first + count {
        let subgroups = seed % 2 == 0;
        let text = program(seed, Style { subgroups, ..Style::default() });
        for driver in drivers.iter().filter(|driver| !subgroups || driver.subgroup_size > 0) {
            let size = driver.subgroup_size.max(4);
            let Some(shown) = difference(driver, &text, size) else { continue };
            differences += 1;
            let text = reduced(&text, |text| difference(driver, text, size).is_some());
            println!("{}: seed {seed}, {shown}; the smallest program:\n{text}", driver.name);
        }
    }
    for Driver { name, subgroup_size, .. } in &drivers {
        println!("{count} programs on {name}, subgroups of {subgroup_size}");
    }
    assert_eq!(differences, 0);
}
