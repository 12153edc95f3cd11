//! Tensors in buffers, and plans that run on them.

mod load;

use super::arena::Region;
use super::arguments::ArgumentQueue;
use super::context::{Gpu, begin_pass};
use super::flight::Flights;
use super::program::Program;
use super::roofs::{self, Pace};
use super::stopwatch::Stopwatch;
use super::tuner::Tuner;
use crate::Result;
use crate::device::{
    Choices, Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, Span, TimedSteps,
    Timer, Traffic, Values, unknown_tensor,
};
use crate::graph::{Element, Plan, Step, Tensor, TensorId};
use crate::kernel::{Kernel, Variant};
use std::time::{Duration, Instant};

/// A GPU with tensors and plans.
#[derive(Debug)]
pub struct GpuSession {
    gpu: Gpu,
    held: Vec<(Tensor, Region)>,
    programs: Vec<Program>,
    flights: Flights,
    arguments: ArgumentQueue,
    download: Option<wgpu::Buffer>,
    forced: Option<Variant>,
    tuner: Option<Tuner>,
    stopwatch: Option<Stopwatch>,
    timer: Option<Timer>,
    pace: Option<Pace>,
    choices: Choices,
    traffic: Traffic,
}

impl GpuSession {
    /// An empty session.
    pub fn new(gpu: Gpu) -> Self {
        Self {
            gpu,
            held: Vec::new(),
            programs: Vec::new(),
            flights: Flights::new(),
            arguments: ArgumentQueue::default(),
            download: None,
            forced: None,
            tuner: None,
            stopwatch: None,
            timer: None,
            pace: None,
            choices: Choices::new(),
            traffic: Traffic::default(),
        }
    }

    /// An empty session that lets a tuner choose among kernels.
    pub fn tuned(gpu: Gpu, tuner: Tuner) -> Self {
        Self { tuner: Some(tuner), ..Self::new(gpu) }
    }

    /// From now on times nodes by this, or by the best that the adapter has: to compare them.
    pub fn time_by(&mut self, timer: Timer) {
        self.timer = Some(timer).filter(|timer| Stopwatch::has(&self.gpu, *timer));
    }

    fn find(&self, name: &str) -> Result<usize> {
        let names = || self.held.iter().map(|(tensor, _)| tensor.name.as_str());
        names().position(|held| held == name).ok_or_else(|| unknown_tensor(name, names()))
    }

    /// Runs a plan so many times and returns how long that took.
    pub(super) fn time(&mut self, program: ProgramId, count: u32) -> Result<Duration> {
        self.flights.wait(&self.gpu)?;
        let Self { gpu, programs, arguments, .. } = self;
        gpu.time(|pass| {
            for index in 0..count {
                let step = Step { index, ..Step::default() };
                programs[program.0].record(pass, step, arguments);
            }
            arguments.send(gpu);
        })
    }

    fn submit(&mut self, id: ProgramId, steps: &[Step]) -> Result<()> {
        self.flights.make_room(&self.gpu)?;
        let began = Instant::now();
        let mut encoder = self.gpu.encoder("steps");
        let mut pass = begin_pass(&mut encoder, "steps");
        for &step in steps {
            self.programs[id.0].record(&mut pass, step, &mut self.arguments);
        }
        drop(pass);
        let commands = self.with_log(id, encoder);
        self.traffic.recording += began.elapsed();
        self.send(id, steps, commands)
    }

    /// Sends the arguments of what was recorded; see [`ArgumentQueue::send`].
    fn send_arguments(&mut self) {
        self.traffic.uploaded_bytes += self.arguments.send(&self.gpu);
    }

    /// What was recorded of a plan's steps, and then its log copied to the host.
    fn with_log(
        &mut self,
        id: ProgramId,
        mut encoder: wgpu::CommandEncoder,
    ) -> wgpu::CommandBuffer {
        if let Some(log) = &self.programs[id.0].log {
            let staging = self.flights.staging(log);
            let Region { buffer, offset, bytes } = &log.source;
            encoder.copy_buffer_to_buffer(buffer, *offset, staging, 0, *bytes);
            self.traffic.read_back_bytes += staging.size();
        }
        encoder.finish()
    }

