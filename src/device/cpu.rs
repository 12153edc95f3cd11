//! Plans on the CPU. In f64 this is the oracle: the twins of the kernel table, primitive by primitive,
//! on one thread. In f32 it is a device like any other: fused nodes have [kernels](crate::simd), and
//! threads share them out, which changes no bit.

mod exchange;
mod program;
mod roofs;
mod shared;
mod team;

use super::{
    Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, Span, TimedSteps, Timer,
    Traffic, Values, room, unknown_tensor,
};
use crate::cpu::Real;
use crate::graph::{Element, LOG_ROWS, Op, Plan, Tensor, TensorId};
use crate::kernel::{Call, Cost, Kernel, Step, Twin, Twins, Variant, Vectors};
use crate::simd;
use crate::{Error, Result};
use exchange::Numbers;
use program::{Bound, Place, Program, Work};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use sysinfo::{CpuRefreshKind, RefreshKind, System};
use team::{Member, Team, alone};

/// Steps that are handed to the threads at once, so that waking them costs little.
const STEPS_AT_ONCE: usize = 8;

/// A number type that plans can run in.
pub trait CpuReal: Real {
    /// Its name.
    const NAME: &'static str;
    /// Whether to use all threads.
    const PARALLEL: bool;
    /// The twin in this precision.
    fn twin(twins: &Twins) -> Twin<Self>;
    /// What computes an op in its twin's place, if there is something.
    fn kernel(op: &Op) -> Option<simd::Kernel<Self>>;
}

impl CpuReal for f32 {
    const NAME: &'static str = "f32";
    const PARALLEL: bool = true;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f32
    }

    fn kernel(op: &Op) -> Option<simd::Kernel> {
        simd::kernel(op)
    }
}

impl CpuReal for f64 {
    const NAME: &'static str = "f64";
    const PARALLEL: bool = false;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f64
    }

    fn kernel(_: &Op) -> Option<simd::Kernel<Self>> {
        None
    }
}

/// The elements of a tensor that outlives a step.
#[derive(Debug)]
enum Storage<T> {
    Reals(Numbers<T>),
    Words(Vec<u32>),
    Bytes(Vec<u8>),
}

impl<T: Copy> Storage<T> {
    /// How many times it is there.
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

/// Bytes of one copy of a tensor.
fn bytes<T>(tensor: &Tensor) -> u64 {
    let size = match tensor.element {
        Element::F32 => size_of::<T>(),
        other => other.bytes(),
    };
    (tensor.shape.len() * size) as u64
}

/// A CPU with tensors and plans.
#[derive(Debug)]
pub struct CpuSession<T> {
    description: Description,
    team: Team,
    held: Vec<(Tensor, Storage<T>)>,
    programs: Vec<Program<T>>,
    /// The vectors that plans are loaded with, if not with the widest.
    forced: Option<Vectors>,
    finished: Vec<LogRow>,
}

impl<T: CpuReal> CpuSession<T> {
    /// An empty session, on all cores.
    pub fn new() -> Self {
        Self::with_threads(None)
    }

    /// An empty session on so many threads, or on all cores; the oracle has one thread.
    pub fn with_threads(threads: Option<usize>) -> Self {
        let team = Team::new(if T::PARALLEL { threads } else { Some(1) });
        let description = Description {
            name: processor(),
            backend: "CPU".to_owned(),
            driver: format!("{}, {} threads", T::NAME, team.len()),
        };
        Self {
            description,
            team,
            held: Vec::new(),
            programs: Vec::new(),
            forced: None,
            finished: Vec::new(),
        }
    }

