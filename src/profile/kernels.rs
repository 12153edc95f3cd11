//! The table of a step's kernels: how long each takes, and how far that is from the roofs.

use crate::device::{Launch, Roofs, Span, TimedSteps};
use crate::graph::Op;
use crate::kernel::{Call, Cost};
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Workgroups below which a large GPU has nothing to do on most of its compute units.
const FEW_WORKGROUPS: usize = 64;

/// A kernel this far from its roof is worth a look.
const FAR: f64 = 10.0;

/// Times that spread wider than this, relative to the median, say little.
const WIDE: f64 = 0.5;

/// What a kernel's time is nearest to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Traffic between memory and the processor.
    Memory,
    /// Being dispatched at all.
    Dispatch,
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.pad(match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Dispatch => "dispatch",
        })
    }
}

/// A kernel and shape of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelRow {
    /// The kernel.
    pub kernel: &'static str,
    /// Which of its variants.
    pub variant: &'static str,
    /// `m`×`n`×`k` of its largest matrix product, else rows×columns of its first output.
    pub shape: String,
    /// Invocations of a workgroup; 1 on the CPU.
    pub workgroup: usize,
    /// Workgroups of all its dispatches; 0 on the CPU.
    pub workgroups: usize,
    /// Dispatches a step; on the CPU, calls.
    pub dispatches_per_step: usize,
    /// Milliseconds a step, the mean.
    pub ms_per_step: f64,
    /// Share of the step's kernels.
    pub share: f64,
    /// Microseconds of the fastest run: what else a machine does makes nothing faster, so this is
    /// what is compared with a baseline.
    pub best_us: f64,
    /// How far the 5th percentile is above that, relative to it: how well it can be repeated.
    pub noise: f64,
    /// Microseconds of one run, the median.
    pub median_us: f64,
    /// Microseconds of one run that 95 of 100 do not exceed.
    pub p95_us: f64,
    /// From the 5th to the 95th percentile, relative to the median.
    pub spread: f64,
    /// [`Cost::flops`] of one run.
    pub flops: u64,
    /// [`Cost::bytes`] of one run.
    pub bytes: u64,
    /// Operations a byte.
    pub flop_per_byte: f64,
    /// 10⁹ operations a second, by the median.
    pub gflops: f64,
    /// 10⁹ bytes a second, by the median.
    pub gbs: f64,
    /// The least time that the roofs allow, in hundredths of the median.
    pub percent_of_roof: f64,
    /// Which roof that is.
    pub bound: Bound,
    /// What may be wrong, if it is far from its roof.
    pub hint: Option<&'static str>,
}

/// A row for every kernel, variant and shape, in the order of the step.
pub(super) fn rows(launches: &[Launch], timed: &[TimedSteps], roofs: &Roofs) -> Vec<KernelRow> {
    let steps: Vec<_> = timed.iter().flat_map(|timed| &timed.steps).collect();
    let groups = groups(launches);
    let microseconds = |members: &[usize]| -> Vec<f64> {
        let of_step =
            |step: &&Vec<_>| members.iter().map(|&node| us(step[node])).collect::<Vec<_>>();
        steps.iter().flat_map(of_step).collect()
    };
    let mut rows: Vec<_> = groups
        .iter()
        .map(|(launch, members)| row(launch, members.len(), microseconds(members), roofs))
        .collect();
    let total: f64 = rows.iter().map(|row| row.ms_per_step).sum();
    rows.iter_mut().for_each(|row| row.share = row.ms_per_step / total);
    rows
}

/// The launches of each row, in the order of the rows: the first, and the places of all.
pub(super) fn groups(launches: &[Launch]) -> Vec<(&Launch, Vec<usize>)> {
    let mut groups: Vec<(&Launch, Vec<usize>)> = Vec::new();
    for (index, launch) in launches.iter().enumerate() {
        match groups.iter_mut().find(|(first, _)| same(first, launch)) {
            Some((_, members)) => members.push(index),
            None => groups.push((launch, vec![index])),
        }
    }
    groups
}

fn us(span: Span) -> f64 {
    span.duration().as_secs_f64() * 1e6
}

fn same(one: &Launch, other: &Launch) -> bool {
    (one.kernel, one.variant, &one.call) == (other.kernel, other.variant, &other.call)
}

fn row(launch: &Launch, count: usize, mut us: Vec<f64>, roofs: &Roofs) -> KernelRow {
    let Launch { call, kernel, variant, workgroup, ref workgroups, cost } = launch.clone();
    let mean = us.iter().sum::<f64>() / us.len() as f64;
    us.sort_by(f64::total_cmp);
    let median_us = percentile(&us, 0.5);
    let spread = (percentile(&us, 0.95) - percentile(&us, 0.05)) / median_us;
    let dispatches = workgroups.len();
    let (roof_us, bound) = least_us(roofs, cost, dispatches);
    let percent_of_roof = 100.0 * roof_us / median_us;
    let workgroups: usize = workgroups.iter().sum();
    let few = workgroups > 0 && workgroups < FEW_WORKGROUPS;
    let hint = match bound {
        _ if spread > WIDE => Some("noisy"),
        Bound::Compute | Bound::Memory if percent_of_roof < FAR && few => Some("few workgroups"),
        Bound::Compute | Bound::Memory if percent_of_roof < FAR => Some("far from its roof"),
        _ => None,
    };
    let Cost { flops, bytes } = cost;
    KernelRow {
        kernel,
        variant,
        shape: shape(&call),
        workgroup,
        workgroups,
        dispatches_per_step: dispatches.max(1) * count,
        ms_per_step: mean * count as f64 * 1e-3,
        share: 0.0,
        best_us: us[0],
        noise: percentile(&us, 0.05) / us[0] - 1.0,
        median_us,
        p95_us: percentile(&us, 0.95),
        spread,
        flops,
        bytes,
        flop_per_byte: flops as f64 / bytes as f64,
        gflops: flops as f64 / median_us * 1e-3,
        gbs: bytes as f64 / median_us * 1e-3,
        percent_of_roof,
        bound,
        hint,
    }
}

/// The least time in which a device does this, and what takes it.
fn least_us(roofs: &Roofs, Cost { flops, bytes }: Cost, dispatches: usize) -> (f64, Bound) {
    let compute = flops as f64 / roofs.gflops * 1e-3;
    // What was written last may still be in a cache.
    let memory = bytes as f64 / roofs.gbs.max(roofs.cached_gbs) * 1e-3;
    let dispatch = dispatches as f64 * roofs.dispatch_us;
    if dispatch > compute.max(memory) {
        (dispatch, Bound::Dispatch)
    } else if compute >= memory {
        (compute, Bound::Compute)
    } else {
        (memory, Bound::Memory)
    }
}

/// The largest matrix product of a call, else its first output.
fn shape(call: &Call) -> String {
    match (call.op, call.multiplications()) {
        (Op::Fused(crate::graph::Fusion::Update), _) => {
            format!("{} layers", call.parts.iter().filter(|op| matches!(op, Op::Matmul(_))).count())
        }
        (_, 0) => call.outputs[0].to_string(),
        _ => call.mnk().map(|size| size.to_string()).join("x"),
    }
}

/// A percentile of sorted numbers, at least one.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
