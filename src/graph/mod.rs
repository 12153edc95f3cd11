//! The computation: tensors with static shapes, the ops between them, their gradients, the order of
//! the nodes and their shared memory. It is plain data, independent of kernels and devices, so all
//! of it can be read, printed and tested without a GPU.
//!
//! A [`Graph`] is a list of nodes in program order, and that order defines its meaning: a node
//! reads the values that the nodes before it wrote. [`gradients`] appends the backward nodes,
//! [`fuse`] combines nodes. A [`Plan`] keeps the nodes that the wanted outputs need, orders them
//! (`schedule`) and lets tensors that are never alive together share a slot (`memory`).

mod builder;
mod fusion;
mod gradient;
#[doc(hidden)]
pub mod hazard;
#[doc(hidden)]
pub mod memory;
mod op;
mod plan;
#[doc(hidden)]
pub mod schedule;
mod step;
mod tensor;
mod text;

pub use fusion::{Fusion, FusionOptions, fuse};
#[doc(hidden)]
pub use fusion::{MOST_BINDINGS, SUM_COLUMNS, Target, UpdateLayout};
pub use gradient::{Weight, gradients};
pub use op::{Binarize, LOG_ROWS, Op, Pixels, Stream, Transpose};
pub use plan::Plan;
pub use step::{Scalar, Scalars, Step};
pub use tensor::{Element, MOST_ELEMENTS, Role, Shape, Tensor, TensorId};
pub(crate) use text::label;

use crate::Result;
use crate::optimizer::State;

/// A node's place in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The place as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One application of an op.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The op.
    pub op: Op,
    /// Tensors that are only read, in the op's order.
    pub inputs: Vec<TensorId>,
    /// Tensors that are written; an op that [updates](Op::updates) reads them first.
    pub outputs: Vec<TensorId>,
    /// The primitives of a [fused](Op::Fused) node, in order; else none.
    pub parts: Vec<Node>,
}

impl Node {
    fn primitive(op: Op, inputs: &[TensorId], outputs: &[TensorId]) -> Self {
        let (inputs, outputs) = (inputs.to_vec(), outputs.to_vec());
        Self { op, inputs, outputs, parts: Vec::new() }
    }

    /// The primitives: the node itself, or its parts.
    pub fn primitives(&self) -> &[Node] {
        if self.parts.is_empty() { std::slice::from_ref(self) } else { &self.parts }
    }

    /// Every tensor that the node reads.
    pub fn reads(&self) -> impl Iterator<Item = TensorId> + '_ {
        let updated = if self.op.updates() { self.outputs.as_slice() } else { &[] };
        self.inputs.iter().chain(updated).copied()
    }

    /// Every tensor that the node writes.
    pub fn writes(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.outputs.iter().copied()
    }
}

/// Tensors and the nodes between them, in program order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
}

impl Graph {
    /// A graph of this node alone: its inputs become data, with unique names.
    pub fn alone(&self, node: &Node) -> Self {
        let mut tensors = self.tensors.clone();
        for &input in &node.inputs {
            let tensor = &mut tensors[input.index()];
            if tensor.role != Role::Data {
                tensor.role = Role::Data;
                tensor.name = format!("{}.{}", tensor.name, input.index());
            }
        }
        Self { tensors, nodes: vec![node.clone()] }
    }

    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every tensor; a [`TensorId`] is an index into this slice.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Every node, in program order; a [`NodeId`] is an index into this slice.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every tensor's id.
    pub fn tensor_ids(&self) -> impl DoubleEndedIterator<Item = TensorId> + use<> {
        (0..self.tensors.len() as u32).map(TensorId)
    }

    /// Every node's id, in program order.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The tensor with this id.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The first tensor with this name.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        self.tensor_ids().find(|&id| self.tensor(id).name == name)
    }

    /// Adds a tensor that outlives the step: data, a parameter, optimiser state, a constant.
    pub fn add_tensor(
        &mut self,
        name: impl Into<String>,
        shape: Shape,
        element: Element,
        role: Role,
    ) -> TensorId {
        self.tensors.push(Tensor { name: name.into(), shape, element, role });
        TensorId(self.tensors.len() as u32 - 1)
    }

    /// Appends `op` and makes its output tensors, named after it.
    ///
    /// # Errors
    /// [`Shape`](crate::Error::Shape) if the op is not defined for these inputs.
    pub fn apply(&mut self, op: Op, inputs: &[TensorId]) -> Result<Vec<TensorId>> {
        let shapes = op.output_shapes(&self.tensors_of(inputs))?;
        let outputs: Vec<_> = shapes
            .into_iter()
            .map(|shape| {
                let name = format!("{}.{}", op.name(), self.tensors.len());
                self.add_tensor(name, shape, Element::F32, Role::Workspace)
            })
            .collect();
        self.nodes.push(Node::primitive(op, inputs, &outputs));
        Ok(outputs)
    }

    /// Appends an op that changes existing tensors in place.
    ///
    /// # Errors
    /// [`Shape`](crate::Error::Shape) if the op is not defined for these tensors, or a target is
    /// also an input or given twice.
    pub fn apply_in_place(
        &mut self,
        op: Op,
        inputs: &[TensorId],
        targets: &[TensorId],
    ) -> Result<()> {
        op.check_targets(&self.tensors_of(inputs), &self.tensors_of(targets))?;
        let operands = [inputs, targets].concat();
        let times = |id: &TensorId| operands.iter().filter(|&other| other == id).count();
        if targets.iter().any(|target| times(target) > 1) {
            return Err(op.mismatch(&self.tensors_of(&operands)));
        }
        self.nodes.push(Node::primitive(op, inputs, targets));
        Ok(())
    }

    /// Gives a tensor a readable name, and returns it.
    pub fn rename(&mut self, id: TensorId, name: impl Into<String>) -> TensorId {
        self.tensors[id.index()].name = name.into();
        id
    }

    /// Replaces each parameter by an optimiser's state of it.
    fn replace_parameters(&mut self, state: &State) {
        for tensor in self.tensors.iter_mut().filter(|tensor| tensor.role == Role::Parameter) {
            tensor.name.insert_str(0, state.prefix);
            tensor.role = Role::State(0.0);
        }
    }

    fn tensors_of(&self, ids: &[TensorId]) -> Vec<&Tensor> {
        ids.iter().map(|&id| self.tensor(id)).collect()
    }
}
