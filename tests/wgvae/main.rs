//! Every test that needs more than one module, in one binary.

mod cli;
mod compare;
mod data;
mod devices;
mod golden;
mod kernels;
mod report;
mod training;
