//! Rewrites a graph into few nodes: a matrix product absorbs the element-wise ops around it, which
//! become stages of its epilogue, and the gradients of all layers become one node with their
//! updates. A fused node keeps the primitives that it replaced, which define its result: the oracle
//! runs them one by one, and fused kernels are checked against that.
//!
//! Nodes are fused only if the other nodes can still be ordered around them. A group's outputs are
//! the tensors that it makes and that nodes outside it read.

mod contract;
mod stages;
mod update;

use super::hazard::hazards;
use super::{Element, Graph, Node, NodeId, Op, Role, Shape, TensorId, schedule};
use contract::{contract, order};
pub use update::{Target, UpdateLayout};

/// Columns covered by one element of a fused kernel's row sums.
pub const SUM_COLUMNS: usize = 4;

/// The number of storage buffers that a kernel may bind on every adapter.
pub const MOST_BINDINGS: usize = 8;

/// The computation of a fused node. In the comments, `inputs -> outputs`, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusion {
    /// data, indices -> x, eps: the batch and its noise.
    Batch,
    /// a, b, other operands -> results: a product a·b, with or without a transposition, and stages,
    /// each of which computes an element from elements at the same place; or only stages, without a
    /// and b. Constants are not operands.
    Stages,
    /// x, dy of each layer, then each term of the loss; updates each layer's weight and bias, with
    /// their states, by xᵀ·dy and the column sums of dy, then the loss log, if there are terms: see
    /// [`UpdateLayout`].
    Update,
}

impl Fusion {
    /// The name of the node's kind; [`Node::label`] also names its functions.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Stages => "stages",
            Self::Update => "update",
        }
    }
}

/// Options of the fusion pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusionOptions {
    /// Whether the optimiser joins the products that make its gradients. Otherwise the gradients are
    /// separate tensors, for clipping them or averaging them over machines.
    pub updates: bool,
}

impl Default for FusionOptions {
    fn default() -> Self {
        Self { updates: true }
    }
}

/// Nodes to be replaced by one node.
#[derive(Clone, Debug)]
struct Group {
    fusion: Fusion,
    nodes: Vec<NodeId>,
    /// Nodes of other groups that this group recomputes.
    repeated: Vec<NodeId>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
}

/// Fuses nodes among those that `outputs` and the updates need. Tensors keep their ids.
pub fn fuse(graph: &Graph, outputs: &[TensorId], options: FusionOptions) -> Graph {
    let graph = blocked_sums(graph, outputs);
    let view = View::new(&graph, outputs);
    let hazards = hazards(&graph, &view.live);
    let mut chosen = Chosen::new(&graph);
    let try_push = |chosen: &mut Chosen, group: Group| {
        chosen.push(group);
        if order(&view.live, &hazards, &chosen.groups).is_none() {
            chosen.pop();
        }
    };
    let mut candidates: Vec<_> = view.batch().into_iter().collect();
    if options.updates {
        candidates.extend(view.updates());
    }
    for group in candidates {
        let is_taken = |id: &NodeId| chosen.is_taken[id.index()];
        if view.is_closed(&group) && !group.nodes.iter().any(is_taken) {
            try_push(&mut chosen, group);
        }
    }
    // The last first: a tensor that only a later group reads is made in that group.
    let products = view.live.iter().rev().filter(|&&id| matches!(view.op(id), Op::Matmul(_)));
    let stages = view.live.iter().rev().filter(|&&id| view.op(id).is_stage());
    for &seed in products.chain(stages) {
        let Some(group) = view.grow(seed, &chosen, true) else { continue };
        // If the group recomputes a stage, another group may have to store one more tensor.
        let repeats = !group.repeated.is_empty();
        try_push(&mut chosen, group);
        if repeats && !view.fits(&chosen) {
            chosen.pop();
            if let Some(group) = view.grow(seed, &chosen, false) {
                try_push(&mut chosen, group);
            }
        }
    }
    view.connect(&mut chosen);
    // The chosen groups can be ordered, or there is no group and the graph stays as it is.
    contract(&graph, &view.live, &hazards, &chosen.groups).unwrap_or(graph)
}

/// Replaces row sums by sums of [`SUM_COLUMNS`] columns each, which a fused kernel can compute
/// without waiting for the rest of the row. The loss log, which adds all of a term, reads these
/// directly.
fn blocked_sums(graph: &Graph, outputs: &[TensorId]) -> Graph {
    let mut blocked = Graph { tensors: graph.tensors.clone(), nodes: Vec::new() };
    for node in &graph.nodes {
        let shape = |id: TensorId| graph.tensor(id).shape;
        let is_stage = |id: TensorId| {
            graph.nodes.iter().any(|other| other.op.is_stage() && other.outputs.contains(&id))
        };
        if node.op != Op::RowSum || !is_stage(node.inputs[0]) {
            blocked.nodes.push(node.clone());
            continue;
        }
        let sum = node.outputs[0];
        let blocks = shape(node.inputs[0]).columns.div_ceil(SUM_COLUMNS);
        let mut readers = graph.nodes.iter().filter(|other| other.reads().any(|t| t == sum));
        let is_logged = readers.all(|other| matches!(other.op, Op::LossSum { .. }));
        if blocks == 1 || is_logged && !outputs.contains(&sum) {
            blocked.tensors[sum.index()].shape.columns = blocks;
            blocked.nodes.push(Node { op: Op::BlockSum, ..node.clone() });
        } else {
            let name = format!("{}.blocks", graph.tensor(sum).name);
            let shape = Shape::new(shape(sum).rows, blocks);
            let parts = blocked.add_tensor(name, shape, Element::F32, Role::Workspace);
            blocked.nodes.push(Node::primitive(Op::BlockSum, &node.inputs, &[parts]));
            blocked.nodes.push(Node::primitive(Op::RowSum, &[parts], &[sum]));
        }
    }
    blocked
}

