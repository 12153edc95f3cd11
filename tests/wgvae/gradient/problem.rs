//! A loss with the values of all that it reads, and the judge of its gradients.
//!
//! The judge is the central difference (f(x + h) − f(x − h)) / 2h, with h = ∛ε·max(1, |x|) = 6e-6
//! for |x| up to 1. Its truncation error is h²/6 = 6e-12 of the third derivative, and rounding adds
//! ε/h = 4e-11 of f. Rows of a term that the element does not reach cancel exactly, so f is at most
//! some rows of size 10 or so. The bounds below are several times the sum of both; an error in a
//! rule is of the size of the gradient itself.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use wgvae::device::cpu::CpuSession;
use wgvae::device::{Blocking, Device, Profiled, ProgramId, Values};
use wgvae::function::RELU;
use wgvae::graph::{Element, Graph, Op, Plan, Role, Shape, Step, TensorId, Weight, gradients};
use wgvae::kernel::Tolerance;
use wgvae::verify::compare;

use super::TestResult;

const TOLERANCE: Tolerance = Tolerance { absolute: 1e-8, relative: 1e-6 };

/// How near to 0 an input of ReLU may be: far beyond what a step changes.
const KINK: f64 = 1e-3;

/// What a tensor is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// N(0, 1).
    Normal,
    /// N(0, 1) moved away from 0 by a tenth: where ReLU has a derivative.
    NotZero,
    /// exp(N(0, 1)/3): a standard deviation.
    Positive,
    /// A standard normal number's sign: 0 or 1.
    Bit,
}

impl Draw {
    fn sample(self, rng: &mut ChaCha8Rng) -> f64 {
        let normal = wgvae::random::normal(rng);
        match self {
            Self::Normal => normal,
            Self::NotZero => normal + normal.signum() / 10.0,
            Self::Positive => (normal / 3.0).exp(),
            Self::Bit => f64::from(u8::from(normal > 0.0)),
        }
    }
}

/// The step that all is computed in: its numbers are not what they are by default.
pub(super) fn step() -> Step {
    Step::default().with_kl_weight(0.625).with_learning_rate(RATE)
}

/// The step's learning rate.
pub(super) const RATE: f64 = 0.03125;

/// A loss, what it reads, and what it is to be differentiated by.
pub(super) struct Problem {
    pub(super) graph: Graph,
    what: String,
    rng: ChaCha8Rng,
    values: Vec<(TensorId, Vec<f64>)>,
    pub(super) wrt: Vec<TensorId>,
    loss: Vec<(TensorId, Weight)>,
}

impl Problem {
    /// An empty one; `what` and the seed are named where a gradient is wrong.
    pub(super) fn new(what: impl std::fmt::Display, seed: u64) -> Self {
        Self {
            graph: Graph::new(),
            what: format!("{what}, seed {seed}"),
            rng: ChaCha8Rng::seed_from_u64(seed),
            values: Vec::new(),
            wrt: Vec::new(),
            loss: Vec::new(),
        }
    }

    /// Gives a tensor values, and differentiates by it.
    pub(super) fn vary(&mut self, tensor: TensorId, draw: Draw) -> TensorId {
        self.fill(tensor, draw);
        self.wrt.push(tensor);
        tensor
    }

    fn fill(&mut self, tensor: TensorId, draw: Draw) {
        let count = self.graph.tensor(tensor).shape.len();
        let values = (0..count).map(|_| draw.sample(&mut self.rng)).collect();
        self.values.push((tensor, values));
    }

    /// A new tensor to differentiate by.
    pub(super) fn parameter(&mut self, shape: Shape, draw: Draw) -> TensorId {
        let name = format!("p{}", self.values.len());
        let tensor = self.graph.parameter(&name, shape);
        self.vary(tensor, draw)
    }

    /// A new tensor that is left alone.
    pub(super) fn data(&mut self, shape: Shape, draw: Draw) -> TensorId {
        let name = format!("p{}", self.values.len());
        let tensor = self.graph.data(&name, shape, Element::F32);
        self.fill(tensor, draw);
        tensor
    }

    /// Adds a term to the loss.
    pub(super) fn term(&mut self, term: TensorId, weight: impl Into<Weight>) {
        self.loss.push((term, weight.into()));
    }

    /// Adds a term that is different in each element of y, and so is its gradient: the KL
    /// divergence with y as means.
    pub(super) fn judge(&mut self, y: TensorId, weight: f64) -> wgvae::Result<()> {
        let stddev = self.data(self.graph.tensor(y).shape, Draw::Positive);
        let term = self.graph.gaussian_kl(y, stddev)?;
        self.term(term, weight);
        Ok(())
    }

    /// Compares the gradients with finite differences: of all tensors at once, then of each alone,
    /// since a rule may leave out what nobody asks for.
    pub(super) fn check(&self) -> TestResult {
        let differences = self.wrt.iter().map(|&tensor| self.differences(tensor));
        let expected = differences.collect::<wgvae::Result<Vec<_>>>()?;
        let all = self.gradients(&self.wrt)?;
        assert_eq!(all.len(), expected.len(), "{}", self.what);
        for (index, expected) in expected.iter().enumerate() {
            self.compare(&all[index], expected, &format!("tensor {index} of all"));
            let alone = self.gradients(&self.wrt[index..=index])?;
            assert_eq!(alone.len(), 1, "{}", self.what);
            self.compare(&alone[0], expected, &format!("tensor {index} alone"));
        }
        Ok(())
    }

