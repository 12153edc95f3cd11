//! Grows groups of stages around a matrix product, or without one.

use super::{Chosen, Fusion, Group, MOST_BINDINGS, View};
use crate::graph::{Element, NodeId, Op, Shape, TensorId};
use std::collections::BTreeSet;

/// The maximum number of stages that a group recomputes instead of reading a stored tensor.
const MOST_REPEATED: usize = 4;

/// A group while it grows. Its tensors have `rows` rows and `width` columns, or twice as many
/// columns: the two halves of those are computed at once.
struct Growth<'a> {
    view: &'a View<'a>,
    chosen: &'a Chosen,
    nodes: Vec<NodeId>,
    repeated: Vec<NodeId>,
    rows: usize,
    width: usize,
    /// The width before each node that joined.
    widths: Vec<usize>,
    /// Whether it may recompute stages to read fewer tensors.
    can_repeat: bool,
}

impl View<'_> {
    /// The largest group around a node in no chosen group; none if that would be a single node.
    /// With `can_repeat`, the group recomputes stages to read fewer tensors.
    pub(super) fn grow(&self, seed: NodeId, chosen: &Chosen, can_repeat: bool) -> Option<Group> {
        let is_product = matches!(self.op(seed), Op::Matmul(_));
        let shape = self.graph.tensor(self.output(seed)).shape;
        let mut growth = Growth {
            view: self,
            chosen,
            nodes: Vec::new(),
            repeated: Vec::new(),
            rows: shape.rows,
            width: shape.columns,
            widths: Vec::new(),
            can_repeat,
        };
        if growth.is_taken(seed) || !is_product && !growth.try_join(seed) {
            return None;
        }
        if is_product {
            growth.nodes.push(seed);
        }
        while growth.neighbours().into_iter().any(|id| growth.try_join(id)) {}
        growth.repeat();
        while !growth.fits() {
            growth.leave();
            growth.repeat();
        }
        growth.nodes.sort_unstable();
        (growth.nodes.len() > 1).then(|| growth.group())
    }

    /// Sets the outputs of all groups: the tensors that other nodes read.
    pub(super) fn connect(&self, chosen: &mut Chosen) {
        for index in 0..chosen.groups.len() {
            if chosen.groups[index].fusion == Fusion::Stages {
                chosen.groups[index].outputs = self.stored(&chosen.groups[index].nodes, chosen);
            }
        }
    }

    /// Whether every group of stages is within the limit of bindings.
    pub(super) fn fits(&self, chosen: &Chosen) -> bool {
        let mut stages = chosen.groups.iter().filter(|group| group.fusion == Fusion::Stages);
        stages.all(|group| self.can_bind(&group.nodes, &group.inputs, chosen))
    }

    /// Whether these nodes with these inputs are within the limit of bindings.
    fn can_bind(&self, nodes: &[NodeId], inputs: &[TensorId], chosen: &Chosen) -> bool {
        // A product needs one more binding, for its slices.
        let is_product = nodes.iter().any(|&id| matches!(self.op(id), Op::Matmul(_)));
        let count = inputs.len() + self.stored(nodes, chosen).len();
        count + usize::from(is_product) <= MOST_BINDINGS
    }

    /// The tensors that these nodes make and others read.
    fn stored(&self, nodes: &[NodeId], chosen: &Chosen) -> Vec<TensorId> {
        let is_other = |id: &NodeId| !nodes.contains(id) && !chosen.is_taken[id.index()];
        let is_read = |tensor: &TensorId| {
            self.outputs.contains(tensor)
                || chosen.readers[tensor.index()] > 0
                || self.readers(*tensor).iter().any(is_other)
        };
        let made = nodes.iter().flat_map(|&id| &self.graph.node(id).outputs).copied();
        made.filter(is_read).collect()
    }
}

