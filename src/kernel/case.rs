//! Operands on which a kernel is checked: awkward shapes, and the numbers that fill them.

mod fused;

use super::{Call, Fill, Variant};
use crate::graph::{
    Binarize, Element, FusionOptions, Graph, LOG_ROWS, Node, Op, Pixels, Role, Shape, TensorId,
    fuse,
};
use crate::optimizer::{Optimizer, RULES};
use crate::{Error, Result};
use std::fmt::{Debug, Formatter};
use std::sync::Arc;

/// A shape, and the real numbers that fill it.
pub(super) type Filling = (Shape, Fill);

/// One operand of a check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// The operand's shape.
    pub shape: Shape,
    /// The operand's element type.
    pub element: Element,
    /// The operand's numbers.
    pub fill: Fill,
}

impl Input {
    const fn real(shape: Shape, fill: Fill) -> Self {
        Self { shape, element: Element::F32, fill }
    }
}

/// A function that appends primitives, given the inputs and targets in order, and returns the
/// outputs of the one node into which they are fused.
#[derive(Clone)]
pub struct Append(Arc<Appended>);

type Appended = dyn Fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>> + Send + Sync;

impl Append {
    pub(super) fn new(
        append: impl Fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(append))
    }
}

impl Debug for Append {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str("Append")
    }
}

/// The computation that a case checks.
#[derive(Clone, Debug)]
pub enum Work {
    /// A primitive.
    Op(Op),
    /// A single node fused from primitives.
    Fused(Append),
}

/// One check of a kernel.
#[derive(Clone, Debug)]
pub struct Case {
    /// The computation.
    pub work: Work,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The tensors that the computation updates, if any.
    pub targets: Vec<(Input, Role)>,
    /// Whether the case is checked with only a few of a kernel's variants: other cases check how
    /// all of them compute the sums, which does not depend on the stages.
    pub is_brief: bool,
}

/// A graph with the one node that is checked.
#[derive(Clone, Debug)]
pub struct CaseGraph {
    /// The graph.
    pub graph: Graph,
    /// The inputs, then the targets, of the case.
    pub operands: Vec<TensorId>,
}

impl CaseGraph {
    /// Returns the node.
    pub fn node(&self) -> &Node {
        &self.graph.nodes()[0]
    }

    /// Returns the tensors that the node writes.
    pub fn outputs(&self) -> Vec<TensorId> {
        if self.node().op.updates() { Vec::new() } else { self.node().outputs.clone() }
    }
}

/// Shapes with ones, primes, and sizes one below and above those of a workgroup or a tile.
const SHAPES: [Shape; 8] = [
    Shape::new(1, 1),
    Shape::new(1, 257),
    Shape::new(257, 1),
    Shape::new(3, 64),
    Shape::new(63, 65),
    Shape::new(65, 31),
    Shape::new(67, 13),
    Shape::new(5, 784),
];

/// Products `[m, n, k]`: likewise, also in multiples of 4, and those of the default model.
const PRODUCTS: [[usize; 3]; 15] = [
    [1, 1, 1],
    [1, 63, 257],
    [257, 1, 5],
    [63, 65, 64],
    [64, 64, 16],
    [65, 63, 17],
    [129, 2, 1],
    [7, 131, 67],
    [64, 200, 784],
    [200, 100, 64],
    [4, 4, 4],
    [36, 68, 20],
    [100, 12, 132],
    [132, 36, 12],
    [28, 260, 4],
];

/// Variants for brief cases: one that reads numbers by four, and one that reads them one by one.
const BRIEF: [&str; 2] = ["tiled_32_vector", "spread_16"];

/// Returns each rule with the defaults of its constants, and one that averages the weights.
pub(super) fn optimizers() -> impl Iterator<Item = Optimizer> {
    let averaging = Optimizer::default().with_average(0.75);
    RULES.iter().map(|rule| Optimizer::of(rule)).chain(averaging)
}

impl Case {
    /// Whether the case is checked with a variant of its kernel.
    pub fn is_for(&self, variant: Variant) -> bool {
        !self.is_brief || variant.core().is_none() || BRIEF.contains(&variant.name())
    }

    fn new(op: Op, inputs: Vec<Input>) -> Self {
        Self { work: Work::Op(op), inputs, targets: Vec::new(), is_brief: false }
    }

