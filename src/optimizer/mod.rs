//! Optimisers: one row of [`RULES`] each, with a text in WGSL (`shaders/optimizers/`) and one in
//! Rust, which serves the f64 oracle, its f32 twin and the CPU's vectors. A new optimiser consists
//! of these two texts and its row: graphs, the fused update, checkpoints, checks and `--optimizer`
//! iterate over the table.

mod adam;
mod adamw;
mod loops;
mod rmsprop;
mod rmsprop_centered;
mod rmsprop_torch;

pub use loops::{Block, Loop};

use crate::function::{Arithmetic, Number, Tolerance};
use crate::near::named;
use crate::{Error, Result};
use loops::{update, update_vectors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{Debug, Display, Formatter};

/// The formula of a rule in Rust.
pub trait Formula<const STATES: usize, const COEFFICIENTS: usize> {
    /// Computes the new weight and the new states, from the gradient of the loss by the weight.
    fn update<N: Arithmetic>(
        coefficients: [N; COEFFICIENTS],
        rates: Rates<N>,
        weight: N,
        gradient: N,
        states: [N; STATES],
    ) -> (N, [N; STATES]);
}

/// Numbers of an update that change from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates<N> {
    /// The step size.
    pub learning_rate: N,
    /// Factor that is first applied to the gradient.
    pub gradient_scale: N,
    /// See [`Rule::corrections`].
    pub corrections: [N; 2],
    /// See [`Optimizer::average_gain`].
    pub average_gain: N,
}

impl<N> Rates<N> {
    #[inline(always)]
    fn map<M>(self, convert: impl Fn(N) -> M) -> Rates<M> {
        Rates {
            learning_rate: convert(self.learning_rate),
            gradient_scale: convert(self.gradient_scale),
            average_gain: convert(self.average_gain),
            corrections: self.corrections.map(convert),
        }
    }
}

/// A constant of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// Name of the constant.
    pub name: &'static str,
    /// Default value.
    pub default: f64,
    /// Description of the allowed values.
    pub expected: &'static str,
    /// Whether a value is allowed.
    pub allows: fn(f64) -> bool,
}

impl Constant {
    /// The share of a running mean that is kept each step.
    const fn decay(name: &'static str, default: f64) -> Self {
        let allows = |value| (0.0..=1.0).contains(&value);
        Self { name, default, expected: "a number from 0 to 1", allows }
    }

    /// The same, without 0.
    const fn positive_decay(name: &'static str, default: f64) -> Self {
        let allows = |value| value > 0.0 && value <= 1.0;
        Self { name, default, expected: "a number above 0, up to 1", allows }
    }

    /// The same for a running mean that starts at 0 and is corrected.
    const fn beta(name: &'static str, default: f64) -> Self {
        let allows = |value| (0.0..1.0).contains(&value);
        Self { name, default, expected: "a number from 0 to below 1", allows }
    }

    /// A finite number that is not negative.
    const fn nonnegative(name: &'static str, default: f64) -> Self {
        let allows = |value: f64| value >= 0.0 && value.is_finite();
        Self { name, default, expected: "a number from 0 on", allows }
    }
}

/// A number that an optimiser stores for every weight.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Prefix of the tensor's name; the weight's name follows.
    pub prefix: &'static str,
    /// Description of the state.
    pub name: &'static str,
    /// Whether the state can be negative.
    pub is_signed: bool,
    /// Value before the first step, given the constants.
    pub start: fn(&Constants) -> f64,
}

/// Largest number of constants, or coefficients, of a rule.
pub const MOST_CONSTANTS: usize = 5;

/// Values of a rule's constants or coefficients, in its order; the others are 0.
pub type Constants = [f64; MOST_CONSTANTS];

