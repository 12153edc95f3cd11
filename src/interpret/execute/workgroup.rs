//! Workgroups: scheduling of invocations, barriers.

use super::access::{By, Memory};
use super::bank::Banks;
use super::frame::Frame;
use super::step::{self, Lane, Limits, Stop};
use crate::interpret::finding::{Log, Who};
use crate::interpret::memory::BufferMemory;
use crate::interpret::numbers::Real;
use crate::interpret::op::Op;
use crate::interpret::program::{Constant, Input, Program, split};
use crate::interpret::shadow::{LAST_EPOCH, LAST_PART, Record, Shadow};
use crate::interpret::{Kind, Options, Order};
use std::marker::PhantomData;

/// The state of a workgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    /// All invocations have ended, or diverged.
    Ended,
    /// An invocation exceeded the limit of iterations.
    Limit,
}

/// The state of a thread that runs workgroups.
pub(crate) struct Worker<'a, R> {
    pub(super) program: &'a Program,
    options: &'a Options,
    grid: [u32; 3],
    /// Registers at the beginning: constants and initial values.
    template: Vec<u64>,
    /// Registers of all invocations.
    pub(super) registers: Vec<u64>,
    pub(super) lanes: Vec<Lane>,
    /// The returns of each invocation's calls.
    stacks: Vec<u32>,
    /// Order in which invocations run.
    order: Vec<u32>,
    memory: Memory<'a>,
    /// Numbers of the barriers, for workgroup memory and for buffers.
    epochs: [u64; 2],
    /// Barriers of each subgroup since the last one of the workgroup.
    parts: Vec<u64>,
    workgroup: u32,
    pub(super) log: Log,
    /// Executions of each operation.
    pub(crate) counts: Vec<u64>,
    pub(crate) barriers: u64,
    pub(super) banks: Option<Banks>,
    arithmetic: PhantomData<R>,
}

impl<'a, R: Real> Worker<'a, R> {
    pub(crate) fn new(
        program: &'a Program,
        buffers: &'a [BufferMemory],
        options: &'a Options,
        grid: [u32; 3],
        order: Vec<u32>,
    ) -> Self {
        let code = &program.code;
        let size = code.registers as usize;
        let mut template = vec![0; size];
        for &(slot, constant) in &code.constants {
            template[slot as usize] = match constant {
                Constant::Bits(bits) => bits.into(),
                Constant::Real(number) => R::nearest(number, false).register(),
            };
        }
        for (variable, buffer) in code.buffers.iter().zip(buffers) {
            template[variable.length as usize] = buffer.length;
        }
        let lanes = order.len();
        let shadows = |buffer: &BufferMemory| match &buffer.extents {
            Some(extents) => vec![Shadow::default(); extents.len()],
            None => Vec::new(),
        };
        let memory = Memory {
            code,
            buffers,
            shared: vec![0; code.shared_cells as usize],
            shared_shadow: vec![Shadow::default(); code.shared_cells as usize],
            shadows: buffers.iter().map(shadows).collect(),
            subgroup_size: options.subgroup_size,
        };
        let stopped = Lane { pc: 0, depth: 0, steps: 0, stop: Stop::Ended };
        Self {
            program,
            options,
            grid,
            registers: template.repeat(lanes),
            template,
            lanes: vec![stopped; lanes],
            stacks: vec![0; lanes * code.depth as usize],
            order,
            memory,
            epochs: [0; 2],
            parts: vec![0; lanes.div_ceil(options.subgroup_size as usize)],
            workgroup: 0,
            log: Log::default(),
            counts: vec![0; code.ops.len()],
            barriers: 0,
            banks: options.bank_conflicts.then(|| Banks::new(code, options.subgroup_size)),
            arithmetic: PhantomData,
        }
    }

    /// Returns what was found.
    pub(crate) fn finish(self) -> (Log, Vec<u64>, u64, u64) {
        (self.log, self.counts, self.barriers, self.banks.map_or(0, |banks| banks.conflicts))
    }

