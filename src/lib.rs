//! wgvae

pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod graph;
pub mod kernel;
pub mod report;

pub use error::{Error, Result};
