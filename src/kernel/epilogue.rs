//! The epilogue of a product, or stages without one, lowered to a list of values per element, in
//! which each depends only on earlier ones. WGSL is [generated](super::text) from this, and the CPU
//! [runs](crate::simd) it.

use crate::function::{ADD, Function, SUBTRACT, Slope};
use crate::graph::{Graph, Node, Op, Role, Scalar, Shape, TensorId, Transpose};
use smallvec::SmallVec;
use std::collections::HashMap;

/// Stages around a product, or without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Epilogue {
    /// The transposition of the product of the first two inputs, if there is one.
    pub product: Option<Transpose>,
    /// Rows of the computed elements.
    pub rows: usize,
    /// Columns of the computed elements. For tensors with twice as many, the two halves of a row
    /// are computed at once.
    pub width: usize,
    /// Whether the product has two halves.
    pub is_halved: bool,
    /// Every value of an element.
    pub values: Vec<Value>,
    /// For each value, the one that the CPU computes together with it, if there is one: a function's
    /// value and its slope at the same operands, in the place of the slope.
    pub pairs: Vec<Option<usize>>,
    /// The store of each output.
    pub stores: Vec<Store>,
}

/// A value of one element. Indices refer to earlier values.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The product's sum.
    Sum,
    /// The product's sum in the right half, for the same column.
    Partner,
    /// An element of an input.
    Load {
        /// The index of the input.
        input: usize,
        /// Whether the input has a single row, used for all rows.
        is_row: bool,
        /// The column to load.
        column: Column,
    },
    /// A constant.
    Constant(f64),
    /// A scalar of the step.
    Scalar(Scalar),
    /// A function's value.
    Map(&'static Function, SmallVec<[usize; 3]>),
    /// A gradient times a function's derivative by an operand: the gradient's index first, then the
    /// arguments of the derivative.
    Slope(&'static Function, usize, SmallVec<[usize; 4]>),
}

/// Pairs a function's value with a slope at the same operands, if no value between them needs the
/// first one.
fn pairs(values: &[Value]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; values.len()];
    for (index, value) in values.iter().enumerate() {
        let Value::Slope(function, operand, operands) = value else { continue };
        let is_value = |other: &Value| match other {
            Value::Map(of, x) => of == function && x[..] == operands[1..],
            _ => false,
        };
        let depends_on_operands = function.slopes[*operand] == Slope::Operands;
        let found = values[..index].iter().position(is_value).filter(|&found| {
            let mut between = values[found + 1..=index].iter();
            let reads = |value: &Value| value.operands().contains(&found);
            depends_on_operands && pairs[found].is_none() && !between.any(reads)
        });
        if let Some(found) = found {
            (pairs[found], pairs[index]) = (Some(index), Some(found));
        }
    }
    pairs
}

impl Value {
    /// The earlier values that it is computed from.
    pub fn operands(&self) -> &[usize] {
        match self {
            Self::Map(_, operands) => operands,
            Self::Slope(_, _, operands) => operands,
            _ => &[],
        }
    }
}

/// A column of an input, relative to the computed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The same column.
    Same,
    /// The same column of the left half, if the input has twice as many.
    Left,
    /// The same column of the right half.
    Right,
    /// The only column.
    Only,
}

/// The way an output is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// One value per element.
    Same(usize),
    /// Two values, one in each half of the row.
    Halves(usize, usize),
    /// Sums of a value over blocks of [`SUM_COLUMNS`](crate::graph::SUM_COLUMNS) columns.
    Blocks(usize),
}

/// The value of a tensor's element, or of both halves of a row.
#[derive(Clone, Copy)]
enum Lowered {
    One(usize),
    Pair(usize, usize),
    Blocks(usize),
}

struct Lowering<'a> {
    graph: &'a Graph,
    inputs: &'a [TensorId],
    epilogue: Epilogue,
    lowered: HashMap<TensorId, Lowered>,
}

