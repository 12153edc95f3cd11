//! The table of a step's kernels: their times, and how far they are from the roofs.

use crate::device::{Launch, Roofs, Span, TimedSteps};
use crate::kernel::{Call, Cost, Variant};
use serde::Serialize;
use std::f64::consts::FRAC_PI_2;
use std::fmt::{Display, Formatter};

/// Workgroups below which most compute units of a large GPU are idle.
const FEW_WORKGROUPS: usize = 64;

/// Percent of the roof below which a kernel gets a hint.
const FAR: f64 = 10.0;

/// The roof that bounds a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Traffic between memory and the processor.
    Memory,
    /// The dispatch itself.
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

/// A row of the table: a kernel and shape of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelRow {
    /// The kernel's name.
    pub kernel: String,
    /// The kernel's variant.
    pub variant: &'static str,
    /// `m`×`n`×`k` of the largest matrix product, else rows×columns of the first output.
    pub shape: String,
    /// Invocations of a workgroup; 1 on the CPU.
    pub workgroup: usize,
    /// Workgroups of all dispatches of a run; 0 on the CPU.
    pub workgroups: usize,
    /// Dispatches a step; on the CPU, calls.
    pub dispatches_per_step: usize,
    /// Milliseconds a step, the mean: a single pause of the machine affects it.
    pub ms_per_step: f64,
    /// Milliseconds a step, from the median.
    pub median_ms_per_step: f64,
    /// Share of the step's kernels, from the medians; of the unprofiled step, if only some kernels were
    /// timed.
    pub share: f64,
    /// Microseconds of the fastest run of each round, the median of the rounds: of all figures
    /// tried, the one that repeats best on a machine with other load.
    pub best_us: f64,
    /// Twice the standard error of `best_us`, relative to it; 0 after one round.
    pub noise: f64,
    /// Microseconds of one run, the median.
    pub median_us: f64,
    /// Microseconds of one run that 95 of 100 do not exceed.
    pub p95_us: f64,
    /// Distance from the 5th to the 95th percentile, relative to the median.
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
    /// The least time that the roofs allow, in percent of the median.
    pub percent_of_roof: f64,
    /// The roof that gives that time.
    pub bound: Bound,
    /// Advice for getting nearer to the roof, if the kernel is far from it or dominated by the
    /// dispatch.
    pub hint: Option<&'static str>,
}

/// Time of all launches of a kernel and shape in one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelTime {
    /// The kernel's name.
    pub kernel: String,
    /// The kernel's variant.
    pub variant: &'static str,
    /// Shape, in the form of [`KernelRow::shape`].
    pub shape: String,
    /// Microseconds of all launches.
    pub us: f64,
}

/// Returns the times of a step's kernels, in the order of the step, from those of its launches.
pub fn kernel_times(launches: &[Launch], step: &[Span]) -> Vec<KernelTime> {
    let time = |(launch, members): (&Launch, Vec<usize>)| KernelTime {
        kernel: launch.kernel.clone(),
        variant: launch.variant,
        shape: shape(&launch.call),
        us: members.iter().map(|&node| us(step[node])).sum(),
    };
    groups(launches).into_iter().map(time).collect()
}

/// Returns a row for every kernel, variant and shape, in the order of the step.
pub(super) fn rows(launches: &[Launch], timed: &[TimedSteps], roofs: &Roofs) -> Vec<KernelRow> {
    let groups = groups(launches);
    let of_round = |round: &TimedSteps, members: &[usize]| -> Vec<f64> {
        round.steps.iter().flat_map(|step| members.iter().map(|&node| us(step[node]))).collect()
    };
    let mut rows: Vec<_> = groups
        .iter()
        .map(|(launch, members)| {
            let us: Vec<_> = timed.iter().map(|round| of_round(round, members)).collect();
            row(launch, members.len(), &us, roofs)
        })
        .collect();
    let total: f64 = rows.iter().map(|row| row.median_ms_per_step).sum();
    rows.iter_mut().for_each(|row| row.share = row.median_ms_per_step / total);
    rows
}