impl Growth<'_> {
    fn is_taken(&self, id: NodeId) -> bool {
        self.nodes.contains(&id) || self.chosen.is_taken[id.index()]
    }

    fn shape(&self, tensor: TensorId) -> Shape {
        self.view.graph.tensor(tensor).shape
    }

    fn outputs(&self, id: NodeId) -> &[TensorId] {
        &self.view.graph.node(id).outputs
    }

    /// The node of the group that makes `tensor`.
    fn maker(&self, tensor: TensorId) -> Option<NodeId> {
        let mut nodes = self.nodes.iter().chain(&self.repeated).copied();
        nodes.find(|&id| self.outputs(id).contains(&tensor))
    }

    /// The stages next to the group, in their order: those that read its tensors, and those whose
    /// outputs are read only by the group.
    fn neighbours(&self) -> BTreeSet<NodeId> {
        let view = self.view;
        let own = || self.nodes.iter().copied();
        let read = own().flat_map(|id| view.inputs(id)).filter_map(|&input| view.maker(input));
        let made = own().flat_map(|id| self.outputs(id)).flat_map(|&output| view.readers(output));
        let is_free = |id: &NodeId| view.op(*id).is_stage() && !self.is_taken(*id);
        let readers = made.copied().filter(is_free);
        let is_own = |tensor: &TensorId| {
            let readers = view.readers(*tensor);
            !view.outputs.contains(tensor)
                && !readers.is_empty()
                && readers.iter().all(|id| self.nodes.contains(id) && view.op(*id).is_stage())
        };
        let is_for_group = |id: &NodeId| is_free(id) && self.outputs(*id).iter().all(is_own);
        readers.chain(read.filter(is_for_group)).collect()
    }

    /// Adds a node if it fits; returns whether it does.
    fn try_join(&mut self, id: NodeId) -> bool {
        let Some(width) = self.width_with(id).filter(|_| self.is_convex_with(id)) else {
            return false;
        };
        self.widths.push(self.width);
        self.width = width;
        self.nodes.push(id);
        true
    }

    /// Removes the node that was added last. Nodes that depend on it were added later and are gone.
    fn leave(&mut self) {
        self.nodes.pop();
        self.repeated.clear();
        self.width = self.widths.pop().unwrap_or(self.width);
    }

    /// The group's width with this node added; none if its operands or results have unsuitable
    /// shapes.
    fn width_with(&self, id: NodeId) -> Option<usize> {
        let (op, inputs) = (self.view.op(id), self.view.inputs(id));
        let output = self.shape(self.outputs(id)[0]);
        let width = match op {
            Op::SplitColumns { left } => {
                let whole = self.shape(inputs[0]).columns;
                // Wider tensors, and sums over the whole width, do not fit half of it.
                let is_wide = |&id: &NodeId| {
                    let mut tensors = self.outputs(id).iter().chain(self.view.inputs(id));
                    let is_wider = tensors.any(|&tensor| self.shape(tensor).columns > self.width);
                    let op = self.view.op(id);
                    op == Op::BlockSum || !matches!(op, Op::Matmul(_)) && is_wider
                };
                let fits = left * 2 == whole
                    && (left == self.width
                        || whole == self.width && !self.nodes.iter().any(is_wide));
                fits.then_some(left)?
            }
            Op::Concatenate => {
                let fits = inputs.iter().all(|&input| self.shape(input).columns == self.width);
                fits.then_some(self.width)?
            }
            Op::BlockSum => {
                // The readers of a sum of blocks would take it for an element.
                let reads =
                    |other: &NodeId| self.view.inputs(*other).contains(&self.outputs(id)[0]);
                let fits =
                    self.shape(inputs[0]).columns == self.width && !self.nodes.iter().any(reads);
                fits.then_some(self.width)?
            }
            _ => self.width,
        };
        let is_width = |columns: usize| columns == width || columns == 2 * width;
        let fits = |&input: &TensorId| {
            let shape = self.shape(input);
            let is_element = self.maker(input).is_none_or(|id| self.view.op(id) != Op::BlockSum);
            is_element
                && self.view.graph.tensor(input).element == Element::F32
                && (shape.rows == self.rows || shape.rows == 1)
                && (is_width(shape.columns) || shape.columns == 1)
        };
        let is_result = output.rows == self.rows
            && (op == Op::BlockSum || is_width(output.columns) && output.columns >= width);
        let is_single = |tensor: &TensorId| self.view.maker(*tensor) == Some(id);
        let fits = inputs.iter().all(fits) && is_result && self.outputs(id).iter().all(is_single);
        fits.then_some(width)
    }

    /// Whether no node outside the group must run between the group and this node.
    fn is_convex_with(&self, id: NodeId) -> bool {
        let first = self.nodes.iter().min().copied().unwrap_or(id);
        let others = self.view.inputs(id).iter().filter(|&&input| self.maker(input).is_none());
        let mut waiting: Vec<_> = others.filter_map(|&input| self.view.maker(input)).collect();
        let mut seen = Vec::new();
        while let Some(other) = waiting.pop() {
            if self.nodes.contains(&other) {
                return false;
            }
            if other > first && !seen.contains(&other) {
                seen.push(other);
                let inputs = self.view.inputs(other).iter();
                waiting.extend(inputs.filter_map(|&input| self.view.maker(input)));
            }
        }
        true
    }

    /// Operands from outside, a product's first, without constants.
    fn read(&self) -> Vec<TensorId> {
        let mut read = Vec::new();
        let mut nodes = [self.nodes.as_slice(), &self.repeated].concat();
        nodes.sort_by_key(|&id| (!matches!(self.view.op(id), Op::Matmul(_)), id));
        for &input in nodes.iter().flat_map(|&id| self.view.inputs(id)) {
            let is_product = matches!(self.view.op(nodes[0]), Op::Matmul(_)) && read.len() < 2;
            let is_new = !read.contains(&input) && self.maker(input).is_none();
            if is_product || is_new && !self.view.is_constant(input) {
                read.push(input);
            }
        }
        read
    }

    fn fits(&self) -> bool {
        self.view.can_bind(&self.nodes, &self.read(), self.chosen)
    }

    /// Recomputes stages if few of them make a tensor and fewer tensors are then read: the halves
    /// of a tensor, and functions of tensors that are read anyway.
    fn repeat(&mut self) {
        while self.can_repeat {
            let read = self.read();
            let found = read.iter().find_map(|&input| self.repeatable(input, &read));
            let Some(nodes) = found else { return };
            let own = self.repeated.clone();
            self.repeated.extend(nodes);
            if self.read().len() >= read.len() {
                self.repeated = own;
                return;
            }
        }
    }

    /// The stages that make `input` from other inputs.
    fn repeatable(&self, input: TensorId, read: &[TensorId]) -> Option<Vec<NodeId>> {
        let mut nodes = Vec::new();
        let mut wanted = vec![input];
        while let Some(tensor) = wanted.pop() {
            let id = self.view.maker(tensor).filter(|id| !self.nodes.contains(id))?;
            self.width_with(id).filter(|&width| width == self.width)?;
            let op = self.view.op(id);
            let is_split = matches!(op, Op::SplitColumns { .. });
            if nodes.len() == MOST_REPEATED || !is_split && !matches!(op, Op::Map(_)) {
                return None;
            }
            if is_split && !self.outputs(id).iter().all(|half| read.contains(half)) {
                return None;
            }
            if nodes.contains(&id) {
                continue;
            }
            nodes.push(id);
            for &source in self.view.inputs(id) {
                let is_known = read.contains(&source) && source != input
                    || self.view.is_constant(source)
                    || self.maker(source).is_some();
                let is_kept = !self.view.is_updated[source.index()];
                if !is_kept {
                    return None;
                }
                if !is_known && !is_split {
                    wanted.push(source);
                }
            }
        }
        Some(nodes)
    }

    fn group(self) -> Group {
        let inputs = self.read();
        let Self { nodes, repeated, .. } = self;
        // The outputs follow from all groups: see `connect`.
        Group { fusion: Fusion::Stages, nodes, repeated, inputs, outputs: Vec::new() }
    }
}
