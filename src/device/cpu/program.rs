//! A plan for threads: its nodes in stages. Within a stage each thread runs node after node without
//! waiting for the others, since it reads only its own rows of the tensors that they write; between
//! stages, all threads wait for each other. A training step has two stages: everything from the
//! batch to the gradients of the layers' outputs by rows of the batch, then the update by rows of
//! the weights.

use super::replicated::Replicated;
use super::threads::Worker;
use super::{CpuReal, Storage};
use crate::Result;
use crate::device::Launch;
use crate::graph::{Plan, Shape, Step, Target, Tensor, TensorId, UpdateLayout};
use crate::kernel::{Operand, Split, Twin, Vectors};
use crate::simd::{Kernel, Part};
use crate::vectors::use_vectors;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::ops::Range;

/// Operands of a node that are listed without an allocation: enough for an update of six layers by
/// a rule of two states, or of ten by one.
const OPERANDS: usize = 41;

/// Operations of a step below which waking threads does not pay.
const WORTH_SHARING: u64 = 2_000_000;

/// The place of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the tensors that outlive a step.
    Held(usize),
    /// Among the program's own tensors.
    Own(usize),
}

/// The implementation of a node.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work<T> {
    /// Plain loops.
    Twin(Twin<T>),
    /// Vectors.
    Kernel(Kernel<T>, Vectors),
}

/// A node with its operands located.
#[derive(Debug)]
pub(super) struct Bound<T> {
    pub(super) work: Work<T>,
    pub(super) split: Split,
    /// The layout of the operands, if the node is a fused update.
    pub(super) layout: Option<UpdateLayout>,
    pub(super) reads: Vec<Place>,
    pub(super) writes: Vec<Place>,
    pub(super) launch: Launch,
}

/// A plan, ready to run.
#[derive(Debug)]
pub(super) struct Program<T> {
    pub(super) plan: Plan,
    pub(super) nodes: Vec<Bound<T>>,
    stages: Vec<Range<usize>>,
    /// Temporary tensors of one step.
    pub(super) own: Vec<Replicated<T>>,
    outputs: HashMap<TensorId, Place>,
    /// The loss log, among the tensors that outlive a step.
    pub(super) log: Option<usize>,
}

