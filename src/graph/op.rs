//! The primitive ops: their names, attributes and shape rules. The kernel table computes the ops,
//! and `gradient` differentiates them.

use super::fusion::{Fusion, SUM_COLUMNS};
use super::step::Scalar;
use super::tensor::{Element, Role, Shape, Tensor};
use crate::function::{Function, Slope};
use crate::optimizer::Optimizer;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Rows of a [`Role::Log`] tensor: the number of steps that can run before the host must read it.
pub const LOG_ROWS: usize = 1024;

/// Conversion of grey pixels to inputs of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Binarize {
    /// 1 where the pixel is above 127, else 0.
    #[default]
    Threshold,
    /// 1 with probability pixel / 255, drawn again each time.
    Stochastic,
    /// pixel / 255.
    None,
}

/// The independent noise sequence of an op: the last word of the Philox counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum Stream {
    /// The latent noise of training.
    Latent = 0,
    /// Stochastic binarisation.
    Binarize = 1,
    /// The latent noise of evaluation.
    Evaluation = 2,
    /// Latents drawn from the prior.
    Prior = 3,
    /// Samples of pixels.
    Bernoulli = 4,
    /// The latent noise of importance sampling.
    Importance = 5,
}

/// Storage of the pixels of a set of images on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pixels {
    /// Bytes, from 0 to 255.
    Bytes,
    /// The bits of f32 numbers from 0 to 1. They are words and not numbers, since they are read by
    /// the same binding as bytes, and stay f32 on the f64 oracle.
    Reals,
}

impl Pixels {
    /// Returns the element type of the tensor.
    pub fn element(self) -> Element {
        match self {
            Self::Bytes => Element::U8,
            Self::Reals => Element::U32,
        }
    }
}

