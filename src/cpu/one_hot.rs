//! Labels as rows of zeros and a one.

use super::Real;
use crate::graph::Step;

/// x `[batch, classes]`: 1 in the column of label `indices[first_row + row]` for each row, else 0; past
/// the end of the indices, the last one again. A label that is no class has a row of zeros.
pub fn one_hot<T: Real>(step: Step, classes: usize, labels: &[u32], indices: &[u32], x: &mut [T]) {
    x.fill(T::zero());
    for (row, x) in x.chunks_exact_mut(classes).enumerate() {
        let row = step.first_row as usize + row;
        let label = labels[indices[row.min(indices.len() - 1)] as usize] as usize;
        if let Some(x) = x.get_mut(label) {
            *x = T::one();
        }
    }
}
