//! Tensors in buffers, and plans that run on them.

use super::context::Gpu;
use super::flight::{Flights, IN_FLIGHT};
use super::pipeline::Pipelines;
use super::program::{Dispatch, Log, Program};
use crate::Result;
use crate::device::{Description, LogRow, ProgramId, Session, Traffic, Values, unknown_tensor};
use crate::graph::{Element, Node, Plan, Role, Tensor, TensorId};
use crate::kernel::{Call, Kernel, Step};

/// A GPU with tensors and plans.
#[derive(Debug)]
pub struct GpuSession {
    gpu: Gpu,
    held: Vec<(Tensor, wgpu::Buffer)>,
    programs: Vec<Program>,
    pipelines: Pipelines,
    flights: Flights,
    download: Option<wgpu::Buffer>,
    traffic: Traffic,
}

impl GpuSession {
    /// An empty session.
    pub fn new(gpu: Gpu) -> Self {
        Self {
            gpu,
            held: Vec::new(),
            programs: Vec::new(),
            pipelines: Pipelines::default(),
            flights: Flights::new(),
            download: None,
            traffic: Traffic::default(),
        }
    }

    fn find(&self, name: &str) -> Result<usize> {
        let names = || self.held.iter().map(|(tensor, _)| tensor.name.as_str());
        names().position(|held| held == name).ok_or_else(|| unknown_tensor(name, names()))
    }

    /// Shares a tensor with earlier plans, or makes it.
    fn hold(&mut self, tensor: &Tensor) -> Result<()> {
        if let Ok(index) = self.find(&tensor.name) {
            return self.held[index].0.same_as(tensor);
        }
        let buffer = self.gpu.storage_buffer(&tensor.name, tensor.bytes())?;
        self.traffic.buffers_created += 1;
        self.held.push((tensor.clone(), buffer));
        match tensor.role {
            Role::State(value) | Role::Constant(value) if value != 0.0 => {
                self.write(&tensor.name, Values::F32(&vec![value; tensor.shape.len()]))
            }
            _ => Ok(()),
        }
    }

    /// A buffer to read back through, as large as the largest tensor that the host may read.
    fn make_download(&mut self, plan: &Plan) {
        let readable = |tensor: &&Tensor| tensor.element == Element::F32;
        let held = self.held.iter().map(|(tensor, _)| tensor);
        let outputs = plan.outputs().iter().map(|&id| plan.graph().tensor(id));
        let bytes = held.chain(outputs).filter(readable).map(Tensor::bytes).max().unwrap_or(0);
        if self.download.as_ref().is_none_or(|buffer| buffer.size() < bytes as u64) {
            self.download = Some(self.gpu.staging_buffer("download", bytes));
            self.traffic.buffers_created += 1;
        }
    }