    /// Builds the graph of the case; the names of its operands begin with `prefix`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the op is not defined for the operands, or the primitives are not fused
    /// into one node.
    pub fn graph(&self, prefix: &str) -> Result<CaseGraph> {
        let mut graph = Graph::new();
        let inputs = self.inputs.iter().map(|input| (input, Role::Data));
        let targets = self.targets.iter().map(|(input, role)| (input, *role));
        let operands: Vec<_> = inputs
            .chain(targets)
            .enumerate()
            .map(|(index, (input, role))| {
                graph.add_tensor(format!("{prefix} {index}"), input.shape, input.element, role)
            })
            .collect();
        let (inputs, targets) = operands.split_at(self.inputs.len());
        match &self.work {
            Work::Op(op) if op.updates() => graph.apply_in_place(*op, inputs, targets)?,
            Work::Op(op) => drop(graph.apply(*op, inputs)?),
            Work::Fused(Append(append)) => {
                let outputs = append(&mut graph, &operands)?;
                graph = fuse(&graph, &outputs, FusionOptions::default());
            }
        }
        let fused = graph.nodes().iter().all(|node| matches!(node.op, Op::Fused(_)));
        if graph.nodes().len() != 1 || (matches!(self.work, Work::Fused(_)) && !fused) {
            let expected = "primitives that are fused into one node".to_owned();
            return Err(Error::Shape { op: "fuse", expected, found: graph.to_string() });
        }
        Ok(CaseGraph { graph, operands })
    }

    /// Returns the call of the case's one node.
    ///
    /// # Errors
    /// The errors of [`graph`](Self::graph).
    pub fn call(&self) -> Result<Call> {
        let case_graph = self.graph("operand")?;
        Ok(Call::of(&case_graph.graph, case_graph.node()))
    }

    /// Cases whose operands all have the same shape.
    pub(super) fn same(op: Op, fills: &[Fill]) -> Vec<Self> {
        let operands = |shape| fills.iter().map(|&fill| Input::real(shape, fill)).collect();
        SHAPES.iter().map(|&shape| Self::new(op, operands(shape))).collect()
    }

    /// Products by `op`, with operands in the shapes that `stored` returns for `[m, n, k]`.
    pub(super) fn matmul(op: Op, stored: fn([usize; 3]) -> [Shape; 2]) -> Vec<Self> {
        let operands = |mnk| stored(mnk).map(|shape| Input::real(shape, Fill::Normal)).to_vec();
        PRODUCTS.iter().map(|&mnk| Self::new(op, operands(mnk))).collect()
    }

    /// Cases that split at awkward columns.
    pub(super) fn split_columns() -> Vec<Self> {
        let case = |(shape, left)| {
            Self::new(Op::SplitColumns { left }, vec![Input::real(shape, Fill::Wide)])
        };
        let cut = |shape: &&Shape| shape.columns > 1;
        SHAPES.iter().filter(cut).map(|&shape| case((shape, shape.columns.div_ceil(3)))).collect()
    }

    /// Cases that concatenate, the reverse of a split.
    pub(super) fn concatenate() -> Vec<Self> {
        let part = |rows, columns| Input::real(Shape::new(rows, columns), Fill::Wide);
        let case = |&Shape { rows, columns }: &Shape| {
            let parts = vec![part(rows, columns.div_ceil(3)), part(rows, columns)];
            Self::new(Op::Concatenate, parts)
        };
        SHAPES.iter().map(case).collect()
    }

    /// Draws of awkward shapes.
    pub(super) fn draws(op: fn(Shape) -> Op) -> Vec<Self> {
        SHAPES.iter().map(|&shape| Self::new(op(shape), Vec::new())).collect()
    }

    /// Batches that end past the end of the data, of images whose width is no whole number of
    /// words.
    pub(super) fn gather(pixels: Pixels, binarize: Binarize) -> Vec<Self> {
        let case = |&Shape { rows, columns }: &Shape| {
            let images = 2 * rows + 3;
            let data = Input {
                shape: Shape::new(images, columns),
                element: pixels.element(),
                fill: match pixels {
                    Pixels::Bytes => Fill::Below(256),
                    Pixels::Reals => Fill::Unit,
                },
            };
            let indices = Input {
                shape: Shape::new(rows + 1, 1),
                element: Element::U32,
                fill: Fill::Below(images as u32),
            };
            let op = Op::GatherBatch { batch: rows, pixels, binarize };
            Self::new(op, vec![data, indices])
        };
        SHAPES.iter().map(case).collect()
    }

