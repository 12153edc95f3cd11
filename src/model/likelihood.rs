//! Distributions of a pixel, given the decoder's output: one row of [`LIKELIHOODS`] each.

use crate::Result;
use crate::function::{BERNOULLI as BERNOULLI_DENSITY, Function, SIGMOID};
use crate::graph::{Graph, Stream, TensorId};

/// A row of the likelihood table. In the comments, `parameters` are tensors `[batch, pixels]`, as many as
/// a pixel has.
#[derive(Debug)]
pub struct Likelihood {
    /// Name of the distribution.
    pub name: &'static str,
    /// ln p of a pixel: a function of its parameters, then of x, with the slopes by the parameters.
    pub log_density: &'static Function,
    /// The pixel's mean, from its parameters.
    pub mean: &'static Function,
    /// Appends draws of the pixels, given their means and their parameters.
    pub sample: fn(&mut Graph, mean: TensorId, parameters: &[TensorId], Stream) -> Result<TensorId>,
}

/// 0 or 1, with the logit of the probability of 1 as the only parameter.
pub static BERNOULLI: Likelihood = Likelihood {
    name: "bernoulli",
    log_density: &BERNOULLI_DENSITY,
    mean: &SIGMOID,
    sample: |graph, mean, _, stream| graph.bernoulli_sample(mean, stream),
};

/// Every likelihood.
pub static LIKELIHOODS: &[&Likelihood] = &[&BERNOULLI];

impl PartialEq for Likelihood {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Likelihood {}

impl Likelihood {
    /// Returns the number of parameters of a pixel: columns of the decoder's output per pixel.
    pub fn parameters(&self) -> usize {
        self.log_density.arity() - 1
    }

    /// Splits the decoder's output `[batch, parameters·pixels]` into the parameters.
    ///
    /// # Errors
    /// [`Shape`](crate::Error::Shape) if its width is not a multiple of the number of parameters.
    pub fn split(&self, graph: &mut Graph, decoded: TensorId) -> Result<Vec<TensorId>> {
        let pixels = graph.tensor(decoded).shape.columns / self.parameters();
        let (mut rest, mut parameters) = (decoded, Vec::new());
        for _ in 1..self.parameters() {
            let (own, others) = graph.split_columns(rest, pixels)?;
            parameters.push(own);
            rest = others;
        }
        parameters.push(rest);
        Ok(parameters)
    }

    /// Appends ln p(x) of each row of x `[batch, pixels]` -> `[batch, 1]`.
    ///
    /// # Errors
    /// [`Shape`](crate::Error::Shape) if x does not fit the parameters.
    pub fn log_likelihood(
        &self,
        graph: &mut Graph,
        parameters: &[TensorId],
        x: TensorId,
    ) -> Result<TensorId> {
        let pixels = graph.map(self.log_density, &[parameters, &[x]].concat())?;
        graph.row_sum(pixels)
    }
}
