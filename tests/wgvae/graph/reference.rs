//! What the graph code should find, from the definitions alone: slow, and without its shortcuts.

use std::collections::{HashMap, HashSet};

use wgvae::function::{Loop, Rows};
use wgvae::graph::{Graph, Node, NodeId, Op, Role, SUM_COLUMNS, Shape, Step, TensorId};
use wgvae::kernel::{Call, Column, Epilogue, Kernel, Operand, Store, Value};

use super::random::Sample;

/// What a node reads, and what it writes.
pub(super) fn touched(node: &Node) -> [HashSet<TensorId>; 2] {
    let writes: HashSet<_> = node.outputs.iter().copied().collect();
    let mut reads: HashSet<_> = node.inputs.iter().copied().collect();
    if matches!(node.op, Op::Update(_) | Op::LossSum { .. }) {
        reads.extend(&writes);
    }
    [reads, writes]
}

/// Whether two nodes share a tensor that one of them writes.
pub(super) fn conflict(graph: &Graph, a: NodeId, b: NodeId) -> bool {
    let [[a_reads, a_writes], [b_reads, b_writes]] = [a, b].map(|id| touched(graph.node(id)));
    !a_writes.is_disjoint(&b_reads)
        || !a_writes.is_disjoint(&b_writes)
        || !a_reads.is_disjoint(&b_writes)
}

/// The updates, whatever makes an output, and whatever makes what those read, until nothing more
/// is found.
pub(super) fn live(graph: &Graph, outputs: &[TensorId]) -> Vec<NodeId> {
    let mut live = HashSet::new();
    let mut needed: HashSet<_> = outputs.iter().copied().collect();
    loop {
        let before = live.len();
        for id in graph.node_ids() {
            let node = graph.node(id);
            let [reads, writes] = touched(node);
            let updates = !reads.is_disjoint(&writes);
            if updates || !writes.is_disjoint(&needed) {
                live.insert(id);
                needed.extend(reads);
            }
        }
        if live.len() == before {
            return graph.node_ids().filter(|id| live.contains(id)).collect();
        }
    }
}

/// The places from the first to the last at which a tensor is touched, the host's place after the
/// last node included; none if nothing touches it.
pub(super) fn lifetime(
    graph: &Graph,
    order: &[NodeId],
    outputs: &[TensorId],
    tensor: TensorId,
) -> Option<(usize, usize)> {
    let touches = |id: NodeId| touched(graph.node(id)).iter().any(|all| all.contains(&tensor));
    let places = || (0..order.len()).filter(|&place| touches(order[place]));
    let last = if outputs.contains(&tensor) { Some(order.len()) } else { places().next_back() };
    Some((places().next()?, last?))
}

/// The values of tensors.
pub(super) type Numbers = HashMap<TensorId, Vec<f64>>;

/// Every tensor's values after each of these steps, the nodes run in program order with memory of
/// their own.
pub(super) fn interpret(sample: &Sample, steps: &[Step]) -> Vec<Numbers> {
    let mut after = Vec::new();
    let mut values = starting_values(&sample.graph, &sample.values);
    for &step in steps {
        let nodes = sample.graph.nodes().iter();
        nodes.for_each(|node| run(&sample.graph, node, step, &mut values));
        after.push(values.clone());
    }
    after
}

/// The values of all tensors before the first step, these among them.
pub(super) fn starting_values(graph: &Graph, written: &[(TensorId, Vec<f64>)]) -> Numbers {
    let start = |id: TensorId| match graph.tensor(id).role {
        Role::Constant(value) => value,
        Role::State(value) => value.into(),
        Role::Workspace => f64::NAN,
        _ => 0.0,
    };
    let filled = |id: TensorId| (id, vec![start(id); graph.tensor(id).shape.len()]);
    let mut values: HashMap<_, _> = graph.tensor_ids().map(filled).collect();
    values.extend(written.iter().cloned());
    values
}

