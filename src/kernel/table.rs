//! The kernel table.

mod update;

pub(super) use update::OPTIMIZER;

use super::core::{layers, product};
use super::{
    Call, Case, Epilogue, Fill, Grid, Kernel, Size, Split, Tiling, Tolerance, Twins, WORKGROUP,
};
use crate::cpu;
use crate::cpu::Real;
use crate::cpu::gather_batch::Grey;
use crate::function::{Function, Loops};
use crate::graph::{Binarize, LOG_ROWS, Op, Pixels, SUM_COLUMNS, Scalar, Shape, Step, Stream};
use crate::kernel::Operand;

/// A twin in both precisions, from one generic function.
macro_rules! twins {
    (|$call:pat_param, $step:pat_param, $read:ident, $write:pat_param| $run:expr) => {
        Twins {
            f64: twins!(@one $call, $step, $read, $write, $run),
            f32: twins!(@one $call, $step, $read, $write, $run),
        }
    };
    (@one $call:pat_param, $step:pat_param, $read:ident, $write:pat_param, $run:expr) => {
        |$call, $step, $read, write| {
            let $write = write else { unreachable!("the op has as many outputs as are named") };
            $run
        }
    };
}

/// Matrix products, alone or with stages.
pub(super) static PRODUCT: Kernel = Kernel {
    entry_point: "main",
    grid: Grid::Tiles(product),
    split: rows_of_stages,
    tolerance: |call| {
        let sums = Tolerance::cancelling_sum(call.mnk()[2]);
        let mut functions = call.epilogue.iter().flat_map(|epilogue| epilogue.functions());
        let is_exact = |function: &Function| function.tolerance.relative <= ROUNDING;
        // For weights N(0, 0.1²), passed through functions of slope up to ten.
        if functions.all(is_exact) { sums } else { Tolerance { relative: 1e-5, ..sums } }
    },
    ..plain(
        "product",
        &[],
        twins!(|call, _, read, [c]| {
            let Op::Matmul(transpose) = call.op else { unreachable!("the rest has no twin") };
            cpu::matmul::matmul(transpose, call.mnk(), read[0].reals(), read[1].reals(), c);
        }),
        Case::products,
    )
};

/// Stages without a product.
pub(super) static STAGES: Kernel = Kernel {
    entry_point: "main",
    grid: Grid::Own(|call| {
        let (rows, width) = rows_and_width(call);
        invocations(rows * width.div_ceil(SUM_COLUMNS))
    }),
    split: rows_of_stages,
    tolerance: |call| {
        let functions = call.epilogue.iter().flat_map(|epilogue| epilogue.functions());
        let most =
            functions.map(|function| function.tolerance).fold(Tolerance::EXACT, |most, one| {
                Tolerance {
                    absolute: most.absolute.max(one.absolute),
                    relative: most.relative.max(one.relative),
                }
            });
        let sums = Tolerance::cancelling_sum(SUM_COLUMNS);
        let computed_sums = call.epilogue.as_ref().map_or(0, Epilogue::computed_sums);
        // Half a unit in the last place of operands of size 1, for either operand.
        let cancelled = computed_sums as f64 * f64::from(f32::EPSILON);
        if call.op == Op::BlockSum { sums } else { most.with_absolute(cancelled) }
    },
    ..plain(
        "stages",
        &[],
        Twins {
            f64: |call, step, read, write| stage(call, step, read, write, |row| &row.f64),
            f32: |call, step, read, write| stage(call, step, read, write, |row| &row.f32),
        },
        Case::stages,
    )
};

const ROUNDING: f64 = Tolerance::ROUNDING.relative;