    /// Runs a workgroup. Returns whether the program may continue: no invocation exceeded the limit
    /// of iterations.
    pub(crate) fn run(&mut self, workgroup: u32) -> bool {
        self.begin(workgroup);
        loop {
            match self.pass() {
                Progress::Running => {}
                Progress::Ended => return true,
                Progress::Limit => return false,
            }
        }
    }

    /// Runs each invocation until it has to wait, and lets those continue that all others of their
    /// group have reached.
    pub(crate) fn pass(&mut self) -> Progress {
        for i in 0..self.order.len() {
            let lane = self.order[i];
            if self.lanes[lane as usize].stop == Stop::Ready {
                self.run_lane(lane);
            }
            if self.lanes[lane as usize].stop == Stop::Limit {
                return Progress::Limit;
            }
        }
        if self.lanes.iter().any(|lane| lane.stop == Stop::Ready) {
            return Progress::Running;
        }
        if let Some(banks) = &mut self.banks {
            banks.finish(self.lanes.len());
        }
        let has_ended = self.lanes.iter().all(|lane| lane.stop == Stop::Ended);
        if has_ended || !self.resume_subgroups() && !self.pass_barrier() {
            return Progress::Ended;
        }
        Progress::Running
    }

    /// Prepares the invocations of a workgroup.
    pub(crate) fn begin(&mut self, workgroup: u32) {
        self.workgroup = workgroup;
        self.memory.shared.fill(0);
        self.next_epoch(true, true);
        let size = self.template.len();
        let privates = &self.program.code.privates;
        let privates = privates.start as usize..privates.end as usize;
        for lane in 0..self.lanes.len() {
            let registers = &mut self.registers[lane * size..(lane + 1) * size];
            registers[privates.clone()].copy_from_slice(&self.template[privates.clone()]);
            let pc = self.program.code.start;
            self.lanes[lane] = Lane { pc, depth: 0, steps: 0, stop: Stop::Ready };
            self.set_inputs(lane as u32);
        }
    }

    fn set_inputs(&mut self, lane: u32) {
        let subgroup_size = self.options.subgroup_size;
        let local = split(lane, self.program.workgroup_size);
        let group = split(self.workgroup, self.grid);
        let size = self.program.workgroup_size;
        let scalar = |value: u32| ([value, 0, 0], 1);
        let subgroups = (self.lanes.len() as u32).div_ceil(subgroup_size);
        for &(input, slot) in &self.program.code.inputs {
            let (values, count) = match input {
                Input::GlobalInvocationId => {
                    let along = |i: usize| group[i].wrapping_mul(size[i]).wrapping_add(local[i]);
                    ([along(0), along(1), along(2)], 3)
                }
                Input::LocalInvocationId => (local, 3),
                Input::WorkgroupId => (group, 3),
                Input::NumWorkgroups => (self.grid, 3),
                Input::LocalInvocationIndex => scalar(lane),
                Input::NumSubgroups => scalar(subgroups),
                Input::SubgroupId => scalar(lane / subgroup_size),
                Input::SubgroupSize => scalar(subgroup_size),
                Input::SubgroupInvocationId => scalar(lane % subgroup_size),
            };
            let at = lane as usize * self.template.len() + slot as usize;
            for (register, value) in self.registers[at..].iter_mut().zip(values).take(count) {
                *register = value.into();
            }
        }
    }

    fn run_lane(&mut self, index: u32) {
        let size = self.template.len();
        let at = index as usize;
        let part = self.parts[at / self.options.subgroup_size as usize].min(LAST_PART);
        let who = Who { workgroup: self.workgroup, lane: index };
        let [shared, storage] = self.epochs.map(|epoch| Record::new(epoch, part, index));
        let by = By { shared, storage, who };
        let mut frame = Frame {
            registers: &mut self.registers[at * size..(at + 1) * size],
            log: &mut self.log,
            banks: self.banks.as_mut(),
            who,
            pc: 0,
        };
        let depth = self.program.code.depth as usize;
        let stack = &mut self.stacks[at * depth..(at + 1) * depth];
        let yields = self.options.order == Order::Interleaved;
        let limits = Limits { steps: self.options.loop_limit, yields };
        let lane = &mut self.lanes[at];
        step::run::<R>(lane, &mut frame, &mut self.memory, &by, stack, &mut self.counts, limits);
    }