/// The groups chosen so far.
struct Chosen {
    groups: Vec<Group>,
    /// Whether each node is in a group.
    is_taken: Vec<bool>,
    /// The number of groups that read each tensor.
    readers: Vec<usize>,
}

impl Chosen {
    fn new(graph: &Graph) -> Self {
        let (nodes, tensors) = (graph.nodes().len(), graph.tensors().len());
        Self { groups: Vec::new(), is_taken: vec![false; nodes], readers: vec![0; tensors] }
    }

    fn push(&mut self, group: Group) {
        group.nodes.iter().for_each(|id| self.is_taken[id.index()] = true);
        group.inputs.iter().for_each(|tensor| self.readers[tensor.index()] += 1);
        self.groups.push(group);
    }

    fn pop(&mut self) {
        let Some(group) = self.groups.pop() else { return };
        group.nodes.iter().for_each(|id| self.is_taken[id.index()] = false);
        group.inputs.iter().for_each(|tensor| self.readers[tensor.index()] -= 1);
    }
}

/// A graph with its live nodes, and the nodes that make and read each tensor.
struct View<'a> {
    graph: &'a Graph,
    live: Vec<NodeId>,
    outputs: &'a [TensorId],
    /// The node that makes each tensor, if there is one; see [`maker`](Self::maker).
    makers: Vec<Option<NodeId>>,
    /// The nodes that read each tensor.
    readers: Vec<Vec<NodeId>>,
    /// Whether a node changes each tensor in place.
    is_updated: Vec<bool>,
}

impl<'a> View<'a> {
    fn new(graph: &'a Graph, outputs: &'a [TensorId]) -> Self {
        let live = schedule::live_nodes(graph, outputs);
        let count = graph.tensors().len();
        let (mut makers, mut readers) = (vec![None; count], vec![Vec::new(); count]);
        let mut is_updated = vec![false; count];
        for &id in &live {
            let node = graph.node(id);
            for tensor in node.reads() {
                if readers[tensor.index()].last() != Some(&id) {
                    readers[tensor.index()].push(id);
                }
            }
            for tensor in node.writes() {
                if node.op.updates() {
                    is_updated[tensor.index()] = true;
                } else {
                    makers[tensor.index()] = Some(id);
                }
            }
        }
        Self { graph, live, outputs, makers, readers, is_updated }
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

    /// The live nodes that read `tensor`.
    fn readers(&self, tensor: TensorId) -> &[NodeId] {
        &self.readers[tensor.index()]
    }

    /// The only live node that reads `tensor` and satisfies `test`.
    fn reader(&self, tensor: TensorId, test: impl Fn(Op) -> bool) -> Option<NodeId> {
        let mut readers = self.readers(tensor).iter().copied().filter(|&id| test(self.op(id)));
        readers.next().filter(|_| readers.next().is_none())
    }

    /// The live node that makes `tensor`, if no node changes it afterwards.
    fn maker(&self, tensor: TensorId) -> Option<NodeId> {
        self.makers[tensor.index()].filter(|_| !self.is_updated[tensor.index()])
    }

    /// Whether a tensor is a number that can be written into a kernel's source.
    fn is_constant(&self, tensor: TensorId) -> bool {
        matches!(self.graph.tensor(tensor).role, Role::Constant(value) if (value as f32).is_finite())
    }

    /// The group of a step's gather and noise.
    fn batch(&self) -> Option<Group> {
        let only = |test: fn(Op) -> bool| {
            let mut found = self.live.iter().copied().filter(|&id| test(self.op(id)));
            found.next().filter(|_| found.next().is_none())
        };
        let gather = only(|op| matches!(op, Op::GatherBatch { .. }))?;
        let noise = only(|op| matches!(op, Op::Normal { .. }))?;
        let rows = |id: NodeId| self.graph.tensor(self.output(id)).shape.rows;
        // The kernels share the work by rows of both.
        (rows(gather) == rows(noise)).then(|| Group {
            fusion: Fusion::Batch,
            nodes: vec![gather, noise],
            repeated: Vec::new(),
            inputs: self.inputs(gather).to_vec(),
            outputs: vec![self.output(gather), self.output(noise)],
        })
    }

    /// Whether tensors that the group makes, except its outputs, are read only within it, and
    /// tensors that it reads from other nodes are inputs or constants.
    fn is_closed(&self, group: &Group) -> bool {
        let nodes = || group.nodes.iter().map(|&id| self.graph.node(id));
        let made: Vec<_> = nodes().flat_map(Node::writes).collect();
        let hidden = made.iter().filter(|tensor| !group.outputs.contains(tensor));
        let own = |tensor: &TensorId| {
            !self.outputs.contains(tensor)
                && self.graph.tensor(*tensor).is_workspace()
                && self.readers(*tensor).iter().all(|reader| group.nodes.contains(reader))
        };
        let known = |tensor: TensorId| {
            made.contains(&tensor) || group.inputs.contains(&tensor) || self.is_constant(tensor)
        };
        hidden.into_iter().all(own) && nodes().flat_map(Node::reads).all(known)
    }
}
