//! One application of a kernel: shapes, the step, and how a twin is called.

use super::epilogue::Epilogue;
use crate::graph::{Fusion, Graph, Node, Op, Scalars, Shape, Step, Transpose, UpdateLayout, label};
use crate::optimizer::Optimizer;
use bytemuck::{Pod, Zeroable};
use std::fmt::{Display, Formatter};

/// Size of a dispatch's work, and its division into tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub m: u32,
    /// Columns.
    pub n: u32,
    /// Terms of a sum.
    pub k: u32,
    /// Columns that have a tile of their own; the others are partners. For the update: workgroups
    /// for biases.
    pub first: u32,
    /// Distance from a column to its partner.
    pub second: u32,
    /// Distance from the columns of a tile to those of the next.
    pub stride: u32,
    /// Tiles side by side.
    pub across: u32,
    /// Workgroups for the tiles of one slice.
    pub groups: u32,
    /// Terms of a sum that one workgroup adds.
    pub slice: u32,
}

/// Arguments of a dispatch besides its buffers; the shaders' `struct Arguments`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[allow(missing_docs)] // The fields of Step, Scalars and Size have the same names.
pub struct Arguments {
    pub index: u32,
    pub first_row: u32,
    pub seed_low: u32,
    pub seed_high: u32,
    pub learning_rate: f32,
    pub kl_weight: f32,
    pub gradient_scale: f32,
    pub m: u32,
    pub n: u32,
    pub k: u32,
    pub first: u32,
    pub second: u32,
    pub stride: u32,
    pub across: u32,
    pub groups: u32,
    pub slice: u32,
}

// Browsers allow no more immediate data.
const _: () = assert!(size_of::<Arguments>() <= 64);

impl Arguments {
    /// Creates the arguments of a step of this size, with the corrections of its optimiser, if any.
    pub fn new(step: Step, size: Size, optimizer: Option<Optimizer>) -> Self {
        let Step { index, first_row, seed, scalars } = step;
        let Size { m, n, k, first, second, stride, across, groups, slice } = size;
        let (seed_low, seed_high) = (seed as u32, (seed >> 32) as u32);
        let Scalars { learning_rate, kl_weight, gradient_scale } = scalars;
        let [learning_rate, kl_weight, gradient_scale] =
            [learning_rate, kl_weight, gradient_scale].map(|scalar| scalar as f32);
        // Updates have no such sizes, nor a weight: see shaders/common/corrections.wgsl.
        let [m, n] = optimizer.map_or([m, n], |optimizer| {
            optimizer.corrections(index).map(|correction| (correction as f32).to_bits())
        });
        let gain = optimizer.map(|optimizer| optimizer.average_gain(index) as f32);
        let kl_weight = gain.unwrap_or(kl_weight);
        Self {
            index,
            first_row,
            seed_low,
            seed_high,
            learning_rate,
            kl_weight,
            gradient_scale,
            m,
            n,
            k,
            first,
            second,
            stride,
            across,
            groups,
            slice,
        }
    }
}

/// An op and the shapes of its operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The op.
    pub op: Op,
    /// Shapes of the inputs.
    pub inputs: Vec<Shape>,
    /// Shapes of the outputs.
    pub outputs: Vec<Shape>,
    /// The primitives of a fused op.
    pub parts: Vec<Op>,
    /// The stages, alone or of a product, if the call has any.
    pub epilogue: Option<Epilogue>,
}

impl Call {
    /// Returns the call of a node.
    pub fn of(graph: &Graph, node: &Node) -> Self {
        let shape = |id: &_| graph.tensor(*id).shape;
        Self {
            op: node.op,
            inputs: node.inputs.iter().map(shape).collect(),
            outputs: node.outputs.iter().map(shape).collect(),
            parts: node.parts.iter().map(|part| part.op).collect(),
            epilogue: Epilogue::of(graph, node),
        }
    }

    /// Returns a short name: the op's, or one for the fused primitives.
    pub fn label(&self) -> String {
        label(self.op, &self.parts)
    }

