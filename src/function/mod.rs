//! Element-wise functions of one number or a few: each has a row of [`FUNCTIONS`], a source in WGSL
//! (`shaders/functions/`) and one in Rust, which is compiled to the f64 oracle, its f32 twin and
//! the CPU's vectors. A new function needs only these two sources and its row: graphs, gradients,
//! fused kernels, checks and `--activation` iterate over the table.

mod fill;
mod lanes;
mod loops;
mod number;
mod tolerance;

mod add;
mod bernoulli;
mod continuous_bernoulli;
mod continuous_bernoulli_mean;
mod continuous_bernoulli_quantile;
mod elu;
mod exp;
mod gaussian;
mod gaussian_kl;
mod gelu;
mod glu;
mod leaky_relu;
mod less;
mod log;
mod multiply;
mod relu;
mod sigmoid;
mod silu;
mod softplus;
mod square;
mod subtract;
mod tanh;

pub use fill::Fill;
pub(crate) use gaussian::LEAST as LEAST_STDDEV;
pub(crate) use lanes::Lanes;
pub use loops::{BothLoop, Loop, Loops, MOST, Rows};
pub use number::{Arithmetic, Lane, Number};
pub use tolerance::Tolerance;

use Fill::{Binary, Normal, Positive, Unit, Wide};
use loops::{Plain, Vectorized, both_loops};
use std::fmt::{Debug, Formatter};

/// The source of a function in Rust.
pub trait Formula<const ARITY: usize> {
    /// The value at `x`.
    fn value<N: Number>(x: [N; ARITY]) -> N;

    /// The partial derivative by an operand: at `x`, or, for [`Slope::Value`], as a function of the
    /// value, which is passed instead of `x`.
    fn slope<N: Number>(operand: usize, x: [N; ARITY]) -> N;
}

/// The gradient of an operand as a function of the value's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slope {
    /// No gradient: the operand is data.
    None,
    /// The value's gradient.
    One,
    /// The negative of the value's gradient.
    MinusOne,
    /// The value's gradient times this operand.
    Operand(usize),
    /// The value's gradient times a function of all operands.
    Operands,
    /// The value's gradient times a function of the value, for functions of one operand: the
    /// operand need not be kept.
    Value,
}

/// A row of the function table.
pub struct Function {
    /// Its name; `shaders/functions/` has a file of that name with `{name}_value`, and a
    /// `{name}_slope` (`{name}_slope_1` for the second operand) for each slope that is a function.
    pub name: &'static str,
    /// The name of the op that computes a gradient of its operands.
    pub backward: &'static str,
    /// The slope by each operand.
    pub slopes: &'static [Slope],
    /// Floating-point operations of a value, and of a slope times a gradient.
    pub flops: [usize; 2],
    /// The allowed difference between f32 and f64.
    pub tolerance: Tolerance,
    /// Values of the operands in checks.
    pub fills: &'static [Fill],
    /// Values for checks of a slope that depends on the value.
    pub value: Fill,
    /// Whether it can be used between layers, which are as often as wide as it has operands:
    /// `--activation`.
    pub is_activation: bool,
    /// The loops of the oracle.
    pub f64: Loops<f64>,
    /// The loops of the oracle's twin.
    pub f32: Loops<f32>,
    /// The loops with the CPU's vectors.
    pub vectors: Loops<f32>,
    /// Loops with the CPU's vectors that compute the value and the slope by each operand at once, so
    /// that they share what they have in common, such as an exponential. The same bits, for slopes
    /// that depend on the operands.
    pub both: [BothLoop<f32>; MOST],
}

impl Debug for Function {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Eq for Function {}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Function {
    /// The function with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().copied().find(|function| function.name == name)
    }

    /// The value in f64.
    pub fn at(&self, operands: &[f64]) -> f64 {
        let row = |operand| Rows { values: std::slice::from_ref(operand), pitch: 1 };
        let mut value = [0.0];
        (self.f64.value)(&operands.iter().map(row).collect::<Vec<_>>(), 1, &mut value);
        value[0]
    }

