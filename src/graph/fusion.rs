//! Rewrites a graph into few nodes: a matrix product takes over the ops that follow it, and the
//! gradients of all layers become one with their updates. A fused node keeps the primitives that it
//! replaced, which are its meaning: the oracle runs them one by one, and fused kernels are checked
//! against that.
//!
//! A group of nodes is fused only if everything it hides is used inside it alone, and only if the
//! other nodes can still be ordered around it.

mod chain;
mod contract;
mod update;

use super::hazard::hazards;
use super::{Graph, Node, NodeId, Op, Role, TensorId, schedule};
use contract::{contract, order};

/// Columns that one element of a fused kernel's row sums covers.
pub const SUM_COLUMNS: usize = 4;

/// What a fused node computes. In the comments, `inputs -> outputs`, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fusion {
    /// data, indices -> x, eps: the batch and its noise.
    Batch,
    /// x, weight, bias -> x·weight + bias.
    Linear,
    /// x, weight, bias -> max(x·weight + bias, 0).
    LinearRelu,
    /// x, weight, bias, eps -> mean, s, stddev, z, blocks of the KL divergence.
    LinearSample,
    /// h, weight, bias, x -> blocks of the log-likelihood, dlogits.
    LinearBernoulli {
        /// Gradient of each row's log-likelihood.
        dlog_likelihood: f32,
    },
    /// dy, weight, y -> dy·weightᵀ where y > 0, else 0.
    MatmulReluBackward,
    /// dy, weight, eps, mean, stddev, s -> the gradient of the encoder's output.
    LatentBackward {
        /// Gradient of each row's KL divergence.
        dkl: f32,
    },
    /// x, dy of each layer, then each term of the loss; updates each layer's weight, the weight's
    /// mean square, its bias and the bias's mean square by RMSProp with xᵀ·dy and the column sums of
    /// dy, then the loss log, if there are terms.
    Update,
}

impl Fusion {
    /// The name of the node and of its kernel.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Linear => "linear",
            Self::LinearRelu => "linear_relu",
            Self::LinearSample => "linear_sample",
            Self::LinearBernoulli { .. } => "linear_bernoulli",
            Self::MatmulReluBackward => "matmul_relu_backward",
            Self::LatentBackward { .. } => "latent_backward",
            Self::Update => "update",
        }
    }
}

/// What the pass may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusionOptions {
    /// Whether RMSProp joins the products that make its gradients. Without it the gradients are
    /// tensors of their own, for clipping them or averaging them over machines.
    pub updates: bool,
}

impl Default for FusionOptions {
    fn default() -> Self {
        Self { updates: true }
    }
}

/// Nodes to be replaced by one.
#[derive(Clone, Debug)]
struct Group {
    fusion: Fusion,
    nodes: Vec<NodeId>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
}

/// Fuses what can be fused of the nodes that `outputs` and the updates need. Tensors keep their
/// ids.
pub fn fuse(graph: &Graph, outputs: &[TensorId], options: FusionOptions) -> Graph {
    let graph = blocked_sums(graph, outputs);
    let view = View::new(&graph, outputs);
    let mut candidates = Vec::new();
    candidates.extend(view.batch());
    candidates.extend(view.live.iter().filter_map(|&id| view.chain(id)));
    if options.updates {
        candidates.extend(view.updates());
    }
    let hazards = hazards(&graph, &view.live);
    let mut chosen: Vec<Group> = Vec::new();
    for group in candidates {
        let free = |id: &NodeId| !chosen.iter().any(|other| other.nodes.contains(id));
        if view.is_closed(&group) && group.nodes.iter().all(free) {
            chosen.push(group);
            if order(&view.live, &hazards, &chosen).is_none() {
                chosen.pop();
            }
        }
    }
    // There is an order of the chosen groups, or there is no group, which changes nothing.
    contract(&graph, &view.live, &hazards, &chosen).unwrap_or(graph)
}

/// Replaces row sums that only the loss log uses by sums of [`SUM_COLUMNS`] columns each: a fused
/// kernel can make those without waiting for the rest of the row.
fn blocked_sums(graph: &Graph, outputs: &[TensorId]) -> Graph {
    let mut blocked = graph.clone();
    for (place, node) in graph.nodes.iter().enumerate() {
        let op = match node.op {
            Op::BernoulliLogLikelihood => Op::BernoulliLogLikelihoodBlocks,
            Op::GaussianKl => Op::GaussianKlBlocks,
            _ => continue,
        };
        let sum = node.outputs[0];
        let mut readers = graph.nodes.iter().filter(|other| other.reads().any(|t| t == sum));
        let logged = readers.all(|other| matches!(other.op, Op::LossSum { .. }));
        if logged && !outputs.contains(&sum) {
            let columns = graph.tensor(node.inputs[0]).shape.columns;
            blocked.nodes[place].op = op;
            blocked.tensors[sum.index()].shape.columns = columns.div_ceil(SUM_COLUMNS);
        }
    }
    blocked
}

/// A graph with its live nodes, and who makes and reads what.
struct View<'a> {
    graph: &'a Graph,
    live: Vec<NodeId>,
    outputs: &'a [TensorId],
}

impl<'a> View<'a> {
    fn new(graph: &'a Graph, outputs: &'a [TensorId]) -> Self {
        Self { graph, live: schedule::live_nodes(graph, outputs), outputs }
    }

    fn op(&self, id: NodeId) -> Op {
        self.graph.node(id).op
    }

    fn inputs(&self, id: NodeId) -> &'a [TensorId] {
        &self.graph.node(id).inputs
    }

    fn output(&self, id: NodeId) -> TensorId {
        self.graph.node(id).outputs[0]
    }

    /// The live nodes that read a tensor.
    fn readers(&self, tensor: TensorId) -> Vec<NodeId> {
        let reads = |id: &NodeId| self.graph.node(*id).reads().any(|read| read == tensor);
        self.live.iter().copied().filter(reads).collect()
    }

    /// The only live node that reads the tensor, if there is one and it satisfies the test.
    fn reader(&self, tensor: TensorId, test: impl Fn(Op) -> bool) -> Option<NodeId> {
        let mut readers = self.readers(tensor).into_iter().filter(|&id| test(self.op(id)));
        readers.next().filter(|_| readers.next().is_none())
    }

    /// The live node that makes a tensor.
    fn maker(&self, tensor: TensorId) -> Option<NodeId> {
        let makes = |id: &NodeId| self.graph.node(*id).outputs.contains(&tensor);
        self.live.iter().copied().find(makes)
    }

    /// Whether what the group's nodes make, but for its outputs, is used by them alone, and what
    /// they read of others is among its inputs or constant.
    fn is_closed(&self, group: &Group) -> bool {
        let nodes = || group.nodes.iter().map(|&id| self.graph.node(id));
        let made: Vec<_> = nodes().flat_map(Node::writes).collect();
        let hidden = made.iter().filter(|tensor| !group.outputs.contains(tensor));
        let own = |tensor: &TensorId| {
            !self.outputs.contains(tensor)
                && self.graph.tensor(*tensor).is_workspace()
                && self.readers(*tensor).iter().all(|reader| group.nodes.contains(reader))
        };
        let constant = |tensor| matches!(self.graph.tensor(tensor).role, Role::Constant(_));
        let known = |tensor: TensorId| {
            made.contains(&tensor) || group.inputs.contains(&tensor) || constant(tensor)
        };
        hidden.into_iter().all(own) && nodes().flat_map(Node::reads).all(known)
    }
}
