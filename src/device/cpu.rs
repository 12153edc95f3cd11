//! Plans on the CPU. In f64 this is the oracle: the twins of the kernel table, primitive by primitive,
//! on one thread. In f32 it is a device like any other: fused nodes have [kernels](crate::simd), and
//! threads share them out, which changes no bit.

mod exchange;
mod load;
mod program;
mod roofs;
mod shared;
mod team;

use super::{
    Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, Span, TimedSteps, Timer,
    Traffic, Values, unknown_tensor,
};
use crate::cpu::Real;
use crate::graph::{Element, LOG_ROWS, Plan, Step, Tensor, TensorId};
use crate::kernel::{Call, Kernel, Twin, Twins, Variant, Vectors};
use crate::simd;
use crate::{Error, Result};
use exchange::Numbers;
use program::Program;
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
    /// The kernel that computes a call in place of its twin, if there is one.
    fn kernel(call: &Call) -> Option<simd::Kernel<Self>>;
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

    fn room_for(&self, plans: &[&Plan]) -> Result<Memory> {
        self.room_of(plans)
    }

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        self.load_plan(plan)
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