    /// Whether two invocations wait at the same operation, called from the same places.
    pub(super) fn same_place(&self, a: usize, b: usize) -> bool {
        let (first, second) = (&self.lanes[a], &self.lanes[b]);
        let depth = self.program.code.depth as usize;
        let stack = |lane: usize| &self.stacks[lane * depth..][..first.depth as usize];
        first.stop == second.stop
            && first.pc == second.pc
            && first.depth == second.depth
            && stack(a) == stack(b)
    }

    /// The operation at which an invocation waits.
    pub(super) fn waits_at(&self, lane: usize) -> Option<&'a Op> {
        let lane = &self.lanes[lane];
        (lane.stop == Stop::Waiting).then(|| &self.program.code.ops[lane.pc as usize])
    }

    /// Resumes an invocation after the operation at which it waits.
    pub(super) fn resume(&mut self, lane: usize) {
        self.lanes[lane].pc += 1;
        self.lanes[lane].stop = Stop::Ready;
    }

    /// Resumes all invocations if they wait at the same barrier; else reports it.
    fn pass_barrier(&mut self) -> bool {
        let Some(waiting) = self.lanes.iter().position(|lane| lane.stop == Stop::Waiting) else {
            return false;
        };
        let other = (0..self.lanes.len()).find(|&lane| !self.same_place(waiting, lane));
        if let Some(other) = other {
            let pc = self.lanes[waiting].pc;
            self.report_divergence(Kind::DivergentBarrier, pc, waiting, other);
            return false;
        }
        if let Some(&Op::Barrier { storage, workgroup, .. }) = self.waits_at(waiting) {
            self.next_epoch(workgroup, storage);
            self.barriers += 1;
        }
        (0..self.lanes.len()).for_each(|lane| self.resume(lane));
        true
    }

    /// Reports that `missing` does not take part in the operation at which `waiting` waits.
    pub(super) fn report_divergence(
        &mut self,
        kind: Kind,
        pc: u32,
        waiting: usize,
        missing: usize,
    ) {
        let size = self.program.workgroup_size;
        let [x, y, z] = split(missing as u32, size);
        let lane = &self.lanes[missing];
        let place = self.program.code.places[lane.pc as usize];
        let state = if lane.stop == Stop::Ended { "has ended" } else { "waits" };
        let who = Who { workgroup: self.workgroup, lane: waiting as u32 };
        self.log.add(kind, pc, who, None, || {
            format!("invocation {x}, {y}, {z} does not take part: it {state} at {place}")
        });
    }

    /// Notes a barrier of a subgroup.
    pub(super) fn pass_subgroup_barrier(&mut self, subgroup: usize) {
        self.parts[subgroup] += 1;
    }

    /// Begins a new epoch of workgroup memory, of storage, or of both.
    fn next_epoch(&mut self, workgroup: bool, storage: bool) {
        // A barrier that orders one memory only leaves the order of the other within subgroups.
        if workgroup && storage {
            self.parts.fill(0);
        }
        if workgroup {
            self.epochs[0] += 1;
        }
        if storage {
            self.epochs[1] += 1;
        }
        if self.epochs.iter().any(|&epoch| epoch >= LAST_EPOCH) {
            self.epochs = [1; 2];
            self.memory.shared_shadow.fill(Shadow::default());
            self.memory.shadows.iter_mut().for_each(|shadow| shadow.fill(Shadow::default()));
        }
    }

    pub(super) fn subgroup_size(&self) -> usize {
        self.options.subgroup_size as usize
    }

    /// The invocation's identity in findings.
    pub(super) fn who(&self, lane: usize) -> Who {
        Who { workgroup: self.workgroup, lane: lane as u32 }
    }
}