/// The operand of a product that is transposed first.
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
        /// Type of the pixels in the data.
        pixels: Pixels,
        /// Conversion of the pixels.
        binarize: Binarize,
    },
    /// a, b -> a·b, one of them possibly transposed first.
    Matmul(Transpose),
    /// operands -> f(operands) `[r, c]`, element by element. An operand is `[r, c]`, or repeated along
    /// rows, columns or both: `[1, c]`, `[r, 1]`, `[1, 1]`.
    Map(&'static Function),
    /// dy, operands or value -> dy·slope `[r, c]`: the gradient of an operand, given by its place,
    /// repeated as in [`Map`](Self::Map). The [slope](Slope) says which inputs come after dy.
    MapBackward(&'static Function, usize),
    /// -> a tensor with a number of the step in every element.
    StepScalar {
        /// Shape of the tensor.
        shape: Shape,
        /// The number.
        scalar: Scalar,
    },
    /// x `[r, c]` -> sums of its rows `[r, 1]`.
    RowSum,
    /// x `[r, c]` -> sums of each row's blocks of [`SUM_COLUMNS`](super::SUM_COLUMNS) columns `[r,
    /// c / 4]`, rounded up. Created only by [`fuse`](super::fuse).
    BlockSum,
    /// x `[g·group, c]` -> sums of its columns, over groups of successive rows `[g, c]`.
    ColumnSum {
        /// Rows of a group: all of them, for whole columns.
        group: usize,
    },
    /// x `[g·group, c]` -> ln Σ eˣ of its columns, over groups of successive rows `[g, c]`.
    LogSumExp {
        /// Rows of a group.
        group: usize,
    },
    /// x `[r, c]` -> each row `times` times, one after the other `[r·times, c]`.
    RepeatRows {
        /// Repetitions of each row.
        times: usize,
    },
    /// labels u32 `[n, 1]`, indices u32 `[n, 1]` -> `[batch, classes]`: for labels
    /// `indices[first_row..]` 1 in the label's column, else 0; rows past the end repeat the last.
    OneHot {
        /// Rows of the result.
        batch: usize,
        /// Number of labels, from 0 on. The row of a larger label is 0.
        classes: usize,
    },
    /// x `[r, c]` -> its first `left` columns, the others.
    SplitColumns {
        /// Width of the first output.
        left: usize,
    },
    /// a `[r, c]`, b `[r, d]` -> the two side by side `[r, c + d]`.
    Concatenate,
    /// -> independent draws from N(0, 1).
    Normal {
        /// Shape of the draw.
        shape: Shape,
        /// Noise sequence.
        stream: Stream,
    },
    /// -> independent draws from the multiples of 2⁻²⁴ from 0 to below 1.
    Uniform {
        /// Shape of the draw.
        shape: Shape,
        /// Noise sequence.
        stream: Stream,
    },
    /// x `[r, c]` -> the number of elements of each row that are infinite or NaN `[r, 1]`.
    CountNonfinite,
    /// dw updates w, then the optimiser's states of it, all of one shape.
    Update(Optimizer),
    /// term `[r, c]` updates log: its sum goes to row `step mod LOG_ROWS` of this column.
    LossSum {
        /// Column of the log.
        column: usize,
    },
    /// Several of the above as one, created only by [`fuse`](super::fuse).
    Fused(Fusion),
}

impl Op {
    /// Returns the op's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GatherBatch { .. } => "gather_batch",
            Self::Matmul(Transpose::None) => "matmul",
            Self::Matmul(Transpose::A) => "matmul_transpose_a",
            Self::Matmul(Transpose::B) => "matmul_transpose_b",
            Self::Map(function) => function.name,
            Self::MapBackward(function, _) => function.backward,
            Self::StepScalar { .. } => "step_scalar",
            Self::RowSum => "row_sum",
            Self::BlockSum => "block_sum",
            Self::ColumnSum { .. } => "column_sum",
            Self::LogSumExp { .. } => "log_sum_exp",
            Self::RepeatRows { .. } => "repeat_rows",
            Self::OneHot { .. } => "one_hot",
            Self::SplitColumns { .. } => "split_columns",
            Self::Concatenate => "concatenate",
            Self::Normal { .. } => "normal",
            Self::Uniform { .. } => "uniform",
            Self::CountNonfinite => "count_nonfinite",
            Self::Update(optimizer) => optimizer.rule().name,
            Self::LossSum { .. } => "loss_sum",
            Self::Fused(fusion) => fusion.name(),
        }
    }

    /// Whether the outputs are existing tensors that the op changes in place.
    pub fn updates(&self) -> bool {
        matches!(self, Self::Update(_) | Self::LossSum { .. } | Self::Fused(Fusion::Update))
    }

    /// Whether the op computes each element of its outputs from the same place of its inputs, or
    /// from a few places of the same row: a stage of an epilogue.
    pub fn is_stage(&self) -> bool {
        matches!(
            self,
            Self::Map(_)
                | Self::MapBackward(..)
                | Self::StepScalar { .. }
                | Self::BlockSum
                | Self::SplitColumns { .. }
                | Self::Concatenate
        )
    }

    /// Returns the element type of an input, given by its place. Outputs are real numbers.
    pub fn input_element(&self, input: usize) -> Element {
        match (self, input) {
            (Self::GatherBatch { pixels, .. }, 0) => pixels.element(),
            // Read-only in both cases; the node's gather op has the element type.
            (Self::Fused(Fusion::Batch), 0) => Element::U8,
            (Self::GatherBatch { .. } | Self::Fused(Fusion::Batch), 1) => Element::U32,
            (Self::OneHot { .. }, 0 | 1) => Element::U32,
            _ => Element::F32,
        }
    }

    /// Returns the shapes of the outputs for these inputs.
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
            (Self::Map(function), operands) if operands.len() == function.arity() => {
                repeated(operands).map(|shape| vec![shape])
            }
            (Self::MapBackward(function, operand), inputs) => {
                let of_value = match *function.slopes.get(operand)? {
                    Slope::Operands => function.arity(),
                    Slope::Value => 1,
                    _ => return None,
                };
                let shape = repeated(inputs).filter(|_| inputs.len() == 1 + of_value)?;
                Some(vec![shape])
            }
            (Self::StepScalar { shape, .. }, &[]) => Some(vec![shape]),
            (Self::RowSum | Self::CountNonfinite, &[x]) => Some(vec![per_row(x)]),
            (Self::BlockSum, &[x]) => {
                Some(vec![Shape::new(x.rows, x.columns.div_ceil(SUM_COLUMNS))])
            }
            (Self::ColumnSum { group } | Self::LogSumExp { group }, &[x]) => {
                let is_whole = group > 0 && x.rows.is_multiple_of(group);
                is_whole.then(|| vec![Shape::new(x.rows / group, x.columns)])
            }
            (Self::RepeatRows { times }, &[x]) => {
                Some(vec![Shape::new(x.rows.checked_mul(times)?, x.columns)])
            }
            (Self::OneHot { batch, classes }, &[labels, indices]) => {
                let are_columns = labels.columns == 1 && indices.columns == 1;
                are_columns.then(|| vec![Shape::new(batch, classes)])
            }
            (Self::SplitColumns { left }, &[x]) => {
                let right = x.columns.checked_sub(left)?;
                Some(vec![Shape::new(x.rows, left), Shape::new(x.rows, right)])
            }
            (Self::Concatenate, &[a, b]) => {
                (a.rows == b.rows).then(|| vec![Shape::new(a.rows, a.columns + b.columns)])
            }
            (Self::Normal { shape, .. } | Self::Uniform { shape, .. }, &[]) => Some(vec![shape]),
            _ => None,
        }
    }

    /// Checks that an updating op is defined for these tensors.
    pub(super) fn check_targets(&self, inputs: &[&Tensor], targets: &[&Tensor]) -> Result<()> {
        let reals = |t: &&Tensor| t.element == Element::F32 && !t.shape.is_empty();
        let reals = inputs.iter().chain(targets).all(reals);
        let kept = |t: &&Tensor| matches!(t.role, Role::Data | Role::Constant(_));
        let fits = match (*self, inputs, targets) {
            (Self::Update(optimizer), [dw], targets) => {
                targets.len() == 1 + optimizer.states().count()
                    && targets.iter().all(|target| target.shape == dw.shape)
            }
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

/// Returns the rows and columns of a matrix or of its transpose.
fn oriented(shape: Shape, transpose: bool) -> (usize, usize) {
    if transpose { (shape.columns, shape.rows) } else { (shape.rows, shape.columns) }
}

/// Returns the shape to which all operands, at least one, can be repeated along rows, columns or
/// both.
fn repeated(operands: &[Shape]) -> Option<Shape> {
    let rows = operands.iter().map(|shape| shape.rows).max()?;
    let columns = operands.iter().map(|shape| shape.columns).max()?;
    let fits = |shape: &Shape| {
        (shape.rows == rows || shape.rows == 1) && (shape.columns == columns || shape.columns == 1)
    };
    operands.iter().all(fits).then(|| Shape::new(rows, columns))
}