/// A row of the table of optimisers.
pub struct Rule {
    /// Name of the rule; `shaders/optimizers/` has a file with that name, which defines
    /// `{name}_state_0(before, gradient)`, `{name}_state_1(before, gradient, state_0)` and so on
    /// for each state, and `{name}_weight(before, gradient, state_0, …)`.
    pub name: &'static str,
    /// Constants of the rule.
    pub constants: &'static [Constant],
    /// States of the rule.
    pub states: &'static [State],
    /// The `override` constants of the shader, which are the coefficients of the formula.
    pub coefficients: &'static [&'static str],
    /// Values of the coefficients, given the constants.
    pub prepare: fn(&Constants) -> Constants,
    /// Correction factors of the running means for having started at 0, given the constants and the
    /// number of updates, including this one: the shaders' `first_correction()` and
    /// `second_correction()`.
    pub corrections: fn(&Constants, u32) -> [f64; 2],
    /// Floating-point operations of one weight's update.
    pub flops: usize,
    /// Largest deviation of f32 from f64.
    pub tolerance: Tolerance,
    /// The loop of the oracle.
    pub f64: Loop<f64>,
    /// The loop of the oracle's f32 twin.
    pub f32: Loop<f32>,
    /// The loop of the CPU's vectors.
    pub vectors: Loop<f32>,
}

impl Debug for Rule {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Rule {
    /// Returns the rule with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        RULES.iter().copied().find(|rule| rule.name == name)
    }
}

/// The average of a weight over the steps, which an optimiser stores after the rule's states if it
/// [averages](Optimizer::with_average).
pub static AVERAGE: State =
    State { prefix: "average.", name: "averages of weights", is_signed: true, start: |_| 0.0 };

/// A rule with values of its constants, with or without an average of the weights.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Optimizer {
    rule: &'static Rule,
    constants: Constants,
    average: Option<f64>,
}

impl Optimizer {
    /// Returns a rule with the defaults of its constants.
    pub const fn of(rule: &'static Rule) -> Self {
        let mut constants = [0.0; MOST_CONSTANTS];
        let mut index = 0;
        while index < rule.constants.len() {
            constants[index] = rule.constants[index].default;
            index += 1;
        }
        Self { rule, constants, average: None }
    }

    /// Returns the same optimiser with an exponential moving average of the weights, whose last states
    /// it then stores, too: of its sum over steps, a step keeps the share `decay` (Polyak and
    /// Juditsky, 1992; weighted exponentially, as by Kingma and Ba, 2015, section 7.2). The average is
    /// that of the steps so far, as if corrected for having started at 0.
    ///
    /// # Errors
    /// [`Error::Setting`] if the share is not from 0 to below 1.
    pub fn with_average(self, decay: f64) -> Result<Self> {
        if (0.0..1.0).contains(&decay) {
            return Ok(Self { average: Some(decay), ..self });
        }
        let expected = "a number from 0 to below 1".to_owned();
        Err(Error::Setting { setting: "ema", expected, found: decay.to_string() })
    }

    /// Whether the optimiser averages the weights.
    pub fn averages(&self) -> bool {
        self.average.is_some()
    }

    /// Returns the share of the average that a step keeps, if the optimiser averages the weights.
    pub fn average(&self) -> Option<f64> {
        self.average
    }

    /// Returns the share of the distance to the new weight by which the average moves in the step with
    /// this index, counted from 0: (1 − decay) / (1 − decayⁿ) in the n-th step, so 1 in the first.
    pub fn average_gain(&self, index: u32) -> f64 {
        let updates = f64::from(index) + 1.0;
        self.average.map_or(0.0, |decay| (1.0 - decay) / (1.0 - decay.powf(updates)))
    }

    /// Returns the same optimiser with another value of a constant.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no constant with this name, or the value is not allowed.
    pub fn with(mut self, constant: &str, value: f64) -> Result<Self> {
        let wrong = |expected: String, found: String| {
            Err(Error::Setting { setting: "optimizer", expected, found })
        };
        let mut all = self.rule.constants.iter().zip(&mut self.constants);
        let Some((known, own)) = all.find(|(known, _)| known.name == constant) else {
            let names: Vec<_> = self.rule.constants.iter().map(|known| known.name).collect();
            let expected = format!("a constant of {}: {}", self.rule.name, names.join(", "));
            return wrong(expected, constant.to_owned());
        };
        if !(known.allows)(value) {
            return wrong(format!("{constant}: {}", known.expected), value.to_string());
        }
        *own = value;
        Ok(self)
    }

    /// Returns the rule.
    pub const fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// Returns the constants, by name.
    pub fn constants(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.rule.constants.iter().map(|constant| constant.name).zip(self.constants)
    }