    fn send(&mut self, id: ProgramId, steps: &[Step], commands: wgpu::CommandBuffer) -> Result<()> {
        let began = Instant::now();
        self.send_arguments();
        let program = &self.programs[id.0];
        let submission = self.gpu.queue.submit([commands]);
        self.traffic.submitting += began.elapsed();
        self.traffic.submits += 1;
        self.traffic.dispatches += (program.dispatch_count() * steps.len()) as u64;
        let steps = steps.iter().map(|step| step.index).collect();
        self.flights.push(&self.gpu, submission, id, steps, program.log.as_ref());
        self.gpu.check(self.flights.step())
    }

    /// Runs one step, each node by a submit of its own, and times them by the host's clock.
    fn time_submits(&mut self, id: ProgramId, step: Step, nodes: &[usize]) -> Result<TimedSteps> {
        let began = Instant::now();
        let mut spans = Vec::new();
        for index in 0..self.programs[id.0].dispatches.len() {
            let Program { dispatches, launches, .. } = &self.programs[id.0];
            let mut encoder = self.gpu.encoder(&launches[index].kernel);
            let mut pass = begin_pass(&mut encoder, &launches[index].kernel);
            dispatches[index].record(&mut pass, step, &mut self.arguments);
            drop(pass);
            let submitted = began.elapsed();
            self.send_arguments();
            self.gpu.queue.submit([encoder.finish()]);
            self.gpu.wait(None, self.flights.step())?;
            if nodes.contains(&index) {
                spans.push(Span { began: submitted, ended: began.elapsed() });
            }
        }
        let ended = began.elapsed();
        let encoder = self.gpu.encoder("log");
        let commands = self.with_log(id, encoder);
        self.send(id, &[step], commands)?;
        self.flights.wait(&self.gpu)?;
        // Recorded and submitted node by node, while the others wait.
        let [record, submit] = [Span::default(); 2];
        let wait = Span { began: Duration::ZERO, ended };
        Ok(TimedSteps { timer: Timer::Submits, steps: vec![spans], record, submit, wait })
    }

    /// Copies real numbers to the host, after all steps so far.
    fn download(&mut self, Region { buffer, offset, bytes }: Region) -> Result<Vec<f64>> {
        self.flights.wait(&self.gpu)?;
        let Some(staging) = &self.download else { return Ok(Vec::new()) };
        let mut encoder = self.gpu.encoder("download");
        encoder.copy_buffer_to_buffer(&buffer, offset, staging, 0, bytes);
        self.gpu.queue.submit([encoder.finish()]);
        let mapping = self.gpu.map(staging, bytes);
        let step = self.flights.step();
        self.gpu.wait(None, step)?;
        let widen = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
        let values = mapping.read(widen).map_err(|error| self.gpu.error(step, &error))?;
        self.traffic.read_back_bytes += bytes;
        self.traffic.submits += 1;
        Ok(values)
    }

    fn upload(&mut self, region: &Region, bytes: &[u8]) {
        self.gpu.queue.write_buffer(&region.buffer, region.offset, bytes);
        self.traffic.uploaded_bytes += bytes.len() as u64;
    }
}

