//! Gradients: every backward rule and the whole model against finite differences in f64, how the
//! gradients of several uses come together, and what has none.

use std::error::Error;

mod model;
mod problem;
mod refusal;
mod rule;
mod uses;

type TestResult = Result<(), Box<dyn Error>>;
