//! Plans on the CPU. In f64 this is the oracle: it runs the twins of the kernel table, primitive by
//! primitive, on one thread. In f32 it is a device like any other: fused nodes have
//! [kernels](crate::simd), and threads share the work, which changes no bit of the results.

mod load;
mod program;
mod replicated;
mod roofs;
mod shared;
mod threads;

use super::{
    Blocking, Description, Device, Launch, LogRow, Memory, Profiled, ProgramId, Reals, Roofs,
    Source, Span, Ticket, TimedSteps, Timer, Traffic, Tunable, Values, unknown_tensor,
};
use crate::cpu::Real;
use crate::graph::{Element, LOG_ROWS, Plan, Step, Tensor, TensorId};
use crate::kernel::{Call, Kernel, Twin, Twins, Variant, Vectors};
use crate::simd;
use crate::{Error, Result};
use program::Program;
use replicated::Replicated;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use sysinfo::{CpuRefreshKind, RefreshKind, System};
use threads::{ThreadTeam, Worker, alone};

/// Largest number of queued steps and requests. If the caller waits for them, all queued steps of a
/// plan are handed to the threads at once, so that waking the threads costs little.
const MOST_QUEUED: usize = 8;

/// A number type that plans can run in.
pub trait CpuReal: Real {
    /// The type's name.
    const NAME: &'static str;
    /// Whether to use all threads.
    const PARALLEL: bool;
    /// The twin in this precision.
    fn twin(twins: &Twins) -> Twin<Self>;
    /// The kernel that computes a call in place of its twin, if there is one.
    fn kernel(call: &Call) -> Option<simd::Kernel<Self>>;
    /// Copies numbers into the type that a device returns.
    fn reals(values: &[Self]) -> Reals;
}

impl CpuReal for f32 {
    const NAME: &'static str = "f32";
    const PARALLEL: bool = true;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f32
    }

    fn kernel(call: &Call) -> Option<simd::Kernel> {
        simd::kernel(call)
    }

    fn reals(values: &[Self]) -> Reals {
        Reals::F32(values.to_vec())
    }
}

impl CpuReal for f64 {
    const NAME: &'static str = "f64";
    const PARALLEL: bool = false;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f64
    }

    fn kernel(_: &Call) -> Option<simd::Kernel<Self>> {
        None
    }

    fn reals(values: &[Self]) -> Reals {
        Reals::F64(values.to_vec())
    }
}

/// The elements of a tensor that outlives a step.
#[derive(Debug)]
enum Storage<T> {
    Reals(Replicated<T>),
    Words(Vec<u32>),
    Bytes(Vec<u8>),
}

impl<T: Copy> Storage<T> {
    /// Returns the number of copies.
    fn copies(&self) -> usize {
        match self {
            Self::Reals(values) => values.copies(),
            Self::Words(_) | Self::Bytes(_) => 1,
        }
    }

    fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Reals(values) => return values.bytes(),
            Self::Words(values) => size_of_val(values.as_slice()),
            Self::Bytes(values) => size_of_val(values.as_slice()),
        };
        bytes as u64
    }
}

/// A queued step or request.
#[derive(Clone, Copy, Debug)]
enum Job {
    Step(ProgramId, Step),
    /// Reads a tensor that outlives a step, given by its place.
    ReadTensor(Ticket, usize),
    ReadOutput(Ticket, ProgramId, TensorId),
}

/// A CPU with tensors and plans.
#[derive(Debug)]
pub struct CpuSession<T> {
    description: Description,
    team: ThreadTeam,
    held: Vec<(Tensor, Storage<T>)>,
    programs: HashMap<ProgramId, Program<T>>,
    /// Vectors that plans are loaded with; the widest if none.
    forced: Option<Vectors>,
    queue: VecDeque<Job>,
    /// The steps that are running.
    steps: Vec<Step>,
    finished: Vec<LogRow>,
    read: Vec<(Ticket, Reals)>,
}

impl<T: CpuReal> CpuSession<T> {
    /// An empty session, on all cores.
    pub fn new() -> Self {
        Self::with_threads(None)
    }

