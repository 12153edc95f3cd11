//! The minimum cost of a node: its arithmetic, and its memory traffic.

use crate::graph::{Graph, Node, Op, Role, TensorId, Transpose};
use std::collections::BTreeSet;

/// The minimum cost of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Floating-point operations: an addition, a multiplication, a comparison, a division or an
    /// elementary function each count as one. Integer operations, such as those of Philox, count
    /// nothing.
    pub flops: u64,
    /// Bytes read and written, each operand counted once, however often a kernel reads it. For a
    /// data set, the bytes of the batch; for the loss log, the numbers that a step adds.
    pub bytes: u64,
}

impl Cost {
    /// The cost of a node of a graph.
    pub fn of(graph: &Graph, node: &Node) -> Self {
        let primitives = node.primitives();
        // Nodes only append to the log.
        let is_log = |tensor: &TensorId| graph.tensor(*tensor).role == Role::Log;
        let reads: BTreeSet<_> = node.reads().filter(|tensor| !is_log(tensor)).collect();
        let writes: BTreeSet<_> = node.writes().collect();
        let all = reads.iter().chain(&writes);
        Self {
            flops: primitives.iter().map(|primitive| flops(graph, primitive) as u64).sum(),
            bytes: all.map(|&tensor| bytes(graph, primitives, tensor) as u64).sum(),
        }
    }
}

/// Counts operations by the formulas in [`Op`] and in the twins.
fn flops(graph: &Graph, node: &Node) -> usize {
    let len = |ids: &[TensorId], index: usize| graph.tensor(ids[index]).shape.len();
    let input = |index| len(&node.inputs, index);
    let output = |index| len(&node.outputs, index);
    match node.op {
        Op::Matmul(transpose) => {
            let a = graph.tensor(node.inputs[0]).shape;
            let terms = if transpose == Transpose::A { a.rows } else { a.columns };
            2 * output(0) * terms
        }
        Op::Map(function) => function.flops[0] * output(0),
        Op::MapBackward(function, _) => function.flops[1] * output(0),
        Op::GatherBatch { .. } | Op::Uniform { .. } => output(0),
        Op::RowSum
        | Op::BlockSum
        | Op::ColumnSum { .. }
        | Op::LossSum { .. }
        | Op::CountNonfinite => input(0),
        // A comparison, a subtraction, an exponential and an addition.
        Op::LogSumExp { .. } => 4 * input(0),
        Op::StepScalar { .. }
        | Op::SplitColumns { .. }
        | Op::Concatenate
        | Op::RepeatRows { .. }
        | Op::OneHot { .. } => 0,
        // For two draws by Box and Muller: ln, sqrt, sin, cos, and four multiplications.
        Op::Normal { .. } => 4 * output(0),
        // An average takes a subtraction, a multiplication and an addition.
        Op::Update(optimizer) => {
            (optimizer.rule().flops + 3 * usize::from(optimizer.averages())) * input(0)
        }
        Op::Fused(_) => 0,
    }
}

/// The bytes of a tensor that are read or written.
fn bytes(graph: &Graph, primitives: &[Node], tensor: TensorId) -> usize {
    let whole = graph.tensor(tensor);
    let columns_of_log =
        |node: &&Node| matches!(node.op, Op::LossSum { .. }) && node.outputs[0] == tensor;
    let gathered = primitives.iter().find_map(|node| match node.op {
        Op::GatherBatch { batch, .. } if node.inputs[0] == tensor => {
            Some(batch * whole.shape.columns)
        }
        Op::GatherBatch { batch, .. } if node.inputs[1] == tensor => Some(batch),
        _ => None,
    });
    let terms = primitives.iter().filter(columns_of_log).count();
    let elements = match (gathered, terms) {
        (Some(elements), _) => elements,
        (None, 0) => whole.shape.len(),
        (None, terms) => terms,
    };
    elements * whole.element.bytes()
}
