//! Updates of parameters: the row of an optimiser's update of one, and the parts of the fused update's
//! row.

use super::plain;
use crate::cpu::Real;
use crate::function::Number;
use crate::graph::{Step, Target, UpdateLayout};
use crate::kernel::case::optimizers;
use crate::kernel::{Call, Case, Kernel, Operand, Table, Twins};
use crate::optimizer::{self, Block, Optimizer, Rule};

/// An optimiser's update of one parameter.
pub(in crate::kernel) static OPTIMIZER: Kernel = Kernel {
    entry_point: "main",
    constants: coefficients,
    tolerance: |call| match call.optimizer() {
        Some(optimizer) => optimizer.rule().tolerance,
        None => unreachable!("the row is for updates"),
    },
    ..plain(
        "optimizer",
        &["optimizer"],
        Twins {
            f64: |call, step, read, write| update(call, step, read, write, |rule| rule.f64),
            f32: |call, step, read, write| update(call, step, read, write, |rule| rule.f32),
        },
        || optimizers().flat_map(Case::update).collect(),
    )
};

/// Table of a fused update's operands, as `shaders/update.wgsl` reads it.
pub(super) const TABLE: Table = Table {
    buffers: 4,
    // Workspace, parameters, states, log.
    buffer: |call, operand| match operand.checked_sub(call.inputs.len()) {
        None => 0,
        Some(output) => match layout(call).target(output) {
            Target::Weight(None) | Target::Bias(None) => 1,
            Target::Weight(_) | Target::Bias(_) => 2,
            Target::Log => 3,
        },
    },
    entries: |call, places| {
        let layout = layout(call);
        let log_columns = layout.log().map_or(1, |log| call.outputs[log].columns);
        let head = [layout.layers, layout.terms, log_columns].map(|count| count as u32);
        let (inputs, outputs) = places.split_at(call.inputs.len());
        let layer = |layer: usize| {
            let matrices = layout.matrices(layer);
            let columns = call.inputs[matrices.clone()].iter().map(|shape| shape.columns as u32);
            let places = [&inputs[matrices], &outputs[layout.targets(layer)]].concat();
            columns.chain(places).collect::<Vec<_>>()
        };
        let term = |(input, column): (usize, usize)| {
            [inputs[input], call.inputs[input].len() as u32, column as u32]
        };
        let terms = layout.loss_terms().zip(call.loss_columns()).flat_map(term);
        head.into_iter().chain((0..layout.layers).flat_map(layer)).chain(terms).collect()
    },
};

fn layout(call: &Call) -> UpdateLayout {
    call.update().unwrap_or_else(|| unreachable!("the row is for fused updates"))
}

/// Returns the coefficients of a call's optimiser.
pub(super) fn coefficients(call: &Call) -> Vec<(&'static str, f64)> {
    call.optimizer().iter().flat_map(Optimizer::coefficients).collect()
}

/// Runs an update on the CPU, by its definition.
fn update<T: Real + Number>(
    call: &Call,
    step: Step,
    read: &[Operand<T>],
    write: &mut [&mut [T]],
    of: fn(&'static Rule) -> optimizer::Loop<T>,
) {
    let (Some(optimizer), [weights, states @ ..]) = (call.optimizer(), write) else {
        unreachable!("the row is for updates")
    };
    let block = Block::whole(read[0].reals());
    let coefficients = optimizer.prepared();
    let (rule, rates) = (of(optimizer.rule()), step.rates(optimizer));
    optimizer.update(rule, &coefficients, rates, block, weights, states);
}
