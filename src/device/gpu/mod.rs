//! Plans on a GPU through wgpu: the only module that imports it. [`Adapters`] finds and opens
//! devices, [`GpuSession`] holds tensors in buffers and runs plans on them. Everything is created
//! when a plan is loaded; a step only records dispatches.

mod adapter;
mod arena;
mod arguments;
mod clock;
mod context;
#[cfg(test)]
mod lost;
mod pipeline;
mod pipeline_file;
mod program;
mod roofs;
mod session;
mod stopwatch;
mod submit_queue;
mod tuner;
mod tuning_file;

pub use adapter::{AdapterInfo, Adapters};
pub use context::Gpu;
pub use session::GpuSession;
pub use tuner::{Candidate, Trial, Tuned, Tuner, known_kernels};
