//! Tensors: a name, a static two-dimensional shape, an element type, and a role, which determines
//! the writer and the lifetime.

use crate::{Error, Result};
use std::fmt;
use std::ops::Range;

/// Elements of the largest tensor: a shader counts its bytes in 32 bits.
pub const MOST_ELEMENTS: usize = (u32::MAX / 4) as usize;

/// A tensor's place in [`Graph::tensors`](super::Graph::tensors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(crate) u32);

impl TensorId {
    /// The place as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Rows and columns, stored row by row. A vector over columns is `[1, n]`, one over rows `[n, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
}

impl Shape {
    /// `[rows, columns]`.
    pub const fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns }
    }

    /// Number of elements.
    pub const fn len(self) -> usize {
        self.rows * self.columns
    }

    /// Whether there are no elements.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "[{}, {}]", self.rows, self.columns)
    }
}

/// The type of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A real number: f32 on a GPU; f32 or f64 on the CPU.
    F32,
    /// An index.
    U32,
    /// A byte; a GPU holds four in a 32-bit word, the first in the lowest bits.
    U8,
}

impl Element {
    /// Bytes of one element on a GPU.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::U8 => 1,
        }
    }
}

/// The writer and the lifetime of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// Written by the host and only read by the graph.
    Data,
    /// A weight or bias: written once by the host, then updated by the graph.
    Parameter,
    /// Kept from step to step, such as optimiser state; every element starts at this value.
    State(f32),
    /// A constant with this value.
    Constant(f64),
    /// A ring buffer of [`LOG_ROWS`](super::LOG_ROWS) rows, one per step, that the host reads back.
    Log,
    /// Made and used within one step; may share memory with others.
    Workspace,
}

/// A named array.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, by which devices identify it; workspace tensors are not identified by name.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Its element type.
    pub element: Element,
    /// Its role.
    pub role: Role,
}

impl Tensor {
    /// Bytes on a GPU, a whole number of 32-bit words.
    pub fn bytes(&self) -> usize {
        (self.shape.len() * self.element.bytes()).next_multiple_of(4)
    }

    /// Checks that two plans' tensors of one name have the same shape and element type.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if they differ.
    pub fn same_as(&self, other: &Self) -> Result<()> {
        if (self.shape, self.element) == (other.shape, other.element) {
            return Ok(());
        }
        self.mismatch(format!("{:?}{}", other.element, other.shape))
    }

    /// Checks that `len` elements of type `element` fill the tensor.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if they do not.
    pub fn accepts(&self, element: Element, len: usize) -> Result<()> {
        if (self.element, self.shape.len()) == (element, len) {
            return Ok(());
        }
        self.mismatch(format!("{len} elements of {element:?}"))
    }

    /// Checks that `len` elements of a type are whole rows of the tensor from row `first` on, and returns
    /// where in it they are.
    ///
    /// # Errors
    /// [`Error::TensorMismatch`] if they are not.
    pub fn rows(&self, element: Element, first: usize, len: usize) -> Result<Range<usize>> {
        let begin = first.saturating_mul(self.shape.columns);
        let range = begin..begin.saturating_add(len);
        let is_whole = len.is_multiple_of(self.shape.columns.max(1));
        if self.element != element || !is_whole || range.end > self.shape.len() {
            self.mismatch(format!("{len} elements of {element:?} from row {first} on"))?;
        }
        Ok(range)
    }

    fn mismatch(&self, found: String) -> Result<()> {
        let expected = format!("{:?}{}", self.element, self.shape);
        Err(Error::TensorMismatch { name: self.name.clone(), expected, found })
    }

    /// The initial value of every element.
    pub fn fill(&self) -> f64 {
        match self.role {
            Role::State(value) => value.into(),
            Role::Constant(value) => value,
            _ => 0.0,
        }
    }

    /// Whether it lives only within one step.
    pub fn is_workspace(&self) -> bool {
        self.role == Role::Workspace
    }
}
