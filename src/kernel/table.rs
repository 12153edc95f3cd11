//! The kernel table's primitives.

use super::core::wide;
use super::{Call, Case, Fill, Grid, Kernel, Split, Tolerance, Twins, WORKGROUP};
use crate::cpu;
use crate::cpu::gather_batch::Grey;
use crate::graph::{
    Binarize, LOG_ROWS, Op, Pixels, RmsProp, SUM_COLUMNS, Shape, Stream, Transpose,
};
use Fill::{Binary, Broken, Normal, Positive, Unit, Wide};

/// One twin for both precisions.
macro_rules! twins {
    (|$call:pat_param, $step:pat_param, $read:ident, $write:pat_param| $run:expr) => {
        Twins { f64: twins!(@one $call, $step, $read, $write, $run),
                f32: twins!(@one $call, $step, $read, $write, $run) }
    };
    (@one $call:pat_param, $step:pat_param, $read:ident, $write:pat_param, $run:expr) => {
        |$call, $step, $read, write| {
            let $write = write else { unreachable!("the op has as many outputs as are named") };
            $run
        }
    };
}

/// The texts of a shader: its imports, then its own file.
macro_rules! sources {
    ($shader:literal $(, $common:literal)*) => {
        &[
            $(include_str!(concat!("../../shaders/common/", $common, ".wgsl")),)*
            include_str!(concat!("../../shaders/", $shader, ".wgsl")),
        ]
    };
}