/// Runs the primitives of a node, of which each has room of its own for what it makes.
pub(super) fn run(graph: &Graph, node: &Node, step: Step, values: &mut Numbers) {
    for node in node.primitives() {
        let mut outputs: Vec<_> = node.outputs.iter().map(|id| values[id].clone()).collect();
        let inputs: Vec<_> = node.inputs.iter().map(|id| Operand::Reals(&values[id])).collect();
        let mut views: Vec<_> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let call = Call::of(graph, node);
        let Some(twins) = Kernel::of(&call).twins else { panic!("{call} has no twin") };
        (twins.f64)(&call, step, &inputs, &mut views);
        values.extend(node.outputs.iter().copied().zip(outputs));
    }
}

/// What the stages of a node put out, computed place by place as their text says; none if its work is
/// other than stages.
pub(super) fn stages(
    graph: &Graph,
    node: &Node,
    step: Step,
    values: &Numbers,
) -> Option<Vec<Vec<f64>>> {
    let stages = Epilogue::of(graph, node)?;
    let inputs: Vec<_> =
        node.inputs.iter().map(|id| (graph.tensor(*id).shape, values[id].as_slice())).collect();
    let products = stages.product.map(|transpose| {
        let [(a_shape, a), (b_shape, b)] = [inputs[0], inputs[1]];
        let columns = if stages.is_halved { 2 * stages.width } else { stages.width };
        let mut sums = vec![0.0; stages.rows * columns];
        let op = Op::Matmul(transpose);
        let shapes = (vec![a_shape, b_shape], vec![Shape::new(stages.rows, columns)]);
        let (inputs, outputs) = shapes;
        let call = Call { op, inputs, outputs, parts: Vec::new(), epilogue: None };
        let Some(twins) = Kernel::of(&call).twins else { panic!("a product has a twin") };
        (twins.f64)(&call, step, &[Operand::Reals(a), Operand::Reals(b)], &mut [&mut sums]);
        sums
    });
    let mut outputs: Vec<_> =
        node.outputs.iter().map(|id| vec![f64::NAN; graph.tensor(*id).shape.len()]).collect();
    for row in 0..stages.rows {
        let places = (0..stages.width).map(|column| {
            place(&stages, &inputs, products.as_deref().unwrap_or(&[]), step, [row, column])
        });
        let places: Vec<_> = places.collect();
        for ((output, store), id) in outputs.iter_mut().zip(&stages.stores).zip(&node.outputs) {
            let columns = graph.tensor(*id).shape.columns;
            let value = |index: usize| places.iter().map(move |values: &Vec<f64>| values[index]);
            let found: Vec<f64> = match *store {
                Store::Same(index) => value(index).collect(),
                Store::Halves(left, right) => value(left).chain(value(right)).collect(),
                Store::Blocks(index) => {
                    let all: Vec<_> = value(index).collect();
                    all.chunks(SUM_COLUMNS)
                        .map(|block| block.iter().fold(0.0, |s, x| s + x))
                        .collect()
                }
            };
            output[row * columns..][..columns].copy_from_slice(&found);
        }
    }
    Some(outputs)
}

/// Every value of one place.
fn place(
    stages: &Epilogue,
    inputs: &[(Shape, &[f64])],
    sums: &[f64],
    step: Step,
    [row, column]: [usize; 2],
) -> Vec<f64> {
    let columns = sums.len() / stages.rows;
    let mut values = Vec::new();
    let one = |run: Loop<f64>, operands: &[usize], values: &[f64]| {
        let operands: Vec<_> = operands.iter().map(|&index| [values[index]]).collect();
        let rows: Vec<_> = operands.iter().map(|values| Rows { values, pitch: 1 }).collect();
        let mut result = [f64::NAN];
        run(&rows, 1, &mut result);
        result[0]
    };
    for value in &stages.values {
        values.push(match value {
            Value::Sum => sums[row * columns + column],
            Value::Partner => sums[row * columns + stages.width + column],
            Value::Load { input, is_row, column: side } => {
                let (shape, numbers) = inputs[*input];
                let column = match side {
                    Column::Same | Column::Left => column,
                    Column::Right => stages.width + column,
                    Column::Only => 0,
                };
                numbers[if *is_row { 0 } else { row } * shape.columns + column]
            }
            Value::Constant(value) => *value,
            Value::Scalar(scalar) => scalar.of(step),
            Value::Map(function, operands) => one(function.f64.value, operands, &values),
            Value::Slope(function, operand, operands) => {
                one(function.f64.slopes[*operand], operands, &values)
            }
        });
    }
    values
}