    /// Returns the columns of the first output.
    pub fn columns(&self) -> usize {
        self.outputs[0].columns
    }

    /// Returns the `[m, n, k]` of a matrix product, or of the one that a fused op begins with.
    pub fn mnk(&self) -> [usize; 3] {
        let [a, b] = [self.inputs[0], self.inputs[1]];
        let transpose = self.parts.iter().chain([&self.op]).find_map(|op| match op {
            Op::Matmul(transpose) => Some(*transpose),
            _ => None,
        });
        match transpose {
            Some(Transpose::A) => [a.columns, b.columns, a.rows],
            Some(Transpose::B) => [a.rows, b.rows, a.columns],
            _ => [a.rows, b.columns, a.columns],
        }
    }

    /// Returns the multiplications of all matrix products; 0 if there are none.
    pub fn multiplications(&self) -> usize {
        self.products().iter().sum()
    }

    /// Returns the multiplications of the largest matrix product; 0 if there is none.
    pub fn largest_product(&self) -> usize {
        self.products().into_iter().max().unwrap_or(0)
    }

    /// Returns the multiplications of each matrix product.
    fn products(&self) -> Vec<usize> {
        if let Some(layout) = self.update() {
            let of_layer = |pair: &[Shape]| pair[0].len() * pair[1].columns;
            return (0..layout.layers)
                .map(|layer| of_layer(&self.inputs[layout.matrices(layer)]))
                .collect();
        }
        let mut ops = self.parts.iter().chain([&self.op]);
        let is_product = ops.any(|op| matches!(op, Op::Matmul(_)));
        if is_product { vec![self.mnk().iter().product()] } else { Vec::new() }
    }

    /// Returns the layout of the operands, if this is a fused update.
    pub fn update(&self) -> Option<UpdateLayout> {
        (self.op == Op::Fused(Fusion::Update)).then(|| UpdateLayout::of(&self.parts))
    }

    /// Returns the optimiser of an update.
    pub fn optimizer(&self) -> Option<Optimizer> {
        match self.op {
            Op::Update(optimizer) => Some(optimizer),
            _ => self.update().map(|layout| layout.optimizer),
        }
    }

    /// Returns the columns of the loss log for the terms of a fused op, in order.
    pub fn loss_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Op::LossSum { column } => Some(*column),
            _ => None,
        })
    }

    /// Returns the columns of the first input: for a kernel that sums over rows, the number of
    /// terms.
    pub fn input_columns(&self) -> usize {
        self.inputs[0].columns
    }
}

impl Display for Call {
    /// Writes the op and its shapes: `matmul [2, 3] [3, 4] -> [2, 4]`.
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        write!(f, "{}", self.label())?;
        self.inputs.iter().try_for_each(|shape| write!(f, " {shape}"))?;
        write!(f, " ->")?;
        self.outputs.iter().try_for_each(|shape| write!(f, " {shape}"))
    }
}

/// An input of a twin.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// Real numbers.
    Reals(&'a [T]),
    /// Indices.
    Words(&'a [u32]),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a, T> Operand<'a, T> {
    /// Returns the real numbers; [`Op::output_shapes`] has checked the type.
    pub fn reals(&self) -> &'a [T] {
        match self {
            Self::Reals(values) => values,
            _ => unreachable!("the op takes real numbers here"),
        }
    }

    /// Returns the indices.
    pub fn words(&self) -> &'a [u32] {
        match self {
            Self::Words(values) => values,
            _ => unreachable!("the op takes indices here"),
        }
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(values) => values,
            _ => unreachable!("the op takes bytes here"),
        }
    }
}

/// A function that runs a kernel on the CPU; it takes the inputs, then the outputs.
pub type Twin<T> = fn(&Call, Step, &[Operand<T>], &mut [&mut [T]]);

/// A twin in both precisions.
#[derive(Clone, Copy, Debug)]
pub struct Twins {
    /// The oracle: plain loops.
    pub f64: Twin<f64>,
    /// Used by the CPU device for calls without a faster kernel.
    pub f32: Twin<f32>,
}
