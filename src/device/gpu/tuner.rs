//! Choice among the variants of a kernel by running them: for each call, wrong ones are dropped,
//! correct ones are timed on operands of their own, and the fastest is remembered.

use super::context::Gpu;
use super::session::GpuSession;
use super::tuning_file::TuningFile;
use crate::device::cpu::CpuSession;
use crate::device::{Blocking, Choices, Description, ProgramId, Tunable, Values};
use crate::function::LESS;
use crate::graph::{Element, Graph, Node, Plan, Role, Step, Tensor};
use crate::kernel::{Call, Core, Kernel, Sources, Variant};
use crate::random::{generator, normals};
use crate::{Error, Fault, Result};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::{debug, info, warn};

/// Multiplications below which the variant of a product makes no difference.
const WORTH_TUNING: usize = 1 << 18;

/// Target duration of a timing.
const TIMING: Duration = Duration::from_millis(5);

/// Slowdown over the fastest variant from which a variant is not tried again on smaller products. A
/// GPU may need smaller tiles there, to occupy all of its cores. A driver that runs on the CPU has
/// few cores to occupy, and takes half a second to compile a variant.
const SLOWDOWN_LIMIT: f64 = 4.0;
const SLOWDOWN_LIMIT_ON_CPU: f64 = 1.15;

/// Timings of a variant, of which the shortest counts.
const TIMINGS: usize = 5;

/// Magnitude from which results are not compared: f32 overflows nearby.
const HUGE: f64 = 1e30;

/// Slowdown over the shortest time from which a variant is not timed after its first call.
const FAR: u32 = 4;

/// A variant and its time.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tuned {
    /// The variant's name.
    pub variant: String,
    /// Microseconds per call.
    pub microseconds: f64,
}

/// Returns the measurements of an adapter so far, from a file, or from the user's cache folder if
/// none is given.
pub fn known_kernels(adapter: &Description, file: Option<PathBuf>) -> BTreeMap<String, Tuned> {
    TuningFile::new(file, adapter, &Sources::default()).read()
}

/// Measurements of a set of shaders, and the file that stores them.
#[derive(Debug)]
struct Known {
    file: TuningFile,
    tuned: BTreeMap<String, Tuned>,
}

impl Known {
    fn read(file: TuningFile) -> Self {
        Self { tuned: file.read(), file }
    }
}

/// Chooses variants for an adapter.
#[derive(Debug)]
pub struct Tuner {
    forced: Choices,
    /// Measurements of built-in modules.
    built_in: Known,
    /// Measurements of modules with a user's file, if there are any.
    edited: Option<Known>,
    /// Variants that were the fastest for some call; they are always tried.
    winners: HashSet<&'static str>,
    /// Variants that were too slow, each with the largest product on which it was.
    too_slow: HashMap<&'static str, usize>,
    /// Set to stop trying variants.
    stop: Arc<AtomicBool>,
    /// Whether a variant has been tried.
    has_tried: bool,
}

impl Tuner {
    /// Creates a tuner that stores measurements in a file, or in the user's cache folder if none is
    /// given; `forced` choices take precedence over measurements.
    pub fn new(gpu: &Gpu, file: Option<PathBuf>, forced: Choices) -> Self {
        let known = |sources| Known::read(TuningFile::new(file.clone(), &gpu.description, sources));
        let edited = Some(&gpu.sources).filter(|sources| !sources.is_built_in());
        Self {
            forced,
            built_in: known(&Sources::default()),
            edited: edited.map(known),
            winners: HashSet::new(),
            too_slow: HashMap::new(),
            stop: Arc::default(),
            has_tried: false,
        }
    }

