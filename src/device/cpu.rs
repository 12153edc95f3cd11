//! Plans on the CPU: the twins of the kernel table, node by node. In f64 this is the oracle, on one
//! thread; in f32 the rows of large tensors are shared out over all threads, which changes no bit.

mod roofs;

use super::{
    Description, Launch, LogRow, Memory, ProgramId, Roofs, Session, Span, TimedSteps, Timer,
    Traffic, Values, unknown_tensor,
};
use crate::cpu::Real;
use crate::graph::{Element, LOG_ROWS, Node, Plan, Shape, Tensor, TensorId};
use crate::kernel::{Call, Cost, Kernel, Operand, Step, Twin, Twins, Variant};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// Elements of output below which a kernel is not worth sharing out.
const WORTH_SHARING: usize = 8192;

/// A number type that plans can run in.
pub trait CpuReal: Real {
    /// Its name.
    const NAME: &'static str;
    /// Whether to use all threads.
    const PARALLEL: bool;
    /// The twin in this precision.
    fn twin(twins: &Twins) -> Twin<Self>;
}

impl CpuReal for f32 {
    const NAME: &'static str = "f32";
    const PARALLEL: bool = true;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f32
    }
}

impl CpuReal for f64 {
    const NAME: &'static str = "f64";
    const PARALLEL: bool = false;

    fn twin(twins: &Twins) -> Twin<Self> {
        twins.f64
    }
}

/// The elements of a tensor or slot.
#[derive(Debug)]
enum Storage<T> {
    Reals(Vec<T>),
    Words(Vec<u32>),
    Bytes(Vec<u8>),
}

impl<T> Storage<T> {
    fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Reals(values) => size_of_val(values.as_slice()),
            Self::Words(values) => size_of_val(values.as_slice()),
            Self::Bytes(values) => size_of_val(values.as_slice()),
        };
        bytes as u64
    }
}

/// Where an operand is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Held(usize),
    Slot(usize),
}

/// A node with its kernel looked up and its operands located.
#[derive(Debug)]
struct Bound<T> {
    twin: Twin<T>,
    by_rows: bool,
    reads: Vec<(Place, usize)>,
    writes: Vec<(Place, usize)>,
    launch: Launch,
}

#[derive(Debug)]
struct Program<T> {
    plan: Plan,
    nodes: Vec<Bound<T>>,
    slots: Vec<Vec<T>>,
    log: Option<usize>,
}

/// A CPU with tensors and plans.
#[derive(Debug)]
pub struct CpuSession<T> {
    description: Description,
    held: Vec<(Tensor, Storage<T>)>,
    programs: Vec<Program<T>>,
    finished: Vec<LogRow>,
}

impl<T: CpuReal> CpuSession<T> {
    /// An empty session.
    pub fn new() -> Self {
        let threads = if T::PARALLEL { rayon::current_num_threads() } else { 1 };
        let description = Description {
            name: processor(),
            backend: "CPU".to_owned(),
            driver: format!("{}, {threads} threads", T::NAME),
        };
        Self { description, held: Vec::new(), programs: Vec::new(), finished: Vec::new() }
    }

    /// The oracle is run for its results, not for its speed.
    fn measure<S>(&self, of: impl FnOnce() -> S) -> Result<S> {
        if T::PARALLEL {
            return Ok(of());
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
            Element::F32 => Storage::Reals(vec![T::of(tensor.fill().into()); len]),
        };
        self.held.push((tensor.clone(), storage));
        Ok(self.held.len() - 1)
    }

