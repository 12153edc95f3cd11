//! wgvae trains variational autoencoders with WGSL compute shaders through wgpu, on Vulkan, Metal and
//! DX12, or on the CPU. Every kernel is checked against an f64 oracle.
//!
//! ```
//! use std::ops::ControlFlow::Continue;
//! use wgvae::data::{Dataset, Levels, Split};
//! use wgvae::{Config, Vae};
//!
//! let stripes = (0..64 * 16).map(|pixel| if pixel / 8 % 2 == 0 { 255 } else { 0 });
//! let images = Dataset::new(Levels::Bytes(stripes.collect()), "4x4".parse()?)?;
//! let data = Split::new(images.clone(), images);
//! let mut vae = Vae::builder(16).hidden(&[8, 2]).build()?;
//! let config = Config { epochs: 3, batch: 16, ..vae.config() };
//! let history = vae.fit(&data, &config, |_| Ok(Continue(())))?;
//! println!("test ELBO {:.2} nats an image", history[2].test.elbo);
//! let drawn = vae.prior_predictive(4, 0)?;
//! assert_eq!(drawn.probabilities.columns(), 16);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | begin with |
//! | --- | --- |
//! | train, save and use a model | [`Vae`], [`Config`] |
//! | read images | [`data::Split`], [`data::Dataset`] |
//! | choose a device | [`device::open`] |
//! | train with a folder of metrics, checkpoints and pictures | `train::Run` (features `plots` and `tensorboard`) |
//! | train step by step, or without waiting | [`train::Trainer`] |
//! | compute something else | [`graph::Graph`], [`graph::Plan`], [`device::Session`] |
//! | evaluate a trained model | [`assess`] |
//! | check or time a device | [`verify`], [`profile`] |
//! | find races, reads past the end and other faults of a compute shader | `interpret` (feature `interpret`) |
//!
//! # Features
//!
//! All are on by default; without them the crate has graphs, kernels and the CPU.
//!
//! | feature | adds |
//! | --- | --- |
//! | `gpu` | Vulkan, Metal and DX12 through wgpu |
//! | `interpret` | an interpreter and sanitizer of compute shaders |
//! | `pictures` | PNG, JPEG and other pictures as data |
//! | `plots` | pictures of images, curves and latent spaces |
//! | `tensorboard` | event files for TensorBoard |
//! | `capture` | captures for RenderDoc |
//! | `cli` | the program `wgvae` |
//!
//! # As a dependency
//!
//! In a debug build the CPU's kernels and the readers of files are up to 90 times slower. These lines in
//! the `Cargo.toml` of your program, or of its workspace, have dependencies optimised there, too:
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 3
//! debug-assertions = false
//! ```
//!
//! # The design
//!
//! `docs/design.md` in the repository has the modules, the way of a step from formulas to dispatches, how to add
//! a function, an optimiser or a kernel, and the reasons.

pub mod assess;
#[doc(hidden)]
pub mod checkpoint;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod compare;
#[doc(hidden)]
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
#[doc(hidden)]
pub mod file;
pub mod function;
pub mod graph;
#[cfg(feature = "interpret")]
pub mod interpret;
pub mod kernel;
mod matrix;
mod memory;
pub mod model;
#[cfg(feature = "gpu")]
#[doc(hidden)]
pub mod named;
mod near;
pub mod optimizer;
pub mod profile;
#[doc(hidden)]
pub mod random;
#[cfg(feature = "plots")]
#[doc(hidden)]
pub mod report;
#[cfg(feature = "gpu")]
#[doc(hidden)]
pub mod shader;
#[doc(hidden)]
pub mod simd;
pub mod train;
mod vae;
#[doc(hidden)]
pub mod vectors;
pub mod verify;

pub use error::{Action, Error, Fault, FileKind, Result};
pub use matrix::Matrix;
pub use model::Architecture;
pub use train::Config;
pub use vae::{Builder, Posterior, Predictive, Vae};