    fn dispatch(&mut self, plan: &Plan, slots: &[wgpu::Buffer], node: &Node) -> Result<Dispatch> {
        let (kernel, call) = (Kernel::of(&node.op), Call::of(plan.graph(), node));
        let pipeline = self.pipelines.get(&self.gpu, kernel, &call);
        let buffers = node
            .inputs
            .iter()
            .chain(&node.outputs)
            .map(|&id| {
                let tensor = plan.graph().tensor(id);
                let buffer = match plan.slot(id) {
                    Some(slot) => &slots[slot.index()],
                    None => &self.held[self.find(&tensor.name)?].1,
                };
                Ok((buffer, tensor.bytes()))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Dispatch::new(&self.gpu, kernel, &call, pipeline, &buffers))
    }

    fn make_log(&mut self, plan: &Plan) -> Result<Option<Log>> {
        let Some(tensor) = plan.log().map(|log| plan.graph().tensor(log)) else { return Ok(None) };
        self.traffic.buffers_created += IN_FLIGHT as u64;
        let label = format!("{} staging", tensor.name);
        Ok(Some(Log {
            source: self.held[self.find(&tensor.name)?].1.clone(),
            staging: (0..IN_FLIGHT)
                .map(|_| self.gpu.staging_buffer(&label, tensor.bytes()))
                .collect(),
            columns: tensor.shape.columns,
        }))
    }

    fn submit(&mut self, id: ProgramId, steps: &[Step]) -> Result<()> {
        self.flights.make_room(&self.gpu)?;
        let program = &self.programs[id.0];
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for &step in steps {
            program.dispatches.iter().for_each(|dispatch| dispatch.record(&mut pass, step));
        }
        drop(pass);
        if let Some(log) = &program.log {
            let staging = self.flights.staging(log);
            encoder.copy_buffer_to_buffer(&log.source, 0, staging, 0, staging.size());
            self.traffic.read_back_bytes += staging.size();
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.traffic.submits += 1;
        self.traffic.dispatches += (program.dispatches.len() * steps.len()) as u64;
        let steps = steps.iter().map(|step| step.index).collect();
        self.flights.push(&self.gpu, submission, id, steps, program.log.as_ref());
        self.gpu.check(self.flights.step())
    }

    /// Copies the beginning of a buffer to the host, after all steps so far.
    fn download(&mut self, buffer: &wgpu::Buffer, len: usize) -> Result<Vec<f64>> {
        self.flights.wait(&self.gpu)?;
        let bytes = (len * size_of::<f32>()) as u64;
        let Some(staging) = &self.download else { return Ok(Vec::new()) };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, staging, 0, bytes);
        self.gpu.queue.submit([encoder.finish()]);
        let mapping = self.gpu.map(staging, bytes);
        let step = self.flights.step();
        self.gpu.wait(wgpu::PollType::wait_indefinitely(), step)?;
        let widen = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
        let values = mapping.read(widen).map_err(|error| self.gpu.error(step, &error))?;
        self.traffic.read_back_bytes += bytes;
        self.traffic.submits += 1;
        Ok(values)
    }

    fn upload(&mut self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        self.gpu.queue.write_buffer(buffer, 0, bytes);
        self.traffic.uploaded_bytes += bytes.len() as u64;
    }
}

impl Session for GpuSession {
    fn description(&self) -> &Description {
        &self.gpu.description
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        for tensor in plan.persistent() {
            self.hold(plan.graph().tensor(tensor))?;
        }
        let sizes = plan.slots().bytes.iter().enumerate();
        let slots = sizes
            .map(|(slot, &bytes)| self.gpu.storage_buffer(&format!("slot {slot}"), bytes))
            .collect::<Result<Vec<_>>>()?;
        self.traffic.buffers_created += slots.len() as u64;
        let dispatches = plan
            .nodes()
            .map(|node| self.dispatch(&plan, &slots, node))
            .collect::<Result<Vec<_>>>()?;
        let log = self.make_log(&plan)?;
        self.make_download(&plan);
        self.gpu.check(self.flights.step())?;
        self.programs.push(Program { plan, slots, dispatches, log });
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        let (tensor, buffer) = &self.held[self.find(name)?];
        tensor.accepts(values.element(), values.len())?;
        let buffer = buffer.clone();
        match values {
            Values::F32(values) => self.upload(&buffer, bytemuck::cast_slice(values)),
            Values::U32(values) => self.upload(&buffer, bytemuck::cast_slice(values)),
            Values::F64(values) => {
                let rounded: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                self.upload(&buffer, bytemuck::cast_slice(&rounded));
            }
            Values::U8(values) => {
                let mut padded = values.to_vec();
                padded.resize(values.len().next_multiple_of(4), 0);
                self.upload(&buffer, &padded);
            }
        }
        self.gpu.check(self.flights.step())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        let (tensor, buffer) = &self.held[self.find(name)?];
        tensor.accepts(Element::F32, tensor.shape.len())?;
        let (len, buffer) = (tensor.shape.len(), buffer.clone());
        self.download(&buffer, len)
    }

    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        let program = &self.programs[program.0];
        let buffer = program.slots[program.plan.output_slot(tensor)?.index()].clone();
        let len = program.bytes(tensor) / Element::F32.bytes();
        self.download(&buffer, len)
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        for slot in self.programs[program.0].slots.clone() {
            let len = slot.size() as usize / Element::F32.bytes();
            self.upload(&slot, bytemuck::cast_slice(&vec![f32::NAN; len]));
        }
        self.gpu.check(self.flights.step())
    }

    fn run(&mut self, program: ProgramId, mut steps: &[Step]) -> Result<()> {
        while !steps.is_empty() {
            let (now, later) = steps.split_at(self.steps_at_once(program).min(steps.len()));
            self.submit(program, now)?;
            steps = later;
        }
        Ok(())
    }

    fn steps_at_once(&self, program: ProgramId) -> usize {
        self.flights.steps_per_submit(program)
    }

    fn take_log(&mut self, wait: bool) -> Result<Vec<LogRow>> {
        if wait {
            self.flights.wait(&self.gpu)?;
        }
        Ok(self.flights.take_finished())
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}