    /// Runs a step; `listen` is told of each node before and after.
    fn run_step(&mut self, program: ProgramId, step: Step, mut listen: impl FnMut()) {
        let Program { nodes, slots, log, .. } = &mut self.programs[program.0];
        for node in nodes.iter() {
            listen();
            let mut outputs: Vec<_> =
                node.writes.iter().map(|&(place, _)| take(place, &mut self.held, slots)).collect();
            let inputs: Vec<_> = node
                .reads
                .iter()
                .map(|&(place, len)| look(place, len, &self.held, slots))
                .collect();
            let lens = node.writes.iter().map(|&(_, len)| len);
            let mut views: Vec<_> =
                outputs.iter_mut().zip(lens).map(|(output, len)| &mut output[..len]).collect();
            run_node(node, step, &inputs, &mut views);
            for (&(place, _), output) in node.writes.iter().zip(outputs) {
                put(place, output, &mut self.held, slots);
            }
            listen();
        }
        if let Some((tensor, Storage::Reals(values))) = log.map(|log| &self.held[log]) {
            let columns = tensor.shape.columns;
            let row = step.index as usize % LOG_ROWS * columns;
            let values = values[row..][..columns].iter().map(|value| value.get()).collect();
            self.finished.push(LogRow { step: step.index, values });
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

/// Takes an output out of its place, so that it can be written while the inputs are read. A node's
/// outputs are never among its inputs: the plan keeps their slots apart.
fn take<T>(place: Place, held: &mut [(Tensor, Storage<T>)], slots: &mut [Vec<T>]) -> Vec<T> {
    match place {
        Place::Slot(slot) => std::mem::take(&mut slots[slot]),
        Place::Held(index) => match &mut held[index].1 {
            Storage::Reals(values) => std::mem::take(values),
            _ => unreachable!("ops write real numbers only"),
        },
    }
}

fn put<T>(place: Place, values: Vec<T>, held: &mut [(Tensor, Storage<T>)], slots: &mut [Vec<T>]) {
    match place {
        Place::Slot(slot) => slots[slot] = values,
        Place::Held(index) => held[index].1 = Storage::Reals(values),
    }
}

fn look<'a, T>(
    place: Place,
    len: usize,
    held: &'a [(Tensor, Storage<T>)],
    slots: &'a [Vec<T>],
) -> Operand<'a, T> {
    match place {
        Place::Slot(slot) => Operand::Reals(&slots[slot][..len]),
        Place::Held(index) => match &held[index].1 {
            Storage::Reals(values) => Operand::Reals(values),
            Storage::Words(values) => Operand::Words(values),
            Storage::Bytes(values) => Operand::Bytes(values),
        },
    }
}

/// Runs one kernel, on parts of its rows at once if that is worth it.
fn run_node<T: CpuReal>(
    node: &Bound<T>,
    step: Step,
    inputs: &[Operand<T>],
    outputs: &mut [&mut [T]],
) {
    let twin = node.twin;
    let rows = node.launch.call.outputs[0].rows;
    let elements: usize = outputs.iter().map(|output| output.len()).sum();
    if !(T::PARALLEL && node.by_rows && rows > 1 && elements >= WORTH_SHARING) {
        return twin(&node.launch.call, step, inputs, outputs);
    }
    let part = rows.div_ceil(rayon::current_num_threads());
    let mut parts: Vec<Vec<&mut [T]>> = Vec::new();
    parts.resize_with(rows.div_ceil(part), Vec::new);
    for output in outputs {
        let width = output.len() / rows;
        output.chunks_mut(part * width).zip(&mut parts).for_each(|(rows, part)| part.push(rows));
    }
    parts.into_par_iter().enumerate().for_each(|(index, mut outputs)| {
        let first = index * part;
        let taken = part.min(rows - first);
        let shaped = inputs.iter().copied().zip(&node.launch.call.inputs);
        let inputs: Vec<_> = shaped.map(|input| of_rows(input, rows, first, taken)).collect();
        let step = Step { first_row: step.first_row + first as u32, ..step };
        twin(&node.launch.call, step, &inputs, &mut outputs);
    });
}

/// The part of an input that belongs to some rows of the output; all of it, if it has other rows.
fn of_rows<'a, T>(
    (input, shape): (Operand<'a, T>, &Shape),
    rows: usize,
    first: usize,
    taken: usize,
) -> Operand<'a, T> {
    match input {
        Operand::Reals(values) if shape.rows == rows => {
            Operand::Reals(&values[first * shape.columns..][..taken * shape.columns])
        }
        whole => whole,
    }
}

impl<T: CpuReal> Session for CpuSession<T> {
    fn description(&self) -> &Description {
        &self.description
    }

    fn variants(&self, _: &Kernel) -> Vec<Variant> {
        vec![Variant::DEFAULT]
    }

    fn force(&mut self, _: Option<Variant>) {}