    /// Fails if a gradient, or what is made of one, is not what it is by differences.
    pub(super) fn compare(&self, found: &[f64], expected: &[f64], which: &str) {
        let result = compare(found, expected, TOLERANCE);
        assert!(result.ok, "{}, {which}: {found:?}, by differences {expected:?}", self.what);
    }

    /// The gradients of these tensors, as the graph computes them.
    fn gradients(&self, wrt: &[TensorId]) -> wgvae::Result<Vec<Vec<f64>>> {
        let mut graph = self.graph.clone();
        let found = gradients(&mut graph, &self.loss, wrt)?;
        let mut read: Vec<_> = self.loss.iter().map(|&(term, _)| term).collect();
        read.extend(found.iter().filter(|&&id| graph.tensor(id).is_workspace()));
        let mut run = self.run(Plan::new(graph.clone(), &read))?;
        let gradient = |&id: &TensorId| match graph.tensor(id).role {
            Role::Constant(value) => Ok(vec![value; graph.tensor(id).shape.len()]),
            _ => run.session.read_output(run.program, id),
        };
        found.iter().map(gradient).collect()
    }

    /// The derivative of the loss by each element of a tensor, by finite differences.
    pub(super) fn differences(&self, tensor: TensorId) -> wgvae::Result<Vec<f64>> {
        let terms: Vec<_> = self.loss.iter().map(|&(term, _)| term).collect();
        let mut run = self.run(Plan::new(self.graph.clone(), &terms))?;
        let name = &self.graph.tensor(tensor).name;
        let values = self.values(tensor);
        let mut differences = Vec::new();
        for (index, &x) in values.iter().enumerate() {
            let width = f64::EPSILON.cbrt() * x.abs().max(1.0);
            let mut changed = values.to_vec();
            let mut at = |x: f64| -> wgvae::Result<Vec<f64>> {
                changed[index] = x;
                run.session.write(name, Values::F64(&changed))?;
                run.session.run(run.program, &[step()])?;
                self.weighted(&mut run)
            };
            let (above, below) = (x + width, x - width);
            let sums = at(above)?.into_iter().zip(at(below)?).map(|(above, below)| above - below);
            differences.push(sums.sum::<f64>() / (above - below));
        }
        Ok(differences)
    }

    /// What a tensor is filled with.
    pub(super) fn values(&self, tensor: TensorId) -> &[f64] {
        match self.values.iter().find(|(id, _)| *id == tensor) {
            Some((_, values)) => values,
            None => panic!("{}: {tensor:?} has no values", self.what),
        }
    }

    /// The elements of every term, times its weight.
    fn weighted(&self, run: &mut Run) -> wgvae::Result<Vec<f64>> {
        let mut elements = Vec::new();
        for &(term, weight) in &self.loss {
            let values = run.session.read_output(run.program, term)?;
            let weights = match weight {
                Weight::Constant(weight) => vec![weight; values.len()],
                Weight::Step(scalar) => vec![scalar.of(step()); values.len()],
                Weight::Tensor(weights) => self.values(weights).to_vec(),
            };
            elements.extend(values.iter().zip(&weights).map(|(value, weight)| value * weight));
        }
        Ok(elements)
    }

    /// Runs a plan once on the values, on a session of its own.
    pub(super) fn run(&self, plan: Plan) -> wgvae::Result<Run> {
        let graph = plan.graph().clone();
        // Weights of a loss may be read by no node.
        let read: Vec<_> = plan.persistent().collect();
        let mut session = CpuSession::new();
        let program = session.load(plan)?;
        for (id, values) in self.values.iter().filter(|(id, _)| read.contains(id)) {
            session.write(&graph.tensor(*id).name, Values::F64(values))?;
        }
        session.poison(program)?;
        session.run(program, &[step()])?;
        Ok(Run { session, program })
    }

    /// Fails if an input of a ReLU is so near to 0 that a difference would straddle the kink.
    pub(super) fn check_kinks(&self) -> TestResult {
        let relus = self.graph.nodes().iter().filter(|node| node.op == Op::Map(&RELU));
        let inputs: Vec<_> = relus.map(|node| node.inputs[0]).collect();
        assert!(!inputs.is_empty(), "{}: no ReLU", self.what);
        let made = |id: &&TensorId| self.graph.tensor(**id).is_workspace();
        let mut run = self.run(Plan::keep_all(self.graph.clone()))?;
        for &input in inputs.iter().filter(made) {
            let values = run.session.read_output(run.program, input)?;
            let nearest = values.iter().map(|value| value.abs()).fold(f64::INFINITY, f64::min);
            assert!(nearest > KINK, "{}: {nearest}", self.what);
        }
        Ok(())
    }
}

/// A session after a step.
pub(super) struct Run {
    pub(super) session: CpuSession<f64>,
    pub(super) program: ProgramId,
}
