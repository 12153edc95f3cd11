//! The function from the encoder's outputs to standard deviations.

use crate::Result;
use crate::function::EXP;
use crate::graph::{Graph, TensorId};
use crate::near::named;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// The function from the second half of the encoder's outputs, s, to standard deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scale {
    /// ln(1 + eˢ) + 10⁻⁶, the tutorial's.
    #[default]
    Softplus,
    /// e^(s/2): s is the logarithm of the variance (Kingma and Welling, 2014, appendix C).
    LogVariance,
}

/// Added to softplus, so that a standard deviation stays above 0 where the exponential underflows, as
/// in the tutorial.
const LEAST: f64 = 1e-6;

impl Scale {
    /// Every function.
    pub const ALL: [Self; 2] = [Self::Softplus, Self::LogVariance];

    /// Returns the name in files and of `--scale`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softplus => "softplus",
            Self::LogVariance => "log-variance",
        }
    }

    /// Appends the standard deviations of s.
    pub(super) fn stddev(self, graph: &mut Graph, s: TensorId) -> Result<TensorId> {
        match self {
            Self::Softplus => {
                let softplus = graph.softplus(s)?;
                graph.offset(softplus, LEAST)
            }
            Self::LogVariance => {
                let half = graph.scale(s, 0.5)?;
                graph.map(&EXP, &[half])
            }
        }
    }
}

impl Display for Scale {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scale {
    type Err = String;

    /// Parses the name; the error lists the names.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        named(Self::ALL, Self::name, text)
    }
}
