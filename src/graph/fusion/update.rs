//! Finds the gradients of layers with their updates, and the sums of the loss.

use super::{Fusion, Group, View};
use crate::graph::{NodeId, Op, TensorId, Transpose};

impl View<'_> {
    /// All layers and all sums of the loss as one group, then each layer as one, for the case that
    /// the others cannot be ordered around the first.
    pub(super) fn updates(&self) -> Vec<Group> {
        let layers: Vec<_> = self.live.iter().filter_map(|&id| self.update(id)).collect();
        let layers: Vec<_> = layers.into_iter().filter(|layer| self.is_closed(layer)).collect();
        let mut groups: Vec<_> =
            layers.first().map(|first| self.together(first, &layers)).into_iter().collect();
        groups.extend(layers);
        groups
    }

    /// The layer of a product xᵀ·dy, if its gradients only feed RMSProp.
    fn update(&self, product: NodeId) -> Option<Group> {
        if self.op(product) != Op::Matmul(Transpose::A) {
            return None;
        }
        let &[_, dy] = self.inputs(product) else { return None };
        let is_update = |op| matches!(op, Op::RmsProp(_));
        let update = |gradient| self.reader(gradient, is_update);
        let weight = update(self.output(product))?;
        let (sums, bias) = match self.reader(dy, |op| op == Op::ColumnSum) {
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

    /// The layers of the same batch and constants as the first, and the sums of the loss.
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
