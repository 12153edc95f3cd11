//! Types as the interpreter sees them: trees of scalars. A value takes one cell per scalar, without
//! padding, in registers and in memory alike, so that loads and stores copy cells. Byte offsets
//! matter only where buffers come in and go out ([`Type::leaves`]).

use naga::ScalarKind;
use std::sync::Arc;

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `f32`.
    F32,
    /// `f16`.
    F16,
    /// `i32`.
    I32,
    /// `u32`.
    U32,
    /// `bool`, which has no bytes that a host can see.
    Bool,
}

impl Scalar {
    /// Returns naga's scalar; none if the interpreter does not support it.
    pub(super) fn new(scalar: naga::Scalar) -> Option<Self> {
        Some(match (scalar.kind, scalar.width) {
            (ScalarKind::Float, 4) => Self::F32,
            (ScalarKind::Float, 2) => Self::F16,
            (ScalarKind::Sint, 4) => Self::I32,
            (ScalarKind::Uint, 4) => Self::U32,
            (ScalarKind::Bool, _) => Self::Bool,
            _ => return None,
        })
    }

    /// Bytes in memory.
    pub fn bytes(self) -> u32 {
        if self == Self::F16 { 2 } else { 4 }
    }

    /// Whether the type is `f32` or `f16`.
    pub fn is_real(self) -> bool {
        matches!(self, Self::F32 | Self::F16)
    }
}

/// A member of a struct.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Bytes from the struct's beginning.
    pub(super) offset: u32,
    /// Cells from the struct's beginning.
    pub(super) cell: u32,
    pub(super) ty: Arc<Type>,
}

/// A type that has a value.
#[derive(Debug)]
pub(super) enum Type {
    Scalar(Scalar),
    Atomic(Scalar),
    Vector {
        scalar: Scalar,
        size: u32,
    },
    Matrix {
        scalar: Scalar,
        columns: u32,
        rows: u32,
    },
    /// `count` is none if the array is as long as its buffer permits.
    Array {
        base: Arc<Type>,
        count: Option<u32>,
        stride: u32,
        cells: u64,
    },
    Struct {
        members: Vec<Member>,
        span: u32,
        cells: u64,
    },
}

impl Type {
    /// Cells of a value; of a runtime-sized array, 0.
    pub(super) fn cells(&self) -> u64 {
        match *self {
            Self::Scalar(_) | Self::Atomic(_) => 1,
            Self::Vector { size, .. } => size.into(),
            Self::Matrix { columns, rows, .. } => u64::from(columns * rows),
            Self::Array { cells, .. } | Self::Struct { cells, .. } => cells,
        }
    }

    /// The scalar of a scalar, vector or matrix.
    pub(super) fn scalar(&self) -> Option<Scalar> {
        match *self {
            Self::Scalar(scalar)
            | Self::Atomic(scalar)
            | Self::Vector { scalar, .. }
            | Self::Matrix { scalar, .. } => Some(scalar),
            Self::Array { .. } | Self::Struct { .. } => None,
        }
    }

    /// Bytes of the scalars of a value, padding not counted.
    pub(super) fn scalar_bytes(&self) -> u64 {
        match self {
            Self::Array { base, count, .. } => base.scalar_bytes() * u64::from(count.unwrap_or(0)),
            Self::Struct { members, .. } => members.iter().map(|m| m.ty.scalar_bytes()).sum(),
            other => other.cells() * other.scalar().map_or(0, |scalar| scalar.bytes().into()),
        }
    }

    /// The type, cell and number of element `index` of a vector, matrix, array or struct.
    pub(super) fn element(&self, index: u32) -> Option<(Arc<Type>, u64)> {
        let index_cells = u64::from(index);
        Some(match self {
            Self::Vector { scalar, .. } => (Arc::new(Self::Scalar(*scalar)), index_cells),
            Self::Matrix { scalar, rows, .. } => {
                let column = Self::Vector { scalar: *scalar, size: *rows };
                (Arc::new(column), index_cells * u64::from(*rows))
            }
            Self::Array { base, .. } => (base.clone(), index_cells * base.cells()),
            Self::Struct { members, .. } => {
                let member = members.get(index as usize)?;
                (member.ty.clone(), member.cell.into())
            }
            Self::Scalar(_) | Self::Atomic(_) => return None,
        })
    }

