//! Contents of buffers before a run.

use super::{BufferSpecification, Element, Files, Fill};
use crate::interpret::{Error, Result, Scalar};
use crate::random::normals;
use half::f16;
use rand::{Rng, RngExt};

impl BufferSpecification {
    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().map(|&size| size as usize).product()
    }

    /// The scalar type of the elements.
    pub fn scalar(&self) -> Scalar {
        match self.ty {
            Element::F32 => Scalar::F32,
            Element::F16 => Scalar::F16,
            Element::I32 => Scalar::I32,
            Element::U32 => Scalar::U32,
        }
    }

    pub(super) fn bytes(&self, rng: &mut impl Rng, files: &dyn Files) -> Result<Vec<u8>> {
        let count = self.count();
        let is_real = self.scalar().is_real();
        let [low, end] = self.range.unwrap_or(if is_real { [0.0, 1.0] } else { [0.0, 256.0] });
        let uniform = |x: f64| {
            let x = low + (end - low) * x;
            if is_real { x } else { x.floor() }
        };
        let numbers: Vec<f64> = match &self.fill {
            Fill::Normal => normals(rng).take(count).collect(),
            Fill::Uniform => (0..count).map(|_| uniform(rng.random())).collect(),
            Fill::Zeros => vec![0.0; count],
            Fill::Ones => vec![1.0; count],
            Fill::Iota => (0..count).map(|i| i as f64).collect(),
            // Every bit is set, which is a NaN in the float types.
            Fill::Undefined => return Ok(vec![0xFF; count * self.scalar().bytes() as usize]),
            Fill::File(path) => files.numbers(path)?,
        };
        if numbers.len() != count {
            let (expected, found) = (format!("{count} numbers"), numbers.len());
            let message = format!("{:?}: expected {expected}, found {found}", self.fill);
            return Err(Error::Specification(message));
        }
        Ok(numbers.into_iter().flat_map(|number| self.encode(number)).collect())
    }

    /// Returns a number's bytes.
    fn encode(&self, number: f64) -> Vec<u8> {
        match self.ty {
            Element::F32 => (number as f32).to_le_bytes().to_vec(),
            Element::F16 => f16::from_f32(number as f32).to_le_bytes().to_vec(),
            Element::I32 => (number as i32).to_le_bytes().to_vec(),
            Element::U32 => (number as u32).to_le_bytes().to_vec(),
        }
    }
}
