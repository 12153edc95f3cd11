//! wgvae

pub mod cpu;
pub mod data;
pub mod error;
pub mod graph;
pub mod kernel;

pub use error::{Error, Result};
