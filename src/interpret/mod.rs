//! An interpreter and sanitizer of compute shaders. A [`Program`] is lowered once from naga's
//! validated IR; a run takes buffers and a grid, and returns buffers, findings and exact counts.
//! [`sanitize`](Program::sanitize) runs a program in several orders and at several subgroup sizes.
//! Texts come in as single modules; files that import others are assembled elsewhere.

mod code;
mod count;
mod error;
mod execute;
mod finding;
mod lower;
mod memory;
mod numbers;
mod op;
mod options;
mod program;
mod run;
mod sanitize;
mod shadow;
mod specification;
mod types;

pub use count::{Counts, Traffic};
pub use error::{Error, Place, Result};
pub use finding::{Finding, Kind, Other};
pub use options::{Arithmetic, Buffer, Dispatch, Options, Order, Output, Report};
pub use program::{Binding, Program};
pub use run::SUBGROUP_SIZES;
pub use sanitize::Plan;
pub use specification::{
    BufferSpecification, Element, Expect, Expected, Files, Fill, Override, Overrides,
    Specification, Text, Tolerance,
};
pub use types::Scalar;
