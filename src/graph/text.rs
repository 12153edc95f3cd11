//! Graphs and plans as text: the tensors that outlive a step, then a line a node.

use super::{Graph, Node, Plan, Role, TensorId};
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
    /// What it is called in print.
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
    writeln!(f, "{outputs} {sign} {}({inputs})", node.op.name())
}
