//! Graphs and plans as text: the tensors that outlive a step, then one line per node.

use super::{Fusion, Graph, Node, Op, Plan, Role, TensorId, Transpose, UpdateLayout};
use crate::optimizer::Optimizer;
use std::fmt;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for id in self.tensor_ids().filter(|&id| !self.tensor(id).is_workspace()) {
            write_persistent(self, id, f)?;
        }
        self.nodes().iter().try_for_each(|node| write_node(self, node, f, |_| String::new()))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let graph = self.graph();
        self.persistent().try_for_each(|id| write_persistent(graph, id, f))?;
        let slot = |tensor| match self.slot(tensor) {
            Some(slot) => format!(" @{}", slot.index()),
            None => String::new(),
        };
        self.nodes().try_for_each(|node| write_node(graph, node, f, slot))?;
        let (slots, tensors) = (&self.slots().bytes, &self.slots().of);
        let apart: usize = tensors.keys().map(|&tensor| graph.tensor(tensor).bytes()).sum();
        let shared: usize = slots.iter().sum();
        writeln!(
            f,
            "{} nodes; {} tensors in {} slots: {shared} bytes instead of {apart}",
            self.order().len(),
            tensors.len(),
            slots.len(),
        )
    }
}

impl Role {
    /// The name in print.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Parameter => "parameter",
            Self::State(_) => "state",
            Self::Constant(_) => "constant",
            Self::Log => "log",
            Self::Workspace => "workspace",
        }
    }
}

fn write_persistent(graph: &Graph, id: TensorId, f: &mut fmt::Formatter) -> fmt::Result {
    let tensor = graph.tensor(id);
    let role = tensor.role.name();
    writeln!(f, "{role:<10} {} {:?}{}", tensor.name, tensor.element, tensor.shape)
}

fn write_node(
    graph: &Graph,
    node: &Node,
    f: &mut fmt::Formatter,
    slot: impl Fn(TensorId) -> String,
) -> fmt::Result {
    let name = |&id: &TensorId| graph.tensor(id).name.clone();
    let output = |&id: &TensorId| {
        let tensor = graph.tensor(id);
        format!("{} {}{}", tensor.name, tensor.shape, slot(id))
    };
    let inputs = node.inputs.iter().map(name).collect::<Vec<_>>().join(", ");
    let sign = if node.op.updates() { "<-" } else { "=" };
    let outputs = node.outputs.iter().map(output).collect::<Vec<_>>().join(", ");
    writeln!(f, "{outputs} {sign} {}({inputs})", node.label())
}

/// The short name of an op: fused stages list the product and the functions, a fused update names the
/// optimiser unless it is the default.
pub(crate) fn label(op: Op, parts: &[Op]) -> String {
    if op == Op::Fused(Fusion::Update) {
        let rule = UpdateLayout::of(parts).optimizer.rule();
        let is_default = rule == Optimizer::default().rule();
        return if is_default { op.name().to_owned() } else { format!("update+{}", rule.name) };
    }
    if op != Op::Fused(Fusion::Stages) {
        return op.name().to_owned();
    }
    let product = parts.iter().find_map(|part| match part {
        Op::Matmul(transpose) => Some(*transpose),
        _ => None,
    });
    let mut stages = parts.iter().filter(|part| part.is_stage());
    let is_sum = |op: &Op| matches!(op, Op::Map(function) if function.name == "add");
    let mut names = match product {
        Some(Transpose::None) if stages.clone().next().is_some_and(is_sum) => vec!["linear"],
        Some(Transpose::None) => vec!["matmul"],
        Some(Transpose::A) => vec!["matmul_transpose_a"],
        Some(Transpose::B) => vec!["linear_backward"],
        None => Vec::new(),
    };
    let is_arithmetic = |name: &str| matches!(name, "add" | "subtract" | "multiply");
    for op in stages.by_ref() {
        let (Op::Map(function) | Op::MapBackward(function, _)) = op else { continue };
        if !names.contains(&function.name) && !is_arithmetic(function.name) {
            names.push(function.name);
        }
    }
    if names.is_empty() {
        names.extend(parts.iter().map(Op::name).filter(|name| !name.contains("columns")));
        names.dedup();
    }
    names.join("+")
}

impl Node {
    /// A short name of the computation, such as `linear+relu`.
    pub fn label(&self) -> String {
        label(self.op, &self.parts.iter().map(|part| part.op).collect::<Vec<_>>())
    }
}
