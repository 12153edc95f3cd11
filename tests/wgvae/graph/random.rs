//! Random graphs: a few tensors that outlive the step, then nodes that draw their operands from all
//! that is there, with updates in place among them. No seed gives an infinity or a NaN, since one
//! would hide a wrong operand behind it.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use wgvae::graph::{Element, Graph, Op, RmsProp, Role, Shape, Stream, TensorId, Transpose};

use super::{TestResult, weight};

/// How many graphs a test looks at.
const SAMPLES: u64 = 300;

/// A random graph.
#[derive(Debug)]
pub(super) struct Sample {
    seed: u64,
    pub(super) graph: Graph,
    /// Some of its workspace tensors.
    pub(super) outputs: Vec<TensorId>,
    /// What the host writes before the first step.
    pub(super) values: Vec<(TensorId, Vec<f64>)>,
}

impl Drop for Sample {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("random graph of seed {}, outputs {:?}:", self.seed, self.outputs);
            eprintln!("{}", self.graph);
        }
    }
}

/// Runs a test on every sample.
pub(super) fn for_each_sample(mut test: impl FnMut(&Sample) -> TestResult) -> TestResult {
    for seed in 0..SAMPLES {
        let sample = Sample::new(seed).and_then(|sample| test(&sample));
        sample.map_err(|error| format!("random graph of seed {seed}: {error}"))?;
    }
    Ok(())
}

impl Sample {
    fn new(seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let mut maker = Maker::new(seed);
        let nodes = maker.rng.random_range(1..=40);
        while maker.graph.nodes().len() < nodes {
            match maker.append() {
                // The op is not defined for the operands that were drawn: draw again.
                Ok(()) | Err(wgvae::Error::Shape { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Maker { mut rng, graph, .. } = maker;
        let workspace = graph.tensor_ids().filter(|&id| graph.tensor(id).is_workspace());
        let outputs = workspace.filter(|_| rng.random_bool(0.2)).collect();
        let written = |role| matches!(role, Role::Data | Role::Parameter);
        let values = graph
            .tensor_ids()
            .filter(|&id| written(graph.tensor(id).role))
            .map(|id| {
                let count = graph.tensor(id).shape.len();
                (id, (0..count).map(|_| rng.random_range(-2.0..2.0)).collect())
            })
            .collect();
        Ok(Self { seed, graph, outputs, values })
    }
}

/// A graph that is being made.
struct Maker {
    rng: ChaCha8Rng,
    graph: Graph,
    /// What the next node may read.
    pool: Vec<TensorId>,
    /// Mean squares.
    states: Vec<TensorId>,
    log: TensorId,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut graph = Graph::new();
        let log = graph.log("log", 2);
        let (mut pool, mut states) = (Vec::new(), Vec::new());
        for index in 0..3 {
            let mut shape = || Shape::new(rng.random_range(1..=3), rng.random_range(1..=3));
            pool.push(graph.data(&format!("x{index}"), shape(), Element::F32));
            let (w, ms) = weight(&mut graph, &format!("w{index}"), shape());
            pool.extend([w, ms]);
            states.push(ms);
        }
        Self { rng, graph, pool, states, log }
    }

    fn any(&mut self) -> TensorId {
        self.pool[self.rng.random_range(0..self.pool.len())]
    }

    fn like(&mut self, other: TensorId) -> TensorId {
        let shape = self.graph.tensor(other).shape;
        let same = self.pool.iter().filter(|&&id| self.graph.tensor(id).shape == shape);
        let same: Vec<_> = same.collect();
        *same[self.rng.random_range(0..same.len())]
    }

    fn append(&mut self) -> wgvae::Result<()> {
        let a = self.any();
        let (b, c) = (self.like(a), self.like(a));
        let left = self.rng.random_range(1..=2);
        match self.rng.random_range(0..13) {
            0 => self.apply(Op::Relu, &[a]),
            1 => self.apply(Op::Softplus, &[a]),
            2 => self.apply(Op::Add, &[a, b]),
            3 => self.apply(Op::Reparameterize, &[a, b, c]),
            4 => self.apply(Op::SplitColumns { left }, &[a]),
            5 => self.apply(Op::BernoulliLogLikelihood, &[a, b]),
            6 => self.apply(Op::BiasBackward, &[a]),
            7 => self.apply(
                Op::Normal { shape: self.graph.tensor(a).shape, stream: Stream::Latent },
                &[],
            ),
            8 => self.product(),
            9 => self.join(a),
            10 | 11 => self.rmsprop(),
            _ => self.graph.loss_sum(a, self.log, left - 1),
        }
    }

    fn apply(&mut self, op: Op, inputs: &[TensorId]) -> wgvae::Result<()> {
        self.pool.extend(self.graph.apply(op, inputs)?);
        Ok(())
    }

    /// A product and its logistic function, so that a chain of products stays finite.
    fn product(&mut self) -> wgvae::Result<()> {
        let kinds = [Transpose::None, Transpose::A, Transpose::B];
        let op = Op::Matmul(kinds[self.rng.random_range(0..3)]);
        let operands = [self.any(), self.any()];
        let product = self.graph.apply(op, &operands)?;
        self.apply(Op::Sigmoid, &product)
    }

    /// Two tensors side by side, unless that would be wide.
    fn join(&mut self, a: TensorId) -> wgvae::Result<()> {
        let b = self.any();
        let columns = |id| self.graph.tensor(id).shape.columns;
        if columns(a) + columns(b) > 6 {
            return Ok(());
        }
        self.apply(Op::SplitColumnsBackward, &[a, b])
    }

    /// Updates a weight, or something that the step made, in place.
    fn rmsprop(&mut self) -> wgvae::Result<()> {
        let ms = self.states[self.rng.random_range(0..self.states.len())];
        let (dw, w) = (self.like(ms), self.like(ms));
        let updatable = matches!(self.graph.tensor(w).role, Role::Parameter | Role::Workspace);
        if !updatable || dw == w || dw == ms {
            return Ok(());
        }
        self.graph.rmsprop(RmsProp::default(), dw, w, ms)
    }
}
