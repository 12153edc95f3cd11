//! Submits that the GPU has not finished: their length, and reading back their results (log rows of
//! steps, or requested numbers) without stopping the GPU.

use super::context::{Gpu, Mapping};
use super::program::Log;
use crate::Result;
use crate::device::{LogRow, ProgramId, Reals, Ticket};
use crate::graph::LOG_ROWS;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Submits of steps in flight at once: the GPU executes one while the host records the next.
pub(super) const IN_FLIGHT: usize = 2;

/// Target duration of a submit: long enough to make its overhead negligible, short enough for every
/// driver's watchdog.
const SUBMIT_TARGET: Duration = Duration::from_millis(100);

/// Largest number of steps in a submit: more gain nothing and do not fit the log.
pub(super) const MOST_STEPS: usize = LOG_ROWS / 4;

/// The content of a submit.
#[derive(Debug)]
enum Content {
    Steps {
        program: ProgramId,
        submitted: Instant,
        steps: Vec<u32>,
        /// The log and its number of columns.
        log: Option<(Mapping, usize)>,
    },
    Download(Ticket, Mapping),
}

/// One submit.
#[derive(Debug)]
struct Submit {
    submission: wgpu::SubmissionIndex,
    is_done: Arc<AtomicBool>,
    content: Content,
}

/// The submits in flight, the oldest first.
#[derive(Debug, Default)]
pub(super) struct SubmitQueue {
    queue: VecDeque<Submit>,
    submits: usize,
    last_step: Option<u64>,
    steps_per_submit: HashMap<ProgramId, usize>,
    last_finished: Option<Instant>,
    finished: Vec<LogRow>,
    /// Unused staging buffers.
    staging: Vec<wgpu::Buffer>,
    downloaded: Vec<(Ticket, Reals)>,
}

impl SubmitQueue {
    /// Returns the number of steps of a plan that the next submit should hold.
    pub(super) fn steps_per_submit(&self, program: ProgramId) -> usize {
        self.steps_per_submit.get(&program).copied().unwrap_or(1)
    }

    /// Whether the largest number of submits of steps is in flight.
    pub(super) fn is_full(&self) -> bool {
        let is_steps = |submit: &&Submit| matches!(submit.content, Content::Steps { .. });
        self.queue.iter().filter(is_steps).count() >= IN_FLIGHT
    }

