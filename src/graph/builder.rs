//! One method an op, so that a model reads like its formulas. Every method appends a node and
//! fails with [`Error::Shape`](crate::Error::Shape) where the op is not defined for its operands.

use super::{
    Binarize, Element, Graph, LOG_ROWS, Op, Pixels, RmsProp, Role, Shape, Stream, TensorId,
    Transpose,
};
use crate::Result;

impl Graph {
    /// A tensor that the host fills and the graph only reads.
    pub fn data(&mut self, name: &str, shape: Shape, element: Element) -> TensorId {
        self.add_tensor(name, shape, element, Role::Data)
    }

    /// A weight or bias.
    pub fn parameter(&mut self, name: &str, shape: Shape) -> TensorId {
        self.add_tensor(name, shape, Element::F32, Role::Parameter)
    }

    /// A tensor that is `value` everywhere; equal ones are the same tensor.
    pub fn constant(&mut self, value: f32, shape: Shape) -> TensorId {
        let name = format!("constant {value} {shape}");
        self.find(&name)
            .unwrap_or_else(|| self.add_tensor(name, shape, Element::F32, Role::Constant(value)))
    }

    /// The loss log, `[LOG_ROWS, columns]`.
    pub fn log(&mut self, name: &str, columns: usize) -> TensorId {
        self.add_tensor(name, Shape::new(LOG_ROWS, columns), Element::F32, Role::Log)
    }

    fn one(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId> {
        Ok(self.apply(op, inputs)?[0])
    }

    fn two(&mut self, op: Op, inputs: &[TensorId]) -> Result<(TensorId, TensorId)> {
        let outputs = self.apply(op, inputs)?;
        Ok((outputs[0], outputs[1]))
    }

    /// x `[batch, d]`: the step's rows of `data` `[n, d]`, in the order of `indices` u32 `[n, 1]`.
    /// The data are [`Pixels::Bytes`] if they are u8, and [`Pixels::Reals`] if they are u32.
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

    /// x `[r, c]` + bias `[1, c]`.
    pub fn bias(&mut self, x: TensorId, bias: TensorId) -> Result<TensorId> {
        self.one(Op::Bias, &[x, bias])
    }

    /// Column sums of dy `[r, c]` -> `[1, c]`.
    pub fn bias_backward(&mut self, dy: TensorId) -> Result<TensorId> {
        self.one(Op::BiasBackward, &[dy])
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: TensorId) -> Result<TensorId> {
        self.one(Op::Relu, &[x])
    }

    /// dy where y > 0, else 0.
    pub fn relu_backward(&mut self, dy: TensorId, y: TensorId) -> Result<TensorId> {
        self.one(Op::ReluBackward, &[dy, y])
    }

    /// ln(1 + eˢ) + 1e-6.
    pub fn softplus(&mut self, s: TensorId) -> Result<TensorId> {
        self.one(Op::Softplus, &[s])
    }

    /// dy·sigmoid(s).
    pub fn softplus_backward(&mut self, dy: TensorId, s: TensorId) -> Result<TensorId> {
        self.one(Op::SoftplusBackward, &[dy, s])
    }

    /// 1 / (1 + e⁻ˣ).
    pub fn sigmoid(&mut self, x: TensorId) -> Result<TensorId> {
        self.one(Op::Sigmoid, &[x])
    }

    /// dy·y·(1 − y).
    pub fn sigmoid_backward(&mut self, dy: TensorId, y: TensorId) -> Result<TensorId> {
        self.one(Op::SigmoidBackward, &[dy, y])
    }

    /// a + b.
    pub fn add(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::Add, &[a, b])
    }

    /// x `[r, c]` -> `[r, left]`, `[r, c − left]`.
    pub fn split_columns(&mut self, x: TensorId, left: usize) -> Result<(TensorId, TensorId)> {
        self.two(Op::SplitColumns { left }, &[x])
    }

    /// The two side by side.
    pub fn split_columns_backward(&mut self, a: TensorId, b: TensorId) -> Result<TensorId> {
        self.one(Op::SplitColumnsBackward, &[a, b])
    }

    /// Draws from N(0, 1).
    pub fn normal(&mut self, shape: Shape, stream: Stream) -> Result<TensorId> {
        self.one(Op::Normal { shape, stream }, &[])
    }

    /// mean + stddev·eps.
    pub fn reparameterize(
        &mut self,
        mean: TensorId,
        stddev: TensorId,
        eps: TensorId,
    ) -> Result<TensorId> {
        self.one(Op::Reparameterize, &[mean, stddev, eps])
    }

    /// dstddev = dz·eps.
    pub fn reparameterize_backward(&mut self, dz: TensorId, eps: TensorId) -> Result<TensorId> {
        self.one(Op::ReparameterizeBackward, &[dz, eps])
    }

    /// ln p(x | logits) of each row -> `[r, 1]`.
    pub fn bernoulli_log_likelihood(&mut self, logits: TensorId, x: TensorId) -> Result<TensorId> {
        self.one(Op::BernoulliLogLikelihood, &[logits, x])
    }

    /// dlogits = dlog_likelihood·(x − sigmoid(logits)).
    pub fn bernoulli_log_likelihood_backward(
        &mut self,
        dlog_likelihood: TensorId,
        logits: TensorId,
        x: TensorId,
    ) -> Result<TensorId> {
        self.one(Op::BernoulliLogLikelihoodBackward, &[dlog_likelihood, logits, x])
    }

    /// KL(N(mean, stddev²) ‖ N(0, 1)) of each row -> `[r, 1]`.
    pub fn gaussian_kl(&mut self, mean: TensorId, stddev: TensorId) -> Result<TensorId> {
        self.one(Op::GaussianKl, &[mean, stddev])
    }

    /// dmean, dstddev.
    pub fn gaussian_kl_backward(
        &mut self,
        dkl: TensorId,
        mean: TensorId,
        stddev: TensorId,
    ) -> Result<(TensorId, TensorId)> {
        self.two(Op::GaussianKlBackward, &[dkl, mean, stddev])
    }

    /// 1 with the given probability, else 0.
    pub fn bernoulli_sample(
        &mut self,
        probabilities: TensorId,
        stream: Stream,
    ) -> Result<TensorId> {
        self.one(Op::BernoulliSample { stream }, &[probabilities])
    }

    /// How many of each row are infinite or NaN -> `[r, 1]`.
    pub fn count_nonfinite(&mut self, x: TensorId) -> Result<TensorId> {
        self.one(Op::CountNonfinite, &[x])
    }

    /// Updates w and its mean square ms from dw.
    pub fn rmsprop(
        &mut self,
        constants: RmsProp,
        dw: TensorId,
        w: TensorId,
        ms: TensorId,
    ) -> Result<()> {
        self.update(Op::RmsProp(constants), &[dw], &[w, ms])
    }

    /// Writes the sum of all of term into a column of the log.
    pub fn loss_sum(&mut self, term: TensorId, log: TensorId, column: usize) -> Result<()> {
        self.update(Op::LossSum { column }, &[term], &[log])
    }
}
