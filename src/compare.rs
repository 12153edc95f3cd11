//! The same training on two devices: with the same noise, batch by batch, and for the first steps
//! also compared with the f64 oracle.

use crate::Result;
use crate::data::Dataset;
use crate::device::cpu::CpuSession;
use crate::device::{Description, ProgramId, Session, Values};
use crate::graph::{Node, Plan, Step};
use crate::model::{Architecture, Images, Weights, initial_weights};
use crate::train::Config;
use serde::Serialize;
use std::time::Instant;

/// Steps that are timed kernel by kernel after the training, and timed steps before those that
/// don't count: the first may have to create the timers.
const TIMED: u32 = 10;
const COLD: u32 = 1;

/// One step on both devices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedStep {
    /// The step's number, counted from 1.
    pub step: u32,
    /// ELBO of the batch, in nats per image.
    pub elbo: [f64; 2],
    /// ELBO on the f64 oracle, in the first steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oracle: Option<f64>,
    /// Difference between the two devices, relative to the larger value.
    pub difference: f64,
}

/// A parameter on both devices, after the last step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedTensor {
    /// The parameter's name.
    pub name: String,
    /// The largest absolute difference of an element.
    pub max_abs: f64,
    /// The largest absolute element, for comparison.
    pub largest: f64,
}

/// A kernel on both devices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedKernel {
    /// The op; the CPU runs a fused op as the list of its primitives.
    pub kernel: String,
    /// Shape of its first output.
    pub shape: String,
    /// Milliseconds per step, the median over the timed steps except the first.
    pub ms: [f64; 2],
}

/// The results of two devices.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The devices.
    pub devices: [Description; 2],
    /// Every step.
    pub steps: Vec<ComparedStep>,
    /// Every parameter.
    pub tensors: Vec<ComparedTensor>,
    /// Every op of a step, in order.
    pub kernels: Vec<ComparedKernel>,
    /// Training steps per second, without compilation.
    pub steps_per_second: [f64; 2],
    /// The largest difference of a step.
    pub largest_difference: f64,
    /// The largest difference from the oracle, relative to it, over the steps that it ran.
    pub oracle_difference: [f64; 2],
    /// The allowed value of all three differences.
    pub tolerance: f64,
    /// Whether all are allowed.
    pub ok: bool,
}

/// The extent of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Steps on both devices, at least 1.
    pub steps: u32,
    /// Steps on the oracle.
    pub oracle_steps: u32,
    /// The allowed relative difference of a step's ELBO.
    pub tolerance: f64,
}

/// The results of one device.
struct Trained {
    elbo: Vec<f64>,
    weights: Weights,
    steps_per_second: f64,
    kernel_ms: Vec<f64>,
}

/// Trains the same model on the same images, in their order, with the same noise on two devices.
///
/// # Errors
/// [`Setting`](crate::Error::Setting) if there are fewer images than in a batch; any error of a
/// device.
pub fn compare(
    sessions: [&mut dyn Session; 2],
    config: &Config,
    images: &Dataset,
    extent: Extent,
) -> Result<Comparison> {
    let run = Run::new(config, images)?;
    let [one, other] = sessions;
    let devices = [one.description().clone(), other.description().clone()];
    let [one, other] =
        [run.train(one, extent.steps, TIMED)?, run.train(other, extent.steps, TIMED)?];
    let oracle_steps = extent.oracle_steps.min(extent.steps);
    let oracle = run.train(&mut CpuSession::<f64>::new(), oracle_steps, 0)?.elbo;
    let steps = one.elbo.iter().zip(&other.elbo).zip(1..).map(|((&a, &b), step)| {
        let oracle = oracle.get(step as usize - 1).copied();
        ComparedStep { step, elbo: [a, b], oracle, difference: difference(a, b) }
    });
    let steps: Vec<_> = steps.collect();
    let largest_difference = largest(steps.iter().map(|step| step.difference));
    let from_oracle = |device: usize| {
        largest(steps.iter().filter_map(|s| Some(difference(s.elbo[device], s.oracle?))))
    };
    let oracle_difference = [from_oracle(0), from_oracle(1)];
    let all = oracle_difference.into_iter().chain([largest_difference]);
    // NaN is within no tolerance.
    let ok = all.into_iter().all(|difference| difference <= extent.tolerance);
    Ok(Comparison {
        devices,
        tensors: run.tensors(&one.weights, &other.weights),
        kernels: run.kernels(&one.kernel_ms, &other.kernel_ms),
        steps_per_second: [one.steps_per_second, other.steps_per_second],
        steps,
        largest_difference,
        oracle_difference,
        tolerance: extent.tolerance,
        ok,
    })
}

