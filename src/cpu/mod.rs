//! The CPU twins: one pure function a kernel, under the kernel's name, over row-major slices. They
//! are the specification that every device is checked against, so they are plain loops whose
//! reading is the proof. Generic over [`Real`]: in f64 they are the oracle; in f32 the CPU device runs
//! those for which it has no faster [kernel](crate::simd). [`fma`](fma::fma) is no twin: it measures the CPU's roof.
//!
//! Outputs are overwritten unless the text says "updates".

pub mod add;
pub mod bernoulli_log_likelihood;
pub mod bernoulli_log_likelihood_backward;
pub mod bernoulli_log_likelihood_blocks;
pub mod bernoulli_sample;
pub mod bias;
pub mod bias_backward;
pub mod count_nonfinite;
pub mod fma;
pub mod gather_batch;
pub mod gaussian_kl;
pub mod gaussian_kl_backward;
pub mod gaussian_kl_blocks;
pub mod loss_sum;
pub mod matmul;
pub mod normal;
pub mod philox;
mod real;
pub mod relu;
pub mod relu_backward;
pub mod reparameterize;
pub mod reparameterize_backward;
pub mod rmsprop;
pub mod sigmoid;
pub mod sigmoid_backward;
pub mod softplus;
pub mod softplus_backward;
pub mod split_columns;
pub mod split_columns_backward;

pub use real::Real;
