//! Optimisers: ops at the end of a training graph, and the state that they keep.

use crate::Result;
use crate::graph::{Element, Graph, RmsProp, Role, TensorId};

/// What the name of a parameter's mean square begins with, before the parameter's.
pub const MEAN_SQUARE: &str = "rms.";

/// Updates every parameter by TensorFlow-1 RMSProp; its mean square ([`MEAN_SQUARE`]) starts at 1.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if a gradient is shaped otherwise than its parameter.
pub fn rmsprop(
    graph: &mut Graph,
    constants: RmsProp,
    parameters: &[TensorId],
    gradients: &[TensorId],
) -> Result<()> {
    for (&w, &dw) in parameters.iter().zip(gradients) {
        let (name, shape) =
            (format!("{MEAN_SQUARE}{}", graph.tensor(w).name), graph.tensor(w).shape);
        let ms = graph.add_tensor(name, shape, Element::F32, Role::State(1.0));
        graph.rmsprop(constants, dw, w, ms)?;
    }
    Ok(())
}