/// The kernels of the primitive ops.
pub(super) static PRIMITIVES: &[Kernel] = &[
    Kernel {
        constants: |call| [vec![columns(call)], gather(call.op)].concat(),
        tolerance: |call| match call.op {
            Op::GatherBatch { pixels: Pixels::Bytes, binarize: Binarize::None, .. } => {
                Tolerance::ROUNDING
            }
            _ => Tolerance::EXACT,
        },
        ..elementwise(
            "gather_batch",
            sources!("gather_batch", "grid", "step", "now", "philox", "gather"),
            twins!(|call, step, read, [x]| {
                let Op::GatherBatch { pixels, binarize, .. } = call.op else {
                    unreachable!("the row is for this op")
                };
                let data = match pixels {
                    Pixels::Bytes => Grey::Bytes(read[0].bytes()),
                    Pixels::Reals => Grey::Reals(bytemuck::cast_slice(read[0].words())),
                };
                let indices = read[1].words();
                cpu::gather_batch::gather_batch(step, binarize, call.columns(), data, indices, x);
            }),
            || {
                let modes = [Binarize::Threshold, Binarize::Stochastic, Binarize::None];
                let both = [Pixels::Bytes, Pixels::Reals];
                let kinds = both.into_iter().flat_map(|pixels| modes.map(|mode| (pixels, mode)));
                kinds.flat_map(|(pixels, mode)| Case::gather(pixels, mode)).collect()
            },
        )
    },
    matmul("matmul", &[1], || {
        let stored = |[m, n, k]: [usize; 3]| [Shape::new(m, k), Shape::new(k, n)];
        Case::matmul(Op::Matmul(Transpose::None), stored)
    }),
    matmul("matmul_transpose_a", &[0, 1], || {
        let stored = |[m, n, k]: [usize; 3]| [Shape::new(k, m), Shape::new(k, n)];
        Case::matmul(Op::Matmul(Transpose::A), stored)
    }),
    matmul("matmul_transpose_b", &[1], || {
        let stored = |[m, n, k]: [usize; 3]| [Shape::new(m, k), Shape::new(n, k)];
        Case::matmul(Op::Matmul(Transpose::B), stored)
    }),
    Kernel {
        tolerance: |_| Tolerance::ROUNDING,
        ..elementwise(
            "bias",
            sources!("bias", "grid"),
            twins!(|_, _, read, [y]| cpu::bias::bias(read[0].reals(), read[1].reals(), y)),
            Case::bias,
        )
    },
    Kernel {
        split: Split::Whole,
        tolerance: |call| Tolerance::cancelling_sum(call.inputs[0].rows),
        ..elementwise(
            "bias_backward",
            sources!("bias_backward", "grid"),
            twins!(|_, _, read, [dbias]| {
                cpu::bias_backward::bias_backward(read[0].reals(), dbias);
            }),
            || Case::same(Op::BiasBackward, &[Normal]),
        )
    },
    Kernel {
        tolerance: |_| Tolerance::EXACT,
        ..elementwise(
            "relu",
            sources!("relu", "grid"),
            twins!(|_, _, read, [y]| cpu::relu::relu(read[0].reals(), y)),
            || Case::same(Op::Relu, &[Wide]),
        )
    },
    Kernel {
        tolerance: |_| Tolerance::EXACT,
        ..elementwise(
            "relu_backward",
            sources!("relu_backward", "grid"),
            twins!(|_, _, read, [dx]| {
                cpu::relu_backward::relu_backward(read[0].reals(), read[1].reals(), dx);
            }),
            || Case::same(Op::ReluBackward, &[Wide, Wide]),
        )
    },
    Kernel {
        // Well below the 1e-6 that is added.
        tolerance: |_| Tolerance { absolute: 1e-7, ..Tolerance::ELEMENTWISE },
        ..elementwise(
            "softplus",
            sources!("softplus", "grid", "scalar", "log1p", "stddev"),
            twins!(|_, _, read, [stddev]| cpu::softplus::softplus(read[0].reals(), stddev)),
            || Case::same(Op::Softplus, &[Wide]),
        )
    },
    elementwise(
        "softplus_backward",
        sources!("softplus_backward", "grid", "scalar", "sigmoid"),
        twins!(|_, _, read, [ds]| {
            cpu::softplus_backward::softplus_backward(read[0].reals(), read[1].reals(), ds);
        }),
        || Case::same(Op::SoftplusBackward, &[Normal, Wide]),
    ),
    elementwise(
        "sigmoid",
        sources!("sigmoid", "grid", "scalar", "sigmoid"),
        twins!(|_, _, read, [y]| cpu::sigmoid::sigmoid(read[0].reals(), y)),
        || Case::same(Op::Sigmoid, &[Wide]),
    ),
    elementwise(
        "sigmoid_backward",
        sources!("sigmoid_backward", "grid"),
        twins!(|_, _, read, [dx]| {
            cpu::sigmoid_backward::sigmoid_backward(read[0].reals(), read[1].reals(), dx);
        }),
        || Case::same(Op::SigmoidBackward, &[Normal, Unit]),
    ),
    Kernel {
        tolerance: |_| Tolerance::ROUNDING,
        ..elementwise(
            "add",
            sources!("add", "grid"),
            twins!(|_, _, read, [sum]| cpu::add::add(read[0].reals(), read[1].reals(), sum)),
            || Case::same(Op::Add, &[Wide, Wide]),
        )
    },
    Kernel {
        constants: |call| sides(call.outputs[0], call.outputs[1]),
        grid: Grid::Own(|call| invocations(call.inputs[0].len())),
        tolerance: |_| Tolerance::EXACT,
        ..elementwise(
            "split_columns",
            sources!("split_columns", "grid"),
            twins!(|call, _, read, [left, right]| {
                cpu::split_columns::split_columns(read[0].reals(), call.columns(), left, right);
            }),
            Case::split_columns,
        )
    },
    Kernel {
        constants: |call| sides(call.inputs[0], call.inputs[1]),
        tolerance: |_| Tolerance::EXACT,
        ..elementwise(
            "split_columns_backward",
            sources!("split_columns_backward", "grid"),
            twins!(|call, _, read, [dx]| {
                let (left, right) = (read[0].reals(), read[1].reals());
                let left_columns = call.input_columns();
                cpu::split_columns_backward::split_columns_backward(left, right, left_columns, dx);
            }),
            Case::split_columns_backward,
        )
    },
    Kernel {
        constants: |call| noise(call.op),
        grid: Grid::Own(|call| invocations(call.outputs[0].rows * call.columns().div_ceil(4))),
        ..elementwise(
            "normal",
            sources!("normal", "grid", "step", "now", "scalar", "log1p", "philox", "noise"),
            twins!(|call, step, _read, [draws]| {
                let Op::Normal { stream, .. } = call.op else {
                    unreachable!("the row is for this op")
                };
                cpu::normal::normal(step, stream, call.columns(), draws);
            }),
            || Case::draws(|shape| Op::Normal { shape, stream: Stream::Latent }),
        )
    },
    Kernel {
        // The product may be ten times the sum that it cancels to.
        tolerance: |_| Tolerance { absolute: 1e-5, ..Tolerance::ROUNDING },
        ..elementwise(
            "reparameterize",
            sources!("reparameterize", "grid"),
            twins!(|_, _, read, [z]| {
                let [mean, stddev, eps] = [0, 1, 2].map(|i| read[i].reals());
                cpu::reparameterize::reparameterize(mean, stddev, eps, z);
            }),
            || Case::same(Op::Reparameterize, &[Normal, Positive, Normal]),
        )
    },
    Kernel {
        tolerance: |_| Tolerance::ROUNDING,
        ..elementwise(
            "reparameterize_backward",
            sources!("reparameterize_backward", "grid"),
            twins!(|_, _, read, [dstddev]| {
                let (dz, eps) = (read[0].reals(), read[1].reals());
                cpu::reparameterize_backward::reparameterize_backward(dz, eps, dstddev);
            }),
            || Case::same(Op::ReparameterizeBackward, &[Wide, Normal]),
        )
    },
    row_sum(
        "bernoulli_log_likelihood",
        sources!("bernoulli_log_likelihood", "reduce", "scalar", "log1p", "log_likelihood"),
        twins!(|_, _, read, [sums]| {
            let (logits, x) = (read[0].reals(), read[1].reals());
            cpu::bernoulli_log_likelihood::bernoulli_log_likelihood(logits, x, sums);
        }),
        || {
            let op = Op::BernoulliLogLikelihood;
            [Case::same(op, &[Wide, Binary]), Case::same(op, &[Normal, Unit])].concat()
        },
    ),
    Kernel {
        constants: |call| vec![("COLUMNS", call.input_columns() as f64)],
        tolerance: |_| Tolerance::one_signed_sum(SUM_COLUMNS),
        ..elementwise(
            "bernoulli_log_likelihood_blocks",
            sources!(
                "bernoulli_log_likelihood_blocks",
                "grid",
                "scalar",
                "log1p",
                "log_likelihood"
            ),
            twins!(|call, _, read, [blocks]| {
                let (logits, x) = (read[0].reals(), read[1].reals());
                let columns = call.input_columns();
                cpu::bernoulli_log_likelihood_blocks::bernoulli_log_likelihood_blocks(
                    columns, logits, x, blocks,
                );
            }),
            || Case::same(Op::BernoulliLogLikelihoodBlocks, &[Wide, Binary]),
        )
    },
    Kernel {
        constants: |call| vec![columns(call)],
        ..elementwise(
            "bernoulli_log_likelihood_backward",
            sources!("bernoulli_log_likelihood_backward", "grid", "scalar", "sigmoid"),
            twins!(|_, _, read, [dlogits]| {
                let [d, logits, x] = [0, 1, 2].map(|i| read[i].reals());
                cpu::bernoulli_log_likelihood_backward::bernoulli_log_likelihood_backward(
                    d, logits, x, dlogits,
                );
            }),
            || {
                let op = Op::BernoulliLogLikelihoodBackward;
                Case::first_narrow(op, one_column, &[Normal, Wide, Binary])
            },
        )
    },
    row_sum(
        "gaussian_kl",
        sources!("gaussian_kl", "reduce", "scalar", "log1p", "kl"),
        twins!(|_, _, read, [kl]| {
            cpu::gaussian_kl::gaussian_kl(read[0].reals(), read[1].reals(), kl);
        }),
        || Case::same(Op::GaussianKl, &[Normal, Positive]),
    ),
    Kernel {
        tolerance: |_| Tolerance::EXACT,
        ..row_sum(
            "count_nonfinite",
            sources!("count_nonfinite", "reduce"),
            twins!(|_, _, read, [count]| {
                cpu::count_nonfinite::count_nonfinite(read[0].reals(), count);
            }),
            || Case::same(Op::CountNonfinite, &[Broken]),
        )
    },
    Kernel {
        constants: |call| vec![("COLUMNS", call.input_columns() as f64)],
        tolerance: |_| Tolerance::one_signed_sum(SUM_COLUMNS),
        ..elementwise(
            "gaussian_kl_blocks",
            sources!("gaussian_kl_blocks", "grid", "scalar", "log1p", "kl"),
            twins!(|call, _, read, [blocks]| {
                let (mean, stddev) = (read[0].reals(), read[1].reals());
                let columns = call.input_columns();
                cpu::gaussian_kl_blocks::gaussian_kl_blocks(columns, mean, stddev, blocks);
            }),
            || Case::same(Op::GaussianKlBlocks, &[Normal, Positive]),
        )
    },
    Kernel {
        constants: |call| vec![columns(call)],
        ..elementwise(
            "gaussian_kl_backward",
            sources!("gaussian_kl_backward", "grid"),
            twins!(|_, _, read, [dmean, dstddev]| {
                let [dkl, mean, stddev] = [0, 1, 2].map(|i| read[i].reals());
                cpu::gaussian_kl_backward::gaussian_kl_backward(dkl, mean, stddev, dmean, dstddev);
            }),
            || Case::first_narrow(Op::GaussianKlBackward, one_column, &[Normal, Normal, Positive]),
        )
    },
    Kernel {
        constants: |call| {
            let Op::BernoulliSample { stream } = call.op else {
                unreachable!("the row is for this op")
            };
            vec![columns(call), ("STREAM", f64::from(stream as u32))]
        },
        tolerance: |_| Tolerance::EXACT,
        ..elementwise(
            "bernoulli_sample",
            sources!("bernoulli_sample", "grid", "step", "now", "philox"),
            twins!(|call, step, read, [samples]| {
                let Op::BernoulliSample { stream } = call.op else {
                    unreachable!("the row is for this op")
                };
                let (columns, probabilities) = (call.columns(), read[0].reals());
                cpu::bernoulli_sample::bernoulli_sample(
                    step,
                    stream,
                    columns,
                    probabilities,
                    samples,
                );
            }),
            || Case::same(Op::BernoulliSample { stream: Stream::Bernoulli }, &[Unit]),
        )
    },
    Kernel {
        constants: |call| {
            let Op::RmsProp(constants) = call.op else { unreachable!("the row is for this op") };
            vec![("GAIN", 1.0 - constants.decay), ("EPSILON", constants.epsilon)]
        },
        // An update is about 1e-3: five digits of it.
        tolerance: |_| Tolerance { absolute: 1e-8, relative: 5e-7 },
        ..elementwise(
            "rmsprop",
            sources!("rmsprop", "grid", "step", "now", "scalar", "descent"),
            twins!(|call, step, read, [w, ms]| {
                let Op::RmsProp(constants) = call.op else {
                    unreachable!("the row is for this op")
                };
                cpu::rmsprop::rmsprop(step, constants, read[0].reals(), w, ms);
            }),
            || Case::rmsprop(Op::RmsProp(RmsProp::default())),
        )
    },
    Kernel {
        constants: |call| {
            let Op::LossSum { column } = call.op else { unreachable!("the row is for this op") };
            vec![columns(call), ("COLUMN", column as f64), ("LOG_ROWS", LOG_ROWS as f64)]
        },
        grid: Grid::Own(|_| [1, 1, 1]),
        split: Split::Whole,
        tolerance: |call| Tolerance::cancelling_sum(call.inputs[0].len()),
        ..row_sum(
            "loss_sum",
            sources!("loss_sum", "reduce", "step", "now"),
            twins!(|call, step, read, [log]| {
                let Op::LossSum { column } = call.op else {
                    unreachable!("the row is for this op")
                };
                let index = step.index as usize % LOG_ROWS * call.columns() + column;
                cpu::loss_sum::loss_sum(call.input_columns(), read[0].reals(), log, index);
            }),
            Case::loss_sum,
        )
    },
];