/// Returns the launches of each row, in the order of the rows: the first launch, and the indices of
/// all.
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
    (&one.kernel, one.variant, &one.call) == (&other.kernel, other.variant, &other.call)
}

/// Returns the row of `count` launches a step, given their microseconds in each of the rounds.
fn row(launch: &Launch, count: usize, rounds: &[Vec<f64>], roofs: &Roofs) -> KernelRow {
    let Launch { call, kernel, variant, workgroup, ref workgroups, cost } = launch.clone();
    let (best_us, noise) = best(rounds);
    let mut us = rounds.concat();
    let mean = us.iter().sum::<f64>() / us.len() as f64;
    us.sort_by(f64::total_cmp);
    let median_us = percentile(&us, 0.5);
    let spread = (percentile(&us, 0.95) - percentile(&us, 0.05)) / median_us;
    let dispatches = workgroups.len();
    let (roof_us, bound) = least_us(roofs, cost, dispatches);
    let percent_of_roof = 100.0 * roof_us / median_us;
    let workgroups: usize = workgroups.iter().sum();
    let Cost { flops, bytes } = cost;
    KernelRow {
        kernel,
        variant,
        shape: shape(&call),
        workgroup,
        workgroups,
        dispatches_per_step: dispatches.max(1) * count,
        ms_per_step: mean * count as f64 * 1e-3,
        median_ms_per_step: median_us * count as f64 * 1e-3,
        share: 0.0,
        best_us,
        noise,
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
        hint: hint(bound, percent_of_roof, workgroups, variant),
    }
}

/// Returns advice: more work at once if there is little, else another variant if there are several.
/// The CPU, which has no workgroups, has one variant.
fn hint(
    bound: Bound,
    percent_of_roof: f64,
    workgroups: usize,
    variant: &str,
) -> Option<&'static str> {
    match bound {
        Bound::Dispatch => Some("larger batch"),
        _ if percent_of_roof >= FAR => None,
        _ if workgroups < FEW_WORKGROUPS => Some("larger batch"),
        _ if variant == Variant::DEFAULT.name() => None,
        _ => Some("other kernels"),
    }
}

/// Returns the median of the rounds' least times, and twice its relative standard error: that of a
/// normal sample's median is √(π/2) times that of its mean.
fn best(rounds: &[Vec<f64>]) -> (f64, f64) {
    let least = |round: &Vec<f64>| round.iter().copied().fold(f64::INFINITY, f64::min);
    let mut all: Vec<_> = rounds.iter().map(least).collect();
    all.sort_by(f64::total_cmp);
    let median = percentile(&all, 0.5);
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let squares: f64 = all.iter().map(|us| (us - mean).powi(2)).sum();
    let error = (FRAC_PI_2 * squares / count / (count - 1.0).max(1.0)).sqrt();
    (median, 2.0 * error / median)
}

/// Returns the least time in which a device does this work, and the roof that bounds it.
fn least_us(roofs: &Roofs, Cost { flops, bytes }: Cost, dispatches: usize) -> (f64, Bound) {
    let compute = flops as f64 / roofs.gflops * 1e-3;
    // The data that was written last may still be in a cache.
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

/// Returns the largest matrix product of a call, else its first output.
fn shape(call: &Call) -> String {
    match (call.update(), call.multiplications()) {
        (Some(layout), _) => format!("{} layers", layout.layers),
        (_, 0) => call.outputs[0].to_string(),
        _ => call.mnk().map(|size| size.to_string()).join("x"),
    }
}

/// Returns a percentile of one or more sorted numbers.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn the_best_is_what_most_rounds_can_reach() {
        let (us, noise) = best(&[vec![7.0, 5.0], vec![6.0, 90.0], vec![1.0, 8.0]]);
        assert_eq!(us, 5.0);
        // The least times are 5, 6 and 1: their mean is 4, their variance 7.
        let error = (std::f64::consts::FRAC_PI_2 * 7.0 / 3.0).sqrt();
        assert!((noise - 2.0 * error / 5.0).abs() < 1e-12, "{noise}");
        assert_eq!(best(&[vec![3.0, 2.0]]), (2.0, 0.0));
    }
}