impl<T: CpuReal> Program<T> {
    /// Creates a program without memory for its own tensors.
    pub(super) fn new(
        plan: Plan,
        nodes: Vec<Bound<T>>,
        outputs: HashMap<TensorId, Place>,
        log: Option<usize>,
    ) -> Self {
        let mut stages: Vec<Range<usize>> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            match stages.last_mut() {
                Some(stage) if nodes[stage.clone()].iter().all(|other| other.agrees(node)) => {
                    stage.end = index + 1;
                }
                _ => stages.push(index..index + 1),
            }
        }
        Self { plan, nodes, stages, own: Vec::new(), outputs, log }
    }

    /// Returns one of the plan's outputs.
    ///
    /// # Errors
    /// If the tensor is not an output.
    pub(super) fn output(&mut self, tensor: TensorId) -> Result<&[T]> {
        self.plan.output_slot(tensor)?;
        match self.outputs.get(&tensor) {
            Some(&Place::Own(index)) => Ok(self.own[index].read()),
            _ => unreachable!("outputs are the plan's own"),
        }
    }

    /// Updates the places of tensors that outlive a step; `places` has the new one for each old
    /// one.
    pub(super) fn move_held(&mut self, places: &[usize]) {
        let follow = |place: &mut Place| {
            if let Place::Held(index) = place {
                *index = places[*index];
            }
        };
        let nodes = self.nodes.iter_mut();
        nodes.flat_map(|node| node.reads.iter_mut().chain(&mut node.writes)).for_each(follow);
        self.outputs.values_mut().for_each(follow);
        self.log = self.log.map(|index| places[index]);
    }

    /// Tensors that workers write in parts and read whole; empty if one worker alone runs the
    /// program.
    pub(super) fn exchanged(&self) -> Vec<Place> {
        let written = self.nodes.iter().flat_map(|node| {
            node.writes.iter().copied().filter(|&place| node.writes_in_parts(place))
        });
        let read_whole = |place: &Place| self.nodes.iter().any(|node| node.reads_whole(*place));
        if self.is_worth_sharing() { written.filter(read_whole).collect() } else { Vec::new() }
    }

    /// Whether a step has enough work for more than one thread.
    pub(super) fn is_worth_sharing(&self) -> bool {
        let flops = self.nodes.iter().map(|node| node.launch.cost.flops);
        flops.sum::<u64>() >= WORTH_SHARING
    }

    /// Runs a worker's part of a step; on return the other workers may still be running theirs.
    pub(super) fn run(&self, held: &[(Tensor, Storage<T>)], step: Step, worker: &Worker) {
        for stage in &self.stages {
            self.run_stage(stage.clone(), held, step, worker);
        }
        if self.stages.len() == 1 {
            // Otherwise, a worker might send in the next step before the others have received in
            // this one.
            worker.barrier();
        }
    }

    /// Like [`run`](Self::run), but with a barrier before and after each node; then calls `listen`.
    pub(super) fn run_listening(
        &self,
        held: &[(Tensor, Storage<T>)],
        step: Step,
        worker: &Worker,
        listen: impl Fn(),
    ) {
        for node in 0..self.nodes.len() {
            listen();
            self.run_stage(node..node + 1, held, step, worker);
            worker.barrier();
            listen();
        }
    }

    /// Runs some nodes, sends the parts that others need, passes a barrier, and receives the
    /// others' parts.
    fn run_stage(
        &self,
        stage: Range<usize>,
        held: &[(Tensor, Storage<T>)],
        step: Step,
        worker: &Worker,
    ) {
        let nodes = &self.nodes[stage];
        let part = Part { index: worker.index, count: worker.count };
        nodes.iter().for_each(|node| self.run_node(node, held, step, part));
        self.each_written(nodes, held, part, |numbers, range| {
            #[allow(unsafe_code)]
            // SAFETY: the parts of the workers are disjoint, and the last receivers of this tensor
            // received it before the last barrier.
            unsafe {
                numbers.send(part, range)
            }
        });
        worker.barrier();
        for other in (0..part.count).filter(|&other| other != part.index) {
            let other = Part { index: other, ..part };
            self.each_written(nodes, held, other, |numbers, range| {
                #[allow(unsafe_code)]
                // SAFETY: all workers have just passed a barrier, and pass another before this is
                // sent again.
                unsafe {
                    numbers.receive(part.index, range)
                }
            });
        }
    }

    /// Calls a function for every tensor that a part of some nodes has written, with the range.
    fn each_written(
        &self,
        nodes: &[Bound<T>],
        held: &[(Tensor, Storage<T>)],
        part: Part,
        mut then: impl FnMut(&Replicated<T>, Range<usize>),
    ) {
        for node in nodes {
            let writes = node.writes.iter().zip(&node.launch.call.outputs).enumerate();
            for (index, (&place, shape)) in writes {
                if let View::Reals(numbers) = self.find(place, held) {
                    then(numbers, node.written(index, *shape, part));
                }
            }
        }
    }

    fn run_node(&self, node: &Bound<T>, held: &[(Tensor, Storage<T>)], step: Step, part: Part) {
        let Launch { call, .. } = &node.launch;
        let rows = call.outputs[0].rows;
        let own_rows = part.of(rows);
        let nothing = match node.split {
            Split::Whole => part.index > 0,
            Split::Rows { .. } => own_rows.is_empty(),
            Split::Layers => false,
        };
        if nothing {
            return;
        }
        let reads = node.reads.iter().zip(&call.inputs).enumerate();
        let inputs: SmallVec<[Operand<T>; OPERANDS]> = reads
            .map(|(index, (&place, shape))| {
                let range = if node.reads_rows(index, *shape) {
                    elements(&own_rows, *shape)
                } else {
                    0..shape.len()
                };
                match self.find(place, held) {
                    #[allow(unsafe_code)]
                    // SAFETY: in tensors that are written in this stage, `agrees` lets each worker
                    // access only its own rows, here and in the nodes that write them; and there is
                    // a barrier between stages. No node reads a tensor that it writes.
                    View::Reals(values) => {
                        Operand::Reals(unsafe { values.of(part.index).part(range) })
                    }
                    View::Words(values) => Operand::Words(values),
                    View::Bytes(values) => Operand::Bytes(values),
                }
            })
            .collect();
        let writes = node.writes.iter().zip(&call.outputs).enumerate();
        let mut outputs: SmallVec<[&mut [T]; OPERANDS]> = writes
            .map(|(index, (&place, shape))| {
                let range = node.written(index, *shape, part);
                let View::Reals(values) = self.find(place, held) else {
                    unreachable!("ops write real numbers only")
                };
                #[allow(unsafe_code)]
                // SAFETY: the parts of the workers are disjoint, outputs are different tensors, and
                // the accesses of other nodes in this stage are as above.
                unsafe {
                    values.of(part.index).part_mut(range)
                }
            })
            .collect();
        let step = match node.split {
            Split::Rows { .. } => {
                Step { first_row: step.first_row + own_rows.start as u32, ..step }
            }
            _ => step,
        };
        match node.work {
            Work::Twin(twin) => twin(call, step, &inputs, &mut outputs),
            Work::Kernel(kernel, vectors) => {
                use_vectors(vectors);
                kernel(call, step, part, &inputs, &mut outputs);
            }
        }
    }
}