impl Session for GpuSession {
    fn description(&self) -> &Description {
        &self.gpu.description
    }

    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        kernel.variants().into_iter().filter(|&variant| self.gpu.has(variant)).collect()
    }

    fn choices(&self) -> Choices {
        self.choices.clone()
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.forced = variant;
    }

    fn room_for(&self, plans: &[&Plan]) -> Result<Memory> {
        self.room_of(plans)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.load_plan(plan)
    }

    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        let (tensor, region) = &self.held[self.find(name)?];
        tensor.accepts(values.element(), values.len())?;
        let region = region.clone();
        match values {
            Values::F32(values) => self.upload(&region, bytemuck::cast_slice(values)),
            Values::U32(values) => self.upload(&region, bytemuck::cast_slice(values)),
            Values::F64(values) => {
                let rounded: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                self.upload(&region, bytemuck::cast_slice(&rounded));
            }
            Values::U8(values) => {
                let mut padded = values.to_vec();
                padded.resize(values.len().next_multiple_of(4), 0);
                self.upload(&region, &padded);
            }
        }
        self.gpu.check(self.flights.step())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        let (tensor, region) = &self.held[self.find(name)?];
        tensor.accepts(Element::F32, tensor.shape.len())?;
        self.download(region.clone())
    }

    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        let program = &self.programs[program.0];
        let slot = program.slots[program.plan.output_slot(tensor)?.index()].clone();
        self.download(Region { bytes: program.bytes(tensor) as u64, ..slot })
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        let Program { slots, slices, .. } = &self.programs[program.0];
        for slot in slots.iter().chain(slices).cloned().collect::<Vec<_>>() {
            let len = slot.bytes as usize / Element::F32.bytes();
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

    fn launches(&self, program: ProgramId) -> Vec<Launch> {
        self.programs[program.0].launches.clone()
    }

    fn time_steps(&mut self, id: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        let nodes: Vec<_> = (0..self.programs[id.0].dispatches.len()).collect();
        self.time_nodes(id, steps, &nodes)
    }

    fn time_nodes(&mut self, id: ProgramId, steps: &[Step], nodes: &[usize]) -> Result<TimedSteps> {
        self.flights.wait(&self.gpu)?;
        let timer = self.timer.unwrap_or_else(|| Stopwatch::best(&self.gpu));
        if timer == Timer::Submits {
            return self.time_submits(id, steps[0], nodes);
        }
        let stopwatch = self.stopwatch.take().unwrap_or_else(|| Stopwatch::new(&self.gpu));
        let steps = &steps[..steps.len().min(Stopwatch::most_steps(nodes.len()))];
        let began = Instant::now();
        let mut encoder = self.gpu.encoder("timed steps");
        let program = &self.programs[id.0];
        stopwatch.record(&mut encoder, program, steps, nodes, timer, &mut self.arguments);
        let commands = self.with_log(id, encoder);
        let recorded = began.elapsed();
        self.send(id, steps, commands)?;
        let submitted = began.elapsed();
        self.flights.wait(&self.gpu)?;
        let waited = began.elapsed();
        let spans = stopwatch.read(&self.gpu, nodes.len() * steps.len(), waited)?;
        self.stopwatch = Some(stopwatch);
        Ok(TimedSteps {
            timer,
            steps: spans.chunks(nodes.len()).map(<[Span]>::to_vec).collect(),
            record: Span { began: Duration::ZERO, ended: recorded },
            submit: Span { began: recorded, ended: submitted },
            wait: Span { began: submitted, ended: waited },
        })
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for (tensor, region) in &self.held {
            *memory.class(tensor) += region.bytes;
        }
        let workspace = |program: &Program| -> u64 {
            program.slots.iter().chain(&program.slices).map(|slot| slot.bytes).sum()
        };
        memory.workspace += self.programs.iter().map(workspace).sum::<u64>();
        memory
    }

    fn steps_at_once(&self, program: ProgramId) -> usize {
        self.flights.steps_per_submit(program)
    }

    fn take_log(&mut self, wait: bool) -> Result<Vec<LogRow>> {
        if wait {
            self.flights.wait(&self.gpu)?;
        } else {
            self.flights.make_room(&self.gpu)?;
        }
        Ok(self.flights.take_finished())
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn pace(&mut self) -> Result<f64> {
        self.flights.wait(&self.gpu)?;
        let pace = self.pace.take().map_or_else(|| Pace::new(&self.gpu), Ok)?;
        self.pace.insert(pace).measure(&self.gpu)
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.flights.wait(&self.gpu)?;
        roofs::measure(&self.gpu)
    }
}