pub(super) use sources;

/// One invocation for each element of the first output.
const fn elementwise(
    name: &'static str,
    sources: &'static [&'static str],
    twins: Twins,
    cases: fn() -> Vec<Case>,
) -> Kernel {
    Kernel {
        name,
        shader: name,
        entry_point: name,
        sources,
        constants: |_| Vec::new(),
        grid: Grid::Own(|call| invocations(call.outputs[0].len())),
        table: None,
        twins: Some(twins),
        split: Split::ROWS,
        tolerance: |_| Tolerance::ELEMENTWISE,
        cases,
    }
}

/// One workgroup for each row, which it sums up.
const fn row_sum(
    name: &'static str,
    sources: &'static [&'static str],
    twins: Twins,
    cases: fn() -> Vec<Case>,
) -> Kernel {
    Kernel {
        constants: |call| vec![("COLUMNS", call.input_columns() as f64)],
        grid: Grid::Own(|call| wrapped(call.outputs[0].rows)),
        tolerance: |call| Tolerance::one_signed_sum(call.input_columns()),
        ..elementwise(name, sources, twins, cases)
    }
}

/// One shader for the three products. A row of the output depends on the whole of these inputs.
const fn matmul(name: &'static str, whole: &'static [usize], cases: fn() -> Vec<Case>) -> Kernel {
    let twins = twins!(|call, _, read, [c]| {
        let Op::Matmul(transpose) = call.op else { unreachable!("the row is for this op") };
        cpu::matmul::matmul(transpose, call.mnk(), read[0].reals(), read[1].reals(), c);
    });
    Kernel {
        shader: "matmul",
        twins: Some(twins),
        split: Split::Rows { whole },
        constants: |call| {
            let is = |transpose| f64::from(u8::from(call.op == Op::Matmul(transpose)));
            let (a, b) = (is(Transpose::A), is(Transpose::B));
            vec![("TRANSPOSE_A", a), ("TRANSPOSE_B", b)]
        },
        ..product(name, sources!("matmul", "fours", "step", "size", "plain", "each"), cases)
    }
}

