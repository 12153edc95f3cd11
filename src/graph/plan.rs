//! A graph that is ready to run, with the order of its nodes and their memory. Every device runs
//! the same plan.

use super::memory::{self, SlotId, Slots};
use super::{Graph, Node, NodeId, Role, TensorId, schedule};
use crate::optimizer::State;
use crate::{Error, Result};
use std::collections::BTreeSet;

/// An ordered graph with memory assigned.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    graph: Graph,
    order: Vec<NodeId>,
    slots: Slots,
    outputs: Vec<TensorId>,
}

impl Plan {
    /// Orders the nodes that `outputs` and the updates need. The outputs keep their values until
    /// the next step, so that the host can read them.
    pub fn new(graph: Graph, outputs: &[TensorId]) -> Self {
        let order = schedule::schedule(&graph, outputs);
        let slots = memory::assign(&graph, &memory::lifetimes(&graph, &order, outputs));
        debug_assert_eq!(schedule::check(&graph, outputs, &order), Ok(()));
        debug_assert_eq!(memory::check(&graph, &order, outputs, &slots), Ok(()));
        Self { graph, order, slots, outputs: outputs.to_vec() }
    }

    /// Like [`new`](Self::new), but every workspace tensor is an output, for inspecting
    /// intermediates.
    pub fn keep_all(graph: Graph) -> Self {
        let workspace = |id: &TensorId| graph.tensor(*id).is_workspace();
        let written = graph.nodes().iter().flat_map(Node::writes);
        let all: Vec<_> = written.filter(workspace).collect();
        Self::new(graph, &all)
    }

    /// Returns the same plan with an optimiser's states, such as averages, in the place of the parameters.
    pub fn with_states(mut self, state: &State) -> Self {
        self.graph.replace_parameters(state);
        self
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The nodes, in the order in which they run.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> + '_ {
        self.order.iter().map(|&id| self.graph.node(id))
    }

    /// The order.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The memory assignment.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The tensors that the host may read after a step.
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// A workspace tensor's slot; none if it outlives the step or no node makes it.
    pub fn slot(&self, tensor: TensorId) -> Option<SlotId> {
        self.slots.of.get(&tensor).copied()
    }

    /// The slot of an output.
    ///
    /// # Errors
    /// [`Error::UnknownTensor`] if the tensor is not an output.
    pub fn output_slot(&self, tensor: TensorId) -> Result<SlotId> {
        let name = |id: &TensorId| self.graph.tensor(*id).name.clone();
        let slot = self.slot(tensor).filter(|_| self.outputs.contains(&tensor));
        slot.ok_or_else(|| Error::UnknownTensor {
            name: name(&tensor),
            known: self.outputs.iter().map(name).collect::<Vec<_>>().join(", "),
        })
    }

    /// The tensors that outlive the step and are used by a node, in the graph's order.
    pub fn persistent(&self) -> impl Iterator<Item = TensorId> + '_ {
        let nodes = self.nodes().flat_map(Node::primitives);
        let touched: BTreeSet<_> =
            nodes.flat_map(|node| node.reads().chain(node.writes())).collect();
        touched.into_iter().filter(|&tensor| !self.graph.tensor(tensor).is_workspace())
    }

    /// Checks that no two tensors that outlive the step have one name, by which a device would take them
    /// for the same.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if two have.
    pub fn check_names(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        for tensor in self.persistent().map(|id| self.graph.tensor(id)) {
            if !names.insert(&tensor.name) {
                let (name, expected) = (tensor.name.clone(), "a name of its own".to_owned());
                let found = "two tensors of this name".to_owned();
                return Err(Error::TensorMismatch { name, expected, found });
            }
        }
        Ok(())
    }

    /// The loss log, if the plan writes one.
    pub fn log(&self) -> Option<TensorId> {
        self.persistent().find(|&tensor| self.graph.tensor(tensor).role == Role::Log)
    }
}
