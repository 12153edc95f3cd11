//! Timestamps of every node of some steps, through one set of queries that is created once.

use super::arguments::ArgumentQueue;
use super::context::{Gpu, begin_pass};
use super::program::{Dispatch, Program};
use super::submit_queue::MOST_STEPS;
use crate::Result;
use crate::device::{Span, Timer};
use crate::graph::Step;
use std::time::Duration;

/// The most queries of a set, on any adapter.
const MOST_QUERIES: usize = wgpu::QUERY_SET_MAX_QUERIES as usize;

/// Queries, and the buffers through which they are read back.
#[derive(Debug)]
pub(super) struct Stopwatch {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    nanoseconds: f64, // per tick
}

impl Stopwatch {
    /// Whether the device supports this timer.
    pub(super) fn has(gpu: &Gpu, timer: Timer) -> bool {
        let features = gpu.device.features();
        match timer {
            Timer::Dispatches => features.contains(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES),
            Timer::Passes => features.contains(wgpu::Features::TIMESTAMP_QUERY),
            Timer::Submits => true,
            Timer::Calls => false,
        }
    }

    /// Returns the timer that disturbs a step least.
    pub(super) fn best(gpu: &Gpu) -> Timer {
        let all = [Timer::Dispatches, Timer::Passes];
        all.into_iter().find(|&timer| Self::has(gpu, timer)).unwrap_or(Timer::Submits)
    }

    /// Creates the stopwatch of a device that has timestamps.
    pub(super) fn new(gpu: &Gpu) -> Self {
        let bytes = (MOST_QUERIES * size_of::<u64>()) as u64;
        Self {
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("stopwatch"),
                ty: wgpu::QueryType::Timestamp,
                count: MOST_QUERIES as u32,
            }),
            resolved: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("stopwatch"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            staging: gpu.staging_buffer("stopwatch staging", bytes),
            nanoseconds: gpu.queue.get_timestamp_period().into(),
        }
    }

    /// Returns the largest number of steps of `nodes` nodes that can be timed at once.
    pub(super) fn most_steps(nodes: usize) -> usize {
        (MOST_QUERIES / (2 * nodes.max(1))).clamp(1, MOST_STEPS)
    }

    /// Records steps, with each of these nodes between two timestamps, and the copy of the
    /// timestamps to a buffer that the host can read.
    pub(super) fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        program: &Program,
        steps: &[Step],
        nodes: &[usize],
        timer: Timer,
        arguments: &mut ArgumentQueue,
    ) {
        let of_step = |&step: &Step| {
            let named = program.dispatches.iter().zip(&program.launches).enumerate();
            named.map(move |(node, (dispatch, launch))| {
                (nodes.contains(&node), (step, dispatch, launch.kernel.as_str()))
            })
        };
        // The query before each node that is timed; the next is the one after it.
        let mut next = (0..).step_by(2);
        let all = steps.iter().flat_map(of_step);
        let all = all.map(|(is_timed, one)| (if is_timed { next.next() } else { None }, one));
        match timer {
            Timer::Dispatches => {
                let mut pass = begin_pass(encoder, "timed steps");
                for (query, (step, dispatch, kernel)) in all {
                    pass.push_debug_group(kernel);
                    if let Some(query) = query {
                        pass.write_timestamp(&self.queries, query);
                    }
                    dispatch.record(&mut pass, step, arguments);
                    if let Some(query) = query {
                        pass.write_timestamp(&self.queries, query + 1);
                    }
                    pass.pop_debug_group();
                }
            }
            _ => all.for_each(|(query, one)| self.record_pass(encoder, query, one, arguments)),
        }
        let count = 2 * nodes.len() * steps.len();
        encoder.resolve_query_set(&self.queries, 0..count as u32, &self.resolved, 0);
        let bytes = (count * size_of::<u64>()) as u64;
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, bytes);
    }

    fn record_pass(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        query: Option<u32>,
        (step, dispatch, kernel): (Step, &Dispatch, &str),
        arguments: &mut ArgumentQueue,
    ) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(kernel),
            timestamp_writes: query.map(|query| wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(query),
                end_of_pass_write_index: Some(query + 1),
            }),
        });
        dispatch.record(&mut pass, step, arguments);
    }

    /// Returns the times of `nodes` nodes, given that the last ended at `end`; their submit is
    /// done.
    pub(super) fn read(&self, gpu: &Gpu, nodes: usize, end: Duration) -> Result<Vec<Span>> {
        let mapping = gpu.map(&self.staging, (2 * nodes * size_of::<u64>()) as u64);
        gpu.wait(None, None)?;
        let spans = |ticks: &[u64]| {
            let last = ticks.iter().max().copied().unwrap_or(0);
            let at = |tick: u64| {
                let before = (last - tick) as f64 * self.nanoseconds;
                end.saturating_sub(Duration::from_nanos(before as u64))
            };
            let pairs = ticks.as_chunks().0.iter();
            pairs.map(|&[began, ended]| Span { began: at(began), ended: at(ended) }).collect()
        };
        mapping.read(spans).map_err(|error| gpu.error(None, &error))
    }
}