    /// Updates of w and its states by dw, with gradients of every size, with some for which epsilon
    /// matters, and with some whose sign is that of a mean that is not 0: a sum that cancels has no
    /// relative accuracy, and neither has a weight after a step that is much larger than the
    /// weight.
    pub(super) fn update(optimizer: Optimizer) -> Vec<Self> {
        let case = |shape, dw, square, mean| {
            let averages = optimizer.averages();
            let states = optimizer.states().map(|(state, _)| {
                let fill = match state.is_signed {
                    true if averages => Fill::Positive,
                    true => mean,
                    false => square,
                };
                (Input::real(shape, fill), Role::State(0.0))
            });
            // Nor has an average of numbers with different signs.
            let fill = if averages { Fill::Positive } else { Fill::Normal };
            let weight = (Input::real(shape, fill), Role::Parameter);
            Self {
                targets: [weight].into_iter().chain(states).collect(),
                ..Self::new(Op::Update(optimizer), vec![Input::real(shape, dw)])
            }
        };
        let all = |&shape: &Shape| {
            [
                case(shape, Fill::Wide, Fill::Positive, Fill::Zero),
                case(shape, Fill::Tiny, Fill::TinySquare, Fill::Zero),
                case(shape, Fill::Unit, Fill::AboveOne, Fill::Unit),
            ]
        };
        SHAPES.iter().flat_map(all).collect()
    }

    /// Sums of term `[rows, columns]` into a column of a log.
    pub(super) fn loss_sum() -> Vec<Self> {
        let case = |(rows, columns): (usize, usize)| Self {
            targets: vec![(Input::real(Shape::new(LOG_ROWS, 3), Fill::Normal), Role::Log)],
            ..Self::new(
                Op::LossSum { column: rows % 3 },
                vec![Input::real(Shape::new(rows, columns), Fill::Normal)],
            )
        };
        let columns = [1, 2, 63, 64, 65, 257, 1021].map(|rows| (rows, 1));
        columns.into_iter().chain([(64, 196), (5, 3)]).map(case).collect()
    }

    /// Sums over columns.
    pub(super) fn row_sum() -> Vec<Self> {
        Self::same(Op::RowSum, &[Fill::Normal])
    }

    /// One operand of each shape; the op depends on the shape.
    pub(super) fn of_shapes(op: fn(Shape) -> Op, fill: Fill) -> Vec<Self> {
        SHAPES.iter().map(|&shape| Self::new(op(shape), vec![Input::real(shape, fill)])).collect()
    }

    /// Cases with one group of rows for each row of a shape, of 1 to 6 rows each, and one of 300.
    pub(super) fn groups(op: fn(usize) -> Op, fill: Fill) -> Vec<Self> {
        let case = |(shape, group): (Shape, usize)| {
            let grouped = Shape::new(shape.rows * group, shape.columns);
            Self::new(op(group), vec![Input::real(grouped, fill)])
        };
        let few = SHAPES.iter().zip([1, 2, 3, 4, 5, 6, 1, 2]).map(|(&shape, group)| (shape, group));
        few.chain([(Shape::new(2, 3), 300)]).map(case).collect()
    }

    /// Batches that end past the end of the labels, some of which are no class.
    pub(super) fn one_hot() -> Vec<Self> {
        let case = |&Shape { rows, columns }: &Shape| {
            let words = |rows, below| Input {
                shape: Shape::new(rows, 1),
                element: Element::U32,
                fill: Fill::Below(below as u32),
            };
            let labels = 2 * rows + 3;
            let operands = vec![words(labels, columns + 1), words(rows + 1, labels)];
            Self::new(Op::OneHot { batch: rows, classes: columns }, operands)
        };
        SHAPES.iter().map(case).collect()
    }

    /// Numbers, some of which are infinite or NaN.
    pub(super) fn count_nonfinite() -> Vec<Self> {
        Self::same(Op::CountNonfinite, &[Fill::Broken])
    }

    /// A case of primitives that are fused into one node, with these operands.
    fn whole(append: &Append, operands: Vec<Filling>, targets: Vec<(Filling, Role)>) -> Self {
        let real = |(shape, fill)| Input::real(shape, fill);
        let target = |((shape, fill), role)| (Input::real(shape, fill), role);
        Self {
            work: Work::Fused(append.clone()),
            inputs: operands.into_iter().map(real).collect(),
            targets: targets.into_iter().map(target).collect(),
            is_brief: false,
        }
    }
}