/// Returns the elements of some rows.
fn elements(rows: &Range<usize>, shape: Shape) -> Range<usize> {
    rows.start * shape.columns..rows.end * shape.columns
}

impl<T> Bound<T> {
    /// Whether all parts of the node write this tensor, not only the first.
    pub(super) fn writes_in_parts(&self, place: Place) -> bool {
        let log = |index| self.layout.is_some_and(|layout| layout.log() == Some(index));
        let mut writes = self.writes.iter().enumerate();
        self.split != Split::Whole && writes.any(|(index, write)| *write == place && !log(index))
    }

    /// Whether a part of the node reads all of this tensor, not only the rows that it computes.
    pub(super) fn reads_whole(&self, place: Place) -> bool {
        let reads = self.reads.iter().zip(&self.launch.call.inputs).enumerate();
        let mut of_place = reads.filter(|(_, (read, _))| **read == place);
        of_place.any(|(index, (_, shape))| !self.reads_rows(index, *shape))
    }

    fn rows(&self) -> usize {
        self.launch.call.outputs[0].rows
    }

    /// Whether a worker reads only those rows of this input that it computes.
    fn reads_rows(&self, input: usize, shape: Shape) -> bool {
        let whole = match self.split {
            Split::Rows { whole } => whole,
            _ => return false,
        };
        shape.rows == self.rows() && whole >> input & 1 == 0
    }

    /// Returns the range of an output that a worker writes.
    fn written(&self, output: usize, shape: Shape, part: Part) -> Range<usize> {
        match self.split {
            Split::Whole if part.index > 0 => 0..0,
            Split::Whole => 0..shape.len(),
            Split::Rows { .. } => elements(&part.of(shape.rows), shape),
            Split::Layers => match self.layout.map(|layout| layout.target(output)) {
                Some(Target::Weight(_)) => elements(&part.of(shape.rows), shape),
                Some(Target::Bias(_)) => part.of(shape.len()),
                Some(Target::Log) | None if part.index > 0 => 0..0,
                Some(Target::Log) | None => 0..shape.len(),
            },
        }
    }

    /// Whether a worker may run this node and then `other` without a barrier in between: if both
    /// nodes access only the same rows of every tensor that both use and one writes.
    fn agrees(&self, other: &Self) -> bool {
        let both_by_rows = matches!(self.split, Split::Rows { .. })
            && matches!(other.split, Split::Rows { .. })
            && self.rows() == other.rows();
        let rows_written = |node: &Self, place: Place| {
            let mut writes = node.writes.iter().zip(&node.launch.call.outputs);
            writes.any(|(&write, shape)| write == place && shape.rows == node.rows())
        };
        let rows_read = |node: &Self, place: Place| {
            let reads = node.reads.iter().zip(&node.launch.call.inputs).enumerate();
            let mut of_place = reads.filter(|(_, (read, _))| **read == place);
            of_place.all(|(input, (_, shape))| node.reads_rows(input, *shape))
        };
        let harmless = |writer: &Self, reader: &Self| {
            writer.writes.iter().all(|&place| {
                let meets = reader.reads.contains(&place) || reader.writes.contains(&place);
                !meets
                    || both_by_rows
                        && rows_written(writer, place)
                        && rows_read(reader, place)
                        && (!reader.writes.contains(&place) || rows_written(reader, place))
            })
        };
        harmless(self, other) && harmless(other, self)
    }
}

/// The numbers at a place.
enum View<'a, T> {
    Reals(&'a Replicated<T>),
    Words(&'a [u32]),
    Bytes(&'a [u8]),
}

impl<T> Program<T> {
    fn find<'a>(&'a self, place: Place, held: &'a [(Tensor, Storage<T>)]) -> View<'a, T> {
        match place {
            Place::Own(index) => View::Reals(&self.own[index]),
            Place::Held(index) => match &held[index].1 {
                Storage::Reals(values) => View::Reals(values),
                Storage::Words(values) => View::Words(values),
                Storage::Bytes(values) => View::Bytes(values),
            },
        }
    }
}