impl Epilogue {
    /// The stages of a node; none if it contains other ops.
    pub fn of(graph: &Graph, node: &Node) -> Option<Self> {
        let parts = node.primitives();
        let shape = |id: TensorId| graph.tensor(id).shape;
        let product = parts.iter().find_map(|part| match part.op {
            Op::Matmul(transpose) => Some((transpose, part.outputs[0])),
            _ => None,
        });
        let is_epilogue = |part: &Node| part.op.is_stage() || matches!(part.op, Op::Matmul(_));
        let is_moved = |op| matches!(op, Op::SplitColumns { .. } | Op::Concatenate);
        let is_alone = node.parts.is_empty() && is_moved(node.op);
        if is_alone || !parts.iter().all(is_epilogue) {
            return None;
        }
        let whole = match product {
            Some((_, sums)) => shape(sums),
            None => shape(parts[0].outputs[0]),
        };
        // For wider tensors, the two halves of a row are computed at once.
        let widths = parts.iter().flat_map(|part| match part.op {
            Op::BlockSum => &part.inputs,
            _ => &part.outputs,
        });
        let joined = parts.iter().filter(|part| part.op == Op::Concatenate);
        let widths = widths.chain(joined.flat_map(|part| &part.inputs));
        let width = widths.map(|&id| shape(id).columns).min().unwrap_or(whole.columns);
        let is_halved = product.is_some() && whole.columns == 2 * width;
        let mut lowering = Lowering {
            graph,
            inputs: &node.inputs,
            epilogue: Self {
                product: product.map(|(transpose, _)| transpose),
                rows: whole.rows,
                width,
                is_halved,
                values: Vec::new(),
                pairs: Vec::new(),
                stores: Vec::new(),
            },
            lowered: HashMap::new(),
        };
        parts.iter().for_each(|part| lowering.part(part));
        for output in &node.outputs {
            let store = match lowering.lowered[output] {
                Lowered::One(value) => Store::Same(value),
                Lowered::Pair(left, right) => Store::Halves(left, right),
                Lowered::Blocks(value) => Store::Blocks(value),
            };
            lowering.epilogue.stores.push(store);
        }
        let pairs = pairs(&lowering.epilogue.values);
        Some(Self { pairs, ..lowering.epilogue })
    }

    /// The functions of all values, in order.
    pub fn functions(&self) -> impl Iterator<Item = &'static Function> + '_ {
        self.values.iter().filter_map(|value| match value {
            Value::Map(function, _) | Value::Slope(function, ..) => Some(*function),
            _ => None,
        })
    }

    /// Returns the number of sums and differences of which an operand is computed, and so rounded: where
    /// they cancel, its error is not relative to the result.
    pub fn computed_sums(&self) -> usize {
        let is_computed = |index: &usize| {
            let value = &self.values[*index];
            matches!(value, Value::Map(..) | Value::Slope(..))
        };
        let is_sum = |value: &&Value| match value {
            Value::Map(function, operands) => {
                [ADD.name, SUBTRACT.name].contains(&function.name)
                    && operands.iter().any(is_computed)
            }
            _ => false,
        };
        self.values.iter().filter(is_sum).count()
    }

    /// A bit mask of the inputs that every row of the results needs whole: those with a single row,
    /// and a product's operands, except a left operand that is read by rows.
    pub fn whole_inputs(&self) -> u64 {
        let of_product = match self.product {
            Some(Transpose::A) => 0b11,
            Some(_) => 0b10,
            None => 0,
        };
        self.values.iter().fold(of_product, |whole, value| match value {
            Value::Load { input, is_row: true, .. } => whole | 1 << input,
            _ => whole,
        })
    }
}

