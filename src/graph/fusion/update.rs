//! Finds the weight and bias gradients with their updates, and the sums of the loss.

use super::{Fusion, Group, View};
use crate::graph::{NodeId, Op, TensorId, Transpose};

/// What one layer gives to the group.
struct Layer {
    nodes: [NodeId; 4],
    inputs: [TensorId; 2],
    targets: [TensorId; 4],
}

impl View<'_> {
    /// All layers whose gradients only feed RMSProp, and the terms of the loss.
    pub(super) fn update(&self) -> Option<Group> {
        let layers: Vec<_> = self.live.iter().filter_map(|&id| self.layer(id)).collect();
        let is_sum = |id: &NodeId| matches!(self.op(*id), Op::LossSum { .. });
        let sums: Vec<_> = self.live.iter().copied().filter(is_sum).collect();
        let constants = |layer: &Layer| [layer.nodes[1], layer.nodes[3]].map(|id| self.op(id));
        let first = constants(layers.first()?);
        if !layers.iter().all(|layer| constants(layer) == first) {
            return None;
        }
        let mut group = Group {
            fusion: Fusion::Update { layers: layers.len(), terms: sums.len() },
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for layer in layers {
            group.nodes.extend(layer.nodes);
            group.inputs.extend(layer.inputs);
            group.outputs.extend(layer.targets);
        }
        for &sum in &sums {
            group.inputs.extend(self.inputs(sum));
        }
        group.outputs.extend(sums.first().map(|&sum| self.output(sum)));
        group.nodes.extend(sums);
        Some(group)
    }

    /// The layer of a product inputᵀ·dy.
    fn layer(&self, product: NodeId) -> Option<Layer> {
        if self.op(product) != Op::Matmul(Transpose::A) {
            return None;
        }
        let &[input, dy] = self.inputs(product) else { return None };
        let update = |gradient| self.reader(gradient, |op| matches!(op, Op::RmsProp(_)));
        let weight = update(self.output(product))?;
        let sums = self.reader(dy, |op| op == Op::BiasBackward)?;
        let bias = update(self.output(sums))?;
        let targets = |id: NodeId| self.graph.node(id).outputs.as_slice();
        Some(Layer {
            nodes: [product, weight, sums, bias],
            inputs: [input, dy],
            targets: [targets(weight), targets(bias)].concat().try_into().ok()?,
        })
    }
}