    /// Returns the states, each with its value before the first step.
    pub fn states(&self) -> impl Iterator<Item = (&'static State, f64)> + '_ {
        let all = self.rule.states.iter().chain(self.average.map(|_| &AVERAGE));
        all.map(|state| (state, (state.start)(&self.constants)))
    }

    /// Updates the weights of a block, and their states, by a loop of the rule.
    pub fn update<T: Number>(
        &self,
        rule: Loop<T>,
        coefficients: &Constants,
        rates: Rates<f64>,
        block: Block<T>,
        weights: &mut [T],
        states: &mut [&mut [T]],
    ) {
        let (states, average) = states.split_at_mut(self.rule.states.len());
        rule(coefficients, rates, block, weights, states);
        if let [average] = average {
            loops::average(rates.average_gain, block, weights, average);
        }
    }

    /// Returns the coefficients of the formula, by their names in the shader.
    pub fn coefficients(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.rule.coefficients.iter().copied().zip(self.prepared())
    }

    /// Returns the coefficients of its formula, in their order; the others are 0.
    pub fn prepared(&self) -> Constants {
        (self.rule.prepare)(&self.constants)
    }

    /// Returns the correction factors of the running means in the step with this index, counted
    /// from 0.
    pub fn corrections(&self, index: u32) -> [f64; 2] {
        (self.rule.corrections)(&self.constants, index.saturating_add(1))
    }
}

/// Form of an optimiser in files; constants that are left out have their defaults.
#[derive(Serialize, Deserialize)]
struct Settings {
    name: String,
    /// See [`Optimizer::with_average`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ema: Option<f64>,
    #[serde(flatten)]
    constants: BTreeMap<String, f64>,
}

impl From<Optimizer> for Settings {
    fn from(optimizer: Optimizer) -> Self {
        let constants = optimizer.constants().map(|(name, value)| (name.to_owned(), value));
        let name = optimizer.rule.name.to_owned();
        Self { name, ema: optimizer.average, constants: constants.collect() }
    }
}

impl TryFrom<Settings> for Optimizer {
    type Error = String;

    fn try_from(settings: Settings) -> std::result::Result<Self, String> {
        let Settings { name, ema, constants } = settings;
        let set = |optimizer: Self, (name, value): (&String, &f64)| optimizer.with(name, *value);
        let optimizer = Self::of(named(RULES.iter().copied(), |rule| rule.name, &name)?);
        let optimizer = constants.iter().try_fold(optimizer, set);
        let averaged = optimizer.and_then(|optimizer| match ema {
            Some(decay) => optimizer.with_average(decay),
            None => Ok(optimizer),
        });
        averaged.map_err(|error| error.to_string())
    }
}

impl Default for Optimizer {
    /// Returns the tutorial's optimiser.
    fn default() -> Self {
        Self::of(&RMSPROP)
    }
}

impl Debug for Optimizer {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Optimizer {
    /// Writes `adam (beta1 0.9, beta2 0.999, epsilon 0.00000001, initial 0)`.
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let average = self.average.map(|decay| ("ema", decay));
        let constants = self.constants().chain(average);
        let constants = constants.map(|(name, value)| format!("{name} {value}"));
        write!(f, "{} ({})", self.rule.name, constants.collect::<Vec<_>>().join(", "))
    }
}

/// Defines a row for each name, and the list of all rows.
macro_rules! rules {
    ($($(#[$doc:meta])* $row:ident $name:literal = $formula:path, $states:literal, $coefficients:literal {
        $($field:ident: $value:expr,)*
    })*) => {
        $($(#[$doc])*
        pub static $row: Rule = Rule {
            name: $name,
            f64: update::<$formula, $states, $coefficients, f64>,
            f32: update::<$formula, $states, $coefficients, f32>,
            vectors: update_vectors::<$formula, $states, $coefficients>,
            $($field: $value,)*
        };)*

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$row),*];
    };
}