impl Lowering<'_> {
    fn value(&mut self, value: Value) -> usize {
        let values = &mut self.epilogue.values;
        match values.iter().position(|other| *other == value) {
            Some(index) => index,
            None => {
                values.push(value);
                values.len() - 1
            }
        }
    }

    fn part(&mut self, part: &Node) {
        let found = match part.op {
            Op::Matmul(_) if self.epilogue.is_halved => {
                Lowered::Pair(self.value(Value::Sum), self.value(Value::Partner))
            }
            Op::Matmul(_) => Lowered::One(self.value(Value::Sum)),
            Op::Map(function) => {
                self.each(part, |operands| Value::Map(function, operands.iter().copied().collect()))
            }
            Op::MapBackward(function, operand) => self.each(part, |operands| {
                Value::Slope(function, operand, operands.iter().copied().collect())
            }),
            Op::StepScalar { scalar, shape } => {
                let value = self.value(Value::Scalar(scalar));
                self.everywhere(value, shape)
            }
            Op::BlockSum => match self.operand(part.inputs[0]) {
                Lowered::One(value) => Lowered::Blocks(value),
                _ => unreachable!("sums of blocks are of values of one place"),
            },
            Op::SplitColumns { .. } => {
                if let Lowered::Pair(left, right) = self.operand(part.inputs[0]) {
                    self.lowered.insert(part.outputs[0], Lowered::One(left));
                    self.lowered.insert(part.outputs[1], Lowered::One(right));
                }
                return;
            }
            Op::Concatenate => {
                let halves = [0, 1].map(|half| self.operand(part.inputs[half]));
                match halves {
                    [Lowered::One(left), Lowered::One(right)] => Lowered::Pair(left, right),
                    _ => unreachable!("halves are values of one place"),
                }
            }
            op => unreachable!("{} is no stage", op.name()),
        };
        self.lowered.insert(part.outputs[0], found);
    }

    /// Computes a value from a stage's operands, in both halves if an operand has two.
    fn each(&mut self, part: &Node, value: impl Fn(&[usize]) -> Value) -> Lowered {
        let operands: SmallVec<[Lowered; 4]> =
            part.inputs.iter().map(|&input| self.operand(input)).collect();
        let side = |right: bool| -> SmallVec<[usize; 4]> {
            let of = |operand: &Lowered| match *operand {
                Lowered::One(value) => value,
                Lowered::Blocks(_) => unreachable!("a sum of blocks is no element"),
                Lowered::Pair(left, _) if !right => left,
                Lowered::Pair(_, right) => right,
            };
            operands.iter().map(of).collect()
        };
        let left = self.value(value(&side(false)));
        if operands.iter().any(|operand| matches!(operand, Lowered::Pair(..))) {
            Lowered::Pair(left, self.value(value(&side(true))))
        } else {
            Lowered::One(left)
        }
    }

    fn operand(&mut self, id: TensorId) -> Lowered {
        if let Some(&lowered) = self.lowered.get(&id) {
            return lowered;
        }
        let tensor = self.graph.tensor(id);
        let lowered = match (self.inputs.iter().position(|&input| input == id), tensor.role) {
            (Some(input), _) => self.load(input, tensor.shape),
            (None, Role::Constant(value)) => {
                let value = self.value(Value::Constant(value));
                self.everywhere(value, tensor.shape)
            }
            _ => unreachable!("{} is neither an input nor made before", tensor.name),
        };
        self.lowered.insert(id, lowered);
        lowered
    }

    /// A value that is the same for every element of a tensor.
    fn everywhere(&self, value: usize, shape: Shape) -> Lowered {
        if shape.columns == 2 * self.epilogue.width {
            Lowered::Pair(value, value)
        } else {
            Lowered::One(value)
        }
    }

    fn load(&mut self, input: usize, shape: Shape) -> Lowered {
        let is_row = shape.rows != self.epilogue.rows;
        let width = self.epilogue.width;
        let mut load = |column| self.value(Value::Load { input, is_row, column });
        if shape.columns == width {
            Lowered::One(load(Column::Same))
        } else if shape.columns == 2 * width {
            Lowered::Pair(load(Column::Left), load(Column::Right))
        } else {
            Lowered::One(load(Column::Only))
        }
    }
}