fn difference(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs())
}

/// The largest of `numbers`, or NaN if one is NaN.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |most, number| if number <= most { most } else { number })
}

/// The inputs that all devices share.
struct Run<'a> {
    architecture: Architecture,
    plan: Plan,
    config: &'a Config,
    images: &'a Dataset,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config, images: &'a Dataset) -> Result<Self> {
        let (batch, count) = (config.batch, images.len());
        config.check_batch(count)?;
        let architecture = config.architecture(images.width())?;
        let (pixels, binarize) = (images.levels.pixels(), config.binarize);
        let set = Images { name: "compare", count, batch, pixels, binarize };
        let plan = architecture.training_plan(set, config.training(), config.fuse)?;
        Ok(Self { architecture, plan, config, images })
    }

    fn steps(&self, range: std::ops::Range<u32>) -> Vec<Step> {
        let per_epoch = (self.images.len() / self.config.batch) as u32;
        range.map(|index| self.config.step(index, per_epoch)).collect()
    }

    /// Trains, and then times `timed` further steps kernel by kernel.
    fn train(&self, session: &mut dyn Session, steps: u32, timed: u32) -> Result<Trained> {
        let program = session.load(self.plan.clone())?;
        session.write("compare.images", self.images.levels.values())?;
        let in_order: Vec<_> = (0..self.images.len() as u32).collect();
        session.write("compare.indices", Values::U32(&in_order))?;
        initial_weights(&self.architecture, self.config.seed).write(session)?;
        let began = Instant::now();
        session.run(program, &self.steps(0..steps))?;
        let rows = session.take_log(true)?;
        let seconds = began.elapsed().as_secs_f64();
        let batch = self.config.batch as f64;
        Ok(Trained {
            elbo: rows.iter().map(|row| (row.values[0] - row.values[1]) / batch).collect(),
            weights: Weights::read(&self.architecture, session)?,
            steps_per_second: f64::from(steps) / seconds,
            kernel_ms: if timed == 0 {
                Vec::new()
            } else {
                self.time(session, program, steps..steps + COLD + timed)?
            },
        })
    }

    /// Milliseconds of each node of the plan, whose primitives a device may run one by one: the
    /// median over steps, without the first [`COLD`].
    fn time(
        &self,
        session: &mut dyn Session,
        program: ProgramId,
        range: std::ops::Range<u32>,
    ) -> Result<Vec<f64>> {
        let launches = session.launches(program)?.len();
        let parts = |node: &Node| {
            if launches == self.plan.nodes().len() { 1 } else { node.primitives().len() }
        };
        let mut times = vec![Vec::new(); self.plan.nodes().len()];
        for (index, step) in (0..).zip(self.steps(range)) {
            let timed = session.time_steps(program, &[step])?;
            session.take_log(true)?;
            if index < COLD {
                continue;
            }
            let mut spans = timed.steps[0].iter();
            for (node, times) in self.plan.nodes().zip(&mut times) {
                let spans = spans.by_ref().take(parts(node));
                times.push(spans.map(|span| 1e3 * span.duration().as_secs_f64()).sum::<f64>());
            }
        }
        Ok(times.into_iter().map(median).collect())
    }

    fn tensors(&self, one: &Weights, other: &Weights) -> Vec<ComparedTensor> {
        let pairs = one.values.iter().zip(&other.values);
        let tensor =
            |(parameter, (one, other)): (crate::model::Parameter, (&Vec<f32>, &Vec<f32>))| {
                let differences = one.iter().zip(other).map(|(a, b)| f64::from((a - b).abs()));
                ComparedTensor {
                    name: parameter.name,
                    max_abs: largest(differences),
                    largest: largest(one.iter().map(|value| f64::from(value.abs()))),
                }
            };
        self.architecture.parameters().into_iter().zip(pairs).map(tensor).collect()
    }

    fn kernels(&self, one: &[f64], other: &[f64]) -> Vec<ComparedKernel> {
        let graph = self.plan.graph();
        let shape = |node: &Node| graph.tensor(node.outputs[0]).shape.to_string();
        let pairs = one.iter().zip(other).map(|(&one, &other)| [one, other]);
        let kernel = |(node, ms): (&Node, _)| ComparedKernel {
            kernel: node.label(),
            shape: shape(node),
            ms,
        };
        self.plan.nodes().zip(pairs).map(kernel).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