/// Kernels with files of their own.
pub(super) static FILES: &[Kernel] = &[
    Kernel {
        constants: |call| [vec![columns(call)], gather(call.op)].concat(),
        tolerance: |call| match call.op {
            Op::GatherBatch { pixels: Pixels::Bytes, binarize: Binarize::None, .. } => {
                Tolerance::ROUNDING
            }
            _ => Tolerance::EXACT,
        },
        ..plain(
            "gather_batch",
            &["gather_batch"],
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
    Kernel {
        tolerance: |call| Tolerance::cancelling_sum(call.input_columns()),
        ..row_sum(
            "row_sum",
            &["row_sum"],
            twins!(|_, _, read, [sums]| cpu::row_sum::row_sum(read[0].reals(), sums)),
            Case::row_sum,
        )
    },
    Kernel {
        constants: grouped,
        split: |_| Split::Whole,
        tolerance: |call| Tolerance::cancelling_sum(group(call)),
        ..plain(
            "column_sum",
            &["column_sum"],
            twins!(|call, _, read, [sums]| {
                cpu::column_sum::column_sum(read[0].reals(), call.columns(), group(call), sums);
            }),
            || {
                let whole = |shape: Shape| Op::ColumnSum { group: shape.rows };
                let grouped = Case::groups(|group| Op::ColumnSum { group }, Fill::Normal);
                Case::of_shapes(whole, Fill::Normal).into_iter().chain(grouped).collect()
            },
        )
    },
    Kernel {
        constants: grouped,
        split: |_| Split::Whole,
        ..plain(
            "log_sum_exp",
            &["log_sum_exp"],
            twins!(|call, _, read, [y]| {
                cpu::log_sum_exp::log_sum_exp(read[0].reals(), call.columns(), group(call), y);
            }),
            || Case::groups(|group| Op::LogSumExp { group }, Fill::Wide),
        )
    },
    Kernel {
        constants: |call| vec![columns(call), ("TIMES", group(call) as f64)],
        split: |_| Split::Whole,
        tolerance: |_| Tolerance::EXACT,
        ..plain(
            "repeat_rows",
            &["repeat_rows"],
            twins!(|call, _, read, [y]| {
                cpu::repeat_rows::repeat_rows(read[0].reals(), call.columns(), group(call), y);
            }),
            || Case::of_shapes(|shape| Op::RepeatRows { times: 1 + shape.columns % 5 }, Fill::Wide),
        )
    },
    Kernel {
        constants: |call| vec![columns(call)],
        split: |_| Split::Whole,
        tolerance: |_| Tolerance::EXACT,
        ..plain(
            "one_hot",
            &["one_hot"],
            twins!(|call, step, read, [x]| {
                let (labels, indices) = (read[0].words(), read[1].words());
                cpu::one_hot::one_hot(step, call.columns(), labels, indices, x);
            }),
            Case::one_hot,
        )
    },
    Kernel {
        constants: |call| sides(call.outputs[0], call.outputs[1]),
        grid: Grid::Own(|call| invocations(call.inputs[0].len())),
        tolerance: |_| Tolerance::EXACT,
        ..plain(
            "split_columns",
            &["split_columns"],
            twins!(|call, _, read, [left, right]| {
                cpu::split_columns::split_columns(read[0].reals(), call.columns(), left, right);
            }),
            Case::split_columns,
        )
    },
    Kernel {
        constants: |call| sides(call.inputs[0], call.inputs[1]),
        tolerance: |_| Tolerance::EXACT,
        ..plain(
            "concatenate",
            &["concatenate"],
            twins!(|call, _, read, [joined]| {
                let (left, right) = (read[0].reals(), read[1].reals());
                cpu::concatenate::concatenate(left, right, call.input_columns(), joined);
            }),
            Case::concatenate,
        )
    },
    Kernel {
        constants: |call| noise(call.op),
        grid: Grid::Own(|call| invocations(call.outputs[0].rows * call.columns().div_ceil(4))),
        ..plain(
            "normal",
            &["normal"],
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
        entry_point: "uniform_draw",
        constants: |call| {
            let Op::Uniform { stream, .. } = call.op else {
                unreachable!("the row is for this op")
            };
            vec![columns(call), ("STREAM", f64::from(stream as u32))]
        },
        tolerance: |_| Tolerance::EXACT,
        ..plain(
            "uniform",
            &["uniform"],
            twins!(|call, step, _read, [draws]| {
                let Op::Uniform { stream, .. } = call.op else {
                    unreachable!("the row is for this op")
                };
                cpu::uniform::uniform(step, stream, call.columns(), draws);
            }),
            || Case::draws(|shape| Op::Uniform { shape, stream: Stream::Bernoulli }),
        )
    },
    Kernel {
        tolerance: |_| Tolerance::EXACT,
        ..row_sum(
            "count_nonfinite",
            &["count_nonfinite"],
            twins!(|_, _, read, [count]| {
                cpu::count_nonfinite::count_nonfinite(read[0].reals(), count);
            }),
            Case::count_nonfinite,
        )
    },
    Kernel {
        constants: |call| {
            let Op::LossSum { column } = call.op else { unreachable!("the row is for this op") };
            vec![columns(call), ("COLUMN", column as f64), ("LOG_ROWS", LOG_ROWS as f64)]
        },
        grid: Grid::Own(|_| [1, 1, 1]),
        split: |_| Split::Whole,
        tolerance: |call| Tolerance::cancelling_sum(call.inputs[0].len()),
        ..row_sum(
            "loss_sum",
            &["loss_sum"],
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
    Kernel {
        twins: None,
        constants: |call| {
            let parts = call.parts.iter().flat_map(|&part| match part {
                Op::GatherBatch { .. } => gather(part),
                other => noise(other),
            });
            let first = (gather_workgroups(call) * WORKGROUP) as f64;
            parts.chain([columns(call), ("FIRST_NOISE", first)]).collect()
        },
        grid: Grid::Own(|call| {
            let noise = call.outputs[1];
            let blocks = noise.rows * noise.columns.div_ceil(4);
            invocations(gather_workgroups(call) * WORKGROUP + blocks)
        }),
        split: |_| Split::Rows { whole: 0b11 },
        ..plain("batch", &["batch"], NO_TWINS, Case::batch)
    },
    Kernel {
        twins: None,
        entry_point: "main",
        constants: |call| {
            let rows = [("LOG_ROWS", LOG_ROWS as f64)];
            update::coefficients(call).into_iter().chain(rows).collect()
        },
        grid: Grid::Tiles(layers),
        split: |_| Split::Layers,
        table: Some(update::TABLE),
        // For weights N(0, 0.1²). A mean square is a tenth of a squared gradient, so twice its
        // relative error.
        tolerance: |call| Tolerance { relative: 5e-6, ..Tolerance::cancelling_sum(call.mnk()[2]) },
        ..plain("update", &["update"], NO_TWINS, Case::updates)
    },
];

/// Twins of fused kernels, which are defined by the list of their node's primitives.
const NO_TWINS: Twins = Twins {
    f64: |_, _, _, _| unreachable!("the primitives have twins"),
    f32: |_, _, _, _| unreachable!("the primitives have twins"),
};

/// Runs a stage on the CPU, by its definition.
fn stage<T: Real>(
    call: &Call,
    step: Step,
    read: &[Operand<T>],
    write: &mut [&mut [T]],
    loops: fn(&'static Function) -> &'static Loops<T>,
) {
    let [out] = write else { unreachable!("a stage has one output") };
    let operands: Vec<_> =
        call.inputs.iter().copied().zip(read.iter().map(Operand::reals)).collect();
    match call.op {
        Op::Map(function) => cpu::map::map(loops(function).value, &operands, call.columns(), out),
        Op::MapBackward(function, operand) => {
            cpu::map::map(loops(function).slopes[operand], &operands, call.columns(), out);
        }
        Op::StepScalar { scalar, .. } => out.fill(T::of(Scalar::of(scalar, step))),
        Op::BlockSum => cpu::block_sum::block_sum(call.input_columns(), read[0].reals(), out),
        _ => unreachable!("the rest has no twin"),
    }
}

/// A kernel with one invocation for each element of the first output.
const fn plain(
    name: &'static str,
    files: &'static [&'static str],
    twins: Twins,
    cases: fn() -> Vec<Case>,
) -> Kernel {
    Kernel {
        name,
        files,
        entry_point: name,
        constants: |_| Vec::new(),
        grid: Grid::Own(|call| invocations(call.outputs[0].len())),
        table: None,
        twins: Some(twins),
        split: |_| Split::ROWS,
        tolerance: |_| Tolerance::ELEMENTWISE,
        cases,
    }
}

/// A kernel with one workgroup for each row, which it sums up.
const fn row_sum(
    name: &'static str,
    files: &'static [&'static str],
    twins: Twins,
    cases: fn() -> Vec<Case>,
) -> Kernel {
    Kernel {
        constants: |call| vec![("COLUMNS", call.input_columns() as f64)],
        grid: Grid::Own(|call| wrapped(call.outputs[0].rows)),
        ..plain(name, files, twins, cases)
    }
}

/// Splits stages by rows of all inputs that are not needed whole.
fn rows_of_stages(call: &Call) -> Split {
    Split::Rows { whole: call.epilogue.as_ref().map_or(0, Epilogue::whole_inputs) }
}

/// Returns the rows and columns that stages compute.
fn rows_and_width(call: &Call) -> (usize, usize) {
    call.epilogue.as_ref().map_or((0, 0), |stages| (stages.rows, stages.width))
}

/// Returns the tiling of a kernel without tiles.
pub(super) fn own(call: &Call, grid: [u32; 3], constants: Vec<(&'static str, f64)>) -> Tiling {
    let (rows, width) = rows_and_width(call);
    let size = Size { m: rows as u32, first: width as u32, ..Size::default() };
    Tiling { grids: vec![grid], constants, size, slice_bytes: 0 }
}

fn gather_workgroups(call: &Call) -> usize {
    call.outputs[0].len().div_ceil(WORKGROUP)
}

/// Returns the constants of the shaders' gather.
fn gather(op: Op) -> Vec<(&'static str, f64)> {
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

/// Returns the constants of the shaders' draw.
fn noise(op: Op) -> Vec<(&'static str, f64)> {
    let Op::Normal { shape, stream } = op else { unreachable!("the row is for this op") };
    vec![("LATENT", shape.columns as f64), ("NOISE_STREAM", f64::from(stream as u32))]
}

fn columns(call: &Call) -> (&'static str, f64) {
    ("COLUMNS", call.columns() as f64)
}

fn sides(left: Shape, right: Shape) -> Vec<(&'static str, f64)> {
    vec![("LEFT", left.columns as f64), ("RIGHT", right.columns as f64)]
}

/// Returns the rows of a group, or the repetitions of a row.
fn group(call: &Call) -> usize {
    match call.op {
        Op::ColumnSum { group } | Op::LogSumExp { group } => group,
        Op::RepeatRows { times } => times,
        _ => unreachable!("the rows are for these ops"),
    }
}

fn grouped(call: &Call) -> Vec<(&'static str, f64)> {
    vec![columns(call), ("GROUP", group(call) as f64)]
}

/// Returns the grid for `count` invocations.
fn invocations(count: usize) -> [u32; 3] {
    wrapped(count.div_ceil(WORKGROUP))
}

/// Returns a grid of `workgroups` workgroups, wrapped into y where x would be too long.
pub(super) fn wrapped(workgroups: usize) -> [u32; 3] {
    const LONGEST: usize = 65_535;
    [workgroups.min(LONGEST) as u32, workgroups.div_ceil(LONGEST) as u32, 1]
}