    /// The oracle is run for its results, not for its speed.
    fn measure<S>(&self, of: impl FnOnce(&Team) -> S) -> Result<S> {
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

    /// Shares a tensor with earlier plans, or makes it.
    fn hold(&mut self, tensor: &Tensor) -> Result<usize> {
        if let Ok(index) = self.find(&tensor.name) {
            self.held[index].0.same_as(tensor)?;
            return Ok(index);
        }
        let len = tensor.shape.len();
        let storage = match tensor.element {
            Element::U8 => Storage::Bytes(vec![0; len]),
            Element::U32 => Storage::Words(vec![0; len]),
            Element::F32 => Storage::Reals(Numbers::new(len, T::of(tensor.fill().into()))),
        };
        self.held.push((tensor.clone(), storage));
        Ok(self.held.len() - 1)
    }

    /// A plan's nodes with their operands located, and the lengths of the tensors that are its own;
    /// `find` knows the places of the others.
    fn lay_out(
        &self,
        plan: Plan,
        find: &dyn Fn(&str) -> Result<usize>,
    ) -> Result<(Program<T>, Vec<usize>)> {
        let mut own = Vec::new();
        let mut places = HashMap::new();
        let mut place = |&id: &TensorId| -> Result<Place> {
            let tensor = plan.graph().tensor(id);
            if !tensor.is_workspace() {
                return Ok(Place::Held(find(&tensor.name)?));
            }
            // Each has room of its own, where a plan's slots would be shared: threads don't wait for
            // each other after each node.
            Ok(*places.entry(id).or_insert_with(|| {
                own.push(tensor.shape.len());
                Place::Own(own.len() - 1)
            }))
        };
        let widest = simd::vectors().next_back().unwrap_or(Vectors::Portable);
        let vectors = self.forced.unwrap_or(widest);
        let nodes = plan
            .nodes()
            .flat_map(|node| match T::kernel(&node.op) {
                Some(_) => std::slice::from_ref(node),
                None => node.primitives(),
            })
            .map(|node| {
                let kernel = Kernel::of(&node.op);
                let variant = match T::kernel(&node.op) {
                    Some(_) => Variant::of_vectors(vectors),
                    None => Variant::DEFAULT,
                };
                let work = match (T::kernel(&node.op), &kernel.twins) {
                    (Some(kernel), _) => Work::Kernel(kernel, vectors),
                    (None, Some(twins)) => Work::Twin(T::twin(twins)),
                    (None, None) => {
                        unreachable!(
                            "{} is a primitive, and every primitive has a twin",
                            kernel.name
                        )
                    }
                };
                Ok(Bound {
                    work,
                    split: kernel.split,
                    reads: node.inputs.iter().map(&mut place).collect::<Result<_>>()?,
                    writes: node.outputs.iter().map(&mut place).collect::<Result<_>>()?,
                    launch: Launch {
                        call: Call::of(plan.graph(), node),
                        kernel: kernel.name,
                        variant: variant.name(),
                        workgroup: 1,
                        workgroups: Vec::new(),
                        cost: Cost::of(plan.graph(), node),
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let outputs = plan.outputs().iter().map(|id| Ok((*id, place(id)?)));
        let outputs = outputs.collect::<Result<HashMap<_, _>>>()?;
        let log = plan.log().map(|log| find(&plan.graph().tensor(log).name)).transpose()?;
        Ok((Program::new(plan, nodes, outputs, log), own))
    }

    /// Has the threads run these steps, each its part, and takes their losses.
    fn run_all(
        &mut self,
        id: ProgramId,
        steps: &[Step],
        run: impl Fn(&Program<T>, &[(Tensor, Storage<T>)], Step, &Member) + Sync,
    ) {
        for steps in steps.chunks(LOG_ROWS) {
            let (program, held) = (&self.programs[id.0], &self.held);
            let work = |member: &Member| {
                steps.iter().for_each(|&step| run(program, held, step, member));
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

/// The processor's model, as its maker calls it.
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

impl<T: CpuReal> Session for CpuSession<T> {
    fn description(&self) -> &Description {
        &self.description
    }

    fn variants(&self, kernel: &Kernel) -> Vec<Variant> {
        let has_vectors = |call: Call| T::kernel(&call.op).is_some();
        if (kernel.cases)().iter().any(|case| case.call().is_ok_and(has_vectors)) {
            simd::vectors().map(Variant::of_vectors).collect()
        } else {
            vec![Variant::DEFAULT]
        }
    }

    fn force(&mut self, variant: Option<Variant>) {
        self.forced = variant.and_then(Variant::vectors);
    }

    fn room_for(&self, plans: &[&Plan]) -> Result<Memory> {
        let threads = if self.team.len() > 1 { self.team.len() } else { 0 };
        let mut held: Vec<&Tensor> = self.held.iter().map(|(tensor, _)| tensor).collect();
        let mut copies: Vec<_> = self.held.iter().map(|(_, storage)| storage.copies()).collect();
        let mut need = Memory::default();
        for plan in plans {
            for tensor in plan.persistent().map(|id| plan.graph().tensor(id)) {
                match held.iter().find(|other| other.name == tensor.name) {
                    Some(other) => other.same_as(tensor)?,
                    None => {
                        *need.class(tensor) += bytes::<T>(tensor);
                        held.push(tensor);
                        copies.push(1);
                    }
                }
            }
            let find = |name: &str| {
                let place = held.iter().position(|tensor| tensor.name == name);
                place.ok_or_else(|| unknown_tensor(name, std::iter::empty()))
            };
            let (program, own) = self.lay_out((*plan).clone(), &find)?;
            let exchanged = program.exchanged();
            for (index, len) in own.into_iter().enumerate() {
                let is_exchanged = exchanged.contains(&Place::Own(index));
                let copies = 1 + if is_exchanged { threads } else { 0 };
                need.workspace += (copies * len * size_of::<T>()) as u64;
            }
            for (index, tensor) in held.iter().enumerate() {
                if copies[index] == 1 && exchanged.contains(&Place::Held(index)) {
                    copies[index] += threads;
                    *need.class(tensor) += threads as u64 * bytes::<T>(tensor);
                }
            }
        }
        room::check(&self.description.name, &need, room::available())?;
        Ok(need)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        for tensor in plan.persistent() {
            self.hold(plan.graph().tensor(tensor))?;
        }
        let (mut program, own) = self.lay_out(plan, &|name| self.find(name))?;
        program.own = own.into_iter().map(|len| Numbers::new(len, T::zero())).collect();
        for place in program.exchanged() {
            match place {
                Place::Own(index) => program.own[index].replicate(self.team.len(), T::zero()),
                Place::Held(index) => {
                    if let Storage::Reals(values) = &mut self.held[index].1 {
                        values.replicate(self.team.len(), T::zero());
                    }
                }
            }
        }
        self.programs.push(program);
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        let index = self.find(name)?;
        let (tensor, storage) = &mut self.held[index];
        tensor.accepts(values.element(), values.len())?;
        match (storage, values) {
            (Storage::Reals(to), Values::F32(from)) => {
                to.write(|to| {
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to = T::of(from.into()))
                });
            }
            (Storage::Reals(to), Values::F64(from)) => {
                to.write(|to| to.iter_mut().zip(from).for_each(|(to, &from)| *to = T::of(from)));
            }
            (Storage::Words(to), Values::U32(from)) => to.copy_from_slice(from),
            (Storage::Bytes(to), Values::U8(from)) => to.copy_from_slice(from),
            _ => unreachable!("the tensor accepts this element type"),
        }
        Ok(())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        let index = self.find(name)?;
        let (tensor, storage) = &mut self.held[index];
        tensor.accepts(Element::F32, tensor.shape.len())?;
        match storage {
            Storage::Reals(values) => Ok(values.read().iter().map(|value| value.get()).collect()),
            _ => unreachable!("the tensor holds real numbers"),
        }
    }

    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        let values = self.programs[program.0].output(tensor)?;
        Ok(values.iter().map(|value| value.get()).collect())
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        let own = &mut self.programs[program.0].own;
        own.iter_mut().for_each(|values| values.write(|values| values.fill(T::nan())));
        Ok(())
    }

    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()> {
        self.run_all(program, steps, Program::run);
        Ok(())
    }

    fn launches(&self, program: ProgramId) -> Vec<Launch> {
        self.programs[program.0].nodes.iter().map(|node| node.launch.clone()).collect()
    }

    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        let nodes = self.programs[program.0].nodes.len();
        let times = Mutex::new(Vec::with_capacity(2 * nodes * steps.len()));
        let began = Instant::now();
        self.run_all(program, steps, |program, held, step, member| {
            program.run_listening(held, step, member, || {
                if member.index == 0 {
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

    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for (tensor, storage) in &self.held {
            *memory.class(tensor) += storage.bytes();
        }
        let own = self.programs.iter().flat_map(|program| &program.own);
        memory.workspace += own.map(Numbers::bytes).sum::<u64>();
        memory
    }

    fn steps_at_once(&self, _: ProgramId) -> usize {
        STEPS_AT_ONCE
    }

    fn take_log(&mut self, _wait: bool) -> Result<Vec<LogRow>> {
        // Its room is kept: nothing is allocated in a step.
        Ok(self.finished.drain(..).collect())
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    fn pace(&mut self) -> Result<f64> {
        self.measure(roofs::pace)
    }

    fn roofs(&mut self) -> Result<Roofs> {
        self.measure(roofs::measure)
    }
}