rules! {
    /// RMSProp as in TensorFlow 1.
    RMSPROP "rmsprop" = rmsprop::RmsProp, 1, 2 {
        constants: &[
            Constant::decay("decay", 0.9),
            Constant::nonnegative("epsilon", 1e-10),
            Constant::nonnegative("initial", 1.0),
        ],
        states: &[State { prefix: "rms.", name: "mean squares", is_signed: false, start: |&[_, _, initial, ..]| initial }],
        coefficients: &["GAIN", "EPSILON"],
        prepare: |&[decay, epsilon, ..]| [1.0 - decay, epsilon, 0.0, 0.0, 0.0],
        corrections: |_, _| [1.0; 2],
        // ms: two multiplications, two additions; w: two additions, square root, division,
        // multiplication.
        flops: 9,
        // An update is about 1e-3: this is five digits of it.
        tolerance: Tolerance { absolute: 1e-8, relative: 5e-7 },
    }
    /// RMSProp as in PyTorch.
    RMSPROP_TORCH "rmsprop_torch" = rmsprop_torch::RmsPropTorch, 1, 2 {
        constants: &[
            Constant::decay("decay", 0.99),
            Constant::nonnegative("epsilon", 1e-8),
            Constant::nonnegative("initial", 0.0),
        ],
        states: RMSPROP.states,
        coefficients: &["GAIN", "EPSILON"],
        prepare: RMSPROP.prepare,
        corrections: |_, _| [1.0; 2],
        flops: 9,
        tolerance: Tolerance { absolute: 1e-8, relative: 5e-7 },
    }
    /// RMSProp as in PyTorch with `centered=True`.
    RMSPROP_CENTERED "rmsprop_centered" = rmsprop_centered::RmsPropCentered, 2, 3 {
        constants: &[
            Constant::positive_decay("decay", 0.99),
            Constant::nonnegative("epsilon", 1e-8),
            Constant::nonnegative("initial", 0.0),
        ],
        states: &[
            State { prefix: "mean.", name: "means", is_signed: true, start: |_| 0.0 },
            State { prefix: "var.", name: "variances", is_signed: false, start: |&[_, _, initial, ..]| initial },
        ],
        coefficients: &["GAIN", "SPREAD", "EPSILON"],
        prepare: rmsprop_centered::prepare,
        corrections: |_, _| [1.0; 2],
        // m: three operations; var: six; w: square root, division and three others.
        flops: 14,
        tolerance: Tolerance { absolute: 1e-8, relative: 5e-7 },
    }
    /// Adam.
    ADAM "adam" = adam::Adam, 2, 3 {
        constants: &[
            Constant::beta("beta1", 0.9),
            Constant::beta("beta2", 0.999),
            Constant::nonnegative("epsilon", 1e-8),
            Constant::nonnegative("initial", 0.0),
        ],
        states: &[
            State { prefix: "m.", name: "means", is_signed: true, start: |_| 0.0 },
            State { prefix: "v.", name: "mean squares", is_signed: false, start: |&[_, _, _, initial, _]| initial },
        ],
        coefficients: &["FIRST_GAIN", "SECOND_GAIN", "EPSILON"],
        prepare: |&[beta1, beta2, epsilon, ..]| [1.0 - beta1, 1.0 - beta2, epsilon, 0.0, 0.0],
        corrections: adam::corrections,
        // m: three operations; v: four; w: square root, division and six others.
        flops: 15,
        tolerance: Tolerance { absolute: 1e-8, relative: 5e-7 },
    }
    /// Adam with decoupled weight decay.
    ADAMW "adamw" = adamw::AdamW, 2, 4 {
        constants: &[
            Constant::beta("beta1", 0.9),
            Constant::beta("beta2", 0.999),
            Constant::nonnegative("epsilon", 1e-8),
            Constant::nonnegative("initial", 0.0),
            Constant::nonnegative("weight_decay", 0.01),
        ],
        states: ADAM.states,
        coefficients: &["FIRST_GAIN", "SECOND_GAIN", "EPSILON", "DECAY"],
        prepare: |&[beta1, beta2, epsilon, _, decay]| {
            [1.0 - beta1, 1.0 - beta2, epsilon, decay, 0.0]
        },
        corrections: adam::corrections,
        // Adam's operations, two multiplications and a subtraction.
        flops: 18,
        tolerance: Tolerance { absolute: 1e-8, relative: 5e-7 },
    }
}
