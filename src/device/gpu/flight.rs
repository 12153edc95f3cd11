//! Submits that the GPU has not finished: how long each may be, and reading their loss logs back
//! without stopping for them.

use super::context::{Gpu, Mapping};
use super::program::Log;
use crate::Result;
use crate::device::{LogRow, ProgramId};
use crate::graph::LOG_ROWS;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Submits under way at once: the GPU works on one while the host records the next.
pub(super) const IN_FLIGHT: usize = 2;

/// A submit lasts about this long: long enough to cost nothing, short enough for every driver's
/// watchdog.
const SUBMIT_TARGET: Duration = Duration::from_millis(100);

/// More steps than this in a submit gain nothing; no more fit the log.
pub(super) const MOST_STEPS: usize = LOG_ROWS / 4;

/// One submit.
#[derive(Debug)]
struct Flight {
    submission: wgpu::SubmissionIndex,
    program: ProgramId,
    submitted: Instant,
    steps: Vec<u32>,
    log: Option<(Mapping, usize)>, // and its columns
}

/// The submits under way, the oldest first.
#[derive(Debug)]
pub(super) struct Flights {
    queue: VecDeque<Flight>,
    submits: usize,
    last_step: Option<u64>,
    steps_per_submit: HashMap<ProgramId, usize>,
    last_finished: Option<Instant>,
    finished: Vec<LogRow>,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            submits: 0,
            last_step: None,
            steps_per_submit: HashMap::new(),
            last_finished: None,
            finished: Vec::new(),
        }
    }

    /// How many steps of a plan the next submit should hold.
    pub(super) fn steps_per_submit(&self, program: ProgramId) -> usize {
        self.steps_per_submit.get(&program).copied().unwrap_or(1)
    }

    /// Waits until there is room for one more submit.
    pub(super) fn make_room(&mut self, gpu: &Gpu) -> Result<()> {
        while self.queue.len() >= IN_FLIGHT {
            self.finish_oldest(gpu)?;
        }
        Ok(())
    }

    /// The staging buffer that the next submit may copy this log into.
    pub(super) fn staging<'a>(&self, log: &'a Log) -> &'a wgpu::Buffer {
        &log.staging[self.submits % IN_FLIGHT]
    }

    /// Notes a submit of these steps, which copied the log if there is one.
    pub(super) fn push(
        &mut self,
        gpu: &Gpu,
        submission: wgpu::SubmissionIndex,
        program: ProgramId,
        steps: Vec<u32>,
        log: Option<&Log>,
    ) {
        let log = log.map(|log| {
            let staging = self.staging(log);
            (gpu.map(staging, staging.size()), log.columns)
        });
        self.last_step = steps.last().map(|&step| u64::from(step) + 1).or(self.last_step);
        self.queue.push_back(Flight { submission, program, submitted: Instant::now(), steps, log });
        self.submits += 1;
    }

    /// Finishes all submits.
    pub(super) fn wait(&mut self, gpu: &Gpu) -> Result<()> {
        while !self.queue.is_empty() {
            self.finish_oldest(gpu)?;
        }
        Ok(())
    }

    /// The log rows taken in since the last call.
    pub(super) fn take_finished(&mut self) -> Vec<LogRow> {
        std::mem::take(&mut self.finished)
    }

    /// The last step submitted, counted from 1.
    pub(super) fn step(&self) -> Option<u64> {
        self.last_step
    }

    fn finish_oldest(&mut self, gpu: &Gpu) -> Result<()> {
        let step = self.step();
        let Some(flight) = self.queue.pop_front() else { return Ok(()) };
        gpu.wait(Some(flight.submission), step)?;
        let now = Instant::now();
        let began = self.last_finished.map_or(flight.submitted, |last| last.max(flight.submitted));
        self.adapt(flight.program, now - began, flight.steps.len());
        self.last_finished = Some(now);
        let Some((log, columns)) = flight.log else { return Ok(()) };
        let Flight { program, steps, .. } = flight;
        let rows = log.read(|values| rows(program, values, columns, &steps));
        self.finished.extend(rows.map_err(|error| gpu.error(step, &error))?);
        Ok(())
    }

    /// Aims the next submit at [`SUBMIT_TARGET`], at most four times as long as any that was aimed at
    /// it: one may have been cut short.
    fn adapt(&mut self, program: ProgramId, took: Duration, steps: usize) {
        let wanted = SUBMIT_TARGET.as_secs_f64() / took.as_secs_f64().max(1e-6) * steps as f64;
        let most = 4 * steps.max(self.steps_per_submit(program));
        let steps = (wanted as usize).clamp(1, MOST_STEPS.min(most));
        self.steps_per_submit.insert(program, steps);
    }
}

/// What these steps wrote into the log.
fn rows(program: ProgramId, values: &[f32], columns: usize, steps: &[u32]) -> Vec<LogRow> {
    let row = |&step: &u32| {
        let values = &values[step as usize % LOG_ROWS * columns..][..columns];
        LogRow { program, step, values: values.iter().map(|&value| value.into()).collect() }
    };
    steps.iter().map(row).collect()
}
