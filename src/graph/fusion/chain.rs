//! Finds what can follow a matrix product, and the batch with its noise.

use super::{Fusion, Group, View};
use crate::graph::{NodeId, Op, Role, TensorId, Transpose};

impl View<'_> {
    /// The gather and the noise of one step.
    pub(super) fn batch(&self) -> Option<Group> {
        let only = |test: fn(Op) -> bool| {
            let mut found = self.live.iter().copied().filter(|&id| test(self.op(id)));
            found.next().filter(|_| found.next().is_none())
        };
        let gather = only(|op| matches!(op, Op::GatherBatch { .. }))?;
        let noise = only(|op| matches!(op, Op::Normal { .. }))?;
        Some(Group {
            fusion: Fusion::Batch,
            nodes: vec![gather, noise],
            inputs: self.inputs(gather).to_vec(),
            outputs: vec![self.output(gather), self.output(noise)],
        })
    }

    /// The longest group that begins with this product.
    pub(super) fn chain(&self, product: NodeId) -> Option<Group> {
        match self.op(product) {
            Op::Matmul(Transpose::None) => {
                let bias = self.reader(self.output(product), |op| op == Op::Bias)?;
                let linear = Linear { product, bias };
                self.linear_relu(linear)
                    .or_else(|| self.linear_sample(linear))
                    .or_else(|| self.linear_bernoulli(linear))
                    .filter(|group| self.is_closed(group))
                    .or_else(|| Some(self.linear(linear, Fusion::Linear, &[], &[], &[])))
            }
            Op::Matmul(Transpose::B) => {
                self.matmul_relu_backward(product).or_else(|| self.latent_backward(product))
            }
            _ => None,
        }
    }

    /// x·weight + bias, then `more` nodes with `extra` inputs; without outputs of theirs, the sum
    /// itself is the output.
    fn linear(
        &self,
        Linear { product, bias }: Linear,
        fusion: Fusion,
        more: &[NodeId],
        extra: &[TensorId],
        outputs: &[TensorId],
    ) -> Group {
        let inputs = [self.inputs(product), &self.inputs(bias)[1..], extra].concat();
        let sum = [self.output(bias)];
        let outputs = if outputs.is_empty() { &sum } else { outputs };
        let nodes = [&[product, bias], more].concat();
        Group { fusion, nodes, inputs, outputs: outputs.to_vec() }
    }

    fn linear_relu(&self, linear: Linear) -> Option<Group> {
        let relu = self.reader(self.output(linear.bias), |op| op == Op::Relu)?;
        let y = self.output(relu);
        Some(self.linear(linear, Fusion::LinearRelu, &[relu], &[], &[y]))
    }

    fn linear_sample(&self, linear: Linear) -> Option<Group> {
        let encoded = self.output(linear.bias);
        let half = self.graph.tensor(encoded).shape.columns / 2;
        let split = self.reader(encoded, |op| op == Op::SplitColumns { left: half })?;
        let [mean, s] = self.graph.node(split).outputs[..] else { return None };
        let softplus = self.reader(s, |op| op == Op::Softplus)?;
        let stddev = self.output(softplus);
        let sample = self.reader(stddev, |op| op == Op::Reparameterize)?;
        let kl = self.reader(stddev, |op| op == Op::GaussianKlBlocks)?;
        let &[sample_mean, _, eps] = self.inputs(sample) else { return None };
        if sample_mean != mean || self.inputs(kl) != [mean, stddev] {
            return None;
        }
        let outputs = [mean, s, stddev, self.output(sample), self.output(kl)];
        let more = [split, softplus, sample, kl];
        Some(self.linear(linear, Fusion::LinearSample, &more, &[eps], &outputs))
    }

    fn linear_bernoulli(&self, linear: Linear) -> Option<Group> {
        let logits = self.output(linear.bias);
        let sums = self.reader(logits, |op| op == Op::BernoulliLogLikelihoodBlocks)?;
        let backward = self.reader(logits, |op| op == Op::BernoulliLogLikelihoodBackward)?;
        let &[dlog_likelihood, _, x] = self.inputs(backward) else { return None };
        if self.inputs(sums) != [logits, x] {
            return None;
        }
        let fusion = Fusion::LinearBernoulli { dlog_likelihood: self.constant(dlog_likelihood)? };
        let outputs = [self.output(sums), self.output(backward)];
        Some(self.linear(linear, fusion, &[sums, backward], &[x], &outputs))
    }

    fn matmul_relu_backward(&self, product: NodeId) -> Option<Group> {
        let mask = self.reader(self.output(product), |op| op == Op::ReluBackward)?;
        let &[dy, y] = self.inputs(mask) else { return None };
        (dy == self.output(product)).then(|| Group {
            fusion: Fusion::MatmulReluBackward,
            nodes: vec![product, mask],
            inputs: [self.inputs(product), &[y]].concat(),
            outputs: vec![self.output(mask)],
        })
    }

    /// dz, then all that it passes through on the way to the encoder's output.
    fn latent_backward(&self, product: NodeId) -> Option<Group> {
        let dz = self.output(product);
        let through_z = self.reader(dz, |op| op == Op::ReparameterizeBackward)?;
        let add_mean = self.reader(dz, |op| op == Op::Add)?;
        let add_stddev = self.reader(self.output(through_z), |op| op == Op::Add)?;
        let other = |add: NodeId, one: TensorId| {
            self.inputs(add).iter().copied().find(|&input| input != one)
        };
        let kl_mean = other(add_mean, dz)?;
        let kl_stddev = other(add_stddev, self.output(through_z))?;
        let kl = self.maker(kl_mean).filter(|&id| self.op(id) == Op::GaussianKlBackward)?;
        let softplus = self.reader(self.output(add_stddev), |op| op == Op::SoftplusBackward)?;
        let join = self.reader(self.output(softplus), |op| op == Op::SplitColumnsBackward)?;
        let &[dkl, mean, stddev] = self.inputs(kl) else { return None };
        let fits = self.graph.node(kl).outputs == [kl_mean, kl_stddev]
            && self.inputs(softplus)[0] == self.output(add_stddev)
            && self.inputs(join) == [self.output(add_mean), self.output(softplus)];
        if !fits {
            return None;
        }
        let (eps, s) = (self.inputs(through_z)[1], self.inputs(softplus)[1]);
        Some(Group {
            fusion: Fusion::LatentBackward { dkl: self.constant(dkl)? },
            nodes: vec![product, through_z, kl, add_mean, add_stddev, softplus, join],
            inputs: [self.inputs(product), &[eps, mean, stddev, s]].concat(),
            outputs: vec![self.output(join)],
        })
    }

    /// The value of a constant tensor.
    fn constant(&self, tensor: TensorId) -> Option<f32> {
        match self.graph.tensor(tensor).role {
            Role::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// A product and the bias that is added to it.
#[derive(Clone, Copy)]
struct Linear {
    product: NodeId,
    bias: NodeId,
}
