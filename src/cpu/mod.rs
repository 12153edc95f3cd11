//! The CPU twins: one pure function per kernel, under the kernel's name, over row-major slices.
//! They are the specification that every device is checked against, so they are plain loops that
//! can be verified by reading. They are generic over [`Real`]: in f64 they are the oracle; in f32
//! the CPU device runs those for which it has no faster [kernel](crate::simd). [`fma`](fma::fma) is
//! no twin: it measures the CPU's peak rate.
//!
//! Outputs are overwritten unless the text says "updates".

pub mod block_sum;
pub mod column_sum;
pub mod concatenate;
pub mod count_nonfinite;
pub mod fma;
pub mod gather_batch;
pub mod log_sum_exp;
pub mod loss_sum;
pub mod map;
pub mod matmul;
pub mod normal;
pub mod one_hot;
pub mod philox;
mod real;
pub mod repeat_rows;
pub mod row_sum;
pub mod split_columns;
pub mod uniform;

pub use real::Real;
