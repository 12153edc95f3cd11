//! An interpreter and sanitizer of compute shaders. A [`Program`] is lowered once from naga's
//! validated IR; a run takes buffers and a grid, and returns buffers, findings and exact counts.
//! [`sanitize`](Program::sanitize) runs a program in several orders and at several subgroup sizes.
//! Texts come in as single modules; files that import others are assembled elsewhere.
//!
//! ```
//! use wgvae::interpret::{Buffer, Dispatch, Kind, Plan, Program};
//!
//! let text = "
//! @group(0) @binding(0) var<storage, read_write> a: array<f32>;
//! @compute @workgroup_size(64)
//! fn main(@builtin(global_invocation_id) id: vec3u) {
//!     a[id.x] = sqrt(a[id.x]);
//! }";
//! let program = Program::from_wgsl(text, None, &[])?;
//! let bytes = (0..60).flat_map(|i| (i as f32).to_le_bytes()).collect();
//! let buffers = vec![Buffer::new(0, 0, bytes)];
//! let dispatch = Dispatch { grid: [1, 1, 1], buffers, immediates: Vec::new() };
//! let report = program.sanitize(&dispatch, &Plan::default())?;
//! // Four invocations leave the array.
//! assert_eq!(report.findings[0].kind, Kind::OutOfBounds);
//! assert_eq!(report.buffers[0].values[49], 7.0);
//! # Ok::<(), wgvae::interpret::Error>(())
//! ```

mod code;
mod count;
mod describe;
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
