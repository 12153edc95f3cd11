//! Tensors in buffers, and plans that run on them.

mod load;

use super::arena::Region;
use super::arguments::ArgumentQueue;
use super::context::{Gpu, begin_pass};
use super::program::Program;
use super::roofs::{self, Pace};
use super::stopwatch::Stopwatch;
use super::submit_queue::SubmitQueue;
use super::tuner::Tuner;
use crate::device::{
    Blocking, Choices, Description, Device, Launch, LogRow, Memory, Profiled, ProgramId, Reals,
    Roofs, Source, Span, Ticket, TimedSteps, Timer, Traffic, Tunable, Values, unknown_tensor,
};
use crate::graph::{Element, Plan, Step, Tensor};
use crate::kernel::{Kernel, Variant};
use crate::{Error, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A tensor that outlives a step.
#[derive(Debug)]
struct Held {
    tensor: Tensor,
    region: Region,
    /// A copy of the bytes, if rows are not whole words: only whole words can be written.
    bytes: Vec<u8>,
}

impl Held {
    fn new(tensor: Tensor, region: Region) -> Self {
        let has_words = tensor.element != Element::U8 || tensor.shape.columns.is_multiple_of(4);
        let bytes = if has_words { Vec::new() } else { vec![0; tensor.bytes()] };
        Self { tensor, region, bytes }
    }
}

/// A GPU with tensors and plans.
#[derive(Debug)]
pub struct GpuSession {
    gpu: Gpu,
    held: Vec<Held>,
    programs: HashMap<ProgramId, Program>,
    submits: SubmitQueue,
    arguments: ArgumentQueue,
    forced: Option<Variant>,
    tuner: Option<Tuner>,
    stopwatch: Option<Stopwatch>,
    timer: Option<Timer>,
    pace: Option<Pace>,
    choices: Choices,
    traffic: Traffic,
}

impl GpuSession {
    /// Creates an empty session.
    pub fn new(gpu: Gpu) -> Self {
        Self {
            gpu,
            held: Vec::new(),
            programs: HashMap::new(),
            submits: SubmitQueue::default(),
            arguments: ArgumentQueue::default(),
            forced: None,
            tuner: None,
            stopwatch: None,
            timer: None,
            pace: None,
            choices: Choices::new(),
            traffic: Traffic::default(),
        }
    }

    /// Creates an empty session with a tuner that chooses among kernels.
    pub fn tuned(gpu: Gpu, tuner: Tuner) -> Self {
        Self { tuner: Some(tuner), ..Self::new(gpu) }
    }

    /// Sets the timer of nodes, or the best one that the adapter has; used to compare timers.
    pub fn time_by(&mut self, timer: Timer) {
        self.timer = Some(timer).filter(|timer| Stopwatch::has(&self.gpu, *timer));
    }

    fn find(&self, name: &str) -> Result<usize> {
        let names = || self.held.iter().map(|held| held.tensor.name.as_str());
        names().position(|held| held == name).ok_or_else(|| unknown_tensor(name, names()))
    }

    fn program(&self, id: ProgramId) -> Result<&Program> {
        self.programs.get(&id).ok_or(Error::UnknownProgram)
    }

    /// Runs a plan `count` times and returns the time that it took.
    pub(super) fn time(&mut self, program: ProgramId, count: u32) -> Result<Duration> {
        self.finish()?;
        let Self { gpu, programs, arguments, .. } = self;
        let program = programs.get(&program).ok_or(Error::UnknownProgram)?;
        gpu.time(|pass| {
            for index in 0..count {
                let step = Step { index, ..Step::default() };
                program.record(pass, step, arguments);
            }
            arguments.send(gpu);
        })
    }

    /// Sends the recorded arguments; see [`ArgumentQueue::send`].
    fn send_arguments(&mut self) {
        self.traffic.uploaded_bytes += self.arguments.send(&self.gpu);
    }

    /// Returns the recorded commands of a plan's steps, followed by the copy of its log to the
    /// host.
    fn with_log(
        &mut self,
        id: ProgramId,
        mut encoder: wgpu::CommandEncoder,
    ) -> wgpu::CommandBuffer {
        if let Some(log) = &self.programs[&id].log {
            let staging = self.submits.staging(log);
            let Region { buffer, offset, bytes } = &log.source;
            encoder.copy_buffer_to_buffer(buffer, *offset, staging, 0, *bytes);
            self.traffic.read_back_bytes += staging.size();
        }
        encoder.finish()
    }

    fn send(&mut self, id: ProgramId, steps: &[Step], commands: wgpu::CommandBuffer) -> Result<()> {
        let began = Instant::now();
        self.send_arguments();
        let program = &self.programs[&id];
        let submission = self.gpu.queue.submit([commands]);
        self.traffic.submitting += began.elapsed();
        self.traffic.submits += 1;
        self.traffic.dispatches += (program.dispatch_count() * steps.len()) as u64;
        let steps = steps.iter().map(|step| step.index).collect();
        self.submits.push_steps(&self.gpu, submission, id, steps, program.log.as_ref());
        self.gpu.check(self.submits.step())
    }

    /// Runs one step with a submit for each node, and times the submits by the host's clock.
    fn time_submits(&mut self, id: ProgramId, step: Step, nodes: &[usize]) -> Result<TimedSteps> {
        let began = Instant::now();
        let mut spans = Vec::new();
        for index in 0..self.programs[&id].dispatches.len() {
            let Program { dispatches, launches, .. } = &self.programs[&id];
            let mut encoder = self.gpu.encoder(&launches[index].kernel);
            let mut pass = begin_pass(&mut encoder, &launches[index].kernel);
            dispatches[index].record(&mut pass, step, &mut self.arguments);
            drop(pass);
            let submitted = began.elapsed();
            self.send_arguments();
            self.gpu.queue.submit([encoder.finish()]);
            self.gpu.wait(None, self.submits.step())?;
            if nodes.contains(&index) {
                spans.push(Span { began: submitted, ended: began.elapsed() });
            }
        }
        let ended = began.elapsed();
        let encoder = self.gpu.encoder("log");
        let commands = self.with_log(id, encoder);
        self.send(id, &[step], commands)?;
        self.finish()?;
        // Recording and submitting alternate with waiting, node by node.
        let [record, submit] = [Span::default(); 2];
        let wait = Span { began: Duration::ZERO, ended };
        Ok(TimedSteps { timer: Timer::Submits, steps: vec![spans], record, submit, wait })
    }

    fn upload(&mut self, region: &Region, bytes: &[u8]) {
        self.gpu.queue.write_buffer(&region.buffer, region.offset, bytes);
        self.traffic.uploaded_bytes += bytes.len() as u64;
    }
}

impl Device for GpuSession {
    fn description(&self) -> &Description {
        &self.gpu.description
    }

    fn check_memory(&self, plans: &[&Plan]) -> Result<Memory> {
        self.memory_of(plans)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.load_plan(plan)
    }

    fn unload(&mut self, program: ProgramId) -> Result<()> {
        self.unload_plan(program)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        Ok(&self.held[self.find(name)?].tensor)
    }

    fn write_rows(&mut self, name: &str, first: usize, values: Values) -> Result<()> {
        let index = self.find(name)?;
        let Held { tensor, region, bytes: copy } = &mut self.held[index];
        let range = tensor.rows(values.element(), first, values.len())?;
        let begin = range.start * tensor.element.bytes();
        let (begin, bytes): (usize, Cow<[u8]>) = match values {
            Values::F32(values) => (begin, bytemuck::cast_slice(values).into()),
            Values::U32(values) => (begin, bytemuck::cast_slice(values).into()),
            Values::F64(values) => {
                let rounded: Vec<_> = values.iter().map(|&value| value as f32).collect();
                (begin, bytemuck::cast_slice(&rounded).to_vec().into())
            }
            Values::U8(values) if copy.is_empty() => (begin, values.into()),
            Values::U8(values) => {
                copy[range.clone()].copy_from_slice(values);
                let words = range.start / 4 * 4..range.end.next_multiple_of(4);
                (words.start, copy[words].to_vec().into())
            }
        };
        let offset = region.offset + begin as u64;
        let region = Region { offset, ..region.clone() };
        self.upload(&region, &bytes);
        self.gpu.check(self.submits.step())
    }

    fn submit(&mut self, id: ProgramId, steps: &[Step]) -> Result<usize> {
        let program = self.programs.get(&id).ok_or(Error::UnknownProgram)?;
        if self.submits.is_full() || steps.is_empty() {
            self.gpu.check(self.submits.step())?;
            return Ok(0);
        }
        let steps = &steps[..self.submits.steps_per_submit(id).min(steps.len())];
        let began = Instant::now();
        let mut encoder = self.gpu.encoder("steps");
        let mut pass = begin_pass(&mut encoder, "steps");
        for &step in steps {
            program.record(&mut pass, step, &mut self.arguments);
        }
        drop(pass);
        let commands = self.with_log(id, encoder);
        self.traffic.recording += began.elapsed();
        self.send(id, steps, commands)?;
        Ok(steps.len())
    }

    fn request(&mut self, source: Source) -> Result<Ticket> {
        let region = match source {
            Source::Tensor(name) => {
                let Held { tensor, region, .. } = &self.held[self.find(name)?];
                tensor.accepts(Element::F32, tensor.shape.len())?;
                region.clone()
            }
            Source::Output(id, tensor) => {
                let program = self.program(id)?;
                let slot = program.slots[program.plan.output_slot(tensor)?.index()].clone();
                Region { bytes: program.bytes(tensor) as u64, ..slot }
            }
        };
        let (ticket, Region { buffer, offset, bytes }) = (Ticket::new(), region);
        let (staging, is_new) = self.submits.take_staging(&self.gpu, bytes);
        let mut encoder = self.gpu.encoder("download");
        encoder.copy_buffer_to_buffer(&buffer, offset, &staging, 0, bytes);
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.submits.push_download(&self.gpu, submission, ticket, &staging, bytes);
        self.traffic.buffers_created += u64::from(is_new);
        self.traffic.read_back_bytes += bytes;
        self.traffic.submits += 1;
        self.gpu.check(self.submits.step())?;
        Ok(ticket)
    }

    fn poll(&mut self) -> Result<bool> {
        self.submits.poll(&self.gpu)?;
        Ok(!self.submits.is_empty())
    }

    fn take(&mut self, ticket: Ticket) -> Option<Reals> {
        self.submits.take_downloaded(ticket)
    }

    fn take_rows(&mut self) -> Vec<LogRow> {
        self.submits.take_finished()
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for Held { tensor, region, .. } in &self.held {
            *memory.class(tensor) += region.bytes;
        }
        let workspace = |program: &Program| -> u64 {
            program.slots.iter().chain(&program.slices).map(|slot| slot.bytes).sum()
        };
        memory.workspace += self.programs.values().map(workspace).sum::<u64>();
        memory
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

impl Blocking for GpuSession {
    fn wait(&mut self) -> Result<bool> {
        self.submits.wait(&self.gpu)
    }
}

impl Tunable for GpuSession {
    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        kernel.variants().into_iter().filter(|&variant| self.gpu.has(variant)).collect()
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.forced = variant;
    }

    fn choices(&self) -> Choices {
        self.choices.clone()
    }
}

impl Profiled for GpuSession {
    fn launches(&self, program: ProgramId) -> Result<Vec<Launch>> {
        Ok(self.program(program)?.launches.clone())
    }

    fn time_steps(&mut self, id: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        let nodes: Vec<_> = (0..self.program(id)?.dispatches.len()).collect();
        self.time_nodes(id, steps, &nodes)
    }

    fn time_nodes(&mut self, id: ProgramId, steps: &[Step], nodes: &[usize]) -> Result<TimedSteps> {
        self.finish()?;
        self.program(id)?;
        let timer = self.timer.unwrap_or_else(|| Stopwatch::best(&self.gpu));
        if timer == Timer::Submits {
            return self.time_submits(id, steps[0], nodes);
        }
        let stopwatch = self.stopwatch.take().unwrap_or_else(|| Stopwatch::new(&self.gpu));
        let steps = &steps[..steps.len().min(Stopwatch::most_steps(nodes.len()))];
        let began = Instant::now();
        let mut encoder = self.gpu.encoder("timed steps");
        let program = &self.programs[&id];
        stopwatch.record(&mut encoder, program, steps, nodes, timer, &mut self.arguments);
        let commands = self.with_log(id, encoder);
        let recorded = began.elapsed();
        self.send(id, steps, commands)?;
        let submitted = began.elapsed();
        self.finish()?;
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

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        let Program { slots, slices, .. } = self.program(program)?;
        for slot in slots.iter().chain(slices).cloned().collect::<Vec<_>>() {
            let len = slot.bytes as usize / Element::F32.bytes();
            self.upload(&slot, bytemuck::cast_slice(&vec![f32::NAN; len]));
        }
        self.gpu.check(self.submits.step())
    }

    fn pace(&mut self) -> Result<f64> {
        self.finish()?;
        let pace = self.pace.take().map_or_else(|| Pace::new(&self.gpu), Ok)?;
        self.pace.insert(pace).measure(&self.gpu)
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.finish()?;
        roofs::measure(&self.gpu)
    }
}
