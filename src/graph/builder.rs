//! Methods that append one op each, so that a model reads like its formulas. Every method fails
//! with [`Error::Shape`](crate::Error::Shape) if the op is not defined for its operands.

use super::{
    Binarize, Element, Graph, LOG_ROWS, Op, Pixels, Role, Scalar, Shape, Stream, TensorId,
    Transpose,
};
use crate::Result;
use crate::function::{self, Function};
use crate::optimizer::{Optimizer, State};

impl Graph {
    /// Adds a tensor that the host fills and the graph only reads.
    pub fn data(&mut self, name: &str, shape: Shape, element: Element) -> TensorId {
        self.add_tensor(name, shape, element, Role::Data)
    }

    /// Adds a weight or bias.
    pub fn parameter(&mut self, name: &str, shape: Shape) -> TensorId {
        self.add_tensor(name, shape, Element::F32, Role::Parameter)
    }

    /// Adds a tensor that is `value` everywhere; equal ones are the same tensor.
    pub fn constant(&mut self, value: f64, shape: Shape) -> TensorId {
        let name = format!("constant {value} {shape}");
        self.find(&name)
            .unwrap_or_else(|| self.add_tensor(name, shape, Element::F32, Role::Constant(value)))
    }

    /// Adds the loss log, `[LOG_ROWS, columns]`.
    pub fn log(&mut self, name: &str, columns: usize) -> TensorId {
        self.add_tensor(name, Shape::new(LOG_ROWS, columns), Element::F32, Role::Log)
    }

    fn one(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId> {
        Ok(self.apply(op, inputs)?[0])
    }

    /// Gathers x `[batch, d]`: the step's rows of `data` `[n, d]`, in the order of `indices` u32
    /// `[n, 1]`. The data are [`Pixels::Bytes`] if they are u8, and [`Pixels::Reals`] if they are
    /// u32.
    pub fn gather_batch(
        &mut self,
        data: TensorId,
        indices: TensorId,
        batch: usize,
        binarize: Binarize,
    ) -> Result<TensorId> {
        let pixels = match self.tensor(data).element {
            Element::U32 => Pixels::Reals,
            _ => Pixels::Bytes,
        };
        self.one(Op::GatherBatch { batch, pixels, binarize }, &[data, indices])
    }

    /// a `[m, k]` · b `[k, n]` -> `[m, n]`.
    pub fn matmul(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::Matmul(Transpose::None), &[a, b])
    }

