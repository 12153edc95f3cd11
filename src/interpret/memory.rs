//! Buffers of a run: one cell per scalar, which all threads share. Beside its value a cell has what
//! the findings need: whether it was touched, whether it is defined, and which workgroups accessed
//! it.

use super::code::BufferVariable;
use super::numbers::{Real, nearest_f16};
use super::shadow::Extent;
use super::types::Scalar;
use super::{Buffer, Error, Output, Result};
use half::f16;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// A cell that was accessed.
const TOUCHED: u8 = 1;
/// A cell with a value.
const DEFINED: u8 = 2;

/// A buffer in cells.
pub(super) struct BufferMemory {
    pub(super) cells: Vec<AtomicU64>,
    flags: Vec<AtomicU8>,
    /// Whether cells may be undefined.
    pub(super) is_partial: bool,
    /// The accesses of workgroups, of buffers that are written.
    pub(super) extents: Option<Vec<Extent>>,
    /// Elements of the runtime-sized array.
    pub(super) length: u64,
}

impl BufferMemory {
    /// Converts a buffer's bytes to cells.
    ///
    /// # Errors
    /// The buffer is too small for its type, or too large.
    pub(super) fn new<R: Real>(variable: &BufferVariable, buffer: &Buffer) -> Result<Self> {
        let bytes = &buffer.bytes;
        let (least, name) = (variable.ty.least_bytes(), || variable.name.clone());
        if (bytes.len() as u64) < least {
            let expected = format!("at least {least}");
            return Err(Error::Size { name: name(), expected, found: bytes.len() });
        }
        if bytes.len() > MOST_BYTES {
            let expected = format!("at most {MOST_BYTES}");
            return Err(Error::Size { name: name(), expected, found: bytes.len() });
        }
        let length = variable.ty.runtime_count(bytes.len() as u64);
        let mut cells = Vec::new();
        variable.ty.leaves(0, length, &mut |byte, scalar| {
            cells.push(AtomicU64::new(read::<R>(bytes, byte as usize, scalar)));
        });
        let is_defined = |cell| match &buffer.defined {
            Some(defined) => defined.get(cell) == Some(&true),
            None => true,
        };
        let flag = |cell| AtomicU8::new(if is_defined(cell) { DEFINED } else { 0 });
        let flags = (0..cells.len()).map(flag).collect();
        let extents = || cells.iter().map(|_| Extent::default()).collect();
        let extents = variable.is_written.then(extents);
        Ok(Self { cells, flags, is_partial: buffer.defined.is_some(), extents, length })
    }

    /// Marks a cell as accessed.
    #[inline(always)]
    pub(super) fn touch(&self, cell: usize) {
        let flags = &self.flags[cell];
        if flags.load(Relaxed) & TOUCHED == 0 {
            flags.fetch_or(TOUCHED, Relaxed);
        }
    }

    /// Marks a cell as accessed and defined.
    #[inline(always)]
    pub(super) fn define(&self, cell: usize) {
        let flags = &self.flags[cell];
        if flags.load(Relaxed) != TOUCHED | DEFINED {
            flags.store(TOUCHED | DEFINED, Relaxed);
        }
    }

    /// Whether a cell has a value.
    #[inline(always)]
    pub(super) fn is_defined(&self, cell: usize) -> bool {
        self.flags[cell].load(Relaxed) & DEFINED != 0
    }

    /// Bytes of the accessed scalars.
    pub(super) fn touched_bytes(&self, variable: &BufferVariable) -> u64 {
        let (mut cell, mut total) = (0, 0);
        variable.ty.leaves(0, self.length, &mut |_, scalar| {
            if self.flags[cell].load(Relaxed) & TOUCHED != 0 {
                total += u64::from(scalar.bytes());
            }
            cell += 1;
        });
        total
    }

    /// Converts the cells back to bytes; bytes between them keep their values.
    pub(super) fn output<R: Real>(&self, variable: &BufferVariable, buffer: &Buffer) -> Output {
        let mut bytes = buffer.bytes.clone();
        let mut values = Vec::with_capacity(self.cells.len());
        let mut defined = Vec::with_capacity(self.cells.len());
        let mut cell = 0;
        variable.ty.leaves(0, self.length, &mut |byte, scalar| {
            let register = self.cells[cell].load(Relaxed);
            values.push(write::<R>(&mut bytes, byte as usize, scalar, register));
            defined.push(self.is_defined(cell));
            cell += 1;
        });
        let name = variable.name.clone();
        Output { group: buffer.group, binding: buffer.binding, name, bytes, values, defined }
    }
}

/// Largest buffer: 256 MiB, as an adapter's default limits allow at most. A cell takes ten times
/// the memory of its scalar.
const MOST_BYTES: usize = 1 << 28;

/// Reads a scalar into a register; 0 past the end.
fn read<R: Real>(bytes: &[u8], at: usize, scalar: Scalar) -> u64 {
    if scalar == Scalar::F16 {
        let Some(&[a, b]) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return 0 };
        return R::nearest(f16::from_le_bytes([a, b]).to_f64(), true).register();
    }
    let Some(&word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return 0 };
    if scalar == Scalar::F32 {
        return from_bits::<R>(u32::from_le_bytes(word));
    }
    u32::from_le_bytes(word).into()
}

/// Returns an f32 with these bits as a register.
pub(super) fn from_bits<R: Real>(bits: u32) -> u64 {
    R::nearest(f32::from_bits(bits).into(), false).register()
}

/// Returns the bits of a register's real as an f32.
pub(super) fn to_bits<R: Real>(register: u64) -> u32 {
    (R::of(register).wide() as f32).to_bits()
}

/// Writes a register as bytes, and returns its value.
fn write<R: Real>(bytes: &mut [u8], at: usize, scalar: Scalar, register: u64) -> f64 {
    let mut put = |new: &[u8]| {
        if let Some(old) = bytes.get_mut(at..at + new.len()) {
            old.copy_from_slice(new);
        }
    };
    match scalar {
        Scalar::F32 => put(&to_bits::<R>(register).to_le_bytes()),
        Scalar::F16 => put(&nearest_f16(R::of(register).wide()).to_le_bytes()),
        Scalar::I32 | Scalar::U32 | Scalar::Bool => put(&(register as u32).to_le_bytes()),
    }
    match scalar {
        Scalar::F32 | Scalar::F16 => R::of(register).wide(),
        Scalar::I32 => (register as u32 as i32).into(),
        Scalar::U32 | Scalar::Bool => (register as u32).into(),
    }
}