    /// Number of operands.
    pub fn arity(&self) -> usize {
        self.slopes.len()
    }
}

/// Defines a static for each row, and the list of all rows.
macro_rules! functions {
    ($($(#[$doc:meta])* $row:ident $name:literal = $formula:path, $arity:literal {
        $($field:ident: $value:expr,)*
    })*) => {
        $($(#[$doc])*
        pub static $row: Function = Function {
            name: $name,
            backward: concat!($name, "_backward"),
            f64: Loops::of::<$formula, $arity, f64, Plain>(),
            f32: Loops::of::<$formula, $arity, f32, Plain>(),
            vectors: Loops::of::<$formula, $arity, Lane, Vectorized>(),
            both: both_loops::<$formula, $arity, Lane, f32, Vectorized>(),
            $($field: $value,)*
        };)*

        /// Every function.
        pub static FUNCTIONS: &[&Function] = &[$(&$row),*];
    };
}

functions! {
    /// a + b.
    ADD "add" = add::Add, 2 {
        slopes: &[Slope::One, Slope::One],
        flops: [1, 0],
        tolerance: Tolerance::ROUNDING,
        fills: &[Wide, Wide],
        value: Normal,
        is_activation: false,
    }
    /// a − b.
    SUBTRACT "subtract" = subtract::Subtract, 2 {
        slopes: &[Slope::One, Slope::MinusOne],
        flops: [1, 0],
        tolerance: Tolerance::ROUNDING,
        fills: &[Wide, Wide],
        value: Normal,
        is_activation: false,
    }
    /// a·b.
    MULTIPLY "multiply" = multiply::Multiply, 2 {
        slopes: &[Slope::Operand(1), Slope::Operand(0)],
        flops: [1, 1],
        tolerance: Tolerance::ROUNDING,
        fills: &[Wide, Normal],
        value: Normal,
        is_activation: false,
    }
    /// max(x, 0).
    RELU "relu" = relu::Relu, 1 {
        slopes: &[Slope::Value],
        flops: [1, 1],
        tolerance: Tolerance::EXACT,
        fills: &[Wide],
        value: Wide,
        is_activation: true,
    }
    /// ln(1 + eˣ).
    SOFTPLUS "softplus" = softplus::Softplus, 1 {
        slopes: &[Slope::Operands],
        flops: [4, 4],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide],
        value: Normal,
        is_activation: true,
    }
    /// 1 / (1 + e⁻ˣ).
    SIGMOID "sigmoid" = sigmoid::Sigmoid, 1 {
        slopes: &[Slope::Value],
        flops: [3, 3],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide],
        value: Unit,
        is_activation: true,
    }
    /// eˣ.
    EXP "exp" = exp::Exp, 1 {
        slopes: &[Slope::Value],
        flops: [1, 1],
        tolerance: Tolerance { absolute: 1e-6, relative: 5e-6 },
        fills: &[Normal],
        value: Positive,
        is_activation: false,
    }
    /// ln x, for x above 0.
    LOG "log" = log::Log, 1 {
        slopes: &[Slope::Operands],
        flops: [1, 1],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Positive],
        value: Normal,
        is_activation: false,
    }
    /// x².
    SQUARE "square" = square::Square, 1 {
        slopes: &[Slope::Operands],
        flops: [1, 2],
        tolerance: Tolerance::ROUNDING,
        fills: &[Wide],
        value: Normal,
        is_activation: false,
    }
    /// The hyperbolic tangent.
    TANH "tanh" = tanh::Tanh, 1 {
        slopes: &[Slope::Value],
        flops: [6, 3],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide],
        value: Unit,
        is_activation: true,
    }
    /// x·P(X < x) for X from N(0, 1).
    GELU "gelu" = gelu::Gelu, 1 {
        slopes: &[Slope::Operands],
        flops: [25, 32],
        tolerance: Tolerance { absolute: 2e-6, ..Tolerance::ELEMENTWISE },
        fills: &[Wide],
        value: Normal,
        is_activation: true,
    }
    /// x·sigmoid(x).
    SILU "silu" = silu::Silu, 1 {
        slopes: &[Slope::Operands],
        flops: [4, 8],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide],
        value: Normal,
        is_activation: true,
    }
    /// x above 0, eˣ − 1 below.
    ELU "elu" = elu::Elu, 1 {
        slopes: &[Slope::Value],
        flops: [3, 3],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide],
        value: Normal,
        is_activation: true,
    }
    /// x above 0, x / 100 below.
    LEAKY_RELU "leaky_relu" = leaky_relu::LeakyRelu, 1 {
        slopes: &[Slope::Value],
        flops: [2, 2],
        tolerance: Tolerance::ROUNDING,
        fills: &[Wide],
        value: Wide,
        is_activation: true,
    }
    /// a·sigmoid(b), a gated linear unit.
    GLU "glu" = glu::Glu, 2 {
        slopes: &[Slope::Operands, Slope::Operands],
        flops: [4, 6],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide, Wide],
        value: Normal,
        is_activation: true,
    }
    /// 1 if a < b, else 0.
    LESS "less" = less::Less, 2 {
        slopes: &[Slope::None, Slope::None],
        flops: [1, 0],
        tolerance: Tolerance::EXACT,
        fills: &[Unit, Unit],
        value: Normal,
        is_activation: false,
    }
    /// ln p(x) of a Bernoulli pixel x whose logit is l.
    BERNOULLI "bernoulli" = bernoulli::Bernoulli, 2 {
        slopes: &[Slope::Operands, Slope::None],
        flops: [6, 5],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Wide, Binary],
        value: Normal,
        is_activation: false,
    }
    /// ln p(x) of a continuous Bernoulli pixel x whose logit is l.
    CONTINUOUS_BERNOULLI "continuous_bernoulli" = continuous_bernoulli::ContinuousBernoulli, 2 {
        slopes: &[Slope::Operands, Slope::None],
        flops: [17, 20],
        tolerance: Tolerance { absolute: 2e-6, ..Tolerance::ELEMENTWISE },
        fills: &[Wide, Unit],
        value: Normal,
        is_activation: false,
    }
    /// The mean of a continuous Bernoulli pixel whose logit is l.
    CONTINUOUS_BERNOULLI_MEAN "continuous_bernoulli_mean" = continuous_bernoulli_mean::ContinuousBernoulliMean, 1 {
        slopes: &[Slope::None],
        flops: [18, 0],
        tolerance: Tolerance { absolute: 2e-6, ..Tolerance::ELEMENTWISE },
        fills: &[Wide],
        value: Normal,
        is_activation: false,
    }
    /// A sample of a continuous Bernoulli pixel with logit l, from a uniform number.
    CONTINUOUS_BERNOULLI_QUANTILE "continuous_bernoulli_quantile" = continuous_bernoulli_quantile::ContinuousBernoulliQuantile, 2 {
        slopes: &[Slope::None, Slope::None],
        flops: [25, 0],
        // A logarithm near 0 over a logit of at least a fiftieth.
        tolerance: Tolerance { absolute: 1e-5, ..Tolerance::ELEMENTWISE },
        fills: &[Wide, Unit],
        value: Normal,
        is_activation: false,
    }
    /// ln p(x) of a normal pixel x with this mean and a standard deviation of softplus(s) + 0.01.
    GAUSSIAN "gaussian" = gaussian::Gaussian, 3 {
        slopes: &[Slope::Operands, Slope::Operands, Slope::None],
        flops: [13, 12],
        tolerance: Tolerance { absolute: 2e-6, relative: 5e-6 },
        fills: &[Normal, Positive, Unit],
        value: Normal,
        is_activation: false,
    }
    /// KL(N(mean, stddev²) ‖ N(0, 1)) of one latent unit.
    GAUSSIAN_KL "gaussian_kl" = gaussian_kl::GaussianKl, 2 {
        slopes: &[Slope::Operand(0), Slope::Operands],
        flops: [7, 3],
        tolerance: Tolerance::ELEMENTWISE,
        fills: &[Normal, Positive],
        value: Normal,
        is_activation: false,
    }
}