    /// a `[k, m]`ᵀ · b `[k, n]` -> `[m, n]`.
    pub fn matmul_transpose_a(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::Matmul(Transpose::A), &[a, b])
    }

    /// a `[m, k]` · b `[n, k]`ᵀ -> `[m, n]`.
    pub fn matmul_transpose_b(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::Matmul(Transpose::B), &[a, b])
    }

    /// Applies a function to its operands, element by element; an operand may be repeated along
    /// rows, columns or both: see [`Op::Map`].
    pub fn map(&mut self, function: &'static Function, operands: &[TensorId]) -> Result<TensorId> {
        self.one(Op::Map(function), operands)
    }

    /// x `[r, c]` + bias `[1, c]`.
    pub fn bias(&mut self, x: TensorId, bias: TensorId) -> Result<TensorId> {
        self.add(x, bias)
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: TensorId) -> Result<TensorId> {
        self.map(&function::RELU, &[x])
    }

    /// ln(1 + eˣ).
    pub fn softplus(&mut self, x: TensorId) -> Result<TensorId> {
        self.map(&function::SOFTPLUS, &[x])
    }

    /// 1 / (1 + e⁻ˣ).
    pub fn sigmoid(&mut self, x: TensorId) -> Result<TensorId> {
        self.map(&function::SIGMOID, &[x])
    }

    /// a + b.
    pub fn add(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.map(&function::ADD, &[a, b])
    }

    /// a − b.
    pub fn subtract(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.map(&function::SUBTRACT, &[a, b])
    }

    /// a·b, element by element.
    pub fn multiply(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.map(&function::MULTIPLY, &[a, b])
    }

    /// factor·x.
    pub fn scale(&mut self, x: TensorId, factor: f64) -> Result<TensorId> {
        let factor = self.constant(factor, Shape::new(1, 1));
        self.multiply(x, factor)
    }

    /// x + offset.
    pub fn offset(&mut self, x: TensorId, offset: f64) -> Result<TensorId> {
        let offset = self.constant(offset, Shape::new(1, 1));
        self.add(x, offset)
    }

    /// A tensor with a number of the step in every element.
    pub fn step_scalar(&mut self, scalar: Scalar, shape: Shape) -> Result<TensorId> {
        self.one(Op::StepScalar { shape, scalar }, &[])
    }

    /// Row sums of x `[r, c]` -> `[r, 1]`.
    pub fn row_sum(&mut self, x: TensorId) -> Result<TensorId> {
        self.one(Op::RowSum, &[x])
    }

    /// Column sums of x `[r, c]` -> `[1, c]`.
    pub fn column_sum(&mut self, x: TensorId) -> Result<TensorId> {
        let group = self.tensor(x).shape.rows;
        self.one(Op::ColumnSum { group }, &[x])
    }

    /// Column sums of x `[g·group, c]` over groups of successive rows -> `[g, c]`.
    pub fn group_sum(&mut self, x: TensorId, group: usize) -> Result<TensorId> {
        self.one(Op::ColumnSum { group }, &[x])
    }

    /// ln Σ eˣ of x `[g·group, c]` over groups of successive rows -> `[g, c]`, without overflow.
    pub fn log_sum_exp(&mut self, x: TensorId, group: usize) -> Result<TensorId> {
        self.one(Op::LogSumExp { group }, &[x])
    }

    /// Repeats each row of x `[r, c]` `times` times, one after the other -> `[r·times, c]`.
    pub fn repeat_rows(&mut self, x: TensorId, times: usize) -> Result<TensorId> {
        self.one(Op::RepeatRows { times }, &[x])
    }

    /// The step's `batch` labels as rows with 1 in the label's column, else 0 -> `[batch,
    /// classes]`; labels u32 `[n, 1]` in the order of `indices` u32 `[n, 1]`.
    pub fn one_hot(
        &mut self,
        labels: TensorId,
        indices: TensorId,
        batch: usize,
        classes: usize,
    ) -> Result<TensorId> {
        self.one(Op::OneHot { batch, classes }, &[labels, indices])
    }

    /// Splits the columns of x `[r, c]` -> `[r, left]`, `[r, c − left]`.
    pub fn split_columns(&mut self, x: TensorId, left: usize) -> Result<(TensorId, TensorId)> {
        let outputs = self.apply(Op::SplitColumns { left }, &[x])?;
        Ok((outputs[0], outputs[1]))
    }

    /// Splits x `[rows, columns]` after every `columns / parts` columns; the last part has the rest.
    pub fn split(&mut self, x: TensorId, parts: usize) -> Result<Vec<TensorId>> {
        let (mut rest, width) = (x, self.tensor(x).shape.columns / parts);
        let mut all = Vec::new();
        for _ in 1..parts {
            let (own, others) = self.split_columns(rest, width)?;
            all.push(own);
            rest = others;
        }
        all.push(rest);
        Ok(all)
    }

    /// Concatenates a and b, side by side.
    pub fn concatenate(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::Concatenate, &[a, b])
    }

    /// Draws from N(0, 1).
    pub fn normal(&mut self, shape: Shape, stream: Stream) -> Result<TensorId> {
        self.one(Op::Normal { shape, stream }, &[])
    }

    /// Draws from the multiples of 2⁻²⁴ from 0 to below 1.
    pub fn uniform(&mut self, shape: Shape, stream: Stream) -> Result<TensorId> {
        self.one(Op::Uniform { shape, stream }, &[])
    }

    /// mean + stddev·eps.
    pub fn reparameterize(
        &mut self,
        mean: TensorId,
        stddev: TensorId,
        eps: TensorId,
    ) -> Result<TensorId> {
        let deviation = self.multiply(stddev, eps)?;
        self.add(mean, deviation)
    }

    /// ln p(x | logits) of each row -> `[r, 1]`.
    pub fn bernoulli_log_likelihood(&mut self, logits: TensorId, x: TensorId) -> Result<TensorId> {
        let pixels = self.map(&function::BERNOULLI, &[logits, x])?;
        self.row_sum(pixels)
    }

    /// KL(N(mean, stddev²) ‖ N(0, 1)) of each row -> `[r, 1]`.
    pub fn gaussian_kl(&mut self, mean: TensorId, stddev: TensorId) -> Result<TensorId> {
        let units = self.map(&function::GAUSSIAN_KL, &[mean, stddev])?;
        self.row_sum(units)
    }

    /// 1 with the given probability, else 0.
    pub fn bernoulli_sample(
        &mut self,
        probabilities: TensorId,
        stream: Stream,
    ) -> Result<TensorId> {
        let uniform = self.uniform(self.tensor(probabilities).shape, stream)?;
        self.map(&function::LESS, &[uniform, probabilities])
    }

    /// Counts the elements of each row that are infinite or NaN -> `[r, 1]`.
    pub fn count_nonfinite(&mut self, x: TensorId) -> Result<TensorId> {
        self.one(Op::CountNonfinite, &[x])
    }

    /// Updates w and the optimiser's states of w, in the optimiser's order, from dw.
    pub fn update(
        &mut self,
        optimizer: Optimizer,
        dw: TensorId,
        w: TensorId,
        states: &[TensorId],
    ) -> Result<()> {
        self.apply_in_place(Op::Update(optimizer), &[dw], &[&[w], states].concat())
    }

    /// Updates every parameter by its gradient, with states named after it
    /// ([`State::prefix`](crate::optimizer::State::prefix)).
    pub fn optimize(
        &mut self,
        optimizer: Optimizer,
        parameters: &[TensorId],
        gradients: &[TensorId],
    ) -> Result<()> {
        for (&w, &dw) in parameters.iter().zip(gradients) {
            let (name, shape) = (self.tensor(w).name.clone(), self.tensor(w).shape);
            let state = |(state, start): (&State, f64)| {
                let name = format!("{}{name}", state.prefix);
                self.add_tensor(name, shape, Element::F32, Role::State(start as f32))
            };
            let states: Vec<_> = optimizer.states().map(state).collect();
            self.update(optimizer, dw, w, &states)?;
        }
        Ok(())
    }

    /// Writes the sum of all elements of term into a column of the log.
    pub fn loss_sum(&mut self, term: TensorId, log: TensorId, column: usize) -> Result<()> {
        self.apply_in_place(Op::LossSum { column }, &[term], &[log])
    }
}