    /// Whether no submit is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns the staging buffer that the next submit may copy this log into.
    pub(super) fn staging<'a>(&self, log: &'a Log) -> &'a wgpu::Buffer {
        &log.staging[self.submits % IN_FLIGHT]
    }

    /// Records a submit of steps, which copied the log if there is one.
    pub(super) fn push_steps(
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
        let submitted = Instant::now();
        self.push(gpu, submission, Content::Steps { program, submitted, steps, log });
        self.submits += 1;
    }

    /// Records a submit that copied `bytes` bytes into a buffer from
    /// [`take_staging`](Self::take_staging).
    pub(super) fn push_download(
        &mut self,
        gpu: &Gpu,
        submission: wgpu::SubmissionIndex,
        ticket: Ticket,
        staging: &wgpu::Buffer,
        bytes: u64,
    ) {
        self.push(gpu, submission, Content::Download(ticket, gpu.map(staging, bytes)));
    }

    fn push(&mut self, gpu: &Gpu, submission: wgpu::SubmissionIndex, content: Content) {
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        // Mappings are reported before this.
        gpu.queue.on_submitted_work_done(move || done.store(true, Ordering::Release));
        self.queue.push_back(Submit { submission, is_done, content });
    }

    /// Returns a staging buffer of `bytes` bytes, and whether it had to be created.
    pub(super) fn take_staging(&mut self, gpu: &Gpu, bytes: u64) -> (wgpu::Buffer, bool) {
        match self.staging.iter().position(|buffer| buffer.size() >= bytes) {
            Some(place) => (self.staging.swap_remove(place), false),
            None => (gpu.staging_buffer("download", bytes), true),
        }
    }

    /// Puts back an unused staging buffer.
    pub(super) fn put_staging(&mut self, buffer: wgpu::Buffer) {
        self.staging.push(buffer);
    }

    /// Frees the staging buffers, and forgets a plan.
    pub(super) fn forget(&mut self, program: ProgramId) {
        self.staging.clear();
        self.steps_per_submit.remove(&program);
    }

    /// Collects the results of finished submits.
    pub(super) fn poll(&mut self, gpu: &Gpu) -> Result<()> {
        gpu.poll(self.step())?;
        while self.queue.front().is_some_and(|submit| submit.is_done.load(Ordering::Acquire)) {
            self.take_in_oldest(gpu)?;
        }
        Ok(())
    }

    /// Waits for the oldest submit and collects its results; returns whether there was one.
    pub(super) fn wait(&mut self, gpu: &Gpu) -> Result<bool> {
        let Some(Submit { submission, .. }) = self.queue.front() else { return Ok(false) };
        let waited = gpu.wait(Some(submission.clone()), self.step());
        if waited.is_err() {
            self.queue.pop_front();
        }
        waited.and_then(|()| self.take_in_oldest(gpu)).map(|()| true)
    }

    /// Returns the log rows collected since the last call.
    pub(super) fn take_finished(&mut self) -> Vec<LogRow> {
        std::mem::take(&mut self.finished)
    }

    /// Returns requested numbers, once they have arrived.
    pub(super) fn take_downloaded(&mut self, ticket: Ticket) -> Option<Reals> {
        let place = self.downloaded.iter().position(|(other, _)| *other == ticket)?;
        Some(self.downloaded.swap_remove(place).1)
    }

    /// Returns the last submitted step, counted from 1.
    pub(super) fn step(&self) -> Option<u64> {
        self.last_step
    }

    fn take_in_oldest(&mut self, gpu: &Gpu) -> Result<()> {
        let step = self.step();
        match self.queue.pop_front().map(|submit| submit.content) {
            None => {}
            Some(Content::Download(ticket, mapping)) => {
                let staging = mapping.staging().clone();
                let values = mapping.read(|values: &[f32]| values.to_vec());
                let values = values.map_err(|error| gpu.error(step, &error))?;
                self.downloaded.push((ticket, Reals::F32(values)));
                self.staging.push(staging);
            }
            Some(Content::Steps { program, submitted, steps, log }) => {
                let now = Instant::now();
                let began = self.last_finished.map_or(submitted, |last| last.max(submitted));
                self.adapt(program, now - began, steps.len());
                self.last_finished = Some(now);
                let Some((log, columns)) = log else { return Ok(()) };
                let rows = log.read(|values| rows(program, values, columns, &steps));
                self.finished.extend(rows.map_err(|error| gpu.error(step, &error))?);
            }
        }
        Ok(())
    }

    /// Sets the steps of the next submit so that it lasts about [`SUBMIT_TARGET`], at most four
    /// times those of this submit or of the last target: a submit may have been cut short.
    fn adapt(&mut self, program: ProgramId, took: Duration, steps: usize) {
        let wanted = SUBMIT_TARGET.as_secs_f64() / took.as_secs_f64().max(1e-6) * steps as f64;
        let most = 4 * steps.max(self.steps_per_submit(program));
        let steps = (wanted as usize).clamp(1, MOST_STEPS.min(most));
        self.steps_per_submit.insert(program, steps);
    }
}

/// Returns the log rows of these steps.
fn rows(program: ProgramId, values: &[f32], columns: usize, steps: &[u32]) -> Vec<LogRow> {
    let row = |&step: &u32| {
        let values = &values[step as usize % LOG_ROWS * columns..][..columns];
        LogRow { program, step, values: values.iter().map(|&value| value.into()).collect() }
    };
    steps.iter().map(row).collect()
}