    /// An empty session on `threads` threads, or on all cores; the oracle has one thread.
    pub fn with_threads(threads: Option<usize>) -> Self {
        let team = ThreadTeam::new(if T::PARALLEL { threads } else { Some(1) });
        let description = Description {
            name: processor(),
            backend: "CPU".to_owned(),
            driver: format!("{}, {} threads", T::NAME, team.len()),
        };
        Self {
            description,
            team,
            held: Vec::new(),
            programs: HashMap::new(),
            forced: None,
            queue: VecDeque::with_capacity(MOST_QUEUED),
            steps: Vec::with_capacity(MOST_QUEUED),
            finished: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Measures the team's speed; an error on the oracle, whose speed does not matter.
    fn measure<S>(&self, of: impl FnOnce(&ThreadTeam) -> S) -> Result<S> {
        if T::PARALLEL {
            return Ok(of(&self.team));
        }
        Err(Error::Unsupported {
            adapter: self.description.name.clone(),
            expected: "f32, to measure its speed".to_owned(),
            found: T::NAME.to_owned(),
        })
    }

    fn find(&self, name: &str) -> Result<usize> {
        let names = || self.held.iter().map(|(tensor, _)| tensor.name.as_str());
        names().position(|held| held == name).ok_or_else(|| unknown_tensor(name, names()))
    }

    fn program(&self, id: ProgramId) -> Result<&Program<T>> {
        self.programs.get(&id).ok_or(Error::UnknownProgram)
    }

    /// Does the oldest job; if that is a step, runs up to `most` consecutive steps of the same
    /// plan.
    fn work(&mut self, most: usize) -> Result<()> {
        match self.queue.pop_front() {
            None => {}
            Some(Job::ReadTensor(ticket, index)) => {
                if let Storage::Reals(values) = &mut self.held[index].1 {
                    self.read.push((ticket, T::reals(values.read())));
                }
            }
            Some(Job::ReadOutput(ticket, id, tensor)) => {
                let program = self.programs.get_mut(&id).ok_or(Error::UnknownProgram)?;
                self.read.push((ticket, T::reals(program.output(tensor)?)));
            }
            Some(Job::Step(id, step)) => {
                let mut steps = std::mem::take(&mut self.steps);
                steps.push(step);
                while steps.len() < most
                    && let Some(&Job::Step(other, step)) = self.queue.front()
                    && other == id
                {
                    steps.push(step);
                    self.queue.pop_front();
                }
                self.run_all(id, &steps, Program::run);
                steps.clear();
                self.steps = steps;
            }
        }
        Ok(())
    }

    /// Runs steps on the threads, a part on each, and collects the losses.
    fn run_all(
        &mut self,
        id: ProgramId,
        steps: &[Step],
        run: impl Fn(&Program<T>, &[(Tensor, Storage<T>)], Step, &Worker) + Sync,
    ) {
        for steps in steps.chunks(LOG_ROWS) {
            let (program, held) = (&self.programs[&id], &self.held);
            let work = |worker: &Worker| {
                steps.iter().for_each(|&step| run(program, held, step, worker));
            };
            if program.is_worth_sharing() {
                self.team.run(work);
            } else {
                alone(work);
            }
            let log = program.log;
            steps.iter().for_each(|step| self.take_row(id, log, step.index));
        }
    }

    fn take_row(&mut self, program: ProgramId, log: Option<usize>, step: u32) {
        if let Some((tensor, Storage::Reals(values))) = log.map(|log| &mut self.held[log]) {
            let columns = tensor.shape.columns;
            let row = &values.read()[step as usize % LOG_ROWS * columns..][..columns];
            let values = row.iter().map(|value| value.get()).collect();
            self.finished.push(LogRow { program, step, values });
        }
    }
}

/// The processor's model name.
fn processor() -> String {
    static MODEL: OnceLock<String> = OnceLock::new();
    let ask = || {
        let cpus = CpuRefreshKind::nothing();
        let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(cpus));
        let brand = system.cpus().first().map_or("", |cpu| cpu.brand().trim()).to_owned();
        if brand.is_empty() { "CPU".to_owned() } else { brand }
    };
    MODEL.get_or_init(ask).clone()
}

impl<T: CpuReal> Default for CpuSession<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: CpuReal> Device for CpuSession<T> {
    fn description(&self) -> &Description {
        &self.description
    }

    fn check_memory(&self, plans: &[&Plan]) -> Result<Memory> {
        self.memory_of(plans)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.load_plan(plan)
    }

    fn unload(&mut self, program: ProgramId) -> Result<()> {
        self.finish()?;
        self.unload_plan(program)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        Ok(&self.held[self.find(name)?].0)
    }