    fn load(&mut self, plan: Plan) -> Result<ProgramId> {
        for tensor in plan.persistent() {
            self.hold(plan.graph().tensor(tensor))?;
        }
        let size = Element::F32.bytes();
        let mut slots: Vec<_> =
            plan.slots().bytes.iter().map(|bytes| vec![T::zero(); bytes / size]).collect();
        // What a fused node hides has no slot in the plan; here its parts need one.
        let mut hidden = HashMap::new();
        let mut place = |&id: &TensorId| -> Result<(Place, usize)> {
            let tensor = plan.graph().tensor(id);
            let len = tensor.shape.len();
            let place = match plan.slot(id) {
                Some(slot) => Place::Slot(slot.index()),
                None if tensor.is_workspace() => {
                    Place::Slot(*hidden.entry(id).or_insert_with(|| {
                        slots.push(vec![T::zero(); len]);
                        slots.len() - 1
                    }))
                }
                None => Place::Held(self.find(&tensor.name)?),
            };
            Ok((place, len))
        };
        let nodes = plan
            .nodes()
            .flat_map(Node::primitives)
            .map(|node| {
                let kernel = Kernel::of(&node.op);
                let Some(twins) = &kernel.twins else {
                    unreachable!("{} is a primitive, and every primitive has a twin", kernel.name)
                };
                Ok(Bound {
                    twin: T::twin(twins),
                    by_rows: kernel.by_rows,
                    reads: node.inputs.iter().map(&mut place).collect::<Result<_>>()?,
                    writes: node.outputs.iter().map(&mut place).collect::<Result<_>>()?,
                    launch: Launch {
                        call: Call::of(plan.graph(), node),
                        kernel: kernel.name,
                        variant: Variant::DEFAULT.name(),
                        workgroup: 1,
                        workgroups: Vec::new(),
                        cost: Cost::of(plan.graph(), node),
                    },
                })
            })
            .collect::<Result<_>>()?;
        let log = plan.log().map(|log| self.find(&plan.graph().tensor(log).name)).transpose()?;
        self.programs.push(Program { plan, nodes, slots, log });
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn write(&mut self, name: &str, values: Values) -> Result<()> {
        let index = self.find(name)?;
        let (tensor, storage) = &mut self.held[index];
        tensor.accepts(values.element(), values.len())?;
        match (storage, values) {
            (Storage::Reals(to), Values::F32(from)) => {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = T::of(from.into()));
            }
            (Storage::Reals(to), Values::F64(from)) => {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = T::of(from));
            }
            (Storage::Words(to), Values::U32(from)) => to.copy_from_slice(from),
            (Storage::Bytes(to), Values::U8(from)) => to.copy_from_slice(from),
            _ => unreachable!("the tensor accepts this element type"),
        }
        Ok(())
    }

    fn read(&mut self, name: &str) -> Result<Vec<f64>> {
        let (tensor, storage) = &self.held[self.find(name)?];
        tensor.accepts(Element::F32, tensor.shape.len())?;
        match storage {
            Storage::Reals(values) => Ok(values.iter().map(|value| value.get()).collect()),
            _ => unreachable!("the tensor holds real numbers"),
        }
    }

    fn read_output(&mut self, program: ProgramId, tensor: TensorId) -> Result<Vec<f64>> {
        let program = &self.programs[program.0];
        let slot = program.plan.output_slot(tensor)?;
        let values =
            &program.slots[slot.index()][..program.plan.graph().tensor(tensor).shape.len()];
        Ok(values.iter().map(|value| value.get()).collect())
    }

    fn poison(&mut self, program: ProgramId) -> Result<()> {
        self.programs[program.0].slots.iter_mut().for_each(|slot| slot.fill(T::nan()));
        Ok(())
    }

    fn run(&mut self, program: ProgramId, steps: &[Step]) -> Result<()> {
        steps.iter().for_each(|&step| self.run_step(program, step, || ()));
        Ok(())
    }

    fn launches(&self, program: ProgramId) -> Vec<Launch> {
        self.programs[program.0].nodes.iter().map(|node| node.launch.clone()).collect()
    }

    fn time_steps(&mut self, program: ProgramId, steps: &[Step]) -> Result<TimedSteps> {
        let began = Instant::now();
        let mut times = Vec::new();
        for &step in steps {
            self.run_step(program, step, || times.push(began.elapsed()));
        }
        let ended = began.elapsed();
        let pairs = times.as_chunks().0.iter();
        let spans: Vec<_> = pairs.map(|&[began, ended]| Span { began, ended }).collect();
        let nodes = self.programs[program.0].nodes.len();
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
        let slots = self.programs.iter().flat_map(|program| &program.slots);
        memory.workspace += slots.map(|slot| size_of_val(slot.as_slice()) as u64).sum::<u64>();
        memory
    }

    fn steps_at_once(&self, _: ProgramId) -> usize {
        1
    }

    fn take_log(&mut self, _wait: bool) -> Result<Vec<LogRow>> {
        Ok(std::mem::take(&mut self.finished))
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