    /// Makes the tuner fail with [`Error::Interrupted`] instead of trying more variants once `stop`
    /// is set.
    pub fn until(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    fn check_stop(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Returns the variant for a node of a graph, of those that support it; none if it makes no
    /// difference.
    ///
    /// # Errors
    /// If the device fails, or no variant gives correct results on it; [`Error::Interrupted`].
    pub fn choose(
        &mut self,
        gpu: &Gpu,
        graph: &Graph,
        node: &Node,
        eligible: &[Variant],
    ) -> Result<Option<Variant>> {
        let call = Call::of(graph, node);
        let key = call.to_string();
        let named = |name: &str| eligible.iter().copied().find(|variant| variant.name() == name);
        if let Some(name) = self.forced.get(&key) {
            if let Some(variant) = named(name) {
                return Ok(Some(variant));
            }
            warn!("{key}: no variant {name} on this adapter; the setting is ignored");
        }
        if eligible.len() < 2 || call.largest_product() < WORTH_TUNING {
            return Ok(None);
        }
        let is_edited = is_edited(gpu, &call, eligible);
        let tuned = self.known(is_edited).tuned.get(&key);
        if let Some(variant) = tuned.and_then(|tuned| named(&tuned.variant)) {
            return Ok(Some(variant));
        }
        if !self.has_tried {
            self.has_tried = true;
            info!("trying the kernels on {}, once: this can take a while", gpu.description.name);
        }
        let (variant, time) = self.measure(gpu, graph, node, eligible)?;
        let microseconds = time.as_secs_f64() * 1e6;
        debug!("{key}: {} in {microseconds:.1} us", variant.name());
        let Known { file, tuned } = self.known(is_edited);
        tuned.insert(key, Tuned { variant: variant.name().to_owned(), microseconds });
        file.write(tuned);
        Ok(Some(variant))
    }

    /// Returns the measurements of edited modules or of built-in ones.
    fn known(&mut self, is_edited: bool) -> &mut Known {
        self.edited.as_mut().filter(|_| is_edited).unwrap_or(&mut self.built_in)
    }

    /// Measures variants and returns the fastest of the correct ones.
    fn measure(
        &mut self,
        gpu: &Gpu,
        graph: &Graph,
        node: &Node,
        eligible: &[Variant],
    ) -> Result<(Variant, Duration)> {
        let trial = Trial::new(graph, node)?;
        let (hopeful, others) = self.hopeful(gpu, &trial.call, eligible);
        let mut times = self.times(gpu, &trial, &hopeful)?;
        if times.is_empty() {
            times = self.times(gpu, &trial, &others)?;
        }
        let Some(&(winner, best)) = times.iter().min_by_key(|(_, time)| time) else {
            let message = format!("no variant gives correct results for {}", trial.call);
            if is_edited(gpu, &trial.call, eligible) {
                let files = gpu.sources.replaced().map(|(_, path)| path.display().to_string());
                let place = files.collect::<Vec<_>>().join(", ");
                return Err(Error::Shader { place, message, fault: Fault::WrongResult });
            }
            return Err(gpu.error(None, &message));
        };
        let limit = if gpu.is_software { SLOWDOWN_LIMIT_ON_CPU } else { SLOWDOWN_LIMIT };
        for (variant, time) in times {
            if time.as_secs_f64() > limit * best.as_secs_f64() {
                let size = trial.call.largest_product();
                let largest = self.too_slow.entry(variant.name()).or_insert(size);
                *largest = size.max(*largest);
            }
        }
        self.winners.insert(winner.name());
        Ok((winner, best))
    }

    /// Splits variants into those that may be the fastest for a call, and the others. Reading
    /// numbers one by one is never faster than by four, except where one number serves all
    /// invocations.
    fn hopeful(
        &self,
        gpu: &Gpu,
        call: &Call,
        eligible: &[Variant],
    ) -> (Vec<Variant>, Vec<Variant>) {
        let unit = |variant: &Variant| variant.core().map_or(1, |core| core.unit);
        let widest = eligible.iter().map(unit).max();
        let is_wide = |variant: &Variant| {
            Some(unit(variant)) == widest || variant.core().is_some_and(Core::is_spread)
        };
        let size = call.largest_product();
        eligible.iter().partition(|variant| {
            let largest = self.too_slow.get(variant.name());
            let too_slow = largest.is_some_and(|&largest| largest >= size);
            let won = self.winners.contains(variant.name());
            gpu.suits(**variant) && is_wide(variant) && (won || !too_slow)
        })
    }

    /// Returns the time of each variant; wrong ones are recorded and left out. Timings alternate
    /// between variants, since other load on the machine comes and goes.
    fn times(
        &self,
        gpu: &Gpu,
        trial: &Trial,
        variants: &[Variant],
    ) -> Result<Vec<(Variant, Duration)>> {
        let mut candidates = Vec::new();
        for &variant in variants {
            self.check_stop()?;
            match trial.candidate(gpu, variant)? {
                Some(candidate) => candidates.push((variant, candidate)),
                None => {
                    let (call, name) = (&trial.call, variant.name());
                    warn!("{call}: {name} gives wrong results on this adapter and is not used");
                }
            }
        }
        let best = candidates.iter().map(|(_, candidate)| candidate.shortest).min();
        for _ in 0..TIMINGS {
            for (_, candidate) in &mut candidates {
                self.check_stop()?;
                if best.is_some_and(|best| candidate.shortest < FAR * best) {
                    candidate.time()?;
                }
            }
        }
        Ok(candidates.into_iter().map(|(variant, found)| (variant, found.shortest)).collect())
    }
}

/// Whether a variant of a call has a user's file.
fn is_edited(gpu: &Gpu, call: &Call, eligible: &[Variant]) -> bool {
    let is_edited = |variant: &Variant| {
        let modules = Kernel::of(call).modules(call, *variant, &gpu.sources);
        modules.iter().any(|module| !module.edited().is_empty())
    };
    !gpu.sources.is_built_in() && eligible.iter().any(is_edited)
}

/// A node with operands of its own, for checks and timings.
#[derive(Debug)]
pub struct Trial {
    plan: Plan,
    call: Call,
    operands: Vec<Tensor>,
    expected: Vec<Vec<f64>>,
}

impl Trial {
    /// Creates the trial of a node of a graph, with the CPU's results.
    ///
    /// # Errors
    /// Only those of a faulty node.
    pub fn new(graph: &Graph, node: &Node) -> Result<Self> {
        let graph = graph.alone(node);
        let operands: Vec<_> =
            node.inputs.iter().chain(&node.outputs).map(|&id| graph.tensor(id).clone()).collect();
        let outputs = if node.op.updates() { &[][..] } else { &node.outputs };
        let call = Call::of(&graph, node);
        let plan = Plan::new(graph, outputs);
        let mut trial = Self { plan, call, operands, expected: Vec::new() };
        trial.expected = trial.run(&mut CpuSession::<f32>::new())?.1;
        Ok(trial)
    }

    /// Runs the node once with this variant; none if the variant is wrong.
    ///
    /// # Errors
    /// If the device fails.
    pub fn candidate(&self, gpu: &Gpu, variant: Variant) -> Result<Option<Candidate>> {
        let mut session = GpuSession::new(gpu.clone());
        session.force(Some(variant));
        let (program, found) = self.run(&mut session)?;
        if !self.agree(&found) {
            return Ok(None);
        }
        let shortest = session.time(program, 1)?;
        let count = TIMING.as_secs_f64() / shortest.as_secs_f64().max(1e-6);
        let count = count.clamp(1.0, 100.0) as u32;
        Ok(Some(Candidate { session, program, count, shortest }))
    }

    /// Loads the node, fills its operands, runs it once and returns its results.
    fn run(&self, session: &mut dyn Blocking) -> Result<(ProgramId, Vec<Vec<f64>>)> {
        let program = session.load(self.plan.clone())?;
        let mut rng = generator(0, 0);
        for operand in &self.operands {
            if matches!(operand.role, Role::Data | Role::Parameter)
                && operand.element == Element::F32
            {
                let values: Vec<f32> =
                    normals(&mut rng).take(operand.shape.len()).map(|draw| draw as f32).collect();
                session.write(&operand.name, Values::F32(&values))?;
            }
        }
        session.run(program, &[Step::default()])?;
        session.take_log(true)?;
        let outputs = self.plan.outputs().iter().map(|&id| session.read_output(program, id));
        let mut written = outputs.collect::<Result<Vec<_>>>()?;
        for operand in &self.operands {
            if matches!(operand.role, Role::Parameter | Role::State(_) | Role::Log) {
                written.push(session.read(&operand.name)?);
            }
        }
        Ok((program, written))
    }

    /// Whether every number is within twice the kernel's tolerance: both results are in f32.
    fn agree(&self, found: &[Vec<f64>]) -> bool {
        let tolerance = (Kernel::of(&self.call).tolerance)(&self.call);
        // A comparison of numbers within rounding of each other may have the other result.
        let has_steps = self.call.epilogue.iter().flat_map(|stages| stages.functions());
        let has_steps = has_steps.into_iter().any(|function| *function == LESS);
        let near = |(found, expected): (&Vec<f64>, &Vec<f64>)| {
            // Operands outside of a function's domain may give results of any size.
            let pairs = found.iter().zip(expected).filter(|(_, expected)| expected.abs() < HUGE);
            let compared: Vec<_> = pairs.clone().map(|(_, &expected)| expected).collect();
            let tolerance = tolerance.for_results(&compared);
            let is_far = |(found, expected): &(&f64, &f64)| {
                let error = (*found - *expected).abs();
                error.is_nan() || error > 2.0 * tolerance.bound(**expected)
            };
            pairs.filter(is_far).count() <= if has_steps { expected.len() / 1000 } else { 0 }
        };
        let lengths = self.expected.iter().map(Vec::len);
        found.iter().map(Vec::len).eq(lengths) && found.iter().zip(&self.expected).all(near)
    }
}

/// A variant with correct results, ready to be timed.
#[derive(Debug)]
pub struct Candidate {
    session: GpuSession,
    program: ProgramId,
    count: u32,
    /// The shortest time of a call so far: disturbances only make a kernel slower.
    pub shortest: Duration,
}

impl Candidate {
    /// Times the variant once more.
    ///
    /// # Errors
    /// If the device fails.
    pub fn time(&mut self) -> Result<()> {
        let time = self.session.time(self.program, self.count)? / self.count;
        self.shortest = self.shortest.min(time);
        Ok(())
    }
}
