//! The primitive ops: their names, attributes and shape rules. How an op is computed is the
//! kernel table's business, its gradient that of `gradient`.

use super::fusion::{Fusion, SUM_COLUMNS};
use super::tensor::{Element, Role, Shape, Tensor};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Rows of a [`Role::Log`] tensor: how many steps can run before the host must read it.
pub const LOG_ROWS: usize = 1024;

/// How grey pixels become the inputs of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binarize {
    /// 1 where the pixel is above 127, else 0.
    #[default]
    Threshold,
    /// 1 with probability pixel / 255, drawn anew each time.
    Stochastic,
    /// pixel / 255.
    None,
}

/// Which of the independent noise sequences an op draws from: the last word of the Philox counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// The latent noise of training.
    Latent = 0,
    /// Stochastic binarisation.
    Binarize = 1,
    /// The latent noise of evaluation.
    Evaluation = 2,
    /// Latents drawn from the prior.
    Prior = 3,
    /// Bernoulli samples of images.
    Bernoulli = 4,
    /// The latent noise of importance sampling.
    Importance = 5,
}

/// The constants of TensorFlow-1 RMSProp: `ms += (g² − ms)·(1 − decay)`,
/// `w −= learning_rate·g / √(ms + epsilon)`, with the step's
/// [learning rate](super::Scalars::learning_rate).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// How much of the mean square is kept each step.
    pub decay: f64,
    /// Added inside the square root.
    pub epsilon: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { decay: 0.9, epsilon: 1e-10 }
    }
}

/// How a set of images on a device holds its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pixels {
    /// Bytes, from 0 to 255.
    Bytes,
    /// The bits of f32 numbers from 0 to 1. As words and not as numbers, since they are read by the
    /// same binding as bytes, and stay f32 on the f64 oracle.
    Reals,
}

impl Pixels {
    /// The type of the tensor.
    pub fn element(self) -> Element {
        match self {
            Self::Bytes => Element::U8,
            Self::Reals => Element::U32,
        }
    }
}

/// Which operand of a product is transposed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transpose {
    /// a `[m, k]` · b `[k, n]`.
    None,
    /// a `[k, m]`ᵀ · b `[k, n]`.
    A,
    /// a `[m, k]` · b `[n, k]`ᵀ.
    B,
}

/// A primitive op. In the comments, `a, b -> c` are the inputs and outputs, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// data `[n, d]`, u8 or u32 by `pixels`, indices u32 `[n, 1]` -> x `[batch, d]`: rows
    /// `indices[first_row..]` of the data, binarised; rows past the end repeat the last.
    GatherBatch {
        /// Rows to gather.
        batch: usize,
        /// What an element of the data is.
        pixels: Pixels,
        /// What becomes of the pixels.
        binarize: Binarize,
    },
    /// a, b -> a·b, one of them possibly transposed first.
    Matmul(Transpose),
    /// x `[r, c]`, bias `[1, c]` -> x + bias.
    Bias,
    /// dy `[r, c]` -> its column sums `[1, c]`.
    BiasBackward,
    /// x -> max(x, 0).
    Relu,
    /// dy, y -> dy where y > 0, else 0.
    ReluBackward,
    /// s -> ln(1 + eˢ) + 1e-6.
    Softplus,
    /// dy, s -> dy·sigmoid(s).
    SoftplusBackward,
    /// x -> 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// dy, y -> dy·y·(1 − y).
    SigmoidBackward,
    /// a, b -> a + b.
    Add,
    /// x `[r, c]` -> its first `left` columns, the others.
    SplitColumns {
        /// Width of the first output.
        left: usize,
    },
    /// dleft, dright -> the two side by side.
    SplitColumnsBackward,
    /// -> independent draws from N(0, 1).
    Normal {
        /// Shape of the draw.
        shape: Shape,
        /// Noise sequence.
        stream: Stream,
    },
    /// mean, stddev, eps -> mean + stddev·eps.
    Reparameterize,
    /// dz, eps -> dstddev = dz·eps (dmean is dz itself).
    ReparameterizeBackward,
    /// logits, x `[r, c]` -> log-likelihood of each row `[r, 1]`.
    BernoulliLogLikelihood,
    /// logits, x `[r, c]` -> log-likelihood of each row's columns in blocks of
    /// [`SUM_COLUMNS`](super::SUM_COLUMNS) `[r, c / 4]`, rounded up.
    BernoulliLogLikelihoodBlocks,
    /// dlog_likelihood `[r, 1]`, logits, x -> dlogits = dlog_likelihood·(x − sigmoid(logits)).
    BernoulliLogLikelihoodBackward,
    /// mean, stddev `[r, c]` -> KL(N(mean, stddev²) ‖ N(0, 1)) of each row `[r, 1]`.
    GaussianKl,
    /// mean, stddev `[r, c]` -> their KL divergence in blocks of columns `[r, c / 4]`, rounded up.
    GaussianKlBlocks,
    /// dkl `[r, 1]`, mean, stddev -> dmean = dkl·mean, dstddev = dkl·(stddev − 1/stddev).
    GaussianKlBackward,
    /// probabilities -> 1 with that probability, else 0.
    BernoulliSample {
        /// Noise sequence.
        stream: Stream,
    },
    /// x `[r, c]` -> how many of each row are infinite or NaN `[r, 1]`.
    CountNonfinite,
    /// dw updates w, ms.
    RmsProp(RmsProp),
    /// term `[r, c]` updates log: its sum goes to row `step mod LOG_ROWS` of this column.
    LossSum {
        /// Column of the log.
        column: usize,
    },
    /// Several of the above as one, made by [`fuse`](super::fuse) alone.
    Fused(Fusion),
}

