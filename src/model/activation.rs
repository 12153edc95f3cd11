//! The function between the layers of a network.

use crate::function::{FUNCTIONS, Function, RELU};
use crate::near::named;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// An activation: a row of [`FUNCTIONS`] that [is one](Function::is_activation). ReLU by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Activation(&'static Function);

impl Activation {
    /// Returns every activation.
    pub fn all() -> impl Iterator<Item = Self> {
        FUNCTIONS.iter().copied().filter(|function| function.is_activation).map(Self)
    }

    /// Returns how often as wide as its output the layer before it is: 1, or 2 for a gated unit, whose
    /// operands are the halves of that layer.
    pub fn operands(self) -> usize {
        self.0.arity()
    }

    /// Returns the activation's function.
    pub fn function(self) -> &'static Function {
        self.0
    }
}

impl Default for Activation {
    fn default() -> Self {
        Self(&RELU)
    }
}

impl Display for Activation {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl FromStr for Activation {
    type Err = String;

    /// Parses the name of the activation's function; the error lists the names.
    fn from_str(text: &str) -> Result<Self, String> {
        named(Self::all(), |activation| activation.0.name, text)
    }
}

impl TryFrom<String> for Activation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Activation> for String {
    fn from(activation: Activation) -> Self {
        activation.to_string()
    }
}
