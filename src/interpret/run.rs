//! A run of a program: buffers in, buffers, findings and counts out.

use super::code::BufferVariable;
use super::count::Counts;
use super::error::limited;
use super::execute::{Progress, Tally, Worker};
use super::finding::Occurrence;
use super::memory::BufferMemory;
use super::numbers::Real;
use super::program::Program;
use super::shadow::{MOST_LANES, parts};
use super::{Arithmetic, Buffer, Dispatch, Error, Kind, Options, Order, Report, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Results of all workgroups.
struct Ran {
    memory: Vec<BufferMemory>,
    tally: Tally,
    is_complete: bool,
}

/// Workgroups that run at once where atomics are interleaved.
const WOVEN: u32 = 4;

/// Runs workgroups on threads. Returns the workers, and whether all workgroups ended.
fn share<'a, R: Real>(
    worker: impl Fn() -> Worker<'a, R> + Sync,
    order: &[u32],
    groups: u32,
    threads: usize,
) -> (Vec<Worker<'a, R>>, bool) {
    let (next, stopped) = (AtomicU32::new(0), AtomicBool::new(false));
    let work = |_| {
        let mut worker = worker();
        while !stopped.load(Relaxed) {
            let taken = next.fetch_update(Relaxed, Relaxed, |n| (n < groups).then_some(n + 1));
            let Ok(index) = taken else { break };
            if !worker.run(order.get(index as usize).copied().unwrap_or(index)) {
                stopped.store(true, Relaxed);
            }
        }
        worker
    };
    let threads = threads.min(groups as usize).max(1);
    let workers = (0..threads).into_par_iter().map(work).collect();
    (workers, !stopped.into_inner())
}

/// Runs workgroups in turn, each up to its invocations' next atomic operations.
fn interleave<R: Real>(mut workers: Vec<Worker<R>>, groups: u32) -> (Vec<Worker<R>>, bool) {
    let mut next = 0;
    let mut active = vec![false; workers.len()];
    loop {
        for (worker, active) in workers.iter_mut().zip(&mut active) {
            if !*active && next < groups {
                worker.begin(next);
                next += 1;
                *active = true;
            }
            if !*active {
                continue;
            }
            match worker.pass() {
                Progress::Running => {}
                Progress::Ended => *active = false,
                Progress::Limit => return (workers, false),
            }
        }
        if next == groups && !active.contains(&true) {
            return (workers, true);
        }
    }
}

/// Most registers of a workgroup: 512 MiB per thread.
const MOST_REGISTERS: u64 = 1 << 26;

/// Subgroup sizes that exist.
pub const SUBGROUP_SIZES: [u32; 6] = [4, 8, 16, 32, 64, 128];

impl Program {
    /// Runs the program. Workgroups run on all threads, except that they run one after another if
    /// results of atomics in storage are used or depend on the order, if workgroups race, or if an
    /// invocation exceeds the limit of iterations, so that results never depend on threads.
    ///
    /// # Errors
    /// A buffer is missing, unknown or too small, or the grid or the subgroup size is not possible.
    pub fn run(&self, dispatch: &Dispatch, options: &Options) -> Result<Report> {
        match options.arithmetic {
            Arithmetic::Rounded => self.run_with::<f32>(dispatch, options),
            Arithmetic::F64 => self.run_with::<f64>(dispatch, options),
        }
    }

    fn run_with<R: Real>(&self, dispatch: &Dispatch, options: &Options) -> Result<Report> {
        self.check(dispatch, options)?;
        let buffers = self.buffers(dispatch)?;
        let is_ordered = self.code.is_ordered;
        let mut ran = self.run_grid::<R>(&buffers, dispatch.grid, options, is_ordered)?;
        self.add_races(&mut ran);
        if !is_ordered && (ran.tally.log.has(Kind::StorageRace) || !ran.is_complete) {
            ran = self.run_grid::<R>(&buffers, dispatch.grid, options, true)?;
            self.add_races(&mut ran);
        }
        let counts = self.count(&ran, dispatch);
        let outputs = self.code.buffers.iter().zip(&buffers).zip(&ran.memory);
        let outputs = outputs.filter(|((variable, _), _)| variable.binding.is_some());
        Ok(Report {
            buffers: outputs
                .map(|((variable, buffer), memory)| memory.output::<R>(variable, buffer))
                .collect(),
            findings: ran.tally.log.findings(self, dispatch.grid, &options.ignored),
            counts,
            is_complete: ran.is_complete,
        })
    }

    /// Invocations of a workgroup.
    fn lanes(&self) -> u64 {
        self.workgroup_size.iter().map(|&size| u64::from(size)).product()
    }