impl Op {
    /// The op's name: also that of its kernel, its shader file and its CPU twin.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GatherBatch { .. } => "gather_batch",
            Self::Matmul(Transpose::None) => "matmul",
            Self::Matmul(Transpose::A) => "matmul_transpose_a",
            Self::Matmul(Transpose::B) => "matmul_transpose_b",
            Self::Bias => "bias",
            Self::BiasBackward => "bias_backward",
            Self::Relu => "relu",
            Self::ReluBackward => "relu_backward",
            Self::Softplus => "softplus",
            Self::SoftplusBackward => "softplus_backward",
            Self::Sigmoid => "sigmoid",
            Self::SigmoidBackward => "sigmoid_backward",
            Self::Add => "add",
            Self::SplitColumns { .. } => "split_columns",
            Self::SplitColumnsBackward => "split_columns_backward",
            Self::Normal { .. } => "normal",
            Self::Reparameterize => "reparameterize",
            Self::ReparameterizeBackward => "reparameterize_backward",
            Self::BernoulliLogLikelihood => "bernoulli_log_likelihood",
            Self::BernoulliLogLikelihoodBackward => "bernoulli_log_likelihood_backward",
            Self::BernoulliLogLikelihoodBlocks => "bernoulli_log_likelihood_blocks",
            Self::GaussianKl => "gaussian_kl",
            Self::GaussianKlBlocks => "gaussian_kl_blocks",
            Self::GaussianKlBackward => "gaussian_kl_backward",
            Self::BernoulliSample { .. } => "bernoulli_sample",
            Self::CountNonfinite => "count_nonfinite",
            Self::RmsProp(_) => "rmsprop",
            Self::LossSum { .. } => "loss_sum",
            Self::Fused(fusion) => fusion.name(),
        }
    }

    /// Whether the outputs are existing tensors that the op changes in place.
    pub fn updates(&self) -> bool {
        matches!(self, Self::RmsProp(_) | Self::LossSum { .. } | Self::Fused(Fusion::Update))
    }

    /// Whether the result depends on the [step](super::Step).
    pub fn depends_on_step(&self) -> bool {
        matches!(
            self,
            Self::GatherBatch { .. }
                | Self::Normal { .. }
                | Self::BernoulliSample { .. }
                | Self::RmsProp(_)
                | Self::LossSum { .. }
                | Self::Fused(Fusion::Batch | Fusion::Update)
        )
    }

    /// The element type of an input, given by its place. Outputs are real numbers.
    pub fn input_element(&self, input: usize) -> Element {
        match (self, input) {
            (Self::GatherBatch { pixels, .. }, 0) => pixels.element(),
            // Nobody writes either; which it is, its gather says.
            (Self::Fused(Fusion::Batch), 0) => Element::U8,
            (Self::GatherBatch { .. } | Self::Fused(Fusion::Batch), 1) => Element::U32,
            _ => Element::F32,
        }
    }

    /// The shapes of the outputs for these inputs.
    ///
    /// # Errors
    /// [`Error::Shape`] if the op is not defined for them.
    pub fn output_shapes(&self, inputs: &[&Tensor]) -> Result<Vec<Shape>> {
        let shapes: Vec<_> = inputs.iter().map(|tensor| tensor.shape).collect();
        let elements = inputs.iter().map(|tensor| tensor.element);
        let expected = (0..inputs.len()).map(|input| self.input_element(input));
        match self.infer(&shapes) {
            Some(outputs)
                if elements.eq(expected)
                    && shapes.iter().chain(&outputs).all(|s| !s.is_empty()) =>
            {
                Ok(outputs)
            }
            _ => Err(self.mismatch(inputs)),
        }
    }

    fn infer(&self, shapes: &[Shape]) -> Option<Vec<Shape>> {
        let per_row = |shape: Shape| Shape::new(shape.rows, 1);
        match (*self, shapes) {
            (Self::GatherBatch { batch, .. }, &[data, indices]) => {
                (indices.columns == 1).then(|| vec![Shape::new(batch, data.columns)])
            }
            (Self::Matmul(transpose), &[a, b]) => {
                let (m, k) = oriented(a, transpose == Transpose::A);
                let (k_of_b, n) = oriented(b, transpose == Transpose::B);
                (k == k_of_b).then(|| vec![Shape::new(m, n)])
            }
            (Self::Bias, &[x, bias]) => (bias == Shape::new(1, x.columns)).then(|| vec![x]),
            (Self::BiasBackward, &[dy]) => Some(vec![Shape::new(1, dy.columns)]),
            (Self::Relu | Self::Softplus | Self::Sigmoid | Self::BernoulliSample { .. }, &[x]) => {
                Some(vec![x])
            }
            (
                Self::ReluBackward
                | Self::SoftplusBackward
                | Self::SigmoidBackward
                | Self::Add
                | Self::ReparameterizeBackward,
                &[a, b],
            ) => (a == b).then(|| vec![a]),
            (Self::SplitColumns { left }, &[x]) => {
                let right = x.columns.checked_sub(left)?;
                Some(vec![Shape::new(x.rows, left), Shape::new(x.rows, right)])
            }
            (Self::SplitColumnsBackward, &[a, b]) => {
                (a.rows == b.rows).then(|| vec![Shape::new(a.rows, a.columns + b.columns)])
            }
            (Self::Normal { shape, .. }, &[]) => Some(vec![shape]),
            (Self::CountNonfinite, &[x]) => Some(vec![per_row(x)]),
            (Self::Reparameterize, &[mean, stddev, eps]) => {
                (mean == stddev && mean == eps).then(|| vec![mean])
            }
            (Self::BernoulliLogLikelihood | Self::GaussianKl, &[a, b]) => {
                (a == b).then(|| vec![per_row(a)])
            }
            (Self::BernoulliLogLikelihoodBlocks | Self::GaussianKlBlocks, &[a, b]) => {
                let blocks = a.columns.div_ceil(SUM_COLUMNS);
                (a == b).then(|| vec![Shape::new(a.rows, blocks)])
            }
            (Self::BernoulliLogLikelihoodBackward, &[d, logits, x]) => {
                (logits == x && d == per_row(x)).then(|| vec![x])
            }
            (Self::GaussianKlBackward, &[d, mean, stddev]) => {
                (mean == stddev && d == per_row(mean)).then(|| vec![mean, mean])
            }
            _ => None,
        }
    }

    /// Whether an updating op is defined for these tensors.
    pub(super) fn check_targets(&self, inputs: &[&Tensor], targets: &[&Tensor]) -> Result<()> {
        let reals = |t: &&Tensor| t.element == Element::F32 && !t.shape.is_empty();
        let reals = inputs.iter().chain(targets).all(reals);
        let kept = |t: &&Tensor| matches!(t.role, Role::Data | Role::Constant(_));
        let fits = match (*self, inputs, targets) {
            (Self::RmsProp(_), [dw], [w, ms]) => dw.shape == w.shape && w.shape == ms.shape,
            (Self::LossSum { column }, [_], [log]) => {
                let shape = log.shape;
                let inside = shape.rows == LOG_ROWS && column < shape.columns;
                log.role == Role::Log && inside
            }
            _ => false,
        };
        if reals && fits && !targets.iter().any(kept) {
            return Ok(());
        }
        Err(self.mismatch(&[inputs, targets].concat()))
    }

    pub(super) fn mismatch(&self, found: &[&Tensor]) -> Error {
        let describe = |t: &&Tensor| format!("{} {:?}{}", t.name, t.element, t.shape);
        Error::Shape {
            op: self.name(),
            expected: format!("operands that fit {self:?}"),
            found: found.iter().map(describe).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Rows and columns of a matrix or of its transpose.
fn oriented(shape: Shape, transpose: bool) -> (usize, usize) {
    if transpose { (shape.columns, shape.rows) } else { (shape.rows, shape.columns) }
}