    /// Number of elements of a vector, matrix or sized array.
    pub(super) fn count(&self) -> Option<u32> {
        match *self {
            Self::Vector { size, .. } => Some(size),
            Self::Matrix { columns, .. } => Some(columns),
            Self::Array { count, .. } => count,
            _ => None,
        }
    }

    /// Whether any part is an atomic.
    pub(super) fn has_atomics(&self) -> bool {
        match self {
            Self::Atomic(_) => true,
            Self::Array { base, .. } => base.has_atomics(),
            Self::Struct { members, .. } => members.iter().any(|member| member.ty.has_atomics()),
            _ => false,
        }
    }

    /// Elements of the runtime-sized array at the end of a buffer of `bytes` bytes; 0 if there is
    /// none.
    pub(super) fn runtime_count(&self, bytes: u64) -> u64 {
        match self {
            Self::Array { count: None, stride, .. } => bytes / u64::from((*stride).max(1)),
            Self::Struct { members, .. } => members
                .last()
                .map_or(0, |last| last.ty.runtime_count(bytes.saturating_sub(last.offset.into()))),
            _ => 0,
        }
    }

    /// Bytes that a buffer needs at least: with one element of a runtime-sized array.
    pub(super) fn least_bytes(&self) -> u64 {
        match self {
            Self::Scalar(scalar) | Self::Atomic(scalar) => scalar.bytes().into(),
            Self::Vector { scalar, size } => u64::from(scalar.bytes() * size),
            Self::Matrix { scalar, columns, rows } => {
                u64::from(columns * column_stride(*scalar, *rows))
            }
            Self::Array { count, stride, .. } => u64::from(count.unwrap_or(1)) * u64::from(*stride),
            Self::Struct { members, span, .. } => {
                let last = members.last();
                let end = last.map_or(0, |last| u64::from(last.offset) + last.ty.least_bytes());
                end.max((*span).into())
            }
        }
    }

    /// Calls `leaf` with the byte and the scalar of every cell, in order. A runtime-sized array has
    /// `runtime` elements.
    pub(super) fn leaves(&self, byte: u64, runtime: u64, leaf: &mut impl FnMut(u64, Scalar)) {
        match self {
            Self::Scalar(scalar) | Self::Atomic(scalar) => leaf(byte, *scalar),
            Self::Vector { scalar, size } => {
                (0..*size).for_each(|i| leaf(byte + u64::from(i * scalar.bytes()), *scalar));
            }
            Self::Matrix { scalar, columns, rows } => {
                for (column, row) in (0..*columns).flat_map(|c| (0..*rows).map(move |r| (c, r))) {
                    let at = column * column_stride(*scalar, *rows) + row * scalar.bytes();
                    leaf(byte + u64::from(at), *scalar);
                }
            }
            Self::Array { base, count, stride, .. } => {
                for i in 0..count.map_or(runtime, u64::from) {
                    base.leaves(byte + i * u64::from(*stride), runtime, leaf);
                }
            }
            Self::Struct { members, .. } => {
                members.iter().for_each(|m| m.ty.leaves(byte + u64::from(m.offset), runtime, leaf));
            }
        }
    }

    /// Appends the path to a cell, such as `[3].weights[2].x`.
    pub(super) fn path(&self, cell: u64, path: &mut String) {
        match self {
            Self::Scalar(_) | Self::Atomic(_) => {}
            Self::Vector { .. } => {
                path.push('.');
                path.push(['x', 'y', 'z', 'w'][cell as usize % 4]);
            }
            Self::Struct { members, .. } => {
                let Some(member) = members.iter().rfind(|m| u64::from(m.cell) <= cell) else {
                    return;
                };
                *path += &format!(".{}", member.name);
                member.ty.path(cell - u64::from(member.cell), path);
            }
            Self::Matrix { .. } | Self::Array { .. } => {
                let Some((base, cells)) = self.element(1) else { return };
                *path += &format!("[{}]", cell / cells.max(1));
                base.path(cell % cells.max(1), path);
            }
        }
    }
}

/// Bytes from a matrix column to the next: columns of three are aligned like those of four.
fn column_stride(scalar: Scalar, rows: u32) -> u32 {
    scalar.bytes() * if rows == 3 { 4 } else { rows }
}