    fn write_rows(&mut self, name: &str, first: usize, values: Values) -> Result<()> {
        self.finish()?;
        let index = self.find(name)?;
        let (tensor, storage) = &mut self.held[index];
        let range = tensor.rows(values.element(), first, values.len())?;
        match (storage, values) {
            (Storage::Reals(to), Values::F32(from)) => to.write(|to| {
                let pairs = to[range].iter_mut().zip(from);
                pairs.for_each(|(to, &from)| *to = T::of(from.into()));
            }),
            (Storage::Reals(to), Values::F64(from)) => to.write(|to| {
                let pairs = to[range].iter_mut().zip(from);
                pairs.for_each(|(to, &from)| *to = T::of(from));
            }),
            (Storage::Words(to), Values::U32(from)) => to[range].copy_from_slice(from),
            (Storage::Bytes(to), Values::U8(from)) => to[range].copy_from_slice(from),
            _ => unreachable!("the tensor accepts this element type"),
        }
        Ok(())
    }

    fn submit(&mut self, program: ProgramId, steps: &[Step]) -> Result<usize> {
        self.program(program)?;
        let count = MOST_QUEUED.saturating_sub(self.queue.len()).min(steps.len());
        self.queue.extend(steps[..count].iter().map(|&step| Job::Step(program, step)));
        Ok(count)
    }

    fn request(&mut self, source: Source) -> Result<Ticket> {
        let ticket = Ticket::new();
        self.queue.push_back(match source {
            Source::Tensor(name) => {
                let index = self.find(name)?;
                let tensor = &self.held[index].0;
                tensor.accepts(Element::F32, tensor.shape.len())?;
                Job::ReadTensor(ticket, index)
            }
            Source::Output(id, tensor) => {
                self.program(id)?.plan.output_slot(tensor)?;
                Job::ReadOutput(ticket, id, tensor)
            }
        });
        Ok(ticket)
    }

    fn poll(&mut self) -> Result<bool> {
        self.work(1)?;
        Ok(!self.queue.is_empty())
    }

    fn take(&mut self, ticket: Ticket) -> Option<Reals> {
        let place = self.read.iter().position(|(other, _)| *other == ticket)?;
        Some(self.read.swap_remove(place).1)
    }

    fn take_rows(&mut self) -> Vec<LogRow> {
        // Draining keeps the allocation, so that a step allocates nothing.
        self.finished.drain(..).collect()
    }

    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for (tensor, storage) in &self.held {
            *memory.class(tensor) += storage.bytes();
        }
        let own = self.programs.values().flat_map(|program| &program.own);
        memory.workspace += own.map(Replicated::bytes).sum::<u64>();
        memory
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

impl<T: CpuReal> Blocking for CpuSession<T> {
    fn wait(&mut self) -> Result<bool> {
        let is_any = !self.queue.is_empty();
        while !self.queue.is_empty() {
            self.work(usize::MAX)?;
        }
        Ok(is_any)
    }

    /// Runs all steps before it returns; the threads are woken once.
    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()> {
        self.program(program)?;
        self.finish()?;
        self.run_all(program, steps, Program::run);
        Ok(())
    }
}

impl<T: CpuReal> Tunable for CpuSession<T> {
    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        let has_vectors = |call: Call| T::kernel(&call).is_some();
        if (kernel.cases)().iter().any(|case| case.call().is_ok_and(has_vectors)) {
            crate::vectors::vectors().map(Variant::of_vectors).collect()
        } else {
            vec![Variant::DEFAULT]
        }
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.forced = variant.and_then(Variant::vectors);
    }
}

impl<T: CpuReal> Profiled for CpuSession<T> {
    fn launches(&self, program: ProgramId) -> Result<Vec<Launch>> {
        Ok(self.program(program)?.nodes.iter().map(|node| node.launch.clone()).collect())
    }

    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        self.finish()?;
        let nodes = self.program(program)?.nodes.len();
        let times = Mutex::new(Vec::with_capacity(2 * nodes * steps.len()));
        let began = Instant::now();
        self.run_all(program, steps, |program, held, step, worker| {
            program.run_listening(held, step, worker, || {
                if worker.index == 0 {
                    times.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
                }
            });
        });
        let ended = began.elapsed();
        let times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
        let pairs = times.as_chunks().0.iter();
        let spans: Vec<_> = pairs.map(|&[began, ended]| Span { began, ended }).collect();
        Ok(TimedSteps {
            timer: Timer::Calls,
            steps: spans.chunks(nodes).map(<[Span]>::to_vec).collect(),
            record: Span::default(),
            submit: Span::default(),
            wait: Span { began: Duration::ZERO, ended },
        })
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        self.finish()?;
        let program = self.programs.get_mut(&program).ok_or(Error::UnknownProgram)?;
        program.own.iter_mut().for_each(|values| values.write(|values| values.fill(T::nan())));
        Ok(())
    }

    fn pace(&mut self) -> Result<f64> {
        self.finish()?;
        self.measure(roofs::pace)
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.finish()?;
        self.measure(roofs::measure)
    }
}