    fn check(&self, dispatch: &Dispatch, options: &Options) -> Result<()> {
        if !SUBGROUP_SIZES.contains(&options.subgroup_size) {
            return Err(Error::SubgroupSize(options.subgroup_size));
        }
        limited("invocations of a workgroup", MOST_LANES, self.lanes())?;
        let registers = self.lanes() * u64::from(self.code.registers);
        limited("registers of a workgroup", MOST_REGISTERS, registers)?;
        let groups = dispatch
            .grid
            .iter()
            .try_fold(1u64, |product, &count| product.checked_mul(count.into()));
        limited("workgroups", u64::from(u32::MAX) - 1, groups.unwrap_or(u64::MAX))
    }

    /// Returns the buffers in the order of the program's variables.
    fn buffers(&self, dispatch: &Dispatch) -> Result<Vec<Buffer>> {
        let declared = &self.code.declared;
        let is_known = |buffer: &&Buffer| declared.contains(&(buffer.group, buffer.binding));
        if let Some(unknown) = dispatch.buffers.iter().find(|buffer| !is_known(buffer)) {
            let (group, binding) = (unknown.group, unknown.binding);
            let (expected, found) = ("no buffer".to_owned(), "one".to_owned());
            return Err(Error::Binding { group, binding, expected, found });
        }
        let find = |variable: &BufferVariable| {
            let Some((group, binding)) = variable.binding else {
                return Ok(Buffer { bytes: dispatch.immediates.clone(), ..Buffer::default() });
            };
            let found = dispatch.buffers.iter().find(|b| (b.group, b.binding) == (group, binding));
            found.cloned().ok_or_else(|| Error::Binding {
                group,
                binding,
                expected: variable.name.clone(),
                found: "no buffer".to_owned(),
            })
        };
        self.code.buffers.iter().map(find).collect()
    }

    fn run_grid<R: Real>(
        &self,
        buffers: &[Buffer],
        grid: [u32; 3],
        options: &Options,
        is_ordered: bool,
    ) -> Result<Ran> {
        let memory = self.code.buffers.iter().zip(buffers);
        let memory = memory.map(|(variable, buffer)| BufferMemory::new::<R>(variable, buffer));
        let memory = memory.collect::<Result<Vec<_>>>()?;
        let groups: u32 = grid.iter().product();
        let lanes = options.order.indices(self.lanes() as u32);
        // Orders of many workgroups are not worth their memory where threads take them anyway.
        let order = if is_ordered { options.order.indices(groups) } else { Vec::new() };
        let worker = || Worker::<R>::new(self, &memory, options, grid, lanes.clone());
        let (workers, is_complete) = if is_ordered && options.order == Order::Interleaved {
            interleave((0..WOVEN.min(groups)).map(|_| worker()).collect(), groups)
        } else {
            let threads = if is_ordered { 1 } else { rayon::current_num_threads() };
            share(worker, &order, groups, threads)
        };
        let mut tally = Tally::default();
        workers.into_iter().for_each(|worker| tally.add(worker.finish()));
        Ok(Ran { memory, tally, is_complete })
    }

    /// Adds the races between workgroups.
    fn add_races(&self, ran: &mut Ran) {
        for (index, memory) in ran.memory.iter().enumerate() {
            for (cell, extent) in memory.extents.iter().flatten().enumerate() {
                let Some((write, other)) = extent.conflict() else { continue };
                let ((who, site), (other, other_site)) = (parts(write), parts(other));
                let pc = |site: u16| self.code.sites[site as usize].pc;
                let occurrence = Occurrence {
                    who,
                    cell: Some((index as u16, cell as u64)),
                    other: Some((pc(other_site), other)),
                    message: String::new(),
                };
                let message = || "accessed by several workgroups: ".to_owned();
                ran.tally.log.record(Kind::StorageRace, pc(site), 1, occurrence, message);
            }
        }
    }

    fn count(&self, ran: &Ran, dispatch: &Dispatch) -> Counts {
        let mut counts = Counts {
            invocations: dispatch.grid.iter().map(|&n| u64::from(n)).product::<u64>()
                * self.lanes(),
            barriers: ran.tally.barriers,
            bank_conflicts: ran.tally.conflicts,
            ..Counts::default()
        };
        for (op, &executions) in self.code.ops.iter().zip(&ran.tally.counts) {
            counts.add(&self.code, op, executions);
        }
        let buffers = self.code.buffers.iter().zip(&ran.memory);
        let storage = buffers.filter(|(variable, _)| variable.is_storage);
        counts.distinct_bytes =
            storage.map(|(variable, memory)| memory.touched_bytes(variable)).sum();
        counts
    }
}
