//! Fusion of the gradients of layers with their updates, and of the sums of the loss.

use super::{Fusion, Group, View};
use crate::graph::{NodeId, Op, TensorId, Transpose};
use crate::optimizer::Optimizer;
use std::ops::Range;

/// The operands of a [fused update](Fusion::Update). The inputs are x and dy of each layer, then
/// the terms of the loss; the outputs are each layer's weight, the weight's states, its bias and
/// the bias's states, then the loss log if there are terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateLayout {
    /// Number of layers.
    pub layers: usize,
    /// Number of terms of the loss.
    pub terms: usize,
    /// The optimiser of all layers.
    pub optimizer: Optimizer,
}

/// An output of a fused update: a parameter or one of its states, or the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A weight, or its state with this index.
    Weight(Option<usize>),
    /// A bias, or its state with this index.
    Bias(Option<usize>),
    /// The loss log.
    Log,
}

impl UpdateLayout {
    /// Returns the layout of an update that replaced these primitives.
    pub fn of(parts: &[Op]) -> Self {
        let count = |test: fn(&Op) -> bool| parts.iter().filter(|op| test(op)).count();
        let optimizer = parts.iter().find_map(|op| match op {
            Op::Update(optimizer) => Some(*optimizer),
            _ => None,
        });
        Self {
            layers: count(|op| matches!(op, Op::Matmul(_))),
            terms: count(|op| matches!(op, Op::LossSum { .. })),
            optimizer: optimizer.unwrap_or_default(),
        }
    }

    /// Returns the number of tensors of a parameter and its states.
    pub fn parameter(&self) -> usize {
        1 + self.optimizer.states().count()
    }

    /// Returns the inputs that are x and dy of a layer.
    pub fn matrices(&self, layer: usize) -> Range<usize> {
        2 * layer..2 * (layer + 1)
    }

    /// Returns the inputs that are terms of the loss.
    pub fn loss_terms(&self) -> Range<usize> {
        2 * self.layers..2 * self.layers + self.terms
    }

    /// Returns the outputs of a layer: its weight with its states, then its bias with its states.
    pub fn targets(&self, layer: usize) -> Range<usize> {
        let both = 2 * self.parameter();
        both * layer..both * (layer + 1)
    }

    /// Returns the output that is the loss log, if there are terms.
    pub fn log(&self) -> Option<usize> {
        (self.terms > 0).then(|| self.targets(self.layers).start)
    }

    /// Returns the kind of an output.
    pub fn target(&self, output: usize) -> Target {
        if self.log() == Some(output) {
            return Target::Log;
        }
        let parameter = self.parameter();
        let state = (output % parameter).checked_sub(1);
        let is_weight = (output / parameter).is_multiple_of(2);
        if is_weight { Target::Weight(state) } else { Target::Bias(state) }
    }
}

impl View<'_> {
    /// Returns all layers and all sums of the loss as one group, then each layer as one, in case
    /// the others cannot be ordered around the first.
    pub(super) fn updates(&self) -> Vec<Group> {
        let layers: Vec<_> = self.live.iter().filter_map(|&id| self.update(id)).collect();
        let layers: Vec<_> = layers.into_iter().filter(|layer| self.is_closed(layer)).collect();
        let mut groups: Vec<_> =
            layers.first().map(|first| self.together(first, &layers)).into_iter().collect();
        groups.extend(layers);
        groups
    }

    /// Returns the layer of a product xᵀ·dy, if the product's gradients only feed one optimiser.
    fn update(&self, product: NodeId) -> Option<Group> {
        if self.op(product) != Op::Matmul(Transpose::A) {
            return None;
        }
        let &[_, dy] = self.inputs(product) else { return None };
        let is_update = |op| matches!(op, Op::Update(_));
        let update = |gradient| self.reader(gradient, is_update);
        let weight = update(self.output(product))?;
        let group = self.graph.tensor(dy).shape.rows;
        let (sums, bias) = match self.reader(dy, |op| op == Op::ColumnSum { group }) {
            Some(sums) => (Some(sums), update(self.output(sums))?),
            // With one image in a batch, the gradient of the bias is dy itself.
            None => (None, update(dy)?),
        };
        let targets = |id: NodeId| self.graph.node(id).outputs.as_slice();
        (self.op(weight) == self.op(bias)).then(|| Group {
            fusion: Fusion::Update,
            nodes: [product, weight].into_iter().chain(sums).chain([bias]).collect(),
            repeated: Vec::new(),
            inputs: self.inputs(product).to_vec(),
            outputs: [targets(weight), targets(bias)].concat(),
        })
    }

    /// Returns the layers with the same batch and constants as the first, and the sums of the loss,
    /// as one group.
    fn together(&self, first: &Group, layers: &[Group]) -> Group {
        let alike = |group: &&Group| {
            let rows = |group: &Group| self.graph.tensor(group.inputs[0]).shape.rows;
            rows(group) == rows(first) && self.op(group.nodes[1]) == self.op(first.nodes[1])
        };
        let layers: Vec<_> = layers.iter().filter(alike).collect();
        let is_sum = |id: &NodeId| matches!(self.op(*id), Op::LossSum { .. });
        let sums: Vec<_> = self.live.iter().copied().filter(is_sum).collect();
        let terms = sums.iter().map(|&id| self.inputs(id)[0]);
        let log: Option<TensorId> = sums.first().map(|&id| self.output(id));
        Group {
            fusion: Fusion::Update,
            repeated: Vec::new(),
            nodes: layers
                .iter()
                .flat_map(|layer| &layer.nodes)
                .copied()
                .chain(sums.clone())
                .collect(),
            inputs: layers.iter().flat_map(|layer| &layer.inputs).copied().chain(terms).collect(),
            outputs: layers.iter().flat_map(|layer| &layer.outputs).copied().chain(log).collect(),
        }
    }
}
