//! Reverse-mode differentiation: one rule per op, applied from the last node to the first. The
//! backward nodes are appended to the same graph, so they are scheduled, fused and run like any
//! others.

use super::{Graph, Node, Op, Role, Scalar, TensorId, Transpose};
use crate::function::{EXP, Function, Slope};
use crate::{Error, Result};
use std::collections::HashMap;

/// The weight of a term in the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weight {
    /// The same weight in every step.
    Constant(f64),
    /// A number of the step.
    Step(Scalar),
    /// A weight for each element of the term, which is taken as a constant.
    Tensor(TensorId),
}

impl From<f64> for Weight {
    fn from(weight: f64) -> Self {
        Self::Constant(weight)
    }
}

/// Appends the nodes that compute the gradient of `Σ weight · sum(term)` over the given
/// `(term, weight)` pairs, and returns the gradient of each tensor of `wrt`. A gradient is named
/// `d` + the name of its tensor; one that the loss does not depend on is a constant zero.
///
/// # Errors
/// [`Error::NotDifferentiable`] if the loss depends on `wrt` through an op without a rule;
/// [`Error::Shape`] if a tensor of weights has another shape than its term.
pub fn gradients<W: Into<Weight> + Copy>(
    graph: &mut Graph,
    loss: &[(TensorId, W)],
    wrt: &[TensorId],
) -> Result<Vec<TensorId>> {
    let depends = depends_on(graph, wrt);
    let mut found = HashMap::new();
    for &(term, weight) in loss {
        let shape = graph.tensor(term).shape;
        let seed = match weight.into() {
            Weight::Constant(weight) => graph.constant(weight, shape),
            Weight::Step(scalar) => graph.step_scalar(scalar, shape)?,
            Weight::Tensor(weights) => {
                let found = graph.tensor(weights).shape;
                if found != shape {
                    let (expected, found) = (shape.to_string(), found.to_string());
                    return Err(Error::Shape { op: "gradients", expected, found });
                }
                weights
            }
        };
        accumulate(graph, &mut found, term, seed)?;
    }
    for index in (0..graph.nodes().len()).rev() {
        let node = graph.nodes()[index].clone();
        let reached = node.outputs.iter().any(|output| found.contains_key(output));
        if !reached || !node.inputs.iter().any(|input| depends[input.index()]) {
            continue;
        }
        let new = graph.tensors().len();
        let rule = backward(graph, &node, &found, &depends)?;
        // A tensor that occurs several times as an operand needs the gradient of each.
        let uses = |input: &TensorId| node.inputs.iter().filter(|&other| other == input).count();
        let rules = |input: &TensorId| rule.iter().filter(|(target, _)| target == input).count();
        if node.inputs.iter().any(|input| depends[input.index()] && rules(input) < uses(input)) {
            return Err(Error::NotDifferentiable { op: node.op.name() });
        }
        for (input, gradient) in rule {
            if depends[input.index()] {
                let is_constant = matches!(graph.tensor(gradient).role, Role::Constant(_));
                if gradient.index() >= new && !is_constant {
                    name_gradient(graph, gradient, input);
                }
                accumulate(graph, &mut found, input, gradient)?;
            }
        }
    }
    let mut zero = |tensor: TensorId| graph.constant(0.0, graph.tensor(tensor).shape);
    Ok(wrt
        .iter()
        .map(|&tensor| found.get(&tensor).copied().unwrap_or_else(|| zero(tensor)))
        .collect())
}

/// Returns for each tensor whether its value depends on one of `sources`.
fn depends_on(graph: &Graph, sources: &[TensorId]) -> Vec<bool> {
    let mut depends = vec![false; graph.tensors().len()];
    for &source in sources {
        depends[source.index()] = true;
    }
    for node in graph.nodes() {
        if node.reads().any(|tensor| depends[tensor.index()]) {
            node.writes().for_each(|tensor| depends[tensor.index()] = true);
        }
    }
    depends
}

fn accumulate(
    graph: &mut Graph,
    found: &mut HashMap<TensorId, TensorId>,
    tensor: TensorId,
    gradient: TensorId,
) -> Result<()> {
    let sum = match found.get(&tensor) {
        Some(&earlier) => {
            // The sum gets the name, so a part that already has it gets another.
            let own = format!("d{}", graph.tensor(tensor).name);
            for part in [earlier, gradient] {
                if graph.tensor(part).name == own {
                    graph.rename(part, format!("{own}.{}", part.index()));
                }
            }
            let sum = graph.add(earlier, gradient)?;
            name_gradient(graph, sum, tensor);
            sum
        }
        None => gradient,
    };
    found.insert(tensor, sum);
    Ok(())
}

fn name_gradient(graph: &mut Graph, gradient: TensorId, of: TensorId) {
    let name = format!("d{}", graph.tensor(of).name);
    graph.rename(gradient, name);
}

