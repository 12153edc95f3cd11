//! Random graphs: a few tensors that outlive the step, then nodes that draw their operands from all
//! that is there, with updates in place among them. No seed gives an infinity or a NaN, since one
//! would hide a wrong operand behind it.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use wgvae::function::{ADD, FUNCTIONS, Function, LESS, RELU, SIGMOID, SOFTPLUS, SUBTRACT, Slope};
use wgvae::graph::{
    Element, Graph, Op, Role, Scalar, Shape, Stream, TensorId, Transpose, Weight, gradients,
};
use wgvae::optimizer::Optimizer;

use super::{TestResult, weight};

/// How many graphs a test looks at.
const SAMPLES: u64 = 350;

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
pub(super) fn for_each_sample(test: impl FnMut(&Sample) -> TestResult) -> TestResult {
    for_samples(SAMPLES, test)
}

/// Runs a test on `count` samples.
pub(super) fn for_samples(count: u64, mut test: impl FnMut(&Sample) -> TestResult) -> TestResult {
    for seed in 0..count {
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
        if maker.rng.random_bool(0.3) {
            maker.gradients()?;
        }
        let Maker { mut rng, graph, .. } = maker;
        let workspace = graph.tensor_ids().filter(|&id| graph.tensor(id).is_workspace());
        let outputs = workspace.filter(|_| rng.random_bool(0.2)).collect();
        Ok(Self::of(seed, graph, outputs, rng))
    }

    /// A graph with values for all that the host writes.
    pub(super) fn of(seed: u64, graph: Graph, outputs: Vec<TensorId>, mut rng: ChaCha8Rng) -> Self {
        let written = |role| matches!(role, Role::Data | Role::Parameter);
        let values = graph
            .tensor_ids()
            .filter(|&id| written(graph.tensor(id).role))
            .map(|id| {
                let count = graph.tensor(id).shape.len();
                (id, (0..count).map(|_| rng.random_range(-2.0..2.0)).collect())
            })
            .collect();
        Self { seed, graph, outputs, values }
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
        // Every second graph has sizes of which one is half of another, as halves of a row are.
        let sizes = if seed.is_multiple_of(2) { [1, 2, 3] } else { [1, 2, 4] };
        for index in 0..3 {
            let mut size = || sizes[rng.random_range(0..3)];
            let mut shape = || Shape::new(size(), size());
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

    /// A tensor that can be repeated to the shape of another, which it is if there is none in the pool.
    fn repeatable(&mut self, other: TensorId) -> TensorId {
        let whole = self.graph.tensor(other).shape;
        let fits = |shape: Shape| {
            [1, whole.rows].contains(&shape.rows) && [1, whole.columns].contains(&shape.columns)
        };
        let fitting = self.pool.iter().filter(|&&id| fits(self.graph.tensor(id).shape));
        let fitting: Vec<_> = fitting.collect();
        if fitting.is_empty() { other } else { *fitting[self.rng.random_range(0..fitting.len())] }
    }

    fn append(&mut self) -> wgvae::Result<()> {
        let a = self.any();
        let shape = self.graph.tensor(a).shape;
        let left = self.rng.random_range(1..=2);
        match self.rng.random_range(0..26) {
            0..=6 => self.map(a),
            7 | 8 => self.map_backward(a),
            9 | 10 => self.apply(Op::SplitColumns { left }, &[a]),
            11 | 12 => self.join(a),
            13 | 14 => self.apply(Op::RowSum, &[a]),
            15 => {
                let group = if shape.rows.is_multiple_of(left) { left } else { shape.rows };
                let sums = [shape.rows, group].map(|group| Op::ColumnSum { group });
                let ops = [
                    sums[0],
                    sums[1],
                    Op::LogSumExp { group },
                    Op::RepeatRows { times: if shape.rows == 1 { left } else { 1 } },
                ];
                let op = ops[self.graph.nodes().len() % 4];
                self.apply(op, &[a])
            }
            16 => {
                let half = self.graph.constant(0.5, shape);
                self.pool.push(half);
                let ops = [
                    Op::Normal { shape, stream: Stream::Latent },
                    Op::Uniform { shape, stream: Stream::Bernoulli },
                    Op::StepScalar { shape, scalar: Scalar::KlWeight },
                    Op::StepScalar { shape, scalar: Scalar::LearningRate },
                ];
                let op = ops[self.rng.random_range(0..4)];
                self.apply(op, &[])
            }
            17 | 18 => self.product(),
            19..=22 => self.rmsprop(),
            23 => self.linear(),
            _ => self.graph.loss_sum(a, self.log, left - 1),
        }
    }

    /// A function of the table. Its operands are what is there, of any of the shapes that can be
    /// repeated to that of `a`, where its value is not much larger than they are; else numbers from
    /// 0.5 to 1.5, on which every function is finite.
    fn map(&mut self, a: TensorId) -> wgvae::Result<()> {
        const MODEST: [&Function; 6] = [&RELU, &SOFTPLUS, &SIGMOID, &ADD, &SUBTRACT, &LESS];
        let function = FUNCTIONS[self.rng.random_range(0..FUNCTIONS.len())];
        let whole = self.rng.random_range(0..function.arity());
        let mut operands = Vec::new();
        for place in 0..function.arity() {
            let operand = if place == whole { a } else { self.repeatable(a) };
            operands.push(match MODEST.contains(&function) {
                true => operand,
                false => self.tame(operand)?,
            });
        }
        self.apply(Op::Map(function), &operands)
    }

    /// The gradient of a function's operand, given that of its value.
    fn map_backward(&mut self, a: TensorId) -> wgvae::Result<()> {
        let function = FUNCTIONS[self.rng.random_range(0..FUNCTIONS.len())];
        let place = self.rng.random_range(0..function.arity());
        let count = match function.slopes[place] {
            Slope::Operands => function.arity(),
            Slope::Value => 1,
            _ => return Ok(()),
        };
        let mut operands = vec![a];
        for _ in 0..count {
            let operand = self.repeatable(a);
            operands.push(self.tame(operand)?);
        }
        self.apply(Op::MapBackward(function, place), &operands)
    }

    /// The gradients of something by what it may depend on, unless they would be many nodes, or an op
    /// has no rule.
    fn gradients(&mut self) -> wgvae::Result<()> {
        const MOST_NODES: usize = 70;
        let (mut graph, term) = (self.graph.clone(), self.any());
        let wrt: Vec<_> = (0..3).map(|_| self.any()).collect();
        match gradients(&mut graph, &[(term, Weight::Step(Scalar::KlWeight))], &wrt) {
            Ok(_) if graph.nodes().len() <= MOST_NODES => self.graph = graph,
            Ok(_) | Err(wgvae::Error::NotDifferentiable { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Of a tensor, the logistic function plus a half.
    fn tame(&mut self, operand: TensorId) -> wgvae::Result<TensorId> {
        let sigmoid = self.graph.sigmoid(operand)?;
        let tame = self.graph.offset(sigmoid, 0.5)?;
        self.pool.extend([sigmoid, tame]);
        Ok(tame)
    }

    /// A layer: a product, something that is repeated to its shape, and an activation.
    fn linear(&mut self) -> wgvae::Result<()> {
        let operands = [self.any(), self.any()];
        let product = self.graph.apply(Op::Matmul(Transpose::None), &operands)?[0];
        let bias = self.repeatable(product);
        let sum = self.graph.add(product, bias)?;
        self.apply(Op::Map(&SIGMOID), &[sum])
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
        self.apply(Op::Map(&SIGMOID), &product)
    }

    /// Two tensors side by side, unless that would be wide.
    fn join(&mut self, a: TensorId) -> wgvae::Result<()> {
        let b = self.any();
        let columns = |id| self.graph.tensor(id).shape.columns;
        if columns(a) + columns(b) > 6 {
            return Ok(());
        }
        self.apply(Op::Concatenate, &[a, b])
    }

    /// Updates a weight, or something that the step made, in place.
    fn rmsprop(&mut self) -> wgvae::Result<()> {
        let ms = self.states[self.rng.random_range(0..self.states.len())];
        let (dw, w) = (self.like(ms), self.like(ms));
        let updatable = matches!(self.graph.tensor(w).role, Role::Parameter | Role::Workspace);
        if !updatable || dw == w || dw == ms {
            return Ok(());
        }
        self.graph.update(Optimizer::default(), dw, w, &[ms])
    }
}
