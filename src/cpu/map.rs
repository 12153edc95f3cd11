//! Functions and their gradients, element by element.

use super::Real;
use crate::function::{Loop, Rows};
use crate::graph::Shape;

/// y `[rows, columns]` by a function's loop, with operands broadcast to that shape.
pub fn map<T: Real>(run: Loop<T>, operands: &[(Shape, &[T])], columns: usize, y: &mut [T]) {
    let rows = y.len() / columns;
    let repeated = |&(shape, values): &(Shape, &[T])| -> Vec<T> {
        let place = |i: usize| {
            let row = if shape.rows == 1 { 0 } else { i / columns };
            let column = if shape.columns == 1 { 0 } else { i % columns };
            row * shape.columns + column
        };
        (0..rows * columns).map(|i| values[place(i)]).collect()
    };
    let repeated: Vec<_> = operands.iter().map(repeated).collect();
    let operands: Vec<_> = repeated.iter().map(|values| Rows { values, pitch: columns }).collect();
    run(&operands, columns, y);
}
