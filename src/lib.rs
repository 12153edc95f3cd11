//! wgvae

pub mod cli;
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
pub mod file;
pub mod graph;
pub mod kernel;
pub mod model;
pub mod optimizer;
pub mod report;
pub mod train;
pub mod verify;

pub use error::{Error, Result};
