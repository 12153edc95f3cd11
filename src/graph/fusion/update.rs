//! Finds the weight and bias gradients of a layer with their updates.

use super::{Fusion, Group, View};
use crate::graph::{NodeId, Op, Transpose};

impl View<'_> {
    /// The layer of a product xᵀ·dy, if its gradients only feed RMSProp.
    pub(super) fn update(&self, product: NodeId) -> Option<Group> {
        if self.op(product) != Op::Matmul(Transpose::A) {
            return None;
        }
        let &[_, dy] = self.inputs(product) else { return None };
        let update = |gradient| self.reader(gradient, |op| matches!(op, Op::RmsProp(_)));
        let weight = update(self.output(product))?;
        let sums = self.reader(dy, |op| op == Op::BiasBackward)?;
        let bias = update(self.output(sums))?;
        let targets = |id: NodeId| self.graph.node(id).outputs.as_slice();
        (self.op(weight) == self.op(bias)).then(|| Group {
            fusion: Fusion::Update,
            nodes: vec![product, weight, sums, bias],
            inputs: self.inputs(product).to_vec(),
            outputs: [targets(weight), targets(bias)].concat(),
        })
    }
}