/// A product with something that follows it.
pub(super) const fn product(
    name: &'static str,
    sources: &'static [&'static str],
    cases: fn() -> Vec<Case>,
) -> Kernel {
    Kernel {
        name,
        shader: name,
        entry_point: "main",
        sources,
        constants: |_| Vec::new(),
        grid: Grid::Tiles(wide),
        table: None,
        twins: None,
        split: Split::Whole,
        tolerance: |call| Tolerance::cancelling_sum(call.mnk()[2]),
        cases,
    }
}

/// What the shaders' gather takes from its op.
pub(super) fn gather(op: Op) -> Vec<(&'static str, f64)> {
    let Op::GatherBatch { pixels, binarize, .. } = op else {
        unreachable!("the row is for this op")
    };
    let mode = match binarize {
        Binarize::Threshold => 0.0,
        Binarize::Stochastic => 1.0,
        Binarize::None => 2.0,
    };
    vec![
        ("BINARIZE", mode),
        ("BINARIZE_STREAM", f64::from(Stream::Binarize as u32)),
        ("REALS", f64::from(u8::from(pixels == Pixels::Reals))),
    ]
}

/// What the shaders' draw takes from its op.
pub(super) fn noise(op: Op) -> Vec<(&'static str, f64)> {
    let Op::Normal { shape, stream } = op else { unreachable!("the row is for this op") };
    vec![("LATENT", shape.columns as f64), ("NOISE_STREAM", f64::from(stream as u32))]
}

pub(super) fn columns(call: &Call) -> (&'static str, f64) {
    ("COLUMNS", call.columns() as f64)
}

fn sides(left: Shape, right: Shape) -> Vec<(&'static str, f64)> {
    vec![("LEFT", left.columns as f64), ("RIGHT", right.columns as f64)]
}

fn one_column(shape: Shape) -> Shape {
    Shape::new(shape.rows, 1)
}

/// Workgroups for this many invocations.
pub(super) fn invocations(count: usize) -> [u32; 3] {
    wrapped(count.div_ceil(WORKGROUP))
}

/// This many workgroups, wrapped into y where x would be too long.
pub(super) fn wrapped(workgroups: usize) -> [u32; 3] {
    const LONGEST: usize = 65_535;
    [workgroups.min(LONGEST) as u32, workgroups.div_ceil(LONGEST) as u32, 1]
}
