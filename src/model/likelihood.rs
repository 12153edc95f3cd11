//! Distributions of a pixel, given the decoder's output: one row of [`LIKELIHOODS`] each.

use crate::Result;
use crate::function::{
    BERNOULLI as BERNOULLI_DENSITY, CONTINUOUS_BERNOULLI as CONTINUOUS_BERNOULLI_DENSITY,
    CONTINUOUS_BERNOULLI_MEAN, CONTINUOUS_BERNOULLI_QUANTILE, Function,
    GAUSSIAN as GAUSSIAN_DENSITY, LEAST_STDDEV, SIGMOID,
};
use crate::graph::{Graph, Stream, TensorId};
use crate::near::named;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Appends a tensor `[batch, pixels]` that depends on the parameters.
type OfParameters = fn(&mut Graph, parameters: &[TensorId]) -> Result<TensorId>;

/// A row of the likelihood table. In the comments, `parameters` are tensors `[batch, pixels]`, as many as
/// a pixel has; one that is the same for all pixels may be `[1, 1]`.
#[derive(Debug)]
pub struct Likelihood {
    /// Name of the distribution.
    pub name: &'static str,
    /// ln p of a pixel: a function of its parameters, then of x, with the slopes by the parameters.
    pub log_density: &'static Function,
    /// Whether pixels must be 0 or 1.
    pub is_binary: bool,
    /// Appends the pixels' means.
    pub mean: OfParameters,
    /// The first parameter of a pixel with this mean, from 0.001 to 0.999, or with the next one that is
    /// sensible; the others are then 0.
    pub of_mean: fn(mean: f64) -> f64,
    /// Appends draws of the pixels, given their means and their parameters.
    pub sample: fn(&mut Graph, mean: TensorId, parameters: &[TensorId], Stream) -> Result<TensorId>,
}

/// 0 or 1, with the logit of the probability of 1 as the only parameter.
pub static BERNOULLI: Likelihood = Likelihood {
    name: "bernoulli",
    log_density: &BERNOULLI_DENSITY,
    is_binary: true,
    mean: |graph, parameters| graph.map(&SIGMOID, parameters),
    of_mean: |mean| (mean / (1.0 - mean)).ln(),
    sample: |graph, mean, _, stream| graph.bernoulli_sample(mean, stream),
};

/// ln 999.
const LARGEST_LOGIT: f64 = 6.906_754_778_648_554;

/// From 0 to 1, with a logit as the only parameter (Loaiza-Ganem and Cunningham, 2019).
pub static CONTINUOUS_BERNOULLI: Likelihood = Likelihood {
    name: "continuous-bernoulli",
    log_density: &CONTINUOUS_BERNOULLI_DENSITY,
    is_binary: false,
    mean: |graph, parameters| graph.map(&CONTINUOUS_BERNOULLI_MEAN, parameters),
    of_mean: |mean| {
        // Bisection, since the mean rises with the logit; up to the logit of 0.999, since the mean is
        // so near to 0 and 1 only for logits of hundreds.
        let (mut low, mut high) = (-LARGEST_LOGIT, LARGEST_LOGIT);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if CONTINUOUS_BERNOULLI_MEAN.at(&[middle]) < mean {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low + high) / 2.0
    },
    sample: |graph, mean, parameters, stream| {
        let uniform = graph.uniform(graph.tensor(mean).shape, stream)?;
        graph.map(&CONTINUOUS_BERNOULLI_QUANTILE, &[parameters[0], uniform])
    },
};

/// Any number, with its mean and s as parameters: its standard deviation is softplus(s) + 0.01.
pub static GAUSSIAN: Likelihood = Likelihood {
    name: "gaussian",
    log_density: &GAUSSIAN_DENSITY,
    is_binary: false,
    mean: |_, parameters| Ok(parameters[0]),
    of_mean: |mean| mean,
    sample: |graph, mean, parameters, stream| {
        let noise = graph.normal(graph.tensor(mean).shape, stream)?;
        let stddev = graph.softplus(parameters[1])?;
        let stddev = graph.offset(stddev, LEAST_STDDEV)?;
        graph.reparameterize(mean, stddev, noise)
    },
};

/// Every likelihood.
pub static LIKELIHOODS: &[&Likelihood] = &[&BERNOULLI, &CONTINUOUS_BERNOULLI, &GAUSSIAN];

impl Serialize for Likelihood {
    /// Writes the name.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for &'static Likelihood {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Likelihood::named(&name).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Likelihood {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Likelihood {}

impl Likelihood {
    /// Returns the likelihood with this name; the error lists the names.
    pub fn named(name: &str) -> std::result::Result<&'static Self, String> {
        named(LIKELIHOODS.iter().copied(), |one| one.name, name)
    }

    /// Returns the number of parameters of a pixel: columns of the decoder's output per pixel.
    pub fn parameters(&self) -> usize {
        self.log_density.arity() - 1
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
