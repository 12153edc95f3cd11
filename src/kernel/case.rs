//! The operands on which a kernel is checked: awkward shapes, and what to fill them with.

use super::Call;
use crate::graph::{
    Binarize, Element, FusionOptions, Graph, LOG_ROWS, Node, Op, Pixels, Role, Shape, TensorId,
    fuse,
};
use crate::{Error, Result};

/// What an operand of a check holds. Real numbers are drawn in f32, so that every device and the
/// oracle start from the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// N(0, 1).
    Normal,
    /// N(0, 1), one in eight N(0, 30²), and now and then 0 and ±100, where exponentials overflow.
    Wide,
    /// Positive numbers from 1e-6 to about 20, many near 1.
    Positive,
    /// N(0, 0.1²), as weights are.
    Weight,
    /// N(0, 1e-5²).
    Tiny,
    /// Positive numbers around 1e-10, the squares of tiny ones.
    TinySquare,
    /// N(0, 1), and now and then infinite or NaN.
    Broken,
    /// Uniform on [0, 1], with both ends.
    Unit,
    /// 0 or 1.
    Binary,
    /// Bytes, or indices below this number.
    Below(u32),
}

/// The shape of real numbers, and what they are.
pub(super) type Filling = (Shape, Fill);

/// One operand of a check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// Its shape.
    pub shape: Shape,
    /// Its element type.
    pub element: Element,
    /// What it holds.
    pub fill: Fill,
}

impl Input {
    const fn real(shape: Shape, fill: Fill) -> Self {
        Self { shape, element: Element::F32, fill }
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// A primitive.
    Op(Op),
    /// The one node that these primitives are fused into. Given the inputs and targets, in order,
    /// it appends them and returns what the node has to put out.
    Fused(fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>>),
}

/// One check of a kernel.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is computed.
    pub work: Work,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// The tensors that it updates, if it does.
    pub targets: Vec<(Input, Role)>,
}

/// A graph of the one node that is checked.
#[derive(Clone, Debug)]
pub struct CaseGraph {
    /// The graph.
    pub graph: Graph,
    /// The inputs, then the targets, of the case.
    pub operands: Vec<TensorId>,
}

impl CaseGraph {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.graph.nodes()[0]
    }

    /// The tensors that the node makes.
    pub fn outputs(&self) -> Vec<TensorId> {
        if self.node().op.updates() { Vec::new() } else { self.node().outputs.clone() }
    }
}

/// Ones, primes, and one to either side of a workgroup or a tile.
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

/// `[m, n, k]`: likewise, also in multiples of 4, and the products of the default model.
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

impl Case {
    fn new(op: Op, inputs: Vec<Input>) -> Self {
        Self { work: Work::Op(op), inputs, targets: Vec::new() }
    }