/// Returns the gradients of a node's inputs, given those of its outputs. The gradient of an output
/// that the loss does not depend on is zero.
fn backward(
    graph: &mut Graph,
    node: &Node,
    found: &HashMap<TensorId, TensorId>,
    depends: &[bool],
) -> Result<Vec<(TensorId, TensorId)>> {
    let d: Vec<_> = node
        .outputs
        .iter()
        .map(|output| match found.get(output) {
            Some(&gradient) => gradient,
            None => graph.constant(0.0, graph.tensor(*output).shape),
        })
        .collect();
    let (inputs, dy) = (node.inputs.as_slice(), d[0]);
    match (node.op, inputs) {
        (Op::Matmul(transpose), &[a, b]) => {
            let mut gradients = Vec::new();
            if depends[a.index()] {
                gradients.push((a, matmul_backward_a(graph, transpose, b, dy)?));
            }
            if depends[b.index()] {
                gradients.push((b, matmul_backward_b(graph, transpose, a, dy)?));
            }
            Ok(gradients)
        }
        (Op::Map(function), operands) => {
            map_backward(graph, function, operands, node.outputs[0], dy)
        }
        (Op::ColumnSum { group }, &[x]) if group < graph.tensor(x).shape.rows => {
            Ok(vec![(x, graph.repeat_rows(dy, group)?)])
        }
        (Op::RowSum | Op::ColumnSum { .. }, &[x]) => Ok(vec![(x, repeat(graph, dy, x)?)]),
        // dx = dy·e^(x − y), each y repeated for its group.
        (Op::LogSumExp { group }, &[x]) => {
            let y = graph.repeat_rows(node.outputs[0], group)?;
            let below = graph.subtract(x, y)?;
            let shares = graph.map(&EXP, &[below])?;
            let dy = graph.repeat_rows(dy, group)?;
            Ok(vec![(x, graph.multiply(dy, shares)?)])
        }
        (Op::RepeatRows { times }, &[x]) => Ok(vec![(x, graph.group_sum(dy, times)?)]),
        (Op::SplitColumns { .. }, &[x]) => Ok(vec![(x, graph.concatenate(d[0], d[1])?)]),
        (Op::Concatenate, &[a, b]) => {
            let (da, db) = graph.split_columns(dy, graph.tensor(a).shape.columns)?;
            Ok(vec![(a, da), (b, db)])
        }
        (op, _) => Err(Error::NotDifferentiable { op: op.name() }),
    }
}

/// Returns the gradients of those operands of a function that have a slope, summed over the places
/// to which an operand is repeated.
fn map_backward(
    graph: &mut Graph,
    function: &'static Function,
    operands: &[TensorId],
    value: TensorId,
    dy: TensorId,
) -> Result<Vec<(TensorId, TensorId)>> {
    let mut gradients = Vec::new();
    for (place, (&operand, slope)) in operands.iter().zip(function.slopes).enumerate() {
        let backward = Op::MapBackward(function, place);
        let gradient = match *slope {
            Slope::None => continue,
            Slope::One => dy,
            Slope::MinusOne => graph.scale(dy, -1.0)?,
            Slope::Operand(other) => graph.multiply(dy, operands[other])?,
            Slope::Operands => graph.apply(backward, &[&[dy], operands].concat())?[0],
            Slope::Value => graph.apply(backward, &[dy, value])?[0],
        };
        let [own, whole] = [operand, value].map(|id| graph.tensor(id).shape);
        let rows = if own.columns < whole.columns { graph.row_sum(gradient)? } else { gradient };
        let sum = if own.rows < whole.rows { graph.column_sum(rows)? } else { rows };
        gradients.push((operand, sum));
    }
    Ok(gradients)
}

/// Repeats a sum's gradient to the shape of the summed tensor.
fn repeat(graph: &mut Graph, dy: TensorId, x: TensorId) -> Result<TensorId> {
    let shape = graph.tensor(x).shape;
    if let Role::Constant(value) = graph.tensor(dy).role {
        return Ok(graph.constant(value, shape));
    }
    let maker = graph.nodes().iter().find(|node| node.outputs == [dy]).map(|node| node.op);
    if let Some(Op::StepScalar { scalar, .. }) = maker {
        return graph.step_scalar(scalar, shape);
    }
    let ones = graph.constant(1.0, shape);
    graph.multiply(dy, ones)
}

/// Returns the gradient of the first operand of c = a·b, c = aᵀ·b or c = a·bᵀ.
fn matmul_backward_a(g: &mut Graph, t: Transpose, b: TensorId, dc: TensorId) -> Result<TensorId> {
    match t {
        Transpose::None => g.matmul_transpose_b(dc, b),
        Transpose::A => g.matmul_transpose_b(b, dc),
        Transpose::B => g.matmul(dc, b),
    }
}

/// Returns the gradient of the second operand of c = a·b, c = aᵀ·b or c = a·bᵀ.
fn matmul_backward_b(g: &mut Graph, t: Transpose, a: TensorId, dc: TensorId) -> Result<TensorId> {
    match t {
        Transpose::None => g.matmul_transpose_a(a, dc),
        Transpose::A => g.matmul(a, dc),
        Transpose::B => g.matmul_transpose_a(dc, a),
    }
}
