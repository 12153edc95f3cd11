//! Workgroups: scheduling of invocations, barriers.

use super::access::{By, Memory};
use super::bank::Banks;
use super::frame::Frame;
use super::step::{self, Lane, Limits, Stop};
use crate::interpret::finding::{Log, Who};
use crate::interpret::numbers::Real;
use crate::interpret::op::Op;
use crate::interpret::program::{Program, split};
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

/// Findings and counts of some workgroups.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) log: Log,
    /// Executions of each operation.
    pub(crate) counts: Vec<u64>,
    pub(crate) barriers: u64,
    /// Bank conflicts.
    pub(crate) conflicts: u64,
}

impl Tally {
    /// Adds those of other workgroups of the same program.
    pub(crate) fn add(&mut self, other: Self) {
        self.log.merge(other.log);
        self.counts.resize(other.counts.len(), 0);
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.barriers += other.barriers;
        self.conflicts += other.conflicts;
    }
}

/// The state of a thread that runs workgroups.
pub(crate) struct Worker<'a, R> {
    pub(super) program: &'a Program,
    pub(super) options: &'a Options,
    pub(super) grid: [u32; 3],
    /// Registers at the beginning: constants and initial values.
    pub(super) template: Vec<u64>,
    /// Registers of all invocations.
    pub(super) registers: Vec<u64>,
    pub(super) lanes: Vec<Lane>,
    /// The returns of each invocation's calls.
    pub(super) stacks: Vec<u32>,
    /// Order in which invocations run.
    pub(super) order: Vec<u32>,
    pub(super) memory: Memory<'a>,
    /// Numbers of the barriers of workgroup memory, of buffers, and of any memory.
    pub(super) epochs: [u64; 3],
    /// Barriers of each subgroup since the last one of the workgroup.
    pub(super) parts: Vec<u64>,
    pub(super) workgroup: u32,
    pub(super) log: Log,
    /// Executions of each operation.
    pub(super) counts: Vec<u64>,
    pub(super) barriers: u64,
    pub(super) banks: Option<Banks>,
    pub(super) arithmetic: PhantomData<R>,
}

impl<'a, R: Real> Worker<'a, R> {
    /// Returns the results of the workgroups.
    pub(crate) fn finish(self) -> Tally {
        let conflicts = self.banks.map_or(0, |banks| banks.conflicts);
        Tally { log: self.log, counts: self.counts, barriers: self.barriers, conflicts }
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

    fn run_lane(&mut self, index: u32) {
        let size = self.template.len();
        let at = index as usize;
        let part = self.parts[at / self.options.subgroup_size as usize].min(LAST_PART);
        let who = Who { workgroup: self.workgroup, lane: index };
        let [shared, storage, passed] = self.epochs.map(|epoch| Record::new(epoch, part, index));
        let by = By { shared, storage, passed, who };
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
    pub(super) fn next_epoch(&mut self, workgroup: bool, storage: bool) {
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
        self.epochs[2] += 1;
        if self.epochs.iter().any(|&epoch| epoch >= LAST_EPOCH) {
            self.epochs = [1; 3];
            self.memory.undefined_before = None;
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