    /// The graph of the case; the names of its operands begin with `prefix`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the op does not take the operands, or the primitives are not fused into
    /// one node.
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
        match self.work {
            Work::Op(op) if op.updates() => graph.update(op, inputs, targets)?,
            Work::Op(op) => drop(graph.apply(op, inputs)?),
            Work::Fused(append) => {
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

    /// The call of its one node.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn call(&self) -> Result<Call> {
        let case_graph = self.graph("operand")?;
        Ok(Call::of(&case_graph.graph, case_graph.node()))
    }

    /// Every operand has the same shape.
    pub(super) fn same(op: Op, fills: &[Fill]) -> Vec<Self> {
        let operands = |shape| fills.iter().map(|&fill| Input::real(shape, fill)).collect();
        SHAPES.iter().map(|&shape| Self::new(op, operands(shape))).collect()
    }

    /// The first operand is `[1, columns]` or `[rows, 1]`, the others `[rows, columns]`.
    pub(super) fn first_narrow(op: Op, narrow: fn(Shape) -> Shape, fills: &[Fill]) -> Vec<Self> {
        let mut cases = Self::same(op, fills);
        for case in &mut cases {
            case.inputs[0].shape = narrow(case.inputs[0].shape);
        }
        cases
    }

    /// x `[rows, columns]` and a bias `[1, columns]`.
    pub(super) fn bias() -> Vec<Self> {
        let mut cases = Self::same(Op::Bias, &[Fill::Normal, Fill::Normal]);
        for case in &mut cases {
            case.inputs[1].shape.rows = 1;
        }
        cases
    }

    /// Products of all three kinds have their operands stored as their op wants them.
    pub(super) fn matmul(op: Op, stored: fn([usize; 3]) -> [Shape; 2]) -> Vec<Self> {
        let operands = |mnk| stored(mnk).map(|shape| Input::real(shape, Fill::Normal)).to_vec();
        PRODUCTS.iter().map(|&mnk| Self::new(op, operands(mnk))).collect()
    }

    /// Splits at awkward columns.
    pub(super) fn split_columns() -> Vec<Self> {
        let case = |(shape, left)| {
            Self::new(Op::SplitColumns { left }, vec![Input::real(shape, Fill::Wide)])
        };
        let cut = |shape: &&Shape| shape.columns > 1;
        SHAPES.iter().filter(cut).map(|&shape| case((shape, shape.columns.div_ceil(3)))).collect()
    }

    /// The reverse.
    pub(super) fn split_columns_backward() -> Vec<Self> {
        let part = |rows, columns| Input::real(Shape::new(rows, columns), Fill::Wide);
        let case = |&Shape { rows, columns }: &Shape| {
            let parts = vec![part(rows, columns.div_ceil(3)), part(rows, columns)];
            Self::new(Op::SplitColumnsBackward, parts)
        };
        SHAPES.iter().map(case).collect()
    }

    /// Draws of awkward shapes.
    pub(super) fn draws(op: fn(Shape) -> Op) -> Vec<Self> {
        SHAPES.iter().map(|&shape| Self::new(op(shape), Vec::new())).collect()
    }

    /// Batches that run past the end of the data, of images whose width is no whole number of words.
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

    /// dw updates w and ms, with gradients of every size and with such as make epsilon matter.
    pub(super) fn rmsprop(op: Op) -> Vec<Self> {
        let case = |shape, dw, ms| Self {
            work: Work::Op(op),
            inputs: vec![Input::real(shape, dw)],
            targets: vec![
                (Input::real(shape, Fill::Normal), Role::Parameter),
                (Input::real(shape, ms), Role::State(1.0)),
            ],
        };
        let both = |&shape: &Shape| {
            [case(shape, Fill::Wide, Fill::Positive), case(shape, Fill::Tiny, Fill::TinySquare)]
        };
        SHAPES.iter().flat_map(both).collect()
    }

    /// term `[rows, columns]` updates a column of a log.
    pub(super) fn loss_sum() -> Vec<Self> {
        let case = |(rows, columns): (usize, usize)| Self {
            work: Work::Op(Op::LossSum { column: rows % 3 }),
            inputs: vec![Input::real(Shape::new(rows, columns), Fill::Normal)],
            targets: vec![(Input::real(Shape::new(LOG_ROWS, 3), Fill::Normal), Role::Log)],
        };
        let columns = [1, 2, 63, 64, 65, 257, 1021].map(|rows| (rows, 1));
        columns.into_iter().chain([(64, 196), (5, 3)]).map(case).collect()
    }

    /// Products whose shapes `[m, n, k]` are awkward, with operands of these shapes and fills.
    pub(super) fn fused(
        append: fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>>,
        operands: fn([usize; 3]) -> Vec<Filling>,
        targets: fn([usize; 3]) -> Vec<(Filling, Role)>,
    ) -> Vec<Self> {
        PRODUCTS.iter().map(|&mnk| Self::whole(append, operands(mnk), targets(mnk))).collect()
    }

    /// Primitives of any number, with these operands.
    pub(super) fn whole(
        append: fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>>,
        operands: Vec<Filling>,
        targets: Vec<(Filling, Role)>,
    ) -> Self {
        let real = |(shape, fill)| Input::real(shape, fill);
        let target = |((shape, fill), role)| (Input::real(shape, fill), role);
        Self {
            work: Work::Fused(append),
            inputs: operands.into_iter().map(real).collect(),
            targets: targets.into_iter().map(target).collect(),
        }
    }

    /// As [`gather`](Self::gather), with noise beside it.
    pub(super) fn batch(append: fn(&mut Graph, &[TensorId]) -> Result<Vec<TensorId>>) -> Vec<Self> {
        let fused = |case| Self { work: Work::Fused(append), ..case };
        let gather = |pixels| Self::gather(pixels, Binarize::Stochastic);
        [Pixels::Bytes, Pixels::Reals].into_iter().flat_map(gather).map(fused).collect()
    }
}
